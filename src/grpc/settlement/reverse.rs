//! `Reverse` and `Correct`: a settlement is taken back, and with a correction settled again.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::correct::CorrectOutcome;
use crate::engine::reverse::ReverseOutcome;
use crate::pb::encoded;
use crate::pb::settlement as pb;
use crate::store::Store;

use crate::grpc::authorize::Permitted;
use crate::grpc::error::CallError;
use crate::grpc::{commit_stamp, outcomes, reversals};

use super::SettlementHandler;

impl<S: Store> SettlementHandler<S> {
    pub(super) async fn handle_reverse(
        &self,
        permitted: Permitted,
        deadline: Duration,
        message: pb::ReverseRequest,
    ) -> Result<pb::ReverseResponse, CallError> {
        permitted.caller.authorize_settlements_of(&message.hospital_id)?;
        let request = reversals::reverse_request(message);
        let (dry_run, engine) = (request.dry_run, Arc::clone(&self.engine));
        let person_id = self.person_id(&request.reversal.person_id);
        let stamp = commit_stamp::for_person(&request.reversal.person_id);
        let is_new = |reversed: &ReverseOutcome| !dry_run && !reversed.replay;
        let work = async move { engine.reverse(request, stamp).await };
        let reversed = self.commit_and_log(permitted, deadline, person_id.as_ref(), work, is_new).await?;
        if !dry_run {
            outcomes::count_reversed(self.metrics(), &reversed);
        }
        Ok(reversals::reverse_response(&reversed, dry_run))
    }

    pub(super) async fn handle_correct(
        &self,
        permitted: Permitted,
        deadline: Duration,
        message: encoded::CorrectRequest,
    ) -> Result<encoded::CorrectResponse, CallError> {
        let request = reversals::correct_request(message)?;
        let claim = &request.correction.claim;
        permitted.caller.authorize_claims_of(&claim.hospital_id)?;
        let (person_id, stamp) = (self.person_id(&claim.person_id), commit_stamp::for_person(&claim.person_id));
        let (dry_run, engine) = (request.dry_run, Arc::clone(&self.engine));
        let is_new = |corrected: &CorrectOutcome| !dry_run && !corrected.replay;
        let work = async move { engine.correct(request, stamp).await };
        let corrected = self.commit_and_log(permitted, deadline, person_id.as_ref(), work, is_new).await?;
        if !dry_run {
            outcomes::count_corrected(self.metrics(), &corrected);
        }
        Ok(reversals::correct_response(&corrected, dry_run))
    }
}
