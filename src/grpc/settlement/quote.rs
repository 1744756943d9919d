//! `Quote`: what a settle would pay, with a token that holds a settle to it.

use crate::engine::quote::QuoteAnswer;
use crate::journal::answer;
use crate::pb::encoded;
use crate::store::Store;

use crate::grpc::authorize::Permitted;
use crate::grpc::error::CallError;
use crate::grpc::{commit_stamp, from_proto};

use super::SettlementHandler;

impl<S: Store> SettlementHandler<S> {
    pub(super) async fn handle_quote(
        &self,
        permitted: &Permitted,
        request: encoded::QuoteRequest,
    ) -> Result<encoded::QuoteResponse, CallError> {
        let (claim, received) = from_proto::received_claim(from_proto::message_in(request.claim).as_deref())?;
        permitted.caller.authorize_claims_of(claim.hospital_id.as_str())?;
        let (store, person_id) = (self.engine.store(), self.person_id(&claim.person_id));
        let quote = self.engine.quote_received(claim, received.content, commit_stamp::today()).await;
        let quote = quote.map_err(CallError::from);
        let quote = self.disclosures.log_answer(permitted, store, person_id.as_ref(), quote)?;
        self.disclosures.record_quote(quote.keys.hospital_id.as_str(), &quote.keys.person_id, store);
        let quote_digest = self.quotes.issue(&permitted.caller, quote.content, quote.digest)?;
        let QuoteAnswer { split, derivation } = quote.answer;
        let notices = answer::notices(&quote.notices);
        Ok(encoded::QuoteResponse { split, quote_digest: quote_digest.into(), notices, derivation })
    }
}
