//! Words in both languages, and the statement as text.

use onestop::cli::output::statement::{BookWords, Lang, text};
use onestop::domain::fixed_words::{Locality, Referral};
use unicode_width::UnicodeWidthStr;

use super::{LANGS, bill, documents, office, reverse_first, view};
use crate::support::program::run;

#[test]
fn every_word_of_the_messages_is_known_in_both_languages() {
    let book = onestop::policy::shipped::book().expect("the shipped book");
    let vocabulary = book.vocabulary();
    let mut all: Vec<&str> = Locality::ALL.iter().map(|word| word.as_str()).collect();
    all.extend(Referral::ALL.iter().map(|word| word.as_str()));
    all.extend(vocabulary.pools.iter().map(|(pool, _)| pool.as_str()));
    all.extend(vocabulary.categories.iter().map(|(category, _)| category.as_str()));
    all.extend(vocabulary.levels.iter().map(|(level, _)| level.as_str()));
    all.extend(vocabulary.visits.iter().map(|rule| rule.visit.as_str()));
    all.extend(vocabulary.approvals.iter().map(|(approval, _)| approval.as_str()));
    all.extend(["not_in_force", "other_visit", "other_circumstances", "other_category", "excepted_category"]);
    all.extend(["A", "B", "C", "special", "transitional"]);
    let layers: Vec<_> = book.rules().flat_map(|rule| &rule.layers).collect();
    let payers: Vec<String> = layers.iter().map(|layer| layer.payer.to_string()).collect();
    let accounts: Vec<String> =
        layers.iter().flat_map(|layer| &layer.caps).map(|cap| cap.account.to_string()).collect();
    let named = all.iter().map(|word| (*word).to_owned()).chain(payers).chain(accounts);
    let [chinese, english] = LANGS.map(BookWords::shipped);
    for word in named {
        let (zh, en) = (chinese.word(&word), english.word(&word));
        assert!(!zh.is_ascii() && en.is_ascii() && !en.contains('_'), "{word}: {zh}, {en}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_amount_of_the_response_is_on_both_statements_and_every_line_fits() {
    let place = tempfile::tempdir().expect("a directory");
    let (_serve, mut client, settlements) = office(place.path()).await;
    let view = view(&mut client, &settlements[1].settlement_id).await;
    let split = view.settlement.as_ref().and_then(|settlement| settlement.split.as_ref()).expect("a split");
    let derivation =
        view.settlement.as_ref().and_then(|settlement| settlement.derivation.as_ref()).expect("a derivation");
    for document in documents(&view) {
        let text = text::text(&document);
        assert!(text.lines().all(|line| line.width() <= 100 && line.trim_end() == line), "{text}");
        let yuan = onestop::cli::output::statement::amounts::yuan;
        for layer in &derivation.layers {
            let mut amounts = vec![layer.pays_fen, layer.residual_fen, layer.base_fen, layer.deductible_fen];
            amounts.push(layer.deductible_taken_fen);
            for band in layer.bands.iter().filter(|band| band.amount_after_fen != 0) {
                amounts.extend([band.amount_after_fen, band.pay_after_fen]);
            }
            amounts.extend(layer.caps.iter().flat_map(|cap| [cap.used_before_fen, cap.cut_fen]));
            let lines: Vec<_> = text.lines().skip_while(|line| !line.contains(&format!("({})", layer.id))).collect();
            let own: String = lines[..lines.len().min(24)].join("");
            assert!(amounts.iter().all(|fen| own.contains(&yuan(*fen))), "{}: {own}", layer.id);
            assert!(layer.cites.iter().all(|cite| own.contains(&cite.source)), "{}: {own}", layer.id);
        }
        assert!(text.contains(&format!("{:>16}  ", yuan(split.patient_fen))) && text.contains(&yuan(split.total_fen)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chinese_statement_is_chinese_and_an_english_one_has_no_word_of_the_messages() {
    let place = tempfile::tempdir().expect("a directory");
    let (serve, _, settlements) = office(place.path()).await;
    for lang in LANGS {
        let word = lang.choose("zh", "en");
        let (code, output, errors) =
            run(&["show", &settlements[0].settlement_id, "--lang", word, "--server", &serve.url]);
        assert_eq!(code, Some(0), "{errors}");
        let ids = ["shandong-2017", "basic_", "critical_illness)", "special_drug)", "assistance)", "supplement)"];
        for line in output.lines() {
            // Ids of layers are in brackets after their names, ids of sources after clauses.
            let plain = ids.iter().fold(line.to_owned(), |line, id| line.replace(id, ""));
            let plain = plain.split('(').next().unwrap_or_default();
            assert!(!plain.contains('_'), "{word}: {line}");
        }
        let patient = ["个人支付（元）", "THE PATIENT PAYS 个人支付 (yuan)"][usize::from(lang == Lang::En)];
        assert!(output.lines().nth(2).is_some_and(|line| line.contains(patient)), "{output}");
    }
    let (_, chinese, _) = run(&["show", &settlements[0].settlement_id, "--lang", "zh", "--server", &serve.url]);
    for words in [
        "建档立卡贫困人口",
        "三级，参保县区内就医",
        "起付线 ",
        "封顶线",
        "不适用于本次就医类别",
        "假定（无公开文件依据）",
    ] {
        assert!(chinese.contains(words), "{words}: {chinese}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reversal_and_a_revision_are_stated_first_and_the_revision_in_force_is_shown() {
    let place = tempfile::tempdir().expect("a directory");
    let (_serve, mut client, settlements) = office(place.path()).await;
    reverse_first(&mut client).await;
    let reversed = view(&mut client, &settlements[0].settlement_id).await;
    let [zh, en] = documents(&reversed).map(|document| text::text(&document));
    assert!(zh.lines().nth(1).is_some_and(|line| line.starts_with("!! 本结算已于 ") && line.contains("冲正")), "{zh}");
    assert!(zh.contains("费用录入有误") && en.contains("!! REVERSED on "), "{en}");
    let revised = view(&mut client, &settlements[1].settlement_id).await;
    let [zh, en] = documents(&revised);
    let first = settlements[0].split.clone().expect("a split");
    assert_eq!((zh.patient, en.patient), (first.patient_fen, first.patient_fen), "as the first of the year");
    let (zh, en) = (text::text(&zh), text::text(&en));
    assert!(zh.contains("重新结算，此为第 2 版") && en.contains("revision 2."), "{en}");
    let by = revised.revisions[0].differences.clone().expect("differences");
    let changed = onestop::cli::output::statement::amounts::signed(by.patient_fen);
    assert!(en.contains("Against the revision before") && en.contains(&format!("{changed:>16}  patient")), "{en}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_contains_the_whole_derivation() {
    let place = tempfile::tempdir().expect("a directory");
    let (serve, mut client, settlements) = office(place.path()).await;
    reverse_first(&mut client).await;
    let (code, output, _) = run(&["show", &settlements[1].settlement_id, "--json", "--server", &serve.url]);
    let shown: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(code, Some(0));
    let item = serde_json::json!({ "code": "A", "quantity": "1", "unit_price": "20000", "amount": "20000.00" });
    assert_eq!((&shown["claim"]["items"][0], &shown["claim"]["visit"]), (&item, &"inpatient".into()));
    assert_eq!(shown["claim"]["items"].as_array().map(Vec::len), Some(bill("C2").items.len()));
    let derivation = &shown["derivation"];
    // (20000.00 + 90% of 1000.00 - the second admission's deductible of 500.00) × 55%.
    let band = serde_json::json!({
        "upto": null, "rate": "0.55", "amount_after": "20400.00", "pay_after": "11220.00", "amount_before": "0.00",
        "pay_before": "0.00",
    });
    let basic = &derivation["layers"][0];
    assert_eq!(
        (&basic["id"], &basic["deductible"], &basic["bands"][0]["rate"]),
        (&"basic_inpatient".into(), &"500.00".into(), &band["rate"])
    );
    assert_eq!(basic["bands"][0], band);
    let revision = &shown["revisions"][0];
    assert_eq!(
        (&revision["revision"], &revision["derivation"]["layers"][0]["deductible"]),
        (&2.into(), &"1000.00".into())
    );
    assert_eq!(shown["reversal"], serde_json::Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_shown_in_the_language_that_is_asked_for() {
    let place = tempfile::tempdir().expect("a directory");
    let (serve, _, _) = office(place.path()).await;
    let none = "01980000-0000-7000-8000-000000000000";
    for (lang, text) in [("zh", "NOT_FOUND: 未找到"), ("en", "NOT_FOUND: NOT_FOUND: not found")] {
        let (code, _, errors) = run(&["show", none, "--lang", lang, "--server", &serve.url]);
        assert_eq!(code, Some(1), "{errors}");
        assert!(errors.contains(text), "{errors}");
    }
}
