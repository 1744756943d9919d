//! `GetOutcome` and `Fence`: what became of a request, and that nothing becomes of it any more.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::fence::Outcome;
use crate::pb::encoded;
use crate::pb::settlement as pb;
use crate::store::Store;

use crate::grpc::authorize::Permitted;
use crate::grpc::error::CallError;
use crate::grpc::reversals::reversal;
use crate::grpc::{commit_stamp, from_proto, reversals};

use super::SettlementHandler;

impl<S: Store> SettlementHandler<S> {
    pub(super) async fn handle_get_outcome(
        &self,
        permitted: &Permitted,
        request: pb::GetOutcomeRequest,
    ) -> Result<encoded::GetOutcomeResponse, CallError> {
        permitted.caller.authorize_outcomes_of(&request.hospital_id)?;
        let pb::GetOutcomeRequest { hospital_id, person_id, request_id, of_readjudicate } = request;
        let name = from_proto::request_name((hospital_id, of_readjudicate), person_id, request_id, self.limits())?;
        let found = self.engine.outcome(&name).await.map_err(CallError::from);
        let found = self.disclosures.log_answer(permitted, self.engine.store(), Some(&name.person_id), found)?;
        Ok(encoded::GetOutcomeResponse { outcome: Some(outcome_message(found)) })
    }

    pub(super) async fn handle_fence(
        &self,
        permitted: Permitted,
        deadline: Duration,
        request: pb::FenceRequest,
    ) -> Result<encoded::FenceResponse, CallError> {
        permitted.caller.authorize_fences_of(&request.hospital_id)?;
        let pb::FenceRequest { hospital_id, person_id, request_id, of_readjudicate } = request;
        let name = from_proto::request_name((hospital_id, of_readjudicate), person_id, request_id, self.limits())?;
        let (engine, person_id) = (Arc::clone(&self.engine), name.person_id.clone());
        let stamp = commit_stamp::for_person(name.person_id.as_str());
        let is_fenced = |outcome: &Outcome| matches!(outcome, Outcome::Fenced);
        let work = async move { engine.fence(&name, stamp).await };
        let found = self.commit_and_log(permitted, deadline, Some(&person_id), work, is_fenced).await?;
        Ok(encoded::FenceResponse { outcome: Some(outcome_message(found)) })
    }
}

fn outcome_message(found: Outcome) -> encoded::Outcome {
    use encoded::outcome::Outcome as Message;
    let message = match found {
        Outcome::NotSeen => Message::NotSeen(pb::NotSeen {}),
        Outcome::Fenced => Message::Fenced(pb::Fenced {}),
        Outcome::Settled(settlement) => Message::Committed(settlement.answer),
        Outcome::Reversed(entry) => Message::Reversed(reversal(&entry)),
        Outcome::Readjudicated(run) => Message::Readjudicated(reversals::readjudicate_response(&run, false)),
    };
    encoded::Outcome { outcome: Some(message) }
}
