//! Plays one arrival against the servers: quote, settle, and what follows; and checks every answer.

use std::time::Instant;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::claims::{Claims, Course, Part, Plan};
use super::committed::{Committed, SentClaim, SentOutcome, split_digest};
use super::connections::{Connection, Connections};
use super::recorder::{CallKind, Recorder};
use crate::cli::error::client::{described, leaves_outcome_unknown};
use crate::pb::settlement as pb;

/// An arrival with its claims, computed before it is due.
pub(super) struct Arrival {
    number: u64,
    plan: Plan,
    claims: Vec<(Part, pb::Claim)>,
}

/// What plays the arrivals of a load.
pub(super) struct Player {
    /// The claims.
    pub(super) claims: Claims,
    /// The servers.
    pub(super) connections: Connections,
    /// What is measured.
    pub(super) recorder: Recorder,
    /// What was committed.
    pub(super) committed: Committed,
    /// How much of a settlement is answered.
    pub(super) view: pb::SettlementView,
}

/// A call of an arrival.
#[derive(Clone, Copy)]
struct Call {
    kind: CallKind,
    /// When it was to begin.
    intended: Instant,
    is_first: bool,
}

impl Player {
    /// Computes an arrival.
    pub(super) fn arrival(claims: &Claims, number: u64) -> Arrival {
        let plan = claims.plan(number);
        let parts: &[Part] = if plan.course == Course::InParts { &[Part::First, Part::Second] } else { &[Part::First] };
        Arrival { number, plan, claims: parts.iter().map(|part| (*part, claims.claim(number, *part))).collect() }
    }

    /// Plays an arrival that was to begin at this instant; whether every call was answered.
    pub(super) async fn play(&self, arrival: Arrival, intended: Instant) -> bool {
        let Arrival { number, plan, claims } = arrival;
        self.recorder.arrived(intended);
        let mut begin = Some(intended);
        for (part, claim) in claims {
            let Some(settlement) = self.quote_and_settle(&claim, number, &plan, &mut begin).await else {
                let claim = SentClaim::new(plan.person, number, part, SentOutcome::Unknown);
                self.committed.add(claim);
                return false;
            };
            let digest = split_digest(&settlement.split.clone().unwrap_or_default());
            let outcome = self.follow(&claim, number, &plan, &settlement).await;
            self.committed.add(SentClaim::new(
                plan.person,
                number,
                part,
                outcome.unwrap_or(SentOutcome::Settled(digest)),
            ));
        }
        true
    }

    /// Settles a claim, after a quote if the plan has one; none if it was not settled or no answer came.
    async fn quote_and_settle(
        &self,
        claim: &pb::Claim,
        number: u64,
        plan: &Plan,
        begin: &mut Option<Instant>,
    ) -> Option<pb::Settlement> {
        let mut quote_digest = Vec::new();
        if plan.is_quoted {
            let call = Call::begin(CallKind::Quote, begin);
            let connection = self.connections.pick(number)?;
            let answer = connection.client().send_quote(claim.clone()).await;
            let answer = answer.map_err(|status| self.failed(call, connection, &status)).ok()?;
            self.answered(call);
            self.check_split(call.kind, claim, answer.split.as_ref());
            quote_digest = answer.quote_digest;
        }
        let request = |quote_digest| settle_request(claim, &claim.claim_id, quote_digest, self.view);
        let answer = self.settle(Call::begin(CallKind::Settle, begin), request(quote_digest), number).await;
        match answer {
            Ok(response) => Some(self.check_settlement(CallKind::Settle, claim, response, false)),
            // Another claim of the person was settled since the quote: the patient sees the new split and settles on it.
            Err(status) if is_quote_changed(&status) => {
                let call = Call::begin(CallKind::Settle, &mut None);
                let response = self.settle(call, request(Vec::new()), number).await.ok()?;
                Some(self.check_settlement(CallKind::Settle, claim, response, false))
            }
            Err(_recorded) => None,
        }
    }

