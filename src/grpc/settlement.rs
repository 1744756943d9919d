//! `SettlementService` over an engine.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Response, Status, Streaming};

use crate::domain::day::Day;
use crate::domain::fault::{Fault, FaultReason};
use crate::domain::ids::{AccountKey, EntryId};
use crate::domain::journal::{Deed, Entry};
use crate::domain::refusal::{Reason, Refusal};
use crate::engine::Engine;
use crate::engine::account::AccountName;
use crate::engine::fence::{Outcome, RequestName};
use crate::engine::read::SettlementView;
use crate::store::Store;

use super::deadline::{self, to_its_end};
use super::pb::settlement as pb;
use super::pb::settlement::settlement_service_server::SettlementService;
use super::reversals::{reversal, revision, unexpected};
use super::stream::{self, Answers, Streams};
use super::{from_proto, listing, reversals, stamp, status, to_proto};

/// The service.
pub struct Settlements<S> {
    engine: Arc<Engine<S>>,
    in_flight: Arc<Semaphore>,
    streams: Streams,
}

impl<S: Store> Settlements<S> {
    /// The service over this engine; calls beyond `in_flight` are shed before any work.
    pub fn new(engine: Arc<Engine<S>>, in_flight: Arc<Semaphore>, streams: Streams) -> Self {
        Settlements { engine, in_flight, streams }
    }
}

