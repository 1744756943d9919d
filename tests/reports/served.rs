//! Reports of a running server, and files that an interruption left.

use onestop::pb::settlement as pb;
use onestop::pb::settlement::report_response::Part;

use crate::support::claims::claim;
use crate::support::program::{Serve, run};

/// Settles some claims of H3 and H1, and reverses one of them.
async fn history(serve: &Serve) {
    let mut client = serve.with_tables().await;
    for (number, hospital) in ["H3", "H1", "H3", "H2", "H3"].into_iter().enumerate() {
        let mut bill = claim(&format!("C{number}"), &format!("P{}", 1 + number % 3), &format!("{}.50", 3_000 + number));
        bill.hospital_id = hospital.into();
        client.settle(&bill, &format!("R{number}"), Vec::new()).await.expect("a settlement");
    }
    let reversal = [
        "reverse",
        "--hospital",
        "H2",
        "--person",
        "P1",
        "--claim",
        "C3",
        "--request",
        "V3",
        "--reason",
        "a wrong bill",
        "--server",
        &serve.url,
    ];
    assert_eq!(run(&reversal).0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_of_a_server_is_that_of_its_store() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store");
    let serve = Serve::start(&store, &[]);
    history(&serve).await;
    let asked = ["--by", "hospital,payer,category", "--json", "--lang", "en"];
    let (code, served, errors) = run(&[&["report", "--server", &serve.url][..], &asked].concat());
    assert_eq!(code, Some(0), "{errors}");
    assert!(served.contains("\"H3\"") && served.contains("\"H1\"") && !served.contains("\"H2\""), "{served}");
    let (_, again, of_again) = run(&[&["report", "--server", &serve.url][..], &asked].concat());
    assert_eq!(again, served);
    assert!(of_again.contains("; 0 entries of the journal"), "the server keeps what it read: {of_again}");
    assert_eq!(serve.end(), Some(0));
    let (code, offline, errors) = run(&[&["report", "--store", &store.display().to_string()][..], &asked].concat());
    assert_eq!((code, offline), (Some(0), served), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_broke_off_goes_on_after_the_last_row_as_of_the_same_moment() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    history(&serve).await;
    let mut client = serve.client().await;
    let by = vec!["hospital".to_owned(), "category".to_owned()];
    let request = pb::ReportRequest { by, day_of: pb::ReportDay::Settlement.into(), ..Default::default() };
    let mut ask = async |request: pb::ReportRequest| {
        let (mut parts, mut start, mut rows) = (client.report(request).await.expect("parts"), None, Vec::new());
        while let Some(pb::ReportResponse { part }) = parts.message().await.expect("a part") {
            match part.expect("a part") {
                Part::Start(first) => start = Some(first),
                Part::Rows(further) => rows.extend(further.rows),
            }
        }
        (start.expect("a start"), rows)
    };
    let (start, rows) = ask(request.clone()).await;
    assert!(rows.len() > 2 && start.row_count == rows.len() as u64);
    let mut later = claim("C9", "P2", "777.00");
    later.hospital_id = "H3X".into();
    serve.client().await.settle(&later, "R9", Vec::new()).await.expect("a settlement");
    for (at, row) in rows.iter().enumerate() {
        let rest = pb::ReportRequest {
            after_key: row.key.clone(),
            as_of_time: start.as_of_time,
            line_count: Some(start.line_count),
            ..request.clone()
        };
        let (again, found) = ask(rest).await;
        assert_eq!((again.row_count, &again.total), (start.row_count, &start.total));
        assert_eq!(found, rows[at + 1..], "after {:?}", row.key);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_an_interruption_left_is_finished_as_of_the_moment_when_it_was_begun() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    history(&serve).await;
    let file = place.path().join("report.csv");
    let part = place.path().join("report.csv.part");
    let cursor = place.path().join("report.csv.part.cursor");
    let named = file.display().to_string();
    let report = ["report", "--server", &serve.url, "--by", "hospital", "--format", "csv", "--output", &named];
    assert_eq!(run(&report).0, Some(0));
    let whole = std::fs::read(&file).expect("the file");
    assert!(!part.exists() && !cursor.exists());
    // What a kill in the middle of a row leaves: a part, and the cursor, whose head is that of the same question.
    let begun = || {
        std::fs::rename(&file, &part).expect("a part");
        std::fs::write(&part, &whole[..whole.len() - 7]).expect("a part");
    };
    begun();
    let question = onestop::reports::question::Question {
        by: vec![onestop::reports::dimension::Dimension::Hospital],
        ..Default::default()
    };
    let (_, _, errors) =
        run(&[&report[..8], &[&place.path().join("other.csv").display().to_string(), "--lang", "en"]].concat());
    let end = errors.split("as of ").nth(1).and_then(|rest| rest.split(' ').next()).expect("an end");
    let (as_of, lines) = end.split_once('#').expect("a moment and lines");
    let as_of: jiff::Timestamp = as_of.parse().expect("a time");
    let digest = onestop::domain::ids::CanonicalDigest::new("report file/2").bytes(&question.digest().0).text("csv");
    let digest = digest.text("").text("").finish();
    let whole_cursor = format!("onestop report cursor 2\n{digest}\n{} {lines}\n", as_of.as_microsecond());
    std::fs::write(&cursor, &whole_cursor).expect("a cursor");
    serve.client().await.settle(&claim("C9", "P2", "777.00"), "R9", Vec::new()).await.expect("a settlement");
    let (code, _, errors) = run(&report);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(std::fs::read(&file).expect("the file"), whole, "as of the moment when it was begun");
    assert!(!part.exists() && !cursor.exists());
    assert_eq!(run(&report).0, Some(0));
    let newer = std::fs::read(&file).expect("the file");
    assert_ne!(newer, whole, "a new report has the new settlement");
    // A cursor that was not written to its end names another moment, perhaps.
    std::fs::write(&cursor, &whole_cursor[..whole_cursor.len() - 1]).expect("a cursor");
    assert_eq!(run(&report).0, Some(0));
    assert_eq!(std::fs::read(&file).expect("the file"), newer);
    let (code, repeated, errors) = run(&[&report[..7], &["--as-of", end]].concat());
    assert_eq!((code, repeated.as_bytes()), (Some(0), &whole[..]), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_statistics_of_a_server_are_those_of_its_store_and_whom_they_name_is_logged() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store");
    let serve = Serve::start(&store, &[]);
    history(&serve).await;
    let late = place.path().join("categories.csv");
    std::fs::write(&late, "person_id,category,from\nP1,registered_poor,2017-01-01\nP3,registered_poor,2017-01-01\n")
        .expect("a file");
    let (code, _, errors) = run(&["import", &late.display().to_string(), "--server", &serve.url]);
    assert_eq!(code, Some(0), "{errors}");
    let span = ["--from", "2017-01-01", "--until", "2099-01-01", "--persons", "--lang", "en"];
    let asked = |place: &[&str], format: &[&str]| run(&[&["report", "poverty"], place, &span[..], format].concat());
    let of_server = ["--server", &serve.url];
    let formats = [&["--json"][..], &["--format", "csv"], &["--format", "table"]];
    let served = formats.map(|format| {
        let (code, output, errors) = asked(&of_server, format);
        assert_eq!(code, Some(0), "{errors}");
        output
    });
    assert!(served[2].contains("P1"), "{}", served[2]);
    let logged = std::fs::read_to_string(store.join("access.log")).expect("the log");
    assert!(logged.contains("ReportPoverty"), "{logged}");
    // A file has the same bytes; a part that an interruption left is finished.
    let file = place.path().join("poverty.csv");
    let named = file.display().to_string();
    let to_file = ["--format", "csv", "--output", &named];
    assert_eq!(asked(&of_server, &to_file).0, Some(0));
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), served[1]);
    std::fs::rename(&file, place.path().join("poverty.csv.part")).expect("a part");
    assert_eq!(asked(&of_server, &to_file).0, Some(0));
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), served[1]);
    assert!(!place.path().join("poverty.csv.part").exists());
    assert_eq!(serve.end(), Some(0));
    for (format, served) in formats.iter().zip(served) {
        let (code, offline, errors) = asked(&["--store", &store.display().to_string()], format);
        assert_eq!((code, offline), (Some(0), served), "{errors}");
    }
}