    /// Does what the plan has after a settlement; the outcome, where it is another one.
    async fn follow(
        &self,
        claim: &pb::Claim,
        number: u64,
        plan: &Plan,
        settlement: &pb::Settlement,
    ) -> Option<SentOutcome> {
        match plan.course {
            Course::Settled | Course::InParts => None,
            Course::Retried => {
                let call = Call::begin(CallKind::Retry, &mut None);
                let request = settle_request(claim, &claim.claim_id, Vec::new(), self.view);
                let response = self.settle(call, request, number).await.ok()?;
                let again = self.check_settlement(call.kind, claim, response, true);
                if again != *settlement {
                    self.recorder.wrong(format!("retry of arrival {number}: another settlement than before"));
                }
                None
            }
            Course::Duplicated => self.duplicate(claim, number).await,
            Course::Reversed => Some(self.reverse(claim, number, settlement).await),
        }
    }

    async fn duplicate(&self, claim: &pb::Claim, number: u64) -> Option<SentOutcome> {
        let call = Call::begin(CallKind::Duplicate, &mut None);
        let request_id = format!("{}-again", claim.claim_id);
        let connection = self.connections.pick(number)?;
        match connection.settle(settle_request(claim, &request_id, Vec::new(), self.view)).await {
            Err(status) if status.code() == Code::AlreadyExists => self.answered(call),
            Err(status) => self.failed(call, connection, &status),
            Ok(_) => self.recorder.wrong(format!("duplicate of arrival {number}: settled twice")),
        }
        None
    }

    async fn reverse(&self, claim: &pb::Claim, number: u64, settlement: &pb::Settlement) -> SentOutcome {
        let call = Call::begin(CallKind::Reverse, &mut None);
        let request = pb::ReverseRequest {
            hospital_id: claim.hospital_id.clone(),
            person_id: claim.person_id.clone(),
            claim_id: claim.claim_id.clone(),
            request_id: format!("{}-reverse", claim.claim_id),
            reason: "a load test".to_owned(),
            readjudicate: true,
            dry_run: false,
        };
        let Some(connection) = self.connections.pick(number) else { return SentOutcome::Unknown };
        match connection.client().send_reverse(request).await {
            Ok(response) => {
                self.answered(call);
                let reversed = response.reversal.unwrap_or_default().settlement_id;
                if reversed != settlement.settlement_id {
                    self.recorder.wrong(format!("reversal of arrival {number}: another settlement is reversed"));
                }
                SentOutcome::Reversed
            }
            Err(status) => {
                self.failed(call, connection, &status);
                SentOutcome::Unknown
            }
        }
    }

    async fn settle(&self, call: Call, request: pb::SettleRequest, number: u64) -> Result<pb::SettleResponse, Status> {
        let Some(connection) = self.connections.pick(number) else { return Err(Status::unavailable("no server")) };
        let response = connection.settle(request).await;
        match &response {
            Ok(_) => self.answered(call),
            Err(status) if is_quote_changed(status) => self.answered(Call { kind: CallKind::QuoteChanged, ..call }),
            Err(status) => self.failed(call, connection, status),
        }
        response
    }

    fn answered(&self, call: Call) {
        self.recorder.answered(call.kind, call.intended, call.is_first);
    }

    fn failed(&self, call: Call, connection: &Connection, status: &Status) {
        self.connections.note(connection, status);
        self.recorder.failed(call.kind, call.intended, status);
        if !leaves_outcome_unknown(status) && !is_shed(status) {
            self.recorder.wrong(format!("{}: {}", call.kind.name(), described(status)));
        }
    }

