//! The series that a server shows before anything happens.

use crate::access::call::CALLS;
use crate::grpc::status::Reason;
use crate::telemetry::expected_series::ExpectedSeries;

use super::accept;
use super::serve_connection::Closed;

/// The series that every server shows from its start.
pub(super) fn series_shown_from_start() -> ExpectedSeries {
    let mut reasons: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    ExpectedSeries {
        methods: CALLS.iter().map(|call| call.method()).collect(),
        reasons,
        refused_connections: accept::REFUSALS.to_vec(),
        closed_connections: Closed::ALL.iter().map(|closed| closed.as_str()).collect(),
    }
}
