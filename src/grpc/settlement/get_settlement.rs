//! `GetSettlement`: a settlement with its reversal and its revisions, by its id or by its claim.

use crate::domain::fault::FieldFaults;
use crate::domain::ids::EntryId;
use crate::engine::EngineError;
use crate::engine::read::SettlementView;
use crate::journal::ClaimMessage;
use crate::pb::encoded;
use crate::pb::settlement as pb;
use crate::store::Store;

use crate::grpc::authorize::Permitted;
use crate::grpc::error::CallError;
use crate::grpc::from_proto;
use crate::grpc::reversals::{reversal, revision};
use crate::grpc::view::View;

use super::SettlementHandler;

impl<S: Store> SettlementHandler<S> {
    pub(super) async fn handle_get_settlement(
        &self,
        permitted: &Permitted,
        request: pb::GetSettlementRequest,
    ) -> Result<encoded::GetSettlementResponse, CallError> {
        let view = View::from_request(request.view)?;
        let found = self.find_settlement(permitted, request).await?;
        let first = &found.settlement.body.split;
        let claim = || ClaimMessage::from(&found.settlement.body.claim).bytes().clone();
        Ok(encoded::GetSettlementResponse {
            settlement: view.settlement(&found.answer),
            reversal: found.reversal.as_ref().map(reversal),
            revisions: found.revisions.iter().map(|entry| revision(entry, first, view)).collect(),
            claim: view.is_full().then(claim).into_iter().collect(),
        })
    }

    /// The settlement that is requested, after the read of it was recorded.
    async fn find_settlement(
        &self,
        permitted: &Permitted,
        request: pb::GetSettlementRequest,
    ) -> Result<SettlementView, CallError> {
        let pb::GetSettlementRequest { settlement_id, hospital_id, person_id, claim_id, view: _ } = request;
        if settlement_id.is_empty() {
            permitted.caller.authorize_settlements_of(&hospital_id)?;
            let keys = from_proto::claim_keys(hospital_id, person_id, claim_id, self.limits())?;
            let found = self.engine.settlement_of_claim(&keys).await.map_err(CallError::from);
            return self.disclosures.log_answer(permitted, self.engine.store(), Some(&keys.person_id), found);
        }
        let of_claim = [("hospital_id", &hospital_id), ("person_id", &person_id), ("claim_id", &claim_id)];
        let of_claim = of_claim.map(|(field, id)| (field, !id.is_empty()));
        let message = "is given beside settlement_id; a settlement is read by its id or by its claim";
        let mut faults = FieldFaults::default();
        from_proto::refuse_given(&mut faults, &of_claim, message);
        faults.into_result(()).map_err(CallError::InvalidMessage)?;
        let id = EntryId::parse(&settlement_id).ok_or_else(|| CallError::from(EngineError::NotFound))?;
        let view = self.engine.settlement(id).await?;
        let claim = &view.settlement.body.claim;
        permitted.caller.authorize_settlements_of(claim.hospital_id.as_str())?;
        self.disclosures.log_read(permitted, self.engine.store(), [&claim.person_id])?;
        Ok(view)
    }
}