    /// The settlement of an answer, checked against its claim.
    fn check_settlement(
        &self,
        kind: CallKind,
        claim: &pb::Claim,
        response: pb::SettleResponse,
        replay: bool,
    ) -> pb::Settlement {
        let settlement = response.settlement.unwrap_or_default();
        let answered = (&settlement.claim_id, &settlement.hospital_id, &settlement.person_id, &settlement.request_id);
        if answered != (&claim.claim_id, &claim.hospital_id, &claim.person_id, &claim.claim_id) {
            self.recorder.wrong(format!("{}: an answer about another claim", kind.name()));
        }
        if response.replay != replay {
            self.recorder.wrong(format!("{}: replay is {}", kind.name(), response.replay));
        }
        self.check_split(kind, claim, settlement.split.as_ref());
        settlement
    }

    fn check_split(&self, kind: CallKind, claim: &pb::Claim, split: Option<&pb::Split>) {
        if let Err(fault) = split_adds_up(claim, split) {
            self.recorder.wrong(format!("{}: {fault}", kind.name()));
        }
    }
}

impl Call {
    /// A call that begins now, or at the intended instant if it is the first of its arrival.
    fn begin(kind: CallKind, first: &mut Option<Instant>) -> Call {
        let intended = first.take();
        Call { kind, intended: intended.unwrap_or_else(Instant::now), is_first: intended.is_some() }
    }
}

impl SentClaim {
    fn new(person: u64, arrival: u64, part: Part, outcome: SentOutcome) -> SentClaim {
        // Persons and arrivals are limited to ten million.
        SentClaim { person: person as u32, arrival: arrival as u32, part, outcome }
    }
}

/// Whether a split adds up to the total of its claim, and nothing in it is negative.
fn split_adds_up(claim: &pb::Claim, split: Option<&pb::Split>) -> Result<(), &'static str> {
    let split = split.ok_or("no split")?;
    let paid: i64 = split.payers.iter().map(|share| share.amount_fen).sum();
    let pools: i64 = split.pools.iter().map(|pool| pool.amount_fen).sum();
    if Some(split.total_fen) != claim.total_fen {
        return Err("the total is not that of the claim");
    }
    if paid + split.patient_fen != split.total_fen || pools != split.total_fen {
        return Err("payers and patient, or the pools, do not add up to the total");
    }
    if split.patient_fen < 0 || split.payers.iter().any(|share| share.amount_fen < 0) {
        return Err("an amount is negative");
    }
    Ok(())
}

fn settle_request(
    claim: &pb::Claim,
    request_id: &str,
    quote_digest: Vec<u8>,
    view: pb::SettlementView,
) -> pb::SettleRequest {
    pb::SettleRequest { claim: Some(claim.clone()), request_id: request_id.to_owned(), quote_digest, view: view.into() }
}

/// Whether the split has changed since the quote that was presented.
fn is_quote_changed(status: &Status) -> bool {
    status.get_details_error_info().is_some_and(|info| info.reason == "QUOTE_CHANGED")
}

/// Whether a server refused the call to protect itself or its order, and another attempt may succeed.
fn is_shed(status: &Status) -> bool {
    matches!(status.code(), Code::ResourceExhausted | Code::Aborted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_that_does_not_add_up_is_a_wrong_answer() {
        let claim = pb::Claim { total_fen: Some(100), ..pb::Claim::default() };
        let pools = vec![pb::PoolAmount { pool: "eligible".to_owned(), amount_fen: 100 }];
        let split = |paid, patient| pb::Split {
            total_fen: 100,
            pools: pools.clone(),
            payers: vec![pb::PayerShare { payer: "fund".to_owned(), amount_fen: paid }],
            patient_fen: patient,
        };
        assert!(split_adds_up(&claim, Some(&split(60, 40))).is_ok());
        assert!(split_adds_up(&claim, Some(&split(60, 41))).is_err());
        assert!(split_adds_up(&claim, Some(&split(110, -10))).is_err());
        assert!(split_adds_up(&pb::Claim { total_fen: Some(99), ..claim.clone() }, Some(&split(60, 40))).is_err());
        assert!(split_adds_up(&claim, None).is_err());
    }
}
