//! `SettlementService` over an engine.

use std::path::PathBuf;
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
use crate::engine::quote::QuoteAnswer;
use crate::engine::read::SettlementView;
use crate::engine::retroactive::ReadjudicateOutcome;
use crate::engine::reverse::ReverseOutcome;
use crate::engine::{Engine, EngineError};
use crate::journal::answer;
use crate::pb::encoded::{self, settlement_service_server::SettlementService};
use crate::pb::settlement as pb;

use crate::store::Store;
use crate::telemetry::Metrics;

use super::authorize::Permitted;
use super::deadline::{self, run_to_completion, within_deadline};
use super::disclosures::Disclosures;
use super::error::CallError;
use super::feed::{FeedReader, WatchedEntries};
use super::feed_cursor::FeedCursors;
use super::page::PageTokens;
use super::quote_tokens::QuoteTokens;
use super::report::{ReportParts, Reporter};
use super::reversals::{reversal, revision};
use super::settle::Settler;
use super::stream::{self, SettleAnswers, Streams};
use super::view::View;
use super::{commit_stamp, from_proto, listing, outcomes, reversals, to_proto};

/// The service.
pub struct SettlementHandler<S> {
    engine: Arc<Engine<S>>,
    disclosures: Arc<Disclosures>,
    streams: Streams,
    page_tokens: PageTokens,
    cursors: FeedCursors,
    quotes: QuoteTokens,
    reporter: Arc<Reporter<S>>,
}

impl<S: Store> SettlementHandler<S> {
    /// The service over this engine; what is read for reports is kept in the directory, if one is given.
    pub fn new(
        engine: Arc<Engine<S>>,
        disclosures: Arc<Disclosures>,
        streams: Streams,
        report_cache: Option<PathBuf>,
    ) -> Self {
        let (page_tokens, cursors) = (PageTokens::new(engine.store()), FeedCursors::new(engine.store()));
        let quotes = QuoteTokens::new(engine.store());
        let reporter =
            Reporter::new(Arc::clone(&engine), Arc::clone(&disclosures), report_cache, streams.shutdown.clone());
        let reporter = Arc::new(reporter);
        SettlementHandler { engine, disclosures, streams, page_tokens, cursors, quotes, reporter }
    }

    fn metrics(&self) -> &Arc<Metrics> {
        &self.streams.authorizer.metrics
    }

    fn limits(&self) -> &ClaimLimits {
        &self.engine.settings().limits
    }

    fn settler(&self) -> Settler<S> {
        let (engine, disclosures) = (Arc::clone(&self.engine), Arc::clone(&self.disclosures));
        Settler { engine, disclosures, quotes: self.quotes.clone(), metrics: Arc::clone(self.metrics()) }
    }

    fn feed_reader(&self) -> FeedReader<S> {
        let (engine, disclosures) = (Arc::clone(&self.engine), Arc::clone(&self.disclosures));
        FeedReader { engine, disclosures, cursors: self.cursors.clone() }
    }

    fn person_id(&self, text: &str) -> Option<PersonId> {
        PersonId::parse(text, self.limits().id_bytes).ok()
    }

    fn deadline<T>(&self, request: &Request<T>) -> Duration {
        let permitted = request.extensions().get::<Permitted>();
        permitted.map_or(self.streams.max_duration, |permitted| deadline::remaining(permitted.deadline))
    }
}

fn to_response<T>(answer: Result<T, CallError>) -> Result<Response<T>, Status> {
    Ok(Response::new(answer?))
}

