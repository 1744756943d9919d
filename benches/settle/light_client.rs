//! A client that costs little, so that in an open loop the server is measured and not the client beside it: a request is
//! bytes in which only digits change, and calls go to HTTP/2 directly, without the queues of a channel.

use bytes::{BufMut, Bytes, BytesMut};
use h2::RecvStream;
use h2::client::SendRequest;
use onestop::pb::settlement as pb;
use prost::Message;
use tokio::net::TcpStream;
use tonic::codegen::http::{Method, Request, Uri};
use tonic::{Code, Status};

use super::measure::Failed;
use super::processes::{Process, ids, numbered};

/// Windows in which no answer waits.
const WINDOW: u32 = 1 << 30;

/// The message of gRPC that settles a claim of each number; all are of one length.
pub struct Requests {
    message: Vec<u8>,
    /// Where the ids stand in it.
    places: [usize; 3],
}

impl Requests {
    pub fn new(request: &pb::SettleRequest) -> Result<Requests, Failed> {
        let encoded = numbered(request, 0).encode_to_vec();
        let mut message = vec![0];
        message.put_u32(u32::try_from(encoded.len())?);
        message.extend(encoded);
        let mut places = [0; 3];
        for (place, id) in places.iter_mut().zip(ids(0)) {
            let found = message.windows(id.len()).position(|bytes| bytes == id.as_bytes());
            *place = found.ok_or("an id is not in the request")?;
        }
        Ok(Requests { message, places })
    }

    /// The request of a number.
    pub fn numbered(&self, number: u64) -> Bytes {
        let mut bytes = BytesMut::from(&*self.message);
        for (place, id) in self.places.into_iter().zip(ids(number)) {
            bytes[place..][..id.len()].copy_from_slice(id.as_bytes());
        }
        bytes.freeze()
    }
}

/// A connection.
#[derive(Clone)]
pub struct LightClient {
    sender: SendRequest<Bytes>,
    settle: Uri,
}

impl LightClient {
    pub async fn connect(server: &Process) -> Result<LightClient, Failed> {
        let settle = format!("{}/onestop.settlement.v1.SettlementService/Settle", server.url).parse::<Uri>()?;
        let stream = TcpStream::connect(settle.authority().ok_or("no address")?.as_str()).await?;
        stream.set_nodelay(true)?;
        let mut builder = h2::client::Builder::new();
        builder
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buffer_size(WINDOW as usize);
        let (sender, connection) = builder.handshake(stream).await?;
        tokio::spawn(async {
            if let Err(error) = connection.await {
                eprintln!("a connection failed: {error}");
            }
        });
        Ok(LightClient { sender, settle })
    }

    /// Settles what the request names, and reads the answer to its end.
    pub async fn settle(self, request: Bytes) -> Result<(), Status> {
        let head = Request::builder()
            .method(Method::POST)
            .uri(self.settle)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(|error| Status::internal(error.to_string()))?;
        let answer = exchange(self.sender, head, request).await;
        match answer.map_err(|error| Status::unavailable(error.to_string()))? {
            Some(status) if status.code() == Code::Ok => Ok(()),
            Some(status) => Err(status),
            None => Err(Status::unknown("an answer without a status")),
        }
    }
}

/// The status of the answer, if it has one.
async fn exchange(sender: SendRequest<Bytes>, head: Request<()>, message: Bytes) -> Result<Option<Status>, h2::Error> {
    let (response, mut body) = sender.ready().await?.send_request(head, false)?;
    body.send_data(message, true)?;
    let response = response.await?;
    if let Some(status) = Status::from_header_map(response.headers()) {
        return Ok(Some(status));
    }
    let mut answer: RecvStream = response.into_body();
    while let Some(bytes) = answer.data().await {
        answer.flow_control().release_capacity(bytes?.len())?;
    }
    Ok(answer.trailers().await?.as_ref().and_then(Status::from_header_map))
}
