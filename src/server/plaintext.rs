//! Tells a client that speaks without TLS to a server with TLS what is wrong, in the protocol that the client speaks. A
//! handshake that fails would tell it nothing that it can read.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How the preface of HTTP/2 begins.
const HTTP2: &[u8] = b"PRI ";

/// How other requests begin that HTTP clients send.
const HTTP1: [&[u8]; 5] = [b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI"];

/// The head of an empty SETTINGS frame.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// The type of a GOAWAY frame.
const GOAWAY: u8 = 7;

/// The error of HTTP/2 for a transport without the security that is required.
const INADEQUATE_SECURITY: u32 = 12;

const MESSAGE: &str = "this server requires TLS";

/// Answers a client that begins without TLS, and waits until it closes the connection; returns whether this one did.
pub(super) async fn refuse(stream: &mut TcpStream) -> std::io::Result<bool> {
    let mut first = [0; 4];
    let count = stream.peek(&mut first).await?;
    let answer = match &first[..count] {
        HTTP2 => http2_answer(),
        begin if HTTP1.contains(&begin) => http1_answer(),
        _ => return Ok(false),
    };
    stream.write_all(&answer).await?;
    stream.shutdown().await?;
    // A socket that is closed with unread bytes is reset, and the client may lose the answer.
    while stream.read(&mut [0; 1_024]).await? > 0 {}
    Ok(true)
}

fn http2_answer() -> Vec<u8> {
    let [_, length @ ..] = (8 + MESSAGE.len() as u32).to_be_bytes();
    let last_stream = [0; 4];
    let head = [&length[..], &[GOAWAY, 0, 0, 0, 0, 0], &last_stream, &INADEQUATE_SECURITY.to_be_bytes()].concat();
    [&SETTINGS[..], &head, MESSAGE.as_bytes()].concat()
}

fn http1_answer() -> Vec<u8> {
    let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{MESSAGE}\n", MESSAGE.len() + 1).into_bytes()
}
