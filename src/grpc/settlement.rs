//! `SettlementService` over an engine.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status, Streaming};

use crate::domain::claim::ClaimLimits;
use crate::domain::day::Day;
use crate::domain::fault::FaultReason;
use crate::domain::ids::{AccountKey, EntryId, PersonId};
use crate::engine::account::AccountName;
use crate::engine::fence::Outcome;
use crate::engine::read::SettlementView;
use crate::engine::{Engine, EngineError};
use crate::store::Store;

use super::authorize::Permitted;
use super::deadline::{self, in_time, to_its_end};
use super::error::CallError;
use super::page::PageTokens;
use super::pb::settlement as pb;
use super::pb::settlement::settlement_service_server::SettlementService;
use super::reads::Reads;
use super::reversals::{reversal, revision};
use super::stream::{self, Answers, Streams};
use super::{commit_stamp, from_proto, listing, reversals, settle, to_proto};

/// The service.
pub struct Settlements<S> {
    engine: Arc<Engine<S>>,
    reads: Arc<Reads>,
    streams: Streams,
    page_tokens: PageTokens,
}

impl<S: Store> Settlements<S> {
    /// The service over this engine.
    pub fn new(engine: Arc<Engine<S>>, reads: Arc<Reads>, streams: Streams) -> Self {
        let page_tokens = PageTokens::new(engine.store());
        Settlements { engine, reads, streams, page_tokens }
    }

    fn limits(&self) -> &ClaimLimits {
        &self.engine.settings().limits
    }

    fn deadline<T>(&self, request: &Request<T>) -> Duration {
        deadline::for_call(request.metadata(), self.streams.max_duration)
    }
}

fn answered<T>(answer: Result<T, CallError>) -> Result<Response<T>, Status> {
    Ok(Response::new(answer?))
}

#[tonic::async_trait]
impl<S: Store> SettlementService for Settlements<S> {
    async fn quote(&self, request: Request<pb::QuoteRequest>) -> Result<Response<pb::QuoteResponse>, Status> {
        let (by, deadline) = (Permitted::of(&request)?, self.deadline(&request));
        answered(in_time(deadline, self.quoted(&by, request.into_inner())).await)
    }

    async fn settle(&self, request: Request<pb::SettleRequest>) -> Result<Response<pb::SettleResponse>, Status> {
        let (by, deadline) = (Permitted::of(&request)?, self.deadline(&request));
        let caller = Arc::clone(&by.caller);
        answered(settle::settle(Arc::clone(&self.engine), &caller, request.into_inner(), deadline, by).await)
    }

    type SettleStreamStream = Answers;

    async fn settle_stream(
        &self,
        request: Request<Streaming<pb::SettleStreamRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let by = Permitted::of(&request)?;
        Ok(Response::new(stream::answers(Arc::clone(&self.engine), by, &self.streams, request.into_inner())))
    }

    async fn reverse(&self, request: Request<pb::ReverseRequest>) -> Result<Response<pb::ReverseResponse>, Status> {
        let (by, deadline) = (Permitted::of(&request)?, self.deadline(&request));
        answered(self.reversed(by, deadline, request.into_inner()).await)
    }

    async fn get_outcome(
        &self,
        request: Request<pb::GetOutcomeRequest>,
    ) -> Result<Response<pb::GetOutcomeResponse>, Status> {
        let (by, deadline) = (Permitted::of(&request)?, self.deadline(&request));
        answered(in_time(deadline, self.outcome(&by, request.into_inner())).await)
    }

    async fn fence(&self, request: Request<pb::FenceRequest>) -> Result<Response<pb::FenceResponse>, Status> {
        let (by, deadline) = (Permitted::of(&request)?, self.deadline(&request));
        answered(self.fenced(by, deadline, request.into_inner()).await)
    }

    async fn get_settlement(
        &self,
        request: Request<pb::GetSettlementRequest>,
    ) -> Result<Response<pb::GetSettlementResponse>, Status> {
        let (by, deadline) = (Permitted::of(&request)?, self.deadline(&request));
        answered(in_time(deadline, self.settlement(&by, request.into_inner())).await)
    }

    async fn list_settlements(
        &self,
        request: Request<pb::ListSettlementsRequest>,
    ) -> Result<Response<pb::ListSettlementsResponse>, Status> {
        let (by, deadline) = (Permitted::of(&request)?, self.deadline(&request));
        answered(in_time(deadline, self.listed(&by, request.into_inner())).await)
    }

    async fn get_account(
        &self,
        request: Request<pb::GetAccountRequest>,
    ) -> Result<Response<pb::GetAccountResponse>, Status> {
        let (by, deadline) = (Permitted::of(&request)?, self.deadline(&request));
        answered(in_time(deadline, self.account(&by, request.into_inner())).await)
    }
}

impl<S: Store> Settlements<S> {
    async fn quoted(&self, by: &Permitted, asked: pb::QuoteRequest) -> Result<pb::QuoteResponse, CallError> {
        let claim = from_proto::claim(asked.claim)?;
        by.caller.authorize_claims_of(claim.hospital_id.as_str())?;
        let quote = self.engine.quote(claim).await?;
        self.reads.note(by, self.engine.store(), [&quote.keys.person_id])?;
        self.reads.quoted(quote.keys.hospital_id.as_str(), &quote.keys.person_id, self.engine.store());
        let (split, quote_digest) = (Some(to_proto::split(&quote.split)), to_proto::digest(quote.digest));
        Ok(pb::QuoteResponse { split, quote_digest })
    }

