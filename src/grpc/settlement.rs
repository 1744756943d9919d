//! `SettlementService` over an engine.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status, Streaming};

use crate::access::AccessError;
use crate::domain::claim::ClaimLimits;
use crate::domain::day::Day;
use crate::domain::fault::FaultReason;
use crate::domain::ids::{AccountKey, EntryId, PersonId};
use crate::engine::account::AccountName;
use crate::engine::correct::CorrectOutcome;
use crate::engine::fence::Outcome;
use crate::engine::read::SettlementView;
use crate::engine::reverse::ReverseOutcome;
use crate::engine::{Engine, EngineError};
use crate::store::Store;

use super::authorize::Permitted;
use super::deadline::{self, in_time, to_its_end};
use super::disclosures::Disclosures;
use super::error::CallError;
use super::page::PageTokens;
use super::pb::settlement as pb;
use super::pb::settlement::settlement_service_server::SettlementService;
use super::quote_tokens::QuoteTokens;
use super::reversals::{reversal, revision};
use super::settle::Settler;
use super::stream::{self, Answers, Streams};
use super::{commit_stamp, from_proto, listing, reversals, to_proto};

/// The service.
pub struct Settlements<S> {
    engine: Arc<Engine<S>>,
    disclosures: Arc<Disclosures>,
    streams: Streams,
    page_tokens: PageTokens,
    quotes: QuoteTokens,
}

impl<S: Store> Settlements<S> {
    /// The service over this engine.
    pub fn new(engine: Arc<Engine<S>>, disclosures: Arc<Disclosures>, streams: Streams) -> Self {
        let (page_tokens, quotes) = (PageTokens::new(engine.store()), QuoteTokens::new(engine.store()));
        Settlements { engine, disclosures, streams, page_tokens, quotes }
    }

    fn limits(&self) -> &ClaimLimits {
        &self.engine.settings().limits
    }

    fn settler(&self) -> Settler<S> {
        let (engine, disclosures) = (Arc::clone(&self.engine), Arc::clone(&self.disclosures));
        Settler { engine, disclosures, quotes: self.quotes.clone() }
    }

    fn person_id(&self, text: &str) -> Option<PersonId> {
        PersonId::parse(text, self.limits().id_bytes).ok()
    }

    fn deadline<T>(&self, request: &Request<T>) -> Duration {
        let permitted = request.extensions().get::<Permitted>();
        permitted.map_or(self.streams.max_duration, |permitted| deadline::remaining(permitted.deadline))
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
        answered(self.settler().settle(&by.clone(), request.into_inner(), deadline, by).await)
    }

    type SettleStreamStream = Answers;

    async fn settle_stream(
        &self,
        request: Request<Streaming<pb::SettleStreamRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let by = Permitted::of(&request)?;
        Ok(Response::new(stream::answers(self.settler(), by, &self.streams, request.into_inner())))
    }

    async fn reverse(&self, request: Request<pb::ReverseRequest>) -> Result<Response<pb::ReverseResponse>, Status> {
        let (by, deadline) = (Permitted::of(&request)?, self.deadline(&request));
        answered(self.reversed(by, deadline, request.into_inner()).await)
    }

    async fn correct(&self, request: Request<pb::CorrectRequest>) -> Result<Response<pb::CorrectResponse>, Status> {
        let (by, deadline) = (Permitted::of(&request)?, self.deadline(&request));
        answered(self.corrected(by, deadline, request.into_inner()).await)
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
        let (store, person_id) = (self.engine.store(), self.person_id(&claim.person_id));
        let quote = self.engine.quote(claim, commit_stamp::today()).await.map_err(CallError::from);
        let quote = self.disclosures.read(by, store, person_id.as_ref(), quote)?;
        self.disclosures.record_quote(quote.keys.hospital_id.as_str(), &quote.keys.person_id, store);
        let quote_digest = self.quotes.token(&by.caller, quote.content, quote.digest)?;
        let notices = to_proto::notices(&quote.notices);
        Ok(pb::QuoteResponse { split: Some(to_proto::split(&quote.split)), quote_digest, notices })
    }

    async fn reversed(
        &self,
        by: Permitted,
        deadline: Duration,
        message: pb::ReverseRequest,
    ) -> Result<pb::ReverseResponse, CallError> {
        by.caller.authorize_settlements_of(&message.hospital_id)?;
        let request = reversals::request(message);
        let (dry_run, engine) = (request.dry_run, Arc::clone(&self.engine));
        let person_id = self.person_id(&request.reversal.person_id);
        let (stamp, permit) = (commit_stamp::for_person(&request.reversal.person_id), by.clone());
        let work = async move {
            let _held_until_done = permit;
            engine.reverse(request, stamp).await
        };
        let (store, reversed) = (self.engine.store(), to_its_end(deadline, work).await);
        let is_new = |reversed: &ReverseOutcome| !dry_run && !reversed.replay;
        let reversed = self.disclosures.read_or_commit(&by, store, person_id.as_ref(), reversed, is_new)?;
        Ok(reversals::response(&reversed, dry_run))
    }

