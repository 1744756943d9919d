//! A connection that breaks in the middle of an answer.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// A proxy before the server of this URL that cuts its first connection after so many bytes of answers; gives its URL and the
/// number of connections.
pub fn proxy(server: &str, cut_after: usize) -> (String, Arc<AtomicUsize>) {
    let server = server.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let limit = if counted.fetch_add(1, Ordering::SeqCst) == 0 { cut_after } else { usize::MAX };
            let server = TcpStream::connect(&server).expect("the server answers");
            let [client_too, server_too] = [&client, &server].map(|stream| stream.try_clone().expect("a stream"));
            std::thread::spawn(move || pass(client, server, usize::MAX));
            std::thread::spawn(move || pass(server_too, client_too, limit));
        }
    });
    (url, connections)
}
