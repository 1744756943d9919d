//! `kill -9` during a retroactive run over many persons: each person is decided again whole or not at all, and the same
//! command goes on where it was.

use std::path::Path;
use std::process::Stdio;

use onestop::cli::client::Client;
use onestop::cli::client::import::import_table;
use onestop::reference::table::ReferenceTable;

use crate::support::claims::claim;
use crate::support::program::{Serve, onestop, run};

const PERSONS: usize = 60;

/// Settlements of each person.
const SETTLEMENTS: usize = 2;

fn person(at: usize) -> String {
    format!("K{at}")
}

async fn prepare(client: &mut Client) {
    let enrolment = |at| [&person(at), "2014-01-01", "resident", "370100", ""].map(str::to_owned).to_vec();
    let rows = (0..PERSONS).map(enrolment).collect();
    import_table(client, ReferenceTable::Enrolments, rows).await.expect("enrolments");
    for at in 0..PERSONS {
        for number in 0..SETTLEMENTS {
            let claim = claim(&format!("C-{at}-{number}"), &person(at), "9876.54");
            client.settle(&claim, &format!("R-{at}-{number}"), Vec::new()).await.expect("a settlement");
        }
    }
    let category = |at| [&person(at), "registered_poor", "2017-01-01", ""].map(str::to_owned).to_vec();
    import_table(client, ReferenceTable::Categories, (0..PERSONS).map(category).collect()).await.expect("categories");
}

/// The numbers of revisions of each person's settlements.
async fn revisions(client: &mut Client, at: usize) -> Vec<usize> {
    let mut found = Vec::new();
    for number in 0..SETTLEMENTS {
        let request = onestop::pb::settlement::GetSettlementRequest {
            hospital_id: "H3".to_owned(),
            person_id: person(at),
            claim_id: format!("C-{at}-{number}"),
            ..Default::default()
        };
        found.push(client.settlement(request).await.expect("a settlement").revisions.len());
    }
    found
}

async fn changed(client: &mut Client) -> usize {
    let mut changed = 0;
    for at in 0..PERSONS {
        let found = revisions(client, at).await;
        assert!(found == [0; SETTLEMENTS] || found == [1; SETTLEMENTS], "{at}: {found:?}");
        changed += usize::from(found[0] == 1);
    }
    changed
}

fn arguments<'a>(persons: &'a Path, url: &'a str) -> Vec<&'a str> {
    let persons = persons.to_str().expect("a path");
    vec!["readjudicate", "--persons", persons, "--year", "2017", "--request", "late categories", "--server", url]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_a_kill_interrupts_leaves_whole_persons_and_is_completed_by_the_same_command() {
    let place = tempfile::tempdir().expect("a directory");
    let (store, file) = (place.path().join("store"), place.path().join("persons.txt"));
    let lines: String = (0..PERSONS).map(|at| format!("{}\n", person(at))).collect();
    std::fs::write(&file, lines).expect("a file");
    let serve = Serve::start(&store, &[]);
    let mut client = serve.with_tables().await;
    prepare(&mut client).await;
    let mut child = onestop()
        .args(arguments(&file, &serve.url))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    // The server ends as soon as the first persons are done; those after them are on their way.
    while revisions(&mut client, 0).await[0] == 0 {
        tokio::task::yield_now().await;
    }
    serve.kill();
    child.wait().expect("it ends");
    let serve = Serve::start(&store, &[]);
    let mut client = serve.client().await;
    let interrupted = changed(&mut client).await;
    assert!(interrupted >= 1);
    println!("{interrupted} of {PERSONS} persons were done");
    let (code, output, errors) = run(&arguments(&file, &serve.url));
    assert_eq!(code, Some(0), "{errors}");
    let replayed = output.lines().filter(|line| line.ends_with("(a replay: it was done before)")).count();
    assert_eq!(replayed, interrupted);
    assert!(output.lines().last().is_some_and(|line| line.starts_with(&format!("in all {PERSONS} persons, "))));
    assert_eq!(changed(&mut client).await, PERSONS);
    assert_eq!(serve.end(), Some(0));
    let (code, output, errors) = run(&["audit", "verify", "--store", store.to_str().expect("a path")]);
    assert_eq!(code, Some(0), "{output}{errors}");
}
