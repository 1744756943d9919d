//! `onestop policy show`: the terms as a clerk reads them.

use crate::support::program::run;

/// The lines of a layer in the table of a policy: from the one with its id to the next with an id.
fn shown(output: &str, layer: &str) -> String {
    let first = |line: &&str| line.trim_start_matches('│').split('┆').next().unwrap_or_default().trim().to_owned();
    let mut lines = output.lines().skip_while(|line| first(line) != layer);
    let id = lines.next().unwrap_or_else(|| panic!("no layer {layer}: {output}"));
    let more = lines.take_while(|line| first(line).is_empty() || !first(line).is_ascii());
    std::iter::once(id).chain(more).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_policy_is_shown_with_the_terms_of_the_categories_asked_for() {
    let (code, output, _) = run(&["policy", "show", "shandong-2017", "--category", "registered_poor"]);
    assert_eq!(code, Some(0));
    let critical = shown(&output, "critical_illness");
    for figure in ["6000.00", "55%", "65%", "70%", "500000.00"] {
        assert!(critical.contains(figure), "{figure}: {critical}");
    }
    let ordinary = run(&["policy", "show", "shandong-2017"]).1;
    let critical = shown(&ordinary, "critical_illness");
    for figure in ["12000.00", "50%", "60%", "300000.00"] {
        assert!(critical.contains(figure), "{figure}: {critical}");
    }
    assert!(!critical.contains("500000.00"), "{critical}");
    assert!(shown(&ordinary, "commercial_supplement").contains("not for this person"), "{ordinary}");
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
        let row = shown(&output, "basic_inpatient");
        assert!(row.contains(&format!(" {share} ")), "{more:?}: {row}");
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
