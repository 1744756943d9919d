//! A client that speaks HTTP/2 by itself: it chooses its window, and what it does not send or read.

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use prost::Message;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tonic::codegen::http::{HeaderMap, Request};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// A connection without TLS.
pub struct RawConnection {
    pub requests: SendRequest<Bytes>,
    /// Ends with the connection.
    pub ended: JoinHandle<()>,
}

/// A call that was begun.
pub struct RawCall {
    pub response: ResponseFuture,
    /// The body of the request, if it was not ended.
    pub request: SendStream<Bytes>,
}

impl RawConnection {
    /// Connects; the server may send `window` bytes of each response.
    pub async fn open(port: u16, window: u32) -> RawConnection {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window).initial_connection_window_size(1 << 24);
        let (requests, connection) = builder.handshake(stream).await.expect("HTTP/2");
        let ended = tokio::spawn(async move { drop(connection.await) });
        RawConnection { requests, ended }
    }

    /// Sends the headers of a call and nothing more.
    pub async fn begin(&self, method: &str) -> RawCall {
        self.begin_with(method, &[]).await
    }

    /// The same with further headers.
    pub async fn begin_with(&self, method: &str, headers: &[(&str, &str)]) -> RawCall {
        let request = Request::post(format!("http://localhost/onestop.{method}"));
        let request = request.header("content-type", "application/grpc").header("te", "trailers");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut requests = self.requests.clone().ready().await.expect("an open connection");
        let (response, request) = requests.send_request(request.body(()).expect("a request"), false).expect("sent");
        RawCall { response, request }
    }

    /// Sends a whole call.
    pub async fn call(&self, method: &str, message: &impl Message) -> ResponseFuture {
        let RawCall { response, mut request } = self.begin(method).await;
        // The server may have refused the call by its headers.
        let _refused = request.send_data(framed(message), true);
        response
    }
}

/// A message with its length before it.
fn framed(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(message.encoded_len() as u32);
    message.encode(&mut frame).expect("room");
    frame.freeze()
}

/// The code and reason of a refusal in headers or trailers.
pub fn refusal(headers: &HeaderMap) -> Option<(Code, String)> {
    let status = Status::from_header_map(headers)?;
    Some((status.code(), status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()))
}

/// The code and reason that a call ends with; its data are read.
pub async fn ending(response: ResponseFuture) -> (Code, String) {
    let (head, mut body) = response.await.expect("a response").into_parts();
    if let Some(refusal) = refusal(&head.headers) {
        return refusal;
    }
    while let Some(data) = body.data().await {
        let data = data.expect("data");
        body.flow_control().release_capacity(data.len()).expect("capacity");
    }
    trailing(body).await
}

/// The code and reason in the trailers of a response without data.
pub async fn trailing(mut body: RecvStream) -> (Code, String) {
    refusal(&body.trailers().await.expect("trailers").expect("trailers")).expect("a status")
}
