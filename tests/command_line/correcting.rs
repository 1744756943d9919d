//! `onestop correct`, and `onestop policy check` with warnings and in Chinese.

use serde_json::{Value, json as value};

use super::{directory, json, write};
use crate::support::program::{Serve, run};

fn claim(claim_id: &str, request_id: &str, yuan: &str) -> Value {
    value!({
        "claim_id": claim_id, "request_id": request_id, "hospital_id": "H3", "person_id": "P1", "visit": "inpatient",
        "emergency": false, "admitted": "2017-06-08", "discharged": "2017-06-15",
        "items": [{"code": "A", "quantity": "1", "unit_price": yuan, "amount": yuan}],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_is_shown_first_and_made_then_and_replayed() {
    let place = directory();
    let serve = Serve::start(&place.path().join("store"), &[]);
    serve.with_tables().await;
    let server = ["--server", serve.url.as_str()];
    let first = write(place.path(), "first.ndjson", &format!("{}\n", claim("C1", "R1", "5000.00")));
    assert_eq!(run(&[&["settle", first.as_str()][..], &server].concat()).0, Some(0));
    let changed = write(place.path(), "changed.ndjson", &format!("{}\n", claim("C1", "R2", "3000.00")));
    let correct = ["correct", changed.as_str(), "--reason", "录入有误"];
    // (3000 - 1000) x 55%
    let sums = "total 3000.00, basic_fund 1100.00, patient 1900.00";
    for (more, what) in [
        (&["--dry-run"][..], "would be corrected"),
        (&[], "corrected"),
        (&[], "corrected (a replay: it was corrected before)"),
    ] {
        let (code, output, errors) = run(&[&correct[..], more, &server].concat());
        assert_eq!((code, output, errors), (Some(0), format!("C1 {what}: {sums}\n"), String::new()));
    }
    let (code, output, _) = run(&[&correct[..], &["--json"], &server].concat());
    let answer = json(&output).remove(0);
    assert_eq!((code, &answer["replay"], &answer["dry_run"]), (Some(0), &value!(true), &value!(false)));
    assert_eq!(answer["settlement"]["payers"]["basic_fund"], "1100.00");
    assert_eq!(answer["reversal"]["reason"], "录入有误");
    let unknown = write(place.path(), "unknown.ndjson", &format!("{}\n", claim("C9", "R3", "1.00")));
    let (code, output, errors) = run(&[&["correct", unknown.as_str(), "--reason", "x"][..], &server].concat());
    assert_eq!((code, output.as_str()), (Some(1), ""));
    assert!(errors.contains("unknown.ndjson:1: C9: NOT_FOUND"), "{errors}");
}

/// The policy file with one warning, beside the vocabulary of its words.
const WARNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faulty_policies/deductible-above-the-first-band.toml");

#[test]
fn a_warning_is_printed_and_with_strict_refused_in_the_language_that_is_asked_for() {
    let warned = std::fs::read_to_string(WARNED).expect("a policy");
    let line = warned.lines().next().and_then(|line| line.strip_prefix("# warned, line ")).expect("a warning");
    let line = line.split(':').next().expect("a line");
    for (lang, word, is_lang) in [
        ("en", "warning", (|text: &str| text.is_ascii()) as fn(&str) -> bool),
        ("zh", "警告", |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))),
    ] {
        let (code, output, errors) = run(&["policy", "check", WARNED, "--lang", lang]);
        assert_eq!(code, Some(0), "{errors}");
        assert!(errors.starts_with(&format!("{word} {WARNED}:{line}: ")), "{errors}");
        assert!(output.starts_with("1 "), "{output}");
        let (code, output, errors) = run(&["policy", "check", WARNED, "--lang", lang, "--strict"]);
        assert_eq!((code, output.as_str()), (Some(1), ""), "{errors}");
        let message = errors.strip_prefix(&format!("{WARNED}:{line}: ")).unwrap_or_else(|| panic!("{errors}"));
        assert!(is_lang(message.trim_end()), "{errors}");
    }
    let (_, output, _) = run(&["policy", "check", WARNED, "--json"]);
    assert_eq!(json(&output)[0]["warnings"].as_array().map(Vec::len), Some(1));
}
