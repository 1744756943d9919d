//! `GetAccount`: what the layers of a benefit year have paid and counted for a person.

use crate::access::AccessError;
use crate::domain::claim::ClaimLimits;
use crate::domain::day::Day;
use crate::domain::fault::FaultReason;
use crate::domain::ids::{AccountKey, PersonId};
use crate::engine::account::AccountName;
use crate::pb::settlement as pb;
use crate::store::Store;

use crate::grpc::authorize::Permitted;
use crate::grpc::error::CallError;
use crate::grpc::{from_proto, to_proto};

use super::SettlementHandler;

impl<S: Store> SettlementHandler<S> {
    /// A claimant sees the account of a person whom it treats: with a settlement of its own that stands, or whom
    /// it asked a quote for lately.
    pub(super) async fn handle_get_account(
        &self,
        permitted: &Permitted,
        request: pb::GetAccountRequest,
    ) -> Result<pb::GetAccountResponse, CallError> {
        let name = account_name(request, self.limits())?;
        let (caller, store) = (&permitted.caller, self.engine.store());
        let treats = caller.views_every_hospital()
            || self.disclosures.has_quoted(permitted, &name.person_id, store)
            || self.engine.has_live_claim(&name.person_id, &caller.hospitals).await?;
        if !treats {
            return Err(AccessError::NotVisible.into());
        }
        let view = self.engine.account(&name).await.map_err(CallError::from);
        let view = self.disclosures.log_answer(permitted, store, Some(&name.person_id), view)?;
        Ok(to_proto::account(&view))
    }
}

fn account_name(request: pb::GetAccountRequest, limits: &ClaimLimits) -> Result<AccountName, CallError> {
    let person_id = from_proto::id("person_id", request.person_id, PersonId::parse, limits)?;
    let on = request.on.map(|on| Day::new(on.year, on.month, on.day)).transpose();
    let on = on.map_err(|no| CallError::invalid_field("on", FaultReason::NotADay, no.to_string()))?;
    let key = AccountKey { insurance: request.insurance.into(), year: request.year };
    Ok(AccountName { person_id, key, on })
}
