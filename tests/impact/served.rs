//! The impact of a book on what a running server's store holds: the bytes of the command are those of the store without a server,
//! and nothing is committed.

use std::path::Path;

use onestop::pb::policy::{AssessImpactRequest, PolicyFile};

use super::program::prepared;
use crate::support::program::{Serve, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_impact_of_a_server_is_that_of_its_store_with_the_same_persons() {
    let place = tempfile::tempdir().expect("a directory");
    let (store, policies) = prepared(place.path()).await;
    let text = |path: &Path| path.display().to_string();
    let [of_store, of_server, log, policies, csv, html] = [
        place.path().join("store.csv"),
        place.path().join("server.csv"),
        place.path().join("access.log"),
        policies,
        place.path().join("impact.csv"),
        place.path().join("impact.html"),
    ]
    .map(|path| text(&path));
    let command = ["policy", "impact", "--policies", &policies, "--lang", "en"];
    let auditor = ["--persons", &of_store, "--auditor", "audit-1", "--access-log", &log];
    let written = ["--csv", &csv, "--html", &html];
    let named = text(&store);
    let of_store_options = [&["--store", &named][..], &auditor, &written].concat();
    let (code, offline, errors) = run(&[&command[..], &of_store_options].concat());
    assert_eq!(code, Some(0), "{errors}");
    let offline_files = [&csv, &html].map(|file| std::fs::read(file).expect("the file"));
    let serve = Serve::start(&store, &[]);
    let of_server_options = [&["--server", &serve.url, "--persons", &of_server][..], &written].concat();
    for _ in 0..2 {
        let (code, served, errors) = run(&[&command[..], &of_server_options].concat());
        assert_eq!((code, served), (Some(0), offline.clone()), "{errors}");
    }
    assert_eq!([&csv, &html].map(|file| std::fs::read(file).expect("the file")), offline_files);
    let sorted = |file: &str| {
        let text = std::fs::read_to_string(file).expect("the file");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&of_server), sorted(&of_store));
    let logged = std::fs::read_to_string(store.join("access.log")).expect("the log");
    let lines: Vec<_> = logged.lines().filter(|line| line.contains("AssessImpact")).collect();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.contains("\"person\":\"*\"")), "{logged}");
    let (code, json, errors) = run(&[&command[..4], &["--server", &serve.url, "--json", "--year", "2016"]].concat());
    assert_eq!(code, Some(0), "{errors}");
    assert!(json.contains("\"settlements\":0"), "{json}");
    assert_eq!(serve.end(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_with_faults_are_refused_by_the_server_with_file_and_line() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let mut client = serve.client().await;
    let mut files = super::changed_policy_files();
    files[0].text.insert_str(0, "shade = 1\n");
    let request = AssessImpactRequest { files, ..Default::default() };
    let refused = client.policies.assess_impact(request).await.expect_err("a refusal");
    let refusal = crate::service::refusal_details(&refused);
    assert_eq!(refusal.reason, "POLICIES_REFUSED");
    assert!(format!("{refused:?}").contains(":1"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regions_and_years_that_are_none_and_too_many_files_are_refused_by_field_before_the_files_are_read() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let mut client = serve.client().await;
    let broken = vec![PolicyFile { name: "a.toml".to_owned(), text: "?".to_owned() }];
    let refused = client.policies.assess_impact(AssessImpactRequest {
        files: broken,
        years: vec![2017, 0, 10_000, -2017],
        regions: ["37", "370", "三七", "3701001"].map(str::to_owned).to_vec(),
        names_persons: false,
    });
    let refusal = crate::service::refusal_details(&refused.await.expect_err("a refusal"));
    assert_eq!(refusal.reason, "INVALID_REQUEST");
    let faults: Vec<_> = refusal.faults.iter().map(|(field, reason, _)| (field.as_str(), reason.as_str())).collect();
    let of_years = [1, 2, 3].map(|at| (format!("years[{at}]"), "NOT_A_DAY"));
    let of_regions = [2, 3].map(|at| (format!("regions[{at}]"), "UNREADABLE"));
    let expected: Vec<_> =
        of_years.iter().chain(&of_regions).map(|(field, reason)| (field.as_str(), *reason)).collect();
    assert_eq!(faults, expected);
    let files = vec![PolicyFile::default(); 1_001];
    let refused = client.policies.assess_impact(AssessImpactRequest { files, ..Default::default() }).await;
    let refusal = crate::service::refusal_details(&refused.expect_err("a refusal"));
    assert_eq!(refusal.reason, "INVALID_REQUEST");
    assert_eq!((refusal.faults[0].0.as_str(), refusal.faults[0].1.as_str()), ("files", "TOO_MANY"));
}