#[tonic::async_trait]
impl<S: Store> SettlementService for SettlementHandler<S> {
    async fn quote(&self, request: Request<pb::QuoteRequest>) -> Result<Response<encoded::QuoteResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(within_deadline(deadline, self.handle_quote(&permitted, request.into_inner())).await)
    }

    async fn settle(&self, request: Request<pb::SettleRequest>) -> Result<Response<encoded::SettleResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(self.settler().settle(&permitted.clone(), request.into_inner(), deadline, permitted).await)
    }

    type SettleStreamStream = SettleAnswers;

    async fn settle_stream(
        &self,
        request: Request<Streaming<pb::SettleStreamRequest>>,
    ) -> Result<Response<SettleAnswers>, Status> {
        let permitted = Permitted::from_request(&request)?;
        Ok(Response::new(stream::settle_stream(self.settler(), permitted, &self.streams, request.into_inner())))
    }

    async fn reverse(&self, request: Request<pb::ReverseRequest>) -> Result<Response<pb::ReverseResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(self.handle_reverse(permitted, deadline, request.into_inner()).await)
    }

    async fn correct(
        &self,
        request: Request<pb::CorrectRequest>,
    ) -> Result<Response<encoded::CorrectResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(self.handle_correct(permitted, deadline, request.into_inner()).await)
    }

    async fn readjudicate(
        &self,
        request: Request<pb::ReadjudicateRequest>,
    ) -> Result<Response<pb::ReadjudicateResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(self.handle_readjudicate(permitted, deadline, request.into_inner()).await)
    }

    async fn get_outcome(
        &self,
        request: Request<pb::GetOutcomeRequest>,
    ) -> Result<Response<encoded::GetOutcomeResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(within_deadline(deadline, self.handle_get_outcome(&permitted, request.into_inner())).await)
    }

    async fn fence(&self, request: Request<pb::FenceRequest>) -> Result<Response<encoded::FenceResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(self.handle_fence(permitted, deadline, request.into_inner()).await)
    }

    async fn get_settlement(
        &self,
        request: Request<pb::GetSettlementRequest>,
    ) -> Result<Response<encoded::GetSettlementResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(within_deadline(deadline, self.handle_get_settlement(&permitted, request.into_inner())).await)
    }

    async fn list_settlements(
        &self,
        request: Request<pb::ListSettlementsRequest>,
    ) -> Result<Response<encoded::ListSettlementsResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(within_deadline(deadline, self.handle_list_settlements(&permitted, request.into_inner())).await)
    }

    async fn list_entries(
        &self,
        request: Request<pb::ListEntriesRequest>,
    ) -> Result<Response<pb::ListEntriesResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(within_deadline(deadline, self.feed_reader().list(&permitted, request.into_inner())).await)
    }

    type WatchEntriesStream = WatchedEntries;

    async fn watch_entries(
        &self,
        request: Request<pb::WatchEntriesRequest>,
    ) -> Result<Response<WatchedEntries>, Status> {
        let (permitted, streams) = (Permitted::from_message(&request)?, &self.streams);
        let (authorizer, shutdown) = (Arc::clone(&streams.authorizer), streams.shutdown.clone());
        to_response(self.feed_reader().watch(permitted, &request.into_inner(), authorizer, shutdown))
    }

    type ReportStream = ReportParts;

    async fn report(&self, request: Request<pb::ReportRequest>) -> Result<Response<ReportParts>, Status> {
        let permitted = Permitted::from_message(&request)?;
        to_response(Arc::clone(&self.reporter).report(permitted, request.into_inner()).await)
    }

    async fn get_account(
        &self,
        request: Request<pb::GetAccountRequest>,
    ) -> Result<Response<pb::GetAccountResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(within_deadline(deadline, self.handle_get_account(&permitted, request.into_inner())).await)
    }
}

