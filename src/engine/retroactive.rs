//! The retroactive run (`semantics`, section 6): the settlements of a person's benefit year are decided again in their order,
//! from facts looked up again in the tables of today for the days that counted, under the law in use for their own days.
//!
//! What rests on them in other years (stays that continue over New Year) is decided again with them, from the facts in force.
//! All of it is one commit; a settlement whose facts and split stay as they are gets no revision, and if that holds of all of
//! them nothing is committed. If one would be refused, nothing changes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::claim::valid_text;
use crate::domain::facts::Facts;
use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::ids::{AccountKey, Digest, EntryId, PersonId, RequestId};
use crate::domain::journal::{DecidedAgain, Entry, RetroactiveRun, Revision, RevisionCause, booking_month};
use crate::domain::refusal::ClaimRefusal;
use crate::domain::split::Split;
use crate::journal::content::readjudicate_content;
use crate::policy::Book;
use crate::reference::look_up;
use crate::store::{Commit, LookUp, Scope, Store};

use super::decide::no_policy_refusal;
use super::idempotency::SentRequest;
use super::live::{LiveSettlement, retain_resting};
use super::readjudicate::{decision_order, revision_body};
use super::redecision::{Redecision, RedecisionError, Undecided};
use super::{CommitStamp, Engine, EngineError, PAUSE};

/// A request for a retroactive run.
pub struct ReadjudicateRequest {
    /// The person, as received.
    pub person_id: String,
    /// The benefit year.
    pub benefit_year: i32,
    /// The idempotency key, as received. Its scope is the person, apart from the requests of hospitals.
    pub request_id: String,
    /// Whether to answer what it would do, and change nothing.
    pub dry_run: bool,
}

/// What a retroactive run did, now or before; or would do, of a dry run.
#[derive(Debug)]
pub struct ReadjudicateOutcome {
    /// The number of settlements that were decided again, changed or not.
    pub decided: usize,
    /// The revisions of those that changed, in their order; none if nothing was committed.
    pub revisions: Vec<Entry<Revision>>,
    /// Whether the same request had committed it before.
    pub replay: bool,
}

/// A settlement that was decided again.
struct Redecided {
    one: LiveSettlement,
    facts: Facts,
    split: Split,
}

impl Redecided {
    fn is_changed(&self) -> bool {
        self.split != self.one.split || self.facts != self.one.facts
    }
}

/// The settlements of a run that were decided again, the book under which they were, and the accounts with them.
struct DecidedRun {
    book: Arc<Book>,
    all: Vec<Redecided>,
    accounts: Vec<(AccountKey, Account)>,
}

impl<S: Store> Engine<S> {
    /// Decides the settlements of a person's benefit year again, or answers again what the same request did before.
    ///
    /// # Errors
    /// If the request is faulty, nothing is known of the person, or one of the settlements could not be settled today;
    /// then nothing is written.
    pub async fn readjudicate_year(
        &self,
        request: ReadjudicateRequest,
        stamp: CommitStamp,
    ) -> Result<ReadjudicateOutcome, EngineError> {
        let ReadjudicateRequest { person_id, benefit_year, request_id, dry_run } = request;
        let content = readjudicate_content(&person_id, benefit_year);
        let (person_id, request_id) = self.run_keys(person_id, request_id)?;
        let scope = Scope::of_person(&person_id).with_request(None, &request_id).with_closed_months();
        let request_id = &request_id;
        let run = |seen: LookUp, stamp: CommitStamp| async move {
            if let Some((entry, _)) = self.replay(&seen, content, &SentRequest::Readjudicate).await? {
                return Ok(self.replayed_run(entry.try_into()?).await?);
            }
            let decided = self.decide_year_again(benefit_year, &seen).await?;
            let frame = RunFrame { stamp, request_id, content, benefit_year };
            let count = decided.all.len();
            let (commit, revisions) = self.run_commit(&seen, decided, frame).await?;
            if let Some(commit) = commit.filter(|_| !dry_run) {
                self.commit(commit).await?;
            }
            Ok(ReadjudicateOutcome { decided: count, revisions, replay: false })
        };
        self.commit_with_retries(scope, stamp, run).await
    }

