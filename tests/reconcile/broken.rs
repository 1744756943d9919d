//! A connection that breaks in the middle of the differences.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::program::{Serve, run};

/// The bytes after which the first connection is cut.
const CUT_AFTER: usize = 60_000;

/// Passes bytes on until the end, or until so many passed; gives the streams up then.
fn pass(mut from: TcpStream, mut to: TcpStream, limit: usize) {
    let (mut bytes, mut passed) = (vec![0; 4_096], 0);
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        passed += count;
        if passed > limit || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        // It may be closed already.
        let _closed = stream.shutdown(std::net::Shutdown::Both);
    }
}

/// A proxy that cuts its first connection; gives its address and the number of connections.
fn proxy(server: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let limit = if counted.fetch_add(1, Ordering::SeqCst) == 0 { CUT_AFTER } else { usize::MAX };
            let server = TcpStream::connect(&server).expect("the server answers");
            let [client_too, server_too] = [&client, &server].map(|stream| stream.try_clone().expect("a stream"));
            std::thread::spawn(move || pass(client, server, usize::MAX));
            std::thread::spawn(move || pass(server_too, client_too, limit));
        }
    });
    (address, connections)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_broken_connection_the_rest_of_the_differences_comes_and_none_twice() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    let (address, connections) = proxy(serve.url.trim_start_matches("http://").to_owned());
    let file = place.path().join("list.csv");
    let rows: Vec<String> = (0..1_000).map(|number| format!("never-{number},{number}.00")).collect();
    std::fs::write(&file, format!("claim_id,total\n{}\n", rows.join("\n"))).expect("a file");
    let (file, url) = (file.display().to_string(), format!("http://{address}"));
    let (code, text, errors) =
        run(&["reconcile", &file, "--server", &url, "--hospital", "H3", "--month", "2017-06", "--json"]);
    assert_eq!((code, errors.as_str()), (Some(1), "1000 differ\n"));
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut found: Vec<_> = lines.iter().filter_map(|line| line["claim_id"].as_str()).collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!((found.len(), lines.len()), (1_000, 1_001));
    assert_eq!(connections.load(Ordering::SeqCst), 2, "the first connection was cut");
}
