//! `--json` is written against by scripts: of every command that asks a server, each field as it is. Ids and instants,
//! which differ from run to run, are compared by kind only.

use serde_json::{Value, json};

use crate::support::program::{Serve, run};

/// Ids, digests and instants as their kind.
fn plain(value: Value) -> Value {
    match value {
        Value::String(text) if uuid::Uuid::try_parse(&text).is_ok() => "ID".into(),
        Value::String(text) if text.len() == 25 && text.ends_with("+08:00") => "INSTANT".into(),
        Value::String(text) if text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            "DIGEST".into()
        }
        Value::Array(all) => all.into_iter().map(plain).collect(),
        Value::Object(fields) => {
            let token = |name: &str, value| if name == "quote_digest" { "TOKEN".into() } else { plain(value) };
            fields
                .into_iter()
                .map(|(name, value)| (name.clone(), token(&name, value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        other => other,
    }
}

struct Office {
    serve: Serve,
    place: tempfile::TempDir,
}

impl Office {
    /// The values that a command prints, and that it exits with this code.
    fn json(&self, code: i32, arguments: &[&str]) -> Vec<Value> {
        let (ended, output, errors) = run(&[arguments, &["--json", "--server", &self.serve.url]].concat());
        assert_eq!(ended, Some(code), "{arguments:?}: {errors}");
        super::json(&output).into_iter().map(plain).collect()
    }

    fn file(&self, name: &str, text: &str) -> String {
        super::write(self.place.path(), name, text)
    }
}

fn claim(id: &str, request: &str) -> String {
    json!({
        "claim_id": id, "request_id": request, "hospital_id": "H3", "person_id": "P1", "visit": "inpatient",
        "emergency": false, "admitted": "2017-06-08", "discharged": "2017-06-15",
        "items": [{"code": "A", "quantity": "1", "unit_price": "50000.00", "amount": "50000.00"}],
    })
    .to_string()
}

/// A bill of 50000.00 as the first of the year, by the shared cases; and as the second.
fn sums(claim: &str, second: bool) -> Value {
    let figures = [["26950.00", "5525.00", "17525.00"], ["27225.00", "11387.50", "11387.50"]][usize::from(second)];
    json!({
        "claim_id": claim, "total": "50000.00", "patient": figures[2],
        "payers": { "basic_fund": figures[0], "critical_illness_insurance": figures[1] },
        "layers": { "basic_inpatient": figures[0], "critical_illness": figures[1], "special_drug": "0.00", "class_b_top_up": "0.00" },
        "pools": {
            "eligible": "50000.00", "preliminary_self_pay": "0.00", "over_limit": "0.00", "excluded": "0.00",
            "rare_disease_drug": "0.00", "special_drug": "0.00", "transitional_drug": "0.00",
        },
    })
}

/// The same with more fields.
fn extend_object(mut value: Value, more: Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut value, more) {
        fields.extend(more);
    }
    value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_of_every_client_command_is_stable() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    serve.with_tables().await;
    let office = Office { serve, place };
    let enrolments = office.file("enrolments.csv", "person_id,from,insurance,insured_region,until\nP1,2014-01-01,resident,370100,\nP9,2014-01-01,resident,370100,\n");
    let taken = json!({
        "table": "enrolments", "taken": 2, "changed": 1, "unchanged": 1, "not_enrolled": 0,
        "unknown_insurance": null, "uncovered_region": null, "unknown_hospital": null,
    });
    assert_eq!(office.json(0, &["import", &enrolments, "--by", "desk 7"]), [taken]);
    let log = office.json(0, &["import", "--list"]).remove(0);
    let wanted = json!({
        "number": 7, "table": "enrolments", "source": "enrolments.csv", "imported_by": "desk 7", "start_time": "INSTANT",
        "rows": 2, "end_time": "INSTANT", "changed": 1, "unchanged": 1,
    });
    assert_eq!(log, wanted);
    let rows = office.json(0, &["reference", "enrolments", "--person", "P9", "--on", "2017-06-15"]);
    assert_eq!(
        rows,
        [json!({
            "person_id": "P9", "from": "2014-01-01", "insurance": "resident", "insured_region": "370100", "until": "",
        })]
    );
    let first = office.file("first.json", &claim("C1", "R1"));
    let second = office.file("second.json", &claim("C2", "R2"));
    let quoted =
        extend_object(sums("C1", false), json!({ "hospital_id": "H3", "quote_digest": "TOKEN", "notices": [] }));
    assert_eq!(office.json(0, &["quote", &first]), [quoted]);
    let settled = |claim: &str, request: &str, second: bool, replay: bool| {
        // The second bill is of the days of the first.
        let overlap = json!({ "reason": "OVERLAPPING_STAY", "settlement_ids": ["ID"], "others": 0 });
        let notices: Vec<_> = second.then_some(overlap).into_iter().collect();
        let more = json!({ "settlement_id": "ID", "request_id": request, "hospital_id": "H3", "person_id": "P1", "replay": replay, "notices": notices });
        extend_object(sums(claim, second), more)
    };
    assert_eq!(
        office.json(0, &["settle", &first, &second]),
        [settled("C1", "R1", false, false), settled("C2", "R2", true, false)]
    );
    assert_eq!(office.json(0, &["settle", &second]), [settled("C2", "R2", true, true)]);
    let name = |request| ["--hospital", "H3", "--person", "P1", "--request", request];
    let outcome = |command: &str, request| office.json(0, &[&[command][..], &name(request)].concat());
    assert_eq!(outcome("outcome", "R1"), [json!({ "outcome": "committed", "id": "ID" })]);
    assert_eq!(outcome("outcome", "R9"), [json!({ "outcome": "not_seen", "id": "" })]);
    assert_eq!(outcome("fence", "R9"), [json!({ "outcome": "fenced", "id": "" })]);
    let reverse = [&["reverse", "--claim", "C1", "--reason", "why", "--readjudicate"][..], &name("V1")].concat();
    let wanted = json!({
        "reversal_id": "ID", "settlement_id": "ID", "claim_id": "C1", "request_id": "V1", "reason": "why",
        "replay": false, "dry_run": false, "others": null,
        "revised": [{
            "settlement_id": "ID", "claim_id": "C2", "hospital_id": "H3", "revision": 2, "revision_id": "ID",
            "payers": { "basic_fund": "26950.00", "critical_illness_insurance": "5525.00" }, "patient": "17525.00",
            "differences": {
                "payers": { "basic_fund": "-275.00", "critical_illness_insurance": "-5862.50" }, "patient": "6137.50",
            },
        }],
    });
    assert_eq!(office.json(0, &reverse), [wanted]);
    let listed = |claim: &str, request: &str, revision, reversal: &str| {
        json!({
            "settlement_id": "ID", "claim_id": claim, "hospital_id": "H3", "person_id": "P1", "request_id": request,
            "insurance": "resident", "benefit_year": 2017, "policy_id": "shandong-2017", "total": "50000.00",
            "payers": { "basic_fund": "26950.00", "critical_illness_insurance": "5525.00" }, "patient": "17525.00",
            "revision": revision, "reversal_id": reversal,
        })
    };
    let mut list = office.json(0, &["list", "--person", "P1", "--year", "2017"]);
    for one in &mut list {
        let day = one.as_object_mut().and_then(|fields| fields.remove("settled_on"));
        assert!(day.is_some_and(|day| day.as_str().is_some_and(|day| day.len() == 10)));
    }
    assert_eq!(list, [listed("C2", "R2", 2, ""), listed("C1", "R1", 1, "ID")]);
    let account = office.json(0, &["account", "P1", "--year", "2017"]).remove(0);
    let fields: Vec<_> = account.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(fields, ["admissions", "layers", "ledgers", "policy_id", "rooms", "version"]);
    let layer = json!({ "layer_id": "basic_inpatient", "paid": "26950.00" });
    let room = json!({ "account": "basic_fund", "of": "paid", "used": "26950.00", "annual": "150000.00", "room": "123050.00", "circumstances": [] });
    assert_eq!((&account["layers"][0], &account["rooms"][0], &account["admissions"]), (&layer, &room, &1.into()));
    assert_eq!(office.json(1, &["show", "00000000-0000-0000-0000-000000000000"]), Vec::<Value>::new());
}