    fn run_keys(&self, person_id: String, request_id: String) -> Result<(PersonId, RequestId), ClaimRefusal> {
        let (limit, mut faults) = (self.settings.limits.id_bytes, FieldFaults::default());
        let person_id = valid_text(&mut faults, "person_id", PersonId::parse(person_id, limit));
        let request_id = valid_text(&mut faults, "request_id", RequestId::parse(request_id, limit));
        person_id.zip(request_id).ok_or(ClaimRefusal::InvalidRequest(faults))
    }

    /// What a run did that begins with this revision.
    pub(super) async fn replayed_run(&self, first: Entry<Revision>) -> Result<ReadjudicateOutcome, EngineError> {
        let RevisionCause::RetroactiveRun(run) = &first.body.cause else {
            return Err(EngineError::broken_invariant(format!("revision {} begins no retroactive run", first.id)));
        };
        let mut revisions = Vec::with_capacity(run.decided.len());
        for id in run.revisions() {
            revisions.push(self.required_entry(id).await?.try_into()?);
        }
        Ok(ReadjudicateOutcome { decided: run.decided.len(), revisions, replay: true })
    }

    /// Decides the settlements of a year again that are in force, and those that rest on them.
    async fn decide_year_again(&self, year: i32, seen: &LookUp) -> Result<DecidedRun, EngineError> {
        if seen.person.is_none() && seen.state.version == 0 {
            return Err(EngineError::NotFound);
        }
        let live = self.live_of_year(year, seen).await?;
        let order = decision_order(&live, None);
        let mut live: HashMap<EntryId, LiveSettlement> = live.into_iter().map(|one| (one.settlement, one)).collect();
        let accounts = accounts_without(seen, order.iter().rev().filter_map(|id| live.get(id)))?;
        let (book, tables) = (self.book(), self.tables.load_full());
        let (mut redecision, mut all) =
            (Redecision::new(&book, accounts, seen.state.accounts()), Vec::with_capacity(order.len()));
        for id in order {
            if (all.len() + 1).is_multiple_of(PAUSE) {
                tokio::task::yield_now().await;
            }
            let Some(one) = live.remove(&id) else { continue };
            if let Some(continued) = one.continues().filter(|continued| !redecision.keeps(*continued)) {
                redecision.keep(continued, self.newest_split(continued).await?);
            }
            let facts = match one.account().year == year {
                true => look_up::facts(&one.claim, seen.person.as_ref(), &tables, book.vocabulary())
                    .map_err(|refusal| settlement_refused(&one, &refusal))?,
                false => one.facts.clone(),
            };
            let split = decide_one(&mut redecision, &one, &facts)?;
            redecision.keep(one.settlement, split.clone());
            all.push(Redecided { one, facts, split });
        }
        let accounts = redecision.into_accounts();
        Ok(DecidedRun { book, all, accounts })
    }

    /// The settlements of a year that are in force, and those that rest on them; newest first.
    async fn live_of_year(&self, year: i32, seen: &LookUp) -> Result<Vec<LiveSettlement>, EngineError> {
        let mut live = self.live_settlements_after(seen.state.head, None, true).await?.live;
        let of_year = live.iter().filter(|one| one.account().year == year);
        let from: HashMap<_, _> = of_year.map(|one| (one.account().clone(), 0)).collect();
        retain_resting(&mut live, from, HashSet::new());
        Ok(live)
    }

    /// The commit of a run; none if nothing changed.
    async fn run_commit(
        &self,
        seen: &LookUp,
        DecidedRun { book, all, accounts }: DecidedRun,
        frame: RunFrame<'_>,
    ) -> Result<(Option<Commit>, Vec<Entry<Revision>>), EngineError> {
        let mut run = Some(frame.listed(&all));
        let (mut commit, mut revisions) = (None::<Commit>, Vec::new());
        for changed in all.into_iter().filter(Redecided::is_changed) {
            let mut row = self.claim_row(&changed.one).await?;
            let (hospital_id, claim_id) = (changed.one.claim.hospital_id.clone(), changed.one.claim.claim_id.clone());
            let id = frame.revision_id(revisions.len());
            let standing = row.settlements.iter_mut().find(|known| known.settlement == changed.one.settlement);
            standing.into_iter().for_each(|standing| standing.revisions.push(id));
            let cause = match run.take() {
                Some(run) => RevisionCause::RetroactiveRun(run),
                None => RevisionCause::LaterInRun(frame.stamp.id),
            };
            let Redecided { one, facts, split } = changed;
            let month = booking_month(one.committed, frame.stamp.instant, seen.closed_months);
            let body = revision_body(one, (facts, split, month), cause, &book);
            let entry = match &mut commit {
                Some(commit) => commit.append(id, body),
                None => {
                    let entry = frame.first_entry(seen, body);
                    commit = Some(Commit::new(seen.state.clone(), &entry));
                    entry
                }
            };
            if let Some(commit) = &mut commit {
                commit.closed_months = Some(seen.closed_months);
                commit.set_claim(hospital_id, claim_id, row);
            }
            revisions.push(entry);
        }
        for (key, account) in accounts {
            commit.iter_mut().for_each(|commit| commit.set_account(key.clone(), account.clone()));
        }
        Ok((commit, revisions))
    }
}

