//! `Readjudicate`: a benefit year of a person is decided again from the tables and policies of today.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::retroactive::ReadjudicateOutcome;
use crate::pb::settlement as pb;
use crate::store::Store;

use crate::grpc::authorize::Permitted;
use crate::grpc::error::CallError;
use crate::grpc::{commit_stamp, outcomes, reversals};

use super::SettlementHandler;

impl<S: Store> SettlementHandler<S> {
    pub(super) async fn handle_readjudicate(
        &self,
        permitted: Permitted,
        deadline: Duration,
        message: pb::ReadjudicateRequest,
    ) -> Result<pb::ReadjudicateResponse, CallError> {
        let request = reversals::readjudicate_request(message);
        let (person_id, stamp) = (self.person_id(&request.person_id), commit_stamp::for_person(&request.person_id));
        let (dry_run, engine) = (request.dry_run, Arc::clone(&self.engine));
        let is_new = |run: &ReadjudicateOutcome| !dry_run && !run.replay && !run.revisions.is_empty();
        let work = async move { engine.readjudicate_year(request, stamp).await };
        let run = self.commit_and_log(permitted, deadline, person_id.as_ref(), work, is_new).await?;
        if !dry_run {
            outcomes::count_readjudicated(self.metrics(), &run);
        }
        Ok(reversals::readjudicate_response(&run, dry_run))
    }
}