/// P1 is on a register for more months than fit a message.
const LONG_SPAN: [&str; 4] = ["--from", "2017-01-01", "--until", "2099-01-01"];

async fn with_registers(serve: &Serve, place: &std::path::Path) {
    history(serve).await;
    let table = place.join("categories.csv");
    std::fs::write(&table, "person_id,category,from\nP1,registered_poor,2017-01-01\n").expect("a file");
    let (code, _, errors) = run(&["import", &table.display().to_string(), "--server", &serve.url]);
    assert_eq!(code, Some(0), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_that_broke_off_come_whole_and_nothing_twice() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    with_registers(&serve, place.path()).await;
    let asked = |url: &str| {
        let server = ["--server", url, "--persons", "--json", "--lang", "en"];
        run(&[&["report", "poverty"], &LONG_SPAN[..], &server].concat())
    };
    let (code, whole, errors) = asked(&serve.url);
    assert_eq!(code, Some(0), "{errors}");
    let (url, connections) = crate::support::cut_connection::proxy(&serve.url, 30_000);
    let (code, received, errors) = asked(&url);
    assert_eq!((code, received), (Some(0), whole), "{errors}");
    assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 2, "the first connection was cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_go_on_after_groups_and_persons_and_say_when_a_register_was_changed() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    with_registers(&serve, place.path()).await;
    let mut client = serve.client().await;
    let date = |year| Some(onestop::pb::Date { year, month: 1, day: 1 });
    let request = pb::ReportPovertyRequest {
        from: date(2017),
        until: date(2099),
        categories: vec!["registered_poor".to_owned()],
        names_persons: true,
        ..Default::default()
    };
    let mut ask = async |request: pb::ReportPovertyRequest| {
        let mut parts = client.report_poverty(request).await.expect("parts");
        let (mut start, mut groups, mut persons) = (None, Vec::new(), Vec::new());
        while let Some(pb::ReportPovertyResponse { part }) = parts.message().await.expect("a part") {
            match part.expect("a part") {
                pb::report_poverty_response::Part::Start(first) => start = Some(first),
                pb::report_poverty_response::Part::Groups(further) => groups.extend(further.groups),
                pb::report_poverty_response::Part::Persons(further) => persons.extend(further.persons),
            }
        }
        (start.expect("a start"), groups, persons)
    };
    let (start, groups, persons) = ask(request.clone()).await;
    assert_eq!((start.group_count, start.person_count), (groups.len() as u64, persons.len() as u64));
    assert!(groups.len() > 1_000 && persons.len() == 1, "{} {}", groups.len(), persons.len());
    serve.client().await.settle(&claim("C9", "P1", "777.00"), "R9", Vec::new()).await.expect("a settlement");
    let resumed = |after_groups: usize, after_persons| pb::ReportPovertyRequest {
        as_of_time: start.as_of_time,
        line_count: Some(start.line_count),
        after_groups: after_groups as u64,
        after_persons,
        ..request.clone()
    };
    for (after_groups, after_persons) in [(1, 0), (200, 0), (groups.len(), 0), (groups.len(), 1)] {
        let (again, further, named) = ask(resumed(after_groups, after_persons)).await;
        assert_eq!((&again.digest, again.group_count), (&start.digest, start.group_count));
        assert_eq!((&further[..], &named[..]), (&groups[after_groups..], &persons[after_persons as usize..]));
    }
    let table = place.path().join("categories.csv");
    std::fs::write(&table, "person_id,category,from\nP4,registered_poor,2017-01-01\n").expect("a file");
    assert_eq!(run(&["import", &table.display().to_string(), "--server", &serve.url]).0, Some(0));
    assert_ne!(ask(resumed(1, 0)).await.0.digest, start.digest, "a register was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_outside_of_all_instants_is_refused_by_both_reports() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let mut client = serve.client().await;
    for seconds in [i64::MAX, i64::MIN, i64::MAX / 1_000_000] {
        let as_of_time = Some(prost_types::Timestamp { seconds, nanos: 999_999_999 });
        let day_of = pb::ReportDay::Settlement.into();
        let refused = client.report(pb::ReportRequest { as_of_time, day_of, ..Default::default() }).await.err();
        let date = |year| Some(onestop::pb::Date { year, month: 1, day: 1 });
        let request =
            pb::ReportPovertyRequest { as_of_time, from: date(2017), until: date(2018), ..Default::default() };
        for refused in [refused, client.report_poverty(request).await.err()] {
            let refused = refused.expect("a refusal");
            assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused}");
            assert!(refused.message().contains("as_of_time is no instant"), "{refused}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_category_that_the_vocabulary_lacks_is_refused_and_not_a_register_of_nobody() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let date = |year| Some(onestop::pb::Date { year, month: 1, day: 1 });
    let categories = ["registered_poor", "registred_poor"].map(str::to_owned).to_vec();
    let request = pb::ReportPovertyRequest { from: date(2017), until: date(2018), categories, ..Default::default() };
    let refused = serve.client().await.report_poverty(request).await.expect_err("a refusal");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused}");
    assert!(refused.message().contains("categories[1] is no category of the vocabulary"), "{refused}");
}

/// The field and the reason of each fault of a refused call.
fn faults<T: std::fmt::Debug>(answer: Result<T, tonic::Status>) -> Vec<(String, String)> {
    let refused = answer.expect_err("a refusal");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused}");
    let found = crate::service::refusal_details(&refused).faults;
    found.into_iter().map(|(field, reason, _)| (field, reason)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistyped_region_is_refused_by_both_reports_and_not_a_region_of_nobody() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let mut client = serve.client().await;
    let regions = ["37", "3701OO", "3701001", ""].map(str::to_owned).to_vec();
    let at_fault = |field: &str| [1, 2, 3].map(|at| (format!("{field}[{at}]"), "UNREADABLE".to_owned()));
    let date = |year| Some(onestop::pb::Date { year, month: 1, day: 1 });
    let categories = vec!["destitute".to_owned()];
    let poverty = pb::ReportPovertyRequest { from: date(2017), until: date(2018), categories, ..Default::default() };
    let mistyped = pb::ReportPovertyRequest { regions: regions.clone(), ..poverty.clone() };
    assert_eq!(faults(client.report_poverty(mistyped).await), at_fault("regions"));
    let sound = pb::ReportPovertyRequest { regions: vec!["37".to_owned(); 200], ..poverty.clone() };
    client.report_poverty(sound).await.expect("a report");
    let long = pb::ReportPovertyRequest { regions: vec!["37".to_owned(); 201], ..poverty };
    assert_eq!(faults(client.report_poverty(long).await), [("regions".to_owned(), "TOO_MANY".to_owned())]);
    let only = |dimension: &str, values: Vec<String>| pb::ReportRequest {
        day_of: pb::ReportDay::Settlement.into(),
        only: vec![pb::ReportCondition { dimension: dimension.to_owned(), values }],
        ..Default::default()
    };
    for dimension in ["region", "hospital_region"] {
        assert_eq!(faults(client.report(only(dimension, regions.clone())).await), at_fault("only[0].values"));
    }
    client.report(only("hospital", regions)).await.expect("a report");
    let long = only("hospital", vec!["H3".to_owned(); 201]);
    assert_eq!(faults(client.report(long).await), [("only[0].values".to_owned(), "TOO_MANY".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_without_a_register_or_above_a_negative_amount_are_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let date = |year| Some(onestop::pb::Date { year, month: 1, day: 1 });
    let thresholds_fen = vec![0, -1];
    let request =
        pb::ReportPovertyRequest { from: date(2017), until: date(2018), thresholds_fen, ..Default::default() };
    let expected = [("categories", "MISSING"), ("thresholds_fen[1]", "NEGATIVE")];
    let expected = expected.map(|(field, reason)| (field.to_owned(), reason.to_owned()));
    assert_eq!(faults(serve.client().await.report_poverty(request).await), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_goes_on_after_no_key_with_another_number_of_values_than_a_row() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let mut client = serve.client().await;
    for (values, is_key) in [(0, true), (1, false), (2, true), (3, false)] {
        let request = pb::ReportRequest {
            day_of: pb::ReportDay::Settlement.into(),
            by: vec!["hospital".to_owned(), "category".to_owned()],
            after_key: vec!["H3".to_owned(); values],
            ..Default::default()
        };
        let refused = client.report(request).await.err().map(|refused| faults::<()>(Err(refused)));
        let expected = (!is_key).then(|| vec![("after_key".to_owned(), "UNREADABLE".to_owned())]);
        assert_eq!(refused, expected, "{values} values");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_count_within_a_revision_is_refused_by_both_reports() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    history(&serve).await;
    // The sixth line is the last reversal; this one takes the seventh, and revises C4 with two more.
    let reversal =
        ["reverse", "--hospital", "H1", "--person", "P2", "--claim", "C1", "--request", "V1", "--reason", "a test"];
    let (code, _, errors) = run(&[&reversal[..], &["--readjudicate", "--server", &serve.url]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let mut client = serve.client().await;
    let date = |year| Some(onestop::pb::Date { year, month: 1, day: 1 });
    for lines in 6..=9 {
        let (day_of, line_count) = (pb::ReportDay::Settlement.into(), Some(lines));
        let sums = client.report(pb::ReportRequest { day_of, line_count, ..Default::default() }).await.err();
        let (from, until, categories) = (date(2017), date(2099), vec!["destitute".to_owned()]);
        let poverty = pb::ReportPovertyRequest { from, until, categories, line_count, ..Default::default() };
        for refused in [sums, client.report_poverty(poverty).await.err()] {
            let refused = refused.map(|refused| faults::<()>(Err(refused)));
            let within = (lines == 8).then(|| vec![("line_count".to_owned(), "UNREADABLE".to_owned())]);
            assert_eq!(refused, within, "{lines} lines");
        }
    }
}