/// What all entries of a run have in common.
struct RunFrame<'a> {
    stamp: CommitStamp,
    request_id: &'a RequestId,
    content: Digest,
    benefit_year: i32,
}

impl RunFrame<'_> {
    /// The id of the n-th revision, from 0.
    fn revision_id(&self, n: usize) -> EntryId {
        if n == 0 { self.stamp.id } else { self.stamp.derived_id(n as u32) }
    }

    /// The run with all that it decided again.
    fn listed(&self, all: &[Redecided]) -> RetroactiveRun {
        let mut changed = 0;
        let decided = |one: &Redecided| {
            let revision = one.is_changed().then(|| self.revision_id(changed));
            changed += usize::from(revision.is_some());
            DecidedAgain { settlement: one.one.settlement, revision }
        };
        RetroactiveRun { benefit_year: self.benefit_year, decided: all.iter().map(decided).collect() }
    }

    fn first_entry(&self, seen: &LookUp, body: Revision) -> Entry<Revision> {
        Entry {
            id: self.stamp.id,
            link: seen.state.next(),
            committed: self.stamp.instant,
            request_id: self.request_id.clone(),
            content: self.content,
            body,
        }
    }
}

/// The accounts of these settlements without them, which are given last one first.
fn accounts_without<'a>(
    seen: &LookUp,
    settlements: impl Iterator<Item = &'a LiveSettlement>,
) -> Result<Vec<(AccountKey, Account)>, EngineError> {
    let mut accounts: Vec<(AccountKey, Account)> = Vec::new();
    for one in settlements {
        let key = one.account();
        let place = accounts.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
            accounts.push((key.clone(), seen.state.account(key)));
            accounts.len() - 1
        });
        let account = &mut accounts[place].1;
        *account = account.without_settlement(&one.split).map_err(EngineError::broken_invariant)?;
    }
    Ok(accounts)
}

/// Decides a settlement again; it stays in its benefit year.
fn decide_one(redecision: &mut Redecision<'_>, one: &LiveSettlement, facts: &Facts) -> Result<Split, EngineError> {
    let continues = one.split.opening.as_ref().map(|opening| (opening.kind, opening.settlement));
    let split = redecision.decide(&Undecided { claim: &one.claim, facts, pools: None, continues });
    let split = split.map_err(|error| match error {
        RedecisionError::NoPolicy => settlement_refused(one, &no_policy_refusal(&one.claim, facts)),
        RedecisionError::Failed(error) => error,
        error @ RedecisionError::ContinuesUndecided => EngineError::broken_invariant(error),
    })?;
    let (before, after) = (one.account().year, split.circumstances.account.year);
    if before == after {
        return Ok(split);
    }
    let message = format!("would move the settlement from benefit year {before} to {after}");
    let chinese = format!("使该结算由待遇年度 {before} 变为 {after}");
    let fault = FieldFault::new("claim.discharged", FaultReason::AnotherBenefitYear, message).with_chinese(chinese);
    Err(settlement_refused(one, &ClaimRefusal::NotEligible(fault.into())))
}

/// The refusal of a run for the refusal of one of its settlements.
fn settlement_refused(one: &LiveSettlement, refusal: &ClaimRefusal) -> EngineError {
    let mut faults = FieldFaults::default();
    for fault in refusal.faults().iter().flat_map(|faults| faults.listed()) {
        let field = format!("settlements[{}].{}", one.settlement, fault.field);
        faults.push(FieldFault { field, ..fault.clone() });
    }
    ClaimRefusal::CannotDecideAgain { settlement: one.settlement, faults }.into()
}