/// Takes a place among the calls in flight.
///
/// # Errors
/// `RESOURCE_EXHAUSTED` with RetryInfo if there is none.
pub fn enter(in_flight: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Status> {
    let permit = Arc::clone(in_flight).try_acquire_owned();
    permit.map_err(|_full| status::of(&Refusal::because(Reason::Overloaded)))
}

fn refused(refusal: Refusal) -> Status {
    status::of(&refusal)
}

#[tonic::async_trait]
impl<S: Store> SettlementService for Settlements<S> {
    async fn quote(&self, request: Request<pb::QuoteRequest>) -> Result<Response<pb::QuoteResponse>, Status> {
        let _place = enter(&self.in_flight)?;
        let claim = from_proto::claim(request.into_inner().claim).map_err(refused)?;
        let quote = self.engine.quote(claim).await.map_err(refused)?;
        Ok(Response::new(pb::QuoteResponse {
            split: Some(to_proto::split(&quote.split)),
            quote_digest: to_proto::digest(quote.digest),
        }))
    }

    async fn settle(&self, request: Request<pb::SettleRequest>) -> Result<Response<pb::SettleResponse>, Status> {
        let place = enter(&self.in_flight)?;
        let deadline = deadline::of(request.metadata());
        let pb::SettleRequest { claim, request_id, quote_digest } = request.into_inner();
        let told = from_proto::settle(claim, request_id, quote_digest).map_err(refused)?;
        let engine = Arc::clone(&self.engine);
        let committed = to_its_end(deadline, async move {
            let _place = place;
            let stamp = stamp::of(&told.claim.person_id);
            engine.settle(told, stamp).await
        });
        let committed = committed.await.map_err(refused)?;
        let settlement = settlement(&committed.entry).map_err(refused)?;
        Ok(Response::new(pb::SettleResponse { settlement: Some(settlement), replay: committed.replay }))
    }

    type SettleStreamStream = Answers;

    async fn settle_stream(
        &self,
        request: Request<Streaming<pb::SettleStreamRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let (engine, in_flight) = (Arc::clone(&self.engine), Arc::clone(&self.in_flight));
        Ok(Response::new(stream::answers(engine, in_flight, &self.streams, request.into_inner())))
    }

    async fn reverse(&self, request: Request<pb::ReverseRequest>) -> Result<Response<pb::ReverseResponse>, Status> {
        let place = enter(&self.in_flight)?;
        let deadline = deadline::of(request.metadata());
        let request = reversals::request(request.into_inner());
        let dry_run = request.dry_run;
        let engine = Arc::clone(&self.engine);
        let committed = to_its_end(deadline, async move {
            let _place = place;
            let stamp = stamp::of(&request.told.person_id);
            engine.reverse(request, stamp).await
        });
        let reversed = committed.await.map_err(refused)?;
        Ok(Response::new(reversals::response(&reversed, dry_run).map_err(refused)?))
    }

    async fn get_outcome(
        &self,
        request: Request<pb::GetOutcomeRequest>,
    ) -> Result<Response<pb::GetOutcomeResponse>, Status> {
        let _place = enter(&self.in_flight)?;
        let pb::GetOutcomeRequest { hospital_id, person_id, request_id } = request.into_inner();
        let name =
            RequestName { hospital_id: hospital_id.into(), person_id: person_id.into(), request_id: request_id.into() };
        let outcome = self.engine.outcome(&name).await.and_then(outcome).map_err(refused)?;
        Ok(Response::new(pb::GetOutcomeResponse { outcome: Some(outcome) }))
    }

    async fn fence(&self, request: Request<pb::FenceRequest>) -> Result<Response<pb::FenceResponse>, Status> {
        let place = enter(&self.in_flight)?;
        let deadline = deadline::of(request.metadata());
        let pb::FenceRequest { hospital_id, person_id, request_id } = request.into_inner();
        let name =
            RequestName { hospital_id: hospital_id.into(), person_id: person_id.into(), request_id: request_id.into() };
        let engine = Arc::clone(&self.engine);
        let fenced = to_its_end(deadline, async move {
            let _place = place;
            engine.fence(&name, stamp::of(&name.person_id)).await
        });
        let outcome = fenced.await.and_then(outcome).map_err(refused)?;
        Ok(Response::new(pb::FenceResponse { outcome: Some(outcome) }))
    }

    async fn get_settlement(
        &self,
        request: Request<pb::GetSettlementRequest>,
    ) -> Result<Response<pb::GetSettlementResponse>, Status> {
        let _place = enter(&self.in_flight)?;
        let view = self.find(request.into_inner()).await.map_err(refused)?;
        let answer = || -> Result<_, Refusal> {
            let settled = view.settlement.settled().ok_or_else(|| unexpected(&view.settlement))?;
            Ok(pb::GetSettlementResponse {
                settlement: Some(to_proto::settlement(&view.settlement, settled)),
                reversal: view.reversal.as_ref().map(reversal).transpose()?,
                revisions: view.revisions.iter().map(revision).collect::<Result<_, _>>()?,
                claim: Some(to_proto::claim(&(&settled.claim).into())),
            })
        };
        Ok(Response::new(answer().map_err(refused)?))
    }

    async fn list_settlements(
        &self,
        request: Request<pb::ListSettlementsRequest>,
    ) -> Result<Response<pb::ListSettlementsResponse>, Status> {
        let _place = enter(&self.in_flight)?;
        Ok(Response::new(listing::list(&self.engine, request.into_inner()).await.map_err(refused)?))
    }

    async fn get_account(
        &self,
        request: Request<pb::GetAccountRequest>,
    ) -> Result<Response<pb::GetAccountResponse>, Status> {
        let _place = enter(&self.in_flight)?;
        let name = account_name(request.into_inner()).map_err(refused)?;
        let view = self.engine.account(&name).await.map_err(refused)?;
        Ok(Response::new(to_proto::account(&view)))
    }
}

impl<S: Store> Settlements<S> {
    async fn find(&self, asked: pb::GetSettlementRequest) -> Result<SettlementView, Refusal> {
        let pb::GetSettlementRequest { settlement_id, hospital_id, person_id, claim_id } = asked;
        if settlement_id.is_empty() {
            let (hospital_id, person_id) = (hospital_id.into(), person_id.into());
            return self.engine.settlement_of(&hospital_id, &person_id, &claim_id.into()).await;
        }
        let id = EntryId::parse(&settlement_id).ok_or_else(|| Refusal::because(Reason::NotFound))?;
        self.engine.settlement(id).await
    }
}

fn account_name(asked: pb::GetAccountRequest) -> Result<AccountName, Refusal> {
    let on = asked.on.map(|on| Day::new(on.year, on.month, on.day)).transpose();
    let on = on.map_err(|no| {
        Refusal::naming(Reason::InvalidRequest, vec![Fault::new("on", FaultReason::NotADay, no.to_string())])
    })?;
    let key = AccountKey { insurance: asked.insurance.into(), year: asked.year };
    Ok(AccountName { person_id: asked.person_id.into(), key, on })
}

fn settlement(entry: &Entry) -> Result<pb::Settlement, Refusal> {
    let settled = entry.settled().ok_or_else(|| unexpected(entry))?;
    Ok(to_proto::settlement(entry, settled))
}

fn outcome(outcome: Outcome) -> Result<pb::Outcome, Refusal> {
    use pb::outcome::Outcome as Told;
    let told = match outcome {
        Outcome::NotSeen => Told::NotSeen(pb::NotSeen {}),
        Outcome::Fenced => Told::Fenced(pb::Fenced {}),
        Outcome::Committed(entry) => match entry.deed {
            Deed::Reversed(_) => Told::Reversed(reversal(&entry)?),
            _ => Told::Committed(settlement(&entry)?),
        },
    };
    Ok(pb::Outcome { outcome: Some(told) })
}
