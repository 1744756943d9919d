//! Sends a call to its service: one about settlements directly, every other by the routes.
//!
//! The routes look a path up, copy a service and box its response for each call. Settlements are nearly all calls of a
//! morning, so theirs take the short way.

use std::convert::Infallible;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::NamedService;
use tonic::service::Routes;

/// The services of a server, of which `direct` is reached without the routes.
#[derive(Clone)]
pub(super) struct Dispatch<D> {
    direct: D,
    routes: Routes,
}

impl<D> Dispatch<D> {
    /// Calls of this service go to it directly, all others to the routes.
    pub(super) fn new(direct: D, routes: Routes) -> Dispatch<D> {
        Dispatch { direct, routes: routes.prepare() }
    }
}

impl<D: NamedService> Dispatch<D> {
    fn is_direct(path: &str) -> bool {
        path.strip_prefix('/').and_then(|path| path.split_once('/')).is_some_and(|(service, _)| service == D::NAME)
    }
}

impl<D> Service<Request<Body>> for Dispatch<D>
where
    D: Service<
            Request<Body>,
            Response = Response<Body>,
            Error = Infallible,
            Future = BoxFuture<Response<Body>, Infallible>,
        > + NamedService,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    /// Both are always ready: limits are kept before a call comes here.
    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if Self::is_direct(request.uri().path()) {
            return self.direct.call(request);
        }
        Box::pin(self.routes.call(request))
    }
}