    async fn reversed(
        &self,
        by: Permitted,
        deadline: Duration,
        message: pb::ReverseRequest,
    ) -> Result<pb::ReverseResponse, CallError> {
        by.caller.authorize_view_of(&message.hospital_id)?;
        let request = reversals::request(message);
        let (dry_run, engine) = (request.dry_run, Arc::clone(&self.engine));
        let stamp = commit_stamp::for_person(&request.reversal.person_id);
        let work = async move {
            let _held_until_done = by;
            engine.reverse(request, stamp).await
        };
        Ok(reversals::response(&to_its_end(deadline, work).await?, dry_run))
    }

    async fn outcome(&self, by: &Permitted, asked: pb::GetOutcomeRequest) -> Result<pb::GetOutcomeResponse, CallError> {
        by.caller.authorize_view_of(&asked.hospital_id)?;
        let pb::GetOutcomeRequest { hospital_id, person_id, request_id } = asked;
        let name = from_proto::request_name(hospital_id, person_id, request_id, self.limits())?;
        let found = self.engine.outcome(&name).await?;
        self.reads.note(by, self.engine.store(), [&name.person_id])?;
        Ok(pb::GetOutcomeResponse { outcome: Some(outcome(found)) })
    }

    async fn fenced(
        &self,
        by: Permitted,
        deadline: Duration,
        asked: pb::FenceRequest,
    ) -> Result<pb::FenceResponse, CallError> {
        by.caller.authorize_claims_of(&asked.hospital_id)?;
        let pb::FenceRequest { hospital_id, person_id, request_id } = asked;
        let name = from_proto::request_name(hospital_id, person_id, request_id, self.limits())?;
        let engine = Arc::clone(&self.engine);
        let stamp = commit_stamp::for_person(name.person_id.as_str());
        let work = async move {
            let _held_until_done = by;
            engine.fence(&name, stamp).await
        };
        Ok(pb::FenceResponse { outcome: Some(outcome(to_its_end(deadline, work).await?)) })
    }

    async fn listed(
        &self,
        by: &Permitted,
        request: pb::ListSettlementsRequest,
    ) -> Result<pb::ListSettlementsResponse, CallError> {
        listing::list(&self.engine, &self.reads, &self.page_tokens, by, request).await
    }

    async fn settlement(
        &self,
        by: &Permitted,
        asked: pb::GetSettlementRequest,
    ) -> Result<pb::GetSettlementResponse, CallError> {
        let view = self.find(by, asked).await?;
        let settled = &view.settlement.body;
        by.caller.authorize_view_of(settled.claim.hospital_id.as_str())?;
        self.reads.note(by, self.engine.store(), [&settled.claim.person_id])?;
        Ok(pb::GetSettlementResponse {
            settlement: Some(to_proto::settlement(&view.settlement)),
            reversal: view.reversal.as_ref().map(reversal),
            revisions: view.revisions.iter().map(revision).collect(),
            claim: Some(to_proto::claim(&(&settled.claim).into())),
        })
    }

    async fn find(&self, by: &Permitted, asked: pb::GetSettlementRequest) -> Result<SettlementView, CallError> {
        let pb::GetSettlementRequest { settlement_id, hospital_id, person_id, claim_id } = asked;
        if settlement_id.is_empty() {
            by.caller.authorize_view_of(&hospital_id)?;
            let keys = from_proto::claim_keys(hospital_id, person_id, claim_id, self.limits())?;
            return Ok(self.engine.settlement_of_claim(&keys).await?);
        }
        let id = EntryId::parse(&settlement_id).ok_or_else(|| CallError::from(EngineError::NotFound))?;
        Ok(self.engine.settlement(id).await?)
    }

    /// A claimant sees the account of a person whom it treats: with a settlement of its own that stands, or whom
    /// it asked a quote for lately.
    async fn account(&self, by: &Permitted, asked: pb::GetAccountRequest) -> Result<pb::GetAccountResponse, CallError> {
        let name = account_name(asked, self.limits())?;
        let (caller, store) = (&by.caller, self.engine.store());
        let treats = caller.views_every_hospital()
            || self.reads.has_quoted(by, &name.person_id, store)
            || self.engine.has_live_claim(&name.person_id, &caller.hospitals).await?;
        if !treats {
            return Err(CallError::from(EngineError::NotFound));
        }
        let view = self.engine.account(&name).await?;
        self.reads.note(by, store, [&name.person_id])?;
        Ok(to_proto::account(&view))
    }
}

fn account_name(asked: pb::GetAccountRequest, limits: &ClaimLimits) -> Result<AccountName, CallError> {
    let person_id = from_proto::id("person_id", asked.person_id, PersonId::parse, limits)?;
    let on = asked.on.map(|on| Day::new(on.year, on.month, on.day)).transpose();
    let on = on.map_err(|no| CallError::invalid_field("on", FaultReason::NotADay, no.to_string()))?;
    let key = AccountKey { insurance: asked.insurance.into(), year: asked.year };
    Ok(AccountName { person_id, key, on })
}

fn outcome(found: Outcome) -> pb::Outcome {
    use pb::outcome::Outcome as Message;
    let message = match found {
        Outcome::NotSeen => Message::NotSeen(pb::NotSeen {}),
        Outcome::Fenced => Message::Fenced(pb::Fenced {}),
        Outcome::Settled(settlement) => Message::Committed(to_proto::settlement(&settlement)),
        Outcome::Reversed(entry) => Message::Reversed(reversal(&entry)),
    };
    pb::Outcome { outcome: Some(message) }
}
