//! The response to a call that no handler answers: it was refused before, or the handler panicked or took too long. Under
//! overload these are most of all responses, so the one of an overloaded server is built once, and none is decoded again to
//! be observed: its [`Reason`] is among its extensions.

use std::sync::LazyLock;

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Response};

use super::error::CallError;
use super::status::Reason;

/// The headers of the refusal of an overloaded server.
static OVERLOADED: LazyLock<HeaderMap> = LazyLock::new(|| headers(&CallError::Overloaded));

/// The response to a call that ends with this error.
pub(super) fn refusal_response(error: &CallError) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = match error {
        CallError::Overloaded => OVERLOADED.clone(),
        error => headers(error),
    };
    response.extensions_mut().insert(Reason::from(error));
    response
}

fn headers(error: &CallError) -> HeaderMap {
    let response: Response<()> = Status::from(error).into_http();
    response.into_parts().0.headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_that_is_built_once_is_the_one_that_is_built_each_time() {
        for error in [CallError::Overloaded, CallError::DiskFull] {
            let (response, built) = (refusal_response(&error), Status::from(&error).into_http::<Body>());
            assert_eq!((response.status(), response.headers()), (built.status(), built.headers()));
            assert_eq!(response.extensions().get(), Some(&Reason::from(&error)));
        }
    }
}
