//! `onestop policy show`: the terms as a clerk reads them.

use unicode_width::UnicodeWidthStr;

use crate::support::program::{Serve, run};

/// The block of a layer: from the line that begins with its id to the next empty line.
fn shown(output: &str, layer: &str) -> String {
    let mut lines = output.lines().skip_while(|line| !line.starts_with(&format!("{layer} ")));
    assert!(lines.clone().next().is_some(), "no layer {layer}: {output}");
    lines.by_ref().take_while(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

/// The cells of the row with this label.
fn row(block: &str, label: &str) -> Vec<String> {
    let cells = |line: &str| line.trim_matches('│').split('┆').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let found = block.lines().map(cells).find(|cells| cells[0] == label);
    found.unwrap_or_else(|| panic!("no row {label}: {block}"))
}

#[test]
fn a_policy_is_shown_with_the_terms_of_the_categories_asked_for() {
    let (code, output, _) = run(&["policy", "show", "shandong-2017", "--category", "registered_poor"]);
    assert_eq!(code, Some(0));
    let critical = shown(&output, "critical_illness");
    for figure in ["6000.00", "55%", "65%", "70%", "500000.00", "registered poor"] {
        assert!(critical.contains(figure), "{figure}: {critical}");
    }
    let chinese = run(&["policy", "show", "shandong-2017", "--category", "建档立卡贫困人口", "--lang", "zh"]).1;
    assert_eq!(row(&shown(&chinese, "critical_illness"), "起付线"), ["起付线", "6000.00"]);
    let (code, _, errors) = run(&["policy", "show", "shandong-2017", "--category", "低保对像", "--lang", "zh"]);
    assert!(code == Some(2) && errors.contains("没有名为 `低保对像` 的人员类别"), "{errors}");
}

#[test]
fn the_categories_are_columns_and_those_with_the_same_terms_share_one() {
    let output = run(&["policy", "show", "shandong-2017"]).1;
    let critical = shown(&output, "critical_illness");
    assert_eq!(row(&critical, "deductible")[1..].first().map(String::as_str), Some("12000.00"), "{critical}");
    assert!(row(&critical, "deductible").contains(&"6000.00".to_owned()), "{critical}");
    let inpatient = shown(&output, "basic_inpatient");
    assert!(row(&inpatient, "")[1..] == ["everybody"], "{inpatient}");
    assert_eq!(row(&inpatient, "bands · primary")[1..], ["85% *"]);
    assert_eq!(row(&inpatient, "bands · tertiary")[1..], ["55% *"]);
    let commercial = shown(&output, "commercial_supplement");
    assert_eq!(row(&commercial, "bands")[1], "does not apply", "{commercial}");
}

#[test]
fn every_shipped_policy_fits_a_terminal_of_100_columns_in_both_languages() {
    let listed = run(&["policy", "list", "--json"]).1;
    let ids: Vec<String> = listed
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["id"].as_str().expect("an id").to_owned()
        })
        .collect();
    assert!(ids.len() > 5, "{ids:?}");
    for id in &ids {
        for lang in ["zh", "en"] {
            let (code, output, errors) = run(&["policy", "show", id, "--lang", lang]);
            assert_eq!(code, Some(0), "{errors}");
            let too_wide: Vec<_> = output.lines().filter(|line| line.width() > 100).collect();
            assert!(too_wide.is_empty(), "{id} {lang}: {too_wide:?}");
        }
    }
}

#[test]
fn a_policy_is_shown_with_the_terms_of_the_place_asked_for() {
    for (more, share) in [
        (&["--locality", "province", "--referral", "registered"][..], "10%"),
        (&["--locality", "province", "--referral", "emergency"], "10%"),
        (&["--locality", "province"], "40%"),
        (&[], "0%"),
    ] {
        let (_, output, _) = run(&[&["policy", "show", "shandong-2017"], more].concat());
        let first = row(&shown(&output, "basic_inpatient"), "patient first");
        assert_eq!(first[1].trim_end_matches(" *"), share, "{more:?}");
    }
}

#[test]
fn an_assumed_figure_is_shown_with_a_star() {
    let output = run(&["policy", "show", "shandong-2017"]).1;
    let inpatient = shown(&output, "basic_inpatient");
    assert!(inpatient.contains("85% *") && inpatient.contains("150000.00 paid (basic_fund) *"), "{inpatient}");
    assert!(!shown(&output, "special_drug").contains('*'), "{output}");
}

#[test]
fn assumed_visits_and_pools_are_shown_with_a_star_too() {
    let output = run(&["policy", "show", "shandong-2017"]).1;
    let (critical, maternity) = (shown(&output, "critical_illness"), shown(&output, "basic_maternity"));
    assert!(critical.contains("eligible, preliminary_self_pay *"), "{critical}");
    assert!(maternity.contains("maternity *"), "{maternity}");
}

#[test]
fn bands_that_are_measured_above_the_deductible_are_said_to_be() {
    let book = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/27-excess-and-figures");
    for (lang, words) in [("en", " · bands are amounts above the deductible"), ("zh", " · 分段为起付线以上的金额")]
    {
        let (code, output, errors) = run(&["policy", "show", "excess-2023", "--policies", book, "--lang", lang]);
        assert_eq!(code, Some(0), "{errors}");
        for (layer, is_said) in [("basic_inpatient", true), ("critical_illness", true), ("medical_assistance", false)] {
            let block = shown(&output, layer);
            assert_eq!(block.contains(words), is_said, "{block}");
        }
        let shipped = run(&["policy", "show", "shandong-2017", "--lang", lang]).1;
        assert!(!shipped.contains(words), "{shipped}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_a_server_or_of_its_store_is_shown_by_id_and_by_digest() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store");
    let own = run(&["policy", "show", "shandong-2017", "--lang", "zh"]).1;
    let digest = own.lines().nth(1).and_then(|line| line.strip_prefix("摘要 ")).expect("the digest").to_owned();
    assert_eq!(run(&["policy", "show", &digest, "--lang", "zh"]).1, own);
    let serve = Serve::start(&store, &[]);
    serve.client().await;
    for policy in ["shandong-2017", &digest] {
        let (code, output, errors) = run(&["policy", "show", policy, "--server", &serve.url, "--lang", "zh"]);
        assert_eq!((code, output), (Some(0), own.clone()), "{errors}");
    }
    let (code, _, errors) = run(&["policy", "show", "shandong-1917", "--server", &serve.url]);
    assert!(code == Some(1) && errors.contains("NOT_FOUND"), "{errors}");
    let (_, listed, _) = run(&["policy", "list", "--server", &serve.url, "--lang", "zh"]);
    assert!(
        listed.contains("2017-01-01 起，2018-01-01 停止，待遇年度按出院日") && listed.contains("汇编摘要"),
        "{listed}"
    );
    assert_eq!(serve.end(), Some(0));
    let store = store.display().to_string();
    for policy in ["shandong-2017", &digest] {
        let (code, output, errors) = run(&["policy", "show", policy, "--store", &store, "--lang", "zh"]);
        assert_eq!((code, output), (Some(0), own.clone()), "{errors}");
    }
    let (code, _, errors) = run(&["policy", "show", "shandong-1917", "--store", &store]);
    assert_eq!((code, errors.as_str()), (Some(2), "the store has no policy `shandong-1917`\n"));
}
