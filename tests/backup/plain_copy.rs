//! A plain copy of the directory of a running server, under load: it opens with everything that was acknowledged before
//! the copy began, or is refused by name.

use std::process::Command;

use onestop::reference::table::ReferenceTable;

use super::{Load, blocking, text};
use crate::support::program::{Serve, run};

const COPIES: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_copy_under_load_opens_complete_or_is_refused_by_name() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store");
    let serve = Serve::start(&store, &[]);
    let client = serve.with_tables().await;
    let load = Load::start(&client, "A");
    // Imports change the database of reference tables meanwhile.
    let mut importing = client.clone();
    let imports = tokio::spawn(async move {
        for import in 0.. {
            let row =
                |at: usize| [&format!("N{import}-{at}"), "2014-01-01", "resident", "370100", ""].map(str::to_owned);
            let rows = (0..200).map(|at| row(at).to_vec()).collect();
            importing.import(ReferenceTable::Enrolments, rows).await.expect("an import");
        }
    });
    let (mut complete, mut refused, mut importing) = (0, Vec::new(), Some(imports));
    for number in 0..COPIES {
        // The second half without imports.
        if number == COPIES / 2
            && let Some(imports) = importing.take()
        {
            imports.abort();
        }
        load.further(40).await;
        let (acknowledged, from, to) =
            (load.acknowledged(), store.clone(), place.path().join(format!("copy-{number}")));
        let (code, output, errors) = blocking(move || {
            let copied = Command::new("cp").arg("-r").args([&from, &to]).output().expect("cp runs");
            // A file of the index may be gone before it is copied.
            println!("copy {number}: {}", String::from_utf8_lossy(&copied.stderr).trim());
            let audited = run(&["audit", "verify", "--json", "--store", &text(&to)]);
            std::fs::remove_dir_all(&to).expect("removed");
            audited
        })
        .await;
        if code == Some(0) {
            let audit: serde_json::Value = serde_json::from_str(&output).expect("JSON");
            assert!(
                audit["entries"].as_u64() >= Some(acknowledged as u64),
                "copy {number}: {output} of {acknowledged}"
            );
            complete += 1;
        } else {
            let is_named = ["log", "redb", "index", "FORMAT", "secret"].iter().any(|name| errors.contains(name));
            assert!(code == Some(1) && is_named, "copy {number}: {code:?} {output} {errors}");
            refused.push(errors.trim().to_owned());
        }
    }
    println!("{complete} complete, {} refused: {refused:?}", refused.len());
    assert!(complete + refused.len() == COPIES);
    load.stop().await;
    serve.kill();
}