impl<S: Store> SettlementHandler<S> {
    async fn handle_quote(
        &self,
        permitted: &Permitted,
        request: pb::QuoteRequest,
    ) -> Result<encoded::QuoteResponse, CallError> {
        let (claim, received) = from_proto::received_claim(request.claim)?;
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

    async fn handle_reverse(
        &self,
        permitted: Permitted,
        deadline: Duration,
        message: pb::ReverseRequest,
    ) -> Result<pb::ReverseResponse, CallError> {
        permitted.caller.authorize_settlements_of(&message.hospital_id)?;
        let request = reversals::reverse_request(message);
        let (dry_run, engine) = (request.dry_run, Arc::clone(&self.engine));
        let person_id = self.person_id(&request.reversal.person_id);
        let (stamp, permit) = (commit_stamp::for_person(&request.reversal.person_id), permitted.clone());
        let work = async move {
            let _held_until_done = permit;
            engine.reverse(request, stamp).await
        };
        let (store, reversed) = (self.engine.store(), run_to_completion(deadline, work).await);
        let is_new = |reversed: &ReverseOutcome| !dry_run && !reversed.replay;
        let reversed =
            self.disclosures.log_unless_committed(&permitted, store, person_id.as_ref(), reversed, is_new)?;
        if !dry_run {
            outcomes::count_reversed(self.metrics(), &reversed);
        }
        Ok(reversals::reverse_response(&reversed, dry_run))
    }

    async fn handle_correct(
        &self,
        permitted: Permitted,
        deadline: Duration,
        message: pb::CorrectRequest,
    ) -> Result<encoded::CorrectResponse, CallError> {
        let request = reversals::correct_request(message)?;
        let claim = &request.correction.claim;
        permitted.caller.authorize_claims_of(&claim.hospital_id)?;
        let (person_id, stamp) = (self.person_id(&claim.person_id), commit_stamp::for_person(&claim.person_id));
        let (dry_run, engine, permit) = (request.dry_run, Arc::clone(&self.engine), permitted.clone());
        let work = async move {
            let _held_until_done = permit;
            engine.correct(request, stamp).await
        };
        let (store, corrected) = (self.engine.store(), run_to_completion(deadline, work).await);
        let is_new = |corrected: &CorrectOutcome| !dry_run && !corrected.replay;
        let corrected =
            self.disclosures.log_unless_committed(&permitted, store, person_id.as_ref(), corrected, is_new)?;
        if !dry_run {
            outcomes::count_corrected(self.metrics(), &corrected);
        }
        Ok(reversals::correct_response(&corrected, dry_run))
    }

    async fn handle_readjudicate(
        &self,
        permitted: Permitted,
        deadline: Duration,
        message: pb::ReadjudicateRequest,
    ) -> Result<pb::ReadjudicateResponse, CallError> {
        let request = reversals::readjudicate_request(message);
        let (person_id, stamp) = (self.person_id(&request.person_id), commit_stamp::for_person(&request.person_id));
        let (dry_run, engine, permit) = (request.dry_run, Arc::clone(&self.engine), permitted.clone());
        let work = async move {
            let _held_until_done = permit;
            engine.readjudicate_year(request, stamp).await
        };
        let (store, run) = (self.engine.store(), run_to_completion(deadline, work).await);
        let is_new = |run: &ReadjudicateOutcome| !dry_run && !run.replay && !run.revisions.is_empty();
        let run = self.disclosures.log_unless_committed(&permitted, store, person_id.as_ref(), run, is_new)?;
        if !dry_run {
            outcomes::count_readjudicated(self.metrics(), &run);
        }
        Ok(reversals::readjudicate_response(&run, dry_run))
    }

    async fn handle_get_outcome(
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

    async fn handle_fence(
        &self,
        permitted: Permitted,
        deadline: Duration,
        request: pb::FenceRequest,
    ) -> Result<encoded::FenceResponse, CallError> {
        permitted.caller.authorize_fences_of(&request.hospital_id)?;
        let pb::FenceRequest { hospital_id, person_id, request_id, of_readjudicate } = request;
        let name = from_proto::request_name((hospital_id, of_readjudicate), person_id, request_id, self.limits())?;
        let (engine, permit, person_id) = (Arc::clone(&self.engine), permitted.clone(), name.person_id.clone());
        let stamp = commit_stamp::for_person(name.person_id.as_str());
        let work = async move {
            let _held_until_done = permit;
            engine.fence(&name, stamp).await
        };
        let (store, fenced) = (self.engine.store(), run_to_completion(deadline, work).await);
        let is_fenced = |outcome: &Outcome| matches!(outcome, Outcome::Fenced);
        let found = self.disclosures.log_unless_committed(&permitted, store, Some(&person_id), fenced, is_fenced)?;
        Ok(encoded::FenceResponse { outcome: Some(outcome_message(found)) })
    }

    async fn handle_list_settlements(
        &self,
        permitted: &Permitted,
        request: pb::ListSettlementsRequest,
    ) -> Result<encoded::ListSettlementsResponse, CallError> {
        listing::list_settlements(&self.engine, &self.disclosures, &self.page_tokens, permitted, request).await
    }

    async fn handle_get_settlement(
        &self,
        permitted: &Permitted,
        request: pb::GetSettlementRequest,
    ) -> Result<encoded::GetSettlementResponse, CallError> {
        let view = View::from_request(request.view)?;
        let found = self.find_settlement(permitted, request).await?;
        let first = &found.settlement.body.split;
        let claim = || to_proto::claim(&(&found.settlement.body.claim).into());
        Ok(encoded::GetSettlementResponse {
            settlement: view.settlement(&found.answer),
            reversal: found.reversal.as_ref().map(reversal),
            revisions: found.revisions.iter().map(|entry| revision(entry, first, view)).collect(),
            claim: view.is_full().then(claim),
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
        let id = EntryId::parse(&settlement_id).ok_or_else(|| CallError::from(EngineError::NotFound))?;
        let view = self.engine.settlement(id).await?;
        let claim = &view.settlement.body.claim;
        permitted.caller.authorize_settlements_of(claim.hospital_id.as_str())?;
        self.disclosures.log_read(permitted, self.engine.store(), [&claim.person_id])?;
        Ok(view)
    }

    /// A claimant sees the account of a person whom it treats: with a settlement of its own that stands, or whom
    /// it asked a quote for lately.
    async fn handle_get_account(
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
