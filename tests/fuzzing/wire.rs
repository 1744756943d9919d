//! A call with bytes in place of messages: what a caller sends need be no message at all.

use std::convert::Infallible;

use prost::bytes::{Buf, BufMut};
use tokio_stream::Stream;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder, Streaming};
use tonic::codegen::Service;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::http::{Request as HttpRequest, Response as HttpResponse};
use tonic::{Request, Status};

/// A service, called as by HTTP/2.
pub trait Served:
    Service<HttpRequest<Body>, Response = HttpResponse<Body>, Error = Infallible, Future: Send> + Send + 'static
{
}

impl<S> Served for S where
    S: Service<HttpRequest<Body>, Response = HttpResponse<Body>, Error = Infallible, Future: Send> + Send + 'static
{
}

/// One message to a service, and its answer.
pub async fn call(service: impl Served, path: &'static str, message: Vec<u8>) -> Result<Vec<u8>, Status> {
    let mut grpc = Grpc::new(service);
    grpc.ready().await.unwrap_or_else(|never| match never {});
    let answer = grpc.unary(Request::new(message), PathAndQuery::from_static(path), Bytes).await;
    answer.map(tonic::Response::into_inner)
}

/// Many messages to a service, and its one answer.
pub async fn send(
    service: impl Served,
    path: &'static str,
    messages: impl Stream<Item = Vec<u8>> + Send + 'static,
) -> Result<Vec<u8>, Status> {
    let mut grpc = Grpc::new(service);
    grpc.ready().await.unwrap_or_else(|never| match never {});
    let answer = grpc.client_streaming(Request::new(messages), PathAndQuery::from_static(path), Bytes).await;
    answer.map(tonic::Response::into_inner)
}

/// Many messages to a service, and its many answers.
pub async fn exchange(
    service: impl Served,
    path: &'static str,
    messages: impl Stream<Item = Vec<u8>> + Send + 'static,
) -> Result<Streaming<Vec<u8>>, Status> {
    let mut grpc = Grpc::new(service);
    grpc.ready().await.unwrap_or_else(|never| match never {});
    let answers = grpc.streaming(Request::new(messages), PathAndQuery::from_static(path), Bytes).await;
    answers.map(tonic::Response::into_inner)
}

/// Bytes as they are.
pub struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Bytes;
    type Decoder = Bytes;

    fn encoder(&mut self) -> Bytes {
        Bytes
    }

    fn decoder(&mut self) -> Bytes {
        Bytes
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; from.remaining()];
        from.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}
