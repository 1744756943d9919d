//! One claim settled for a caller, from the message to the settlement: for `Settle` and for each claim of
//! `SettleStream`.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::ids::{Digest, PersonId};
use crate::domain::refusal::ClaimRefusal;
use crate::engine::settle::{SettleOutcome, SettleRequest};
use crate::engine::{Engine, EngineError};
use crate::pb::encoded;
use crate::store::Store;
use crate::telemetry::Metrics;

use super::authorize::Permitted;
use super::deadline::run_to_completion;
use super::disclosures::Disclosures;
use super::error::CallError;
use super::quote_tokens::QuoteTokens;
use super::view::View;
use super::{commit_stamp, from_proto, outcomes};

/// Settles claims for callers.
pub struct Settler<S> {
    pub(super) engine: Arc<Engine<S>>,
    pub(super) disclosures: Arc<Disclosures>,
    pub(super) quotes: QuoteTokens,
    pub(super) metrics: Arc<Metrics>,
}

impl<S> Clone for Settler<S> {
    fn clone(&self) -> Self {
        let Settler { engine, disclosures, quotes, metrics } = self;
        let (engine, disclosures, metrics) = (Arc::clone(engine), Arc::clone(disclosures), Arc::clone(metrics));
        Settler { engine, disclosures, quotes: quotes.clone(), metrics }
    }
}

impl<S: Store> Settler<S> {
    /// Settles a claim within the deadline. The work runs to its end once it has begun, and holds the permit until then.
    ///
    /// # Errors
    /// What the message lacks, that the caller may not send claims of this hospital, or why the engine refuses.
    pub async fn settle(
        &self,
        permitted: &Permitted,
        message: encoded::SettleRequest,
        deadline: Duration,
        permit: impl Send + 'static,
    ) -> Result<encoded::SettleResponse, CallError> {
        let encoded::SettleRequest { claim, request_id, quote_digest, view } = message;
        let (claim, received) = from_proto::received_claim(from_proto::message_in(claim).as_deref())?;
        let view = View::from_request(view)?;
        permitted.caller.authorize_claims_of(&claim.hospital_id)?;
        let limits = &self.engine.settings().limits;
        let person_id = PersonId::parse(claim.person_id.as_str(), limits.id_bytes).ok();
        let stamp = commit_stamp::for_person(&claim.person_id);
        let content = received.content;
        let quote = (!quote_digest.is_empty()).then(|| self.quotes.open(&permitted.caller, content, &quote_digest));
        let request = SettleRequest { claim, request_id, quote, today: stamp.instant.china_day() };
        let engine = Arc::clone(&self.engine);
        let work = async move {
            let _held_until_done = permit;
            engine.settle_received(request, &received, stamp).await
        };
        let settled =
            run_to_completion(deadline, work).await.map_err(|error| self.with_quote_token(permitted, content, error));
        let is_new = |settled: &SettleOutcome| !settled.replay;
        let settled = self.disclosures.log_unless_committed(
            permitted,
            self.engine.store(),
            person_id.as_ref(),
            settled,
            is_new,
        )?;
        outcomes::count_settled(&self.metrics, &settled);
        Ok(encoded::SettleResponse { settlement: view.settlement(&settled.answer), replay: settled.replay })
    }

    /// The error with the token of a quote with the new split, if the split has changed since the presented quote.
    fn with_quote_token(&self, permitted: &Permitted, content: Digest, error: CallError) -> CallError {
        let CallError::Engine(EngineError::Refused(ClaimRefusal::QuoteChanged { split, digest })) = error else {
            return error;
        };
        match self.quotes.issue(&permitted.caller, content, digest) {
            Ok(quote_digest) => CallError::QuoteChanged { split, quote_digest },
            Err(error) => error,
        }
    }
}
