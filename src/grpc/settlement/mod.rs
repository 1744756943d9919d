//! `SettlementService` over an engine: each call with its permit and its deadline. What a call does is in a file of its own.

mod get_account;
mod get_settlement;
mod outcome;
mod quote;
mod readjudicate;
mod reverse;

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status, Streaming};

use crate::domain::claim::ClaimLimits;
use crate::domain::ids::PersonId;
use crate::engine::{Engine, EngineError};
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
use super::listing;
use super::page::PageTokens;
use super::poverty::PovertyParts;
use super::quote_tokens::QuoteTokens;
use super::report::ReportParts;
use super::reporter::{StoreReporter, report_deadline};
use super::settle::Settler;
use super::stream::{self, SettleAnswers, Streams};

/// The service.
pub struct SettlementHandler<S> {
    engine: Arc<Engine<S>>,
    disclosures: Arc<Disclosures>,
    streams: Streams,
    page_tokens: PageTokens,
    cursors: FeedCursors,
    quotes: QuoteTokens,
    reporter: Arc<StoreReporter<S>>,
}

impl<S: Store> SettlementHandler<S> {
    /// The service over this engine.
    pub fn new(
        engine: Arc<Engine<S>>,
        disclosures: Arc<Disclosures>,
        streams: Streams,
        reporter: Arc<StoreReporter<S>>,
    ) -> Self {
        let (page_tokens, cursors) = (PageTokens::new(engine.store()), FeedCursors::new(engine.store()));
        let quotes = QuoteTokens::new(engine.store());
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

    /// Runs to its end what may commit, holding the permit until then, and records what the answer discloses unless it was
    /// journaled.
    async fn commit_and_log<T: Send + 'static>(
        &self,
        permitted: Permitted,
        deadline: Duration,
        person_id: Option<&PersonId>,
        work: impl Future<Output = Result<T, EngineError>> + Send + 'static,
        is_journaled: impl FnOnce(&T) -> bool,
    ) -> Result<T, CallError> {
        let permit = permitted.clone();
        let work = async move {
            let _held_until_done = permit;
            work.await
        };
        let answer = run_to_completion(deadline, work).await;
        self.disclosures.log_unless_committed(&permitted, self.engine.store(), person_id, answer, is_journaled)
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
    async fn quote(&self, request: Request<encoded::QuoteRequest>) -> Result<Response<encoded::QuoteResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(within_deadline(deadline, self.handle_quote(&permitted, request.into_inner())).await)
    }

    async fn settle(
        &self,
        request: Request<encoded::SettleRequest>,
    ) -> Result<Response<encoded::SettleResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(self.settler().settle(&permitted.clone(), request.into_inner(), deadline, permitted).await)
    }

    type SettleStreamStream = SettleAnswers;

    async fn settle_stream(
        &self,
        request: Request<Streaming<encoded::SettleStreamRequest>>,
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
        request: Request<encoded::CorrectRequest>,
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
        let (engine, disclosures, tokens) = (&self.engine, &self.disclosures, &self.page_tokens);
        let list = listing::list_settlements(engine, disclosures, tokens, &permitted, request.into_inner());
        to_response(within_deadline(deadline, list).await)
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
        let (permitted, deadline) = (Permitted::from_message(&request)?, report_deadline(&request));
        to_response(Arc::clone(&self.reporter).report(permitted, deadline, request.into_inner()).await)
    }

    type ReportPovertyStream = PovertyParts;

    async fn report_poverty(
        &self,
        request: Request<pb::ReportPovertyRequest>,
    ) -> Result<Response<PovertyParts>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, report_deadline(&request));
        to_response(Arc::clone(&self.reporter).report_poverty(permitted, deadline, request.into_inner()).await)
    }

    async fn get_account(
        &self,
        request: Request<pb::GetAccountRequest>,
    ) -> Result<Response<pb::GetAccountResponse>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, self.deadline(&request));
        to_response(within_deadline(deadline, self.handle_get_account(&permitted, request.into_inner())).await)
    }
}
