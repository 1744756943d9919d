//! One claim settled for a caller, from the message to the settlement: for `Settle` and for each claim of
//! `SettleStream`.

use std::sync::Arc;
use std::time::Duration;

use crate::access::Caller;
use crate::engine::Engine;
use crate::store::Store;

use super::deadline::to_its_end;
use super::error::CallError;
use super::pb::settlement as pb;
use super::{commit_stamp, from_proto, to_proto};

/// Settles a claim within the deadline. The work runs to its end once it has begun, and holds the permit until then.
///
/// # Errors
/// What the message lacks, that the caller may not send claims of this hospital, or why the engine refuses.
pub async fn settle<S: Store>(
    engine: Arc<Engine<S>>,
    caller: &Caller,
    message: pb::SettleRequest,
    deadline: Duration,
    permit: impl Send + 'static,
) -> Result<pb::SettleResponse, CallError> {
    let request = from_proto::settle(message)?;
    caller.authorize_claims_of(&request.claim.hospital_id)?;
    let stamp = commit_stamp::for_person(&request.claim.person_id);
    let work = async move {
        let _held_until_done = permit;
        engine.settle(request, stamp).await
    };
    let settled = to_its_end(deadline, work).await?;
    Ok(pb::SettleResponse { settlement: Some(to_proto::settlement(&settled.entry)), replay: settled.replay })
}
