//! Calls about claims: quote, settle, reverse, correct, decide again, and the outcome of a request.

use tokio_stream::Stream;
use tonic::{Status, Streaming};

use crate::domain::claim::RawClaim;
use crate::domain::content::{RawCorrection, RawReversal};
use crate::grpc::to_proto;
use crate::pb::settlement as pb;

use super::{Client, with_deadline};

impl Client {
    /// Quotes a claim.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn quote(&mut self, claim: &RawClaim) -> Result<pb::QuoteResponse, Status> {
        self.send_quote(to_proto::claim(claim)).await
    }

    /// Quotes a claim as it is sent.
    ///
    /// # Errors
    /// The status of the refusal.
    pub(crate) async fn send_quote(&mut self, claim: pb::Claim) -> Result<pb::QuoteResponse, Status> {
        let request = pb::QuoteRequest { claim: Some(claim) };
        Ok(self.settlements.quote(with_deadline(request)).await?.into_inner())
    }

    /// Settles a claim as it is sent.
    ///
    /// # Errors
    /// The status of the refusal.
    pub(crate) async fn send_settle(&mut self, request: pb::SettleRequest) -> Result<pb::SettleResponse, Status> {
        Ok(self.settlements.settle(with_deadline(request)).await?.into_inner())
    }

    /// Reverses a settlement as it is asked for.
    ///
    /// # Errors
    /// The status of the refusal.
    pub(crate) async fn send_reverse(&mut self, request: pb::ReverseRequest) -> Result<pb::ReverseResponse, Status> {
        Ok(self.settlements.reverse(with_deadline(request)).await?.into_inner())
    }

    /// Settles a claim; `quote_digest` may be empty.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn settle(
        &mut self,
        claim: &RawClaim,
        request_id: &str,
        quote_digest: Vec<u8>,
    ) -> Result<pb::SettleResponse, Status> {
        let claim = Some(to_proto::claim(claim));
        self.send_settle(pb::SettleRequest { claim, request_id: request_id.to_owned(), quote_digest, view: 0 }).await
    }

    /// Settles many claims over one call.
    ///
    /// # Errors
    /// The status if the stream does not begin.
    pub async fn settle_stream(
        &mut self,
        requests: impl Stream<Item = pb::SettleStreamRequest> + Send + 'static,
    ) -> Result<Streaming<pb::SettleStreamResponse>, Status> {
        Ok(self.settlements.settle_stream(requests).await?.into_inner())
    }

    /// Reverses the settlement of a claim.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn reverse(
        &mut self,
        reversal: &RawReversal,
        request_id: &str,
        dry_run: bool,
    ) -> Result<pb::ReverseResponse, Status> {
        let request = pb::ReverseRequest {
            hospital_id: reversal.hospital_id.as_str().to_owned(),
            person_id: reversal.person_id.as_str().to_owned(),
            claim_id: reversal.claim_id.as_str().to_owned(),
            request_id: request_id.to_owned(),
            reason: reversal.reason.clone(),
            readjudicate: reversal.readjudicate,
            dry_run,
        };
        self.send_reverse(request).await
    }

    /// Decides the settlements of a person's benefit year again.
    ///
    /// # Errors
    /// The status of the call.
    pub async fn readjudicate(&mut self, request: pb::ReadjudicateRequest) -> Result<pb::ReadjudicateResponse, Status> {
        Ok(self.settlements.readjudicate(with_deadline(request)).await?.into_inner())
    }

    /// Corrects a claim that is settled.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn correct(
        &mut self,
        correction: &RawCorrection,
        request_id: &str,
        dry_run: bool,
    ) -> Result<pb::CorrectResponse, Status> {
        let request = pb::CorrectRequest {
            claim: Some(to_proto::claim(&correction.claim)),
            request_id: request_id.to_owned(),
            reason: correction.reason.clone(),
            dry_run,
        };
        Ok(self.settlements.correct(with_deadline(request)).await?.into_inner())
    }

    /// The outcome of a request.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn outcome(&mut self, request: pb::GetOutcomeRequest) -> Result<pb::Outcome, Status> {
        Ok(self.settlements.get_outcome(with_deadline(request)).await?.into_inner().outcome.unwrap_or_default())
    }

    /// Fences a request.
    ///
    /// # Errors
    /// The status of the refusal.
    pub async fn fence(&mut self, request: pb::FenceRequest) -> Result<pb::Outcome, Status> {
        Ok(self.settlements.fence(with_deadline(request)).await?.into_inner().outcome.unwrap_or_default())
    }
}