    async fn corrected(
        &self,
        by: Permitted,
        deadline: Duration,
        message: pb::CorrectRequest,
    ) -> Result<pb::CorrectResponse, CallError> {
        let request = reversals::correct_request(message)?;
        let claim = &request.correction.claim;
        by.caller.authorize_claims_of(&claim.hospital_id)?;
        let (person_id, stamp) = (self.person_id(&claim.person_id), commit_stamp::for_person(&claim.person_id));
        let (dry_run, engine, permit) = (request.dry_run, Arc::clone(&self.engine), by.clone());
        let work = async move {
            let _held_until_done = permit;
            engine.correct(request, stamp).await
        };
        let (store, corrected) = (self.engine.store(), to_its_end(deadline, work).await);
        let is_new = |corrected: &CorrectOutcome| !dry_run && !corrected.replay;
        let corrected = self.disclosures.read_or_commit(&by, store, person_id.as_ref(), corrected, is_new)?;
        Ok(reversals::correct_response(&corrected, dry_run))
    }

    async fn outcome(&self, by: &Permitted, asked: pb::GetOutcomeRequest) -> Result<pb::GetOutcomeResponse, CallError> {
        by.caller.authorize_settlements_of(&asked.hospital_id)?;
        let pb::GetOutcomeRequest { hospital_id, person_id, request_id } = asked;
        let name = from_proto::request_name(hospital_id, person_id, request_id, self.limits())?;
        let found = self.engine.outcome(&name).await.map_err(CallError::from);
        let found = self.disclosures.read(by, self.engine.store(), Some(&name.person_id), found)?;
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
        let (engine, permit, person_id) = (Arc::clone(&self.engine), by.clone(), name.person_id.clone());
        let stamp = commit_stamp::for_person(name.person_id.as_str());
        let work = async move {
            let _held_until_done = permit;
            engine.fence(&name, stamp).await
        };
        let (store, fenced) = (self.engine.store(), to_its_end(deadline, work).await);
        let is_fenced = |outcome: &Outcome| matches!(outcome, Outcome::Fenced);
        let found = self.disclosures.read_or_commit(&by, store, Some(&person_id), fenced, is_fenced)?;
        Ok(pb::FenceResponse { outcome: Some(outcome(found)) })
    }

    async fn listed(
        &self,
        by: &Permitted,
        request: pb::ListSettlementsRequest,
    ) -> Result<pb::ListSettlementsResponse, CallError> {
        listing::list(&self.engine, &self.disclosures, &self.page_tokens, by, request).await
    }

    async fn settlement(
        &self,
        by: &Permitted,
        asked: pb::GetSettlementRequest,
    ) -> Result<pb::GetSettlementResponse, CallError> {
        let view = self.find(by, asked).await?;
        Ok(pb::GetSettlementResponse {
            settlement: Some(to_proto::settlement(&view.settlement)),
            reversal: view.reversal.as_ref().map(reversal),
            revisions: view.revisions.iter().map(revision).collect(),
            claim: Some(to_proto::claim(&(&view.settlement.body.claim).into())),
        })
    }

    /// The settlement that is requested, after the read of it was recorded.
    async fn find(&self, by: &Permitted, asked: pb::GetSettlementRequest) -> Result<SettlementView, CallError> {
        let pb::GetSettlementRequest { settlement_id, hospital_id, person_id, claim_id } = asked;
        if settlement_id.is_empty() {
            by.caller.authorize_settlements_of(&hospital_id)?;
            let keys = from_proto::claim_keys(hospital_id, person_id, claim_id, self.limits())?;
            let found = self.engine.settlement_of_claim(&keys).await.map_err(CallError::from);
            return self.disclosures.read(by, self.engine.store(), Some(&keys.person_id), found);
        }
        let id = EntryId::parse(&settlement_id).ok_or_else(|| CallError::from(EngineError::NotFound))?;
        let view = self.engine.settlement(id).await?;
        let claim = &view.settlement.body.claim;
        by.caller.authorize_settlements_of(claim.hospital_id.as_str())?;
        self.disclosures.record_read(by, self.engine.store(), [&claim.person_id])?;
        Ok(view)
    }

    /// A claimant sees the account of a person whom it treats: with a settlement of its own that stands, or whom
    /// it asked a quote for lately.
    async fn account(&self, by: &Permitted, asked: pb::GetAccountRequest) -> Result<pb::GetAccountResponse, CallError> {
        let name = account_name(asked, self.limits())?;
        let (caller, store) = (&by.caller, self.engine.store());
        let treats = caller.views_every_hospital()
            || self.disclosures.has_quoted(by, &name.person_id, store)
            || self.engine.has_live_claim(&name.person_id, &caller.hospitals).await?;
        if !treats {
            return Err(AccessError::NotVisible.into());
        }
        let view = self.engine.account(&name).await.map_err(CallError::from);
        let view = self.disclosures.read(by, store, Some(&name.person_id), view)?;
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
