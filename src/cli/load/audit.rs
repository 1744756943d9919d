//! The audit at the end of a load: for each person, the server's list of settlements is replayed in its order on an engine
//! of the load's own. Every answer must be in the list, every settlement must have the split of the replay, and the
//! account must be the replay's, to the fen.
//!
//! A reversed settlement is left out of the replay: what was settled after it is as if it had never been.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream;

use super::claims::{Claims, Part, YEAR};
use super::committed::{SentClaim, SentOutcome, split_digest};
use super::replay::{Accumulators, Replay, accumulators};
use crate::cli::client::Client;
use crate::cli::error::load::LoadError;
use crate::pb::policy as policy_pb;
use crate::pb::settlement as pb;
use crate::policy::Book;

/// Persons that are replayed at once; it bounds the memory of the audit.
const BATCH: usize = 500;

/// Persons that are asked for at once.
const CONCURRENT: usize = 16;

/// Settlements on a page of a list.
const PAGE: i32 = 500;

/// The number of findings that are described; all are counted.
const DESCRIBED: usize = 20;

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AuditReport {
    /// The persons with a claim, and how many of them were audited.
    pub(super) persons: (u64, u64),
    /// Audited persons whose accounts also hold settlements of other callers, and so cannot be replayed.
    pub(super) of_others: u64,
    /// Settlements that were replayed, and settlements that were reversed.
    pub(super) settlements: (u64, u64),
    /// The number of findings, and the first of them.
    pub(super) findings: (u64, Vec<String>),
}

/// An audit.
pub(super) struct Audit<'a> {
    /// A client of a server of the load.
    pub(super) client: Client,
    /// The claims of the load.
    pub(super) claims: &'a Claims,
    /// The policy book that the server applies.
    pub(super) book: Book,
}

/// What a server says about a person.
struct Statement {
    person: u64,
    sent: Vec<SentClaim>,
    /// In the order of commits.
    listed: Vec<pb::ListedSettlement>,
    account: Accumulators,
}

impl Audit<'_> {
    /// Whether the server applies the book of the audit.
    ///
    /// # Errors
    /// If the server does not answer.
    pub(super) async fn has_same_book(&self) -> Result<bool, LoadError> {
        let answer = self.client.clone().policies.list_policies(policy_pb::ListPoliciesRequest::default()).await?;
        Ok(answer.into_inner().book_digest == self.book.digest().0)
    }

    /// Audits at most so many persons of these claims, which are sorted by person; `progress` is called with the number
    /// of persons audited so far.
    ///
    /// # Errors
    /// If the server does not answer, or the replay itself fails.
    pub(super) async fn run(
        &self,
        sent: &[SentClaim],
        limit: u64,
        mut progress: impl FnMut(u64),
    ) -> Result<AuditReport, LoadError> {
        let mut report = AuditReport::default();
        let by_person: Vec<&[SentClaim]> = sent.chunk_by(|a, b| a.person == b.person).collect();
        report.persons.0 = by_person.len() as u64;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        for batch in by_person[..by_person.len().min(limit)].chunks(BATCH) {
            let asked = stream::iter(batch.to_vec()).map(|sent| self.statement(sent)).buffered(CONCURRENT);
            let statements: Vec<_> = asked.collect().await;
            let persons: Vec<u64> = batch.iter().filter_map(|sent| sent.first()).map(|one| one.person.into()).collect();
            let mut replay = Replay::new(self.book.clone(), &self.claims.population, &persons).await?;
            for statement in statements {
                self.check(&statement?, &mut replay, &mut report).await?;
            }
            report.persons.1 += batch.len() as u64;
            progress(report.persons.1);
        }
        Ok(report)
    }

    async fn statement(&self, sent: &[SentClaim]) -> Result<Statement, LoadError> {
        let (mut client, person) = (self.client.clone(), sent.first().map_or(0, |one| one.person.into()));
        let (person_id, mut listed) = (self.claims.population.person_id(person), Vec::new());
        let mut request = pb::ListSettlementsRequest {
            person_id: person_id.clone(),
            benefit_year: YEAR,
            page_size: PAGE,
            view: pb::SettlementView::Summary.into(),
            ..pb::ListSettlementsRequest::default()
        };
        loop {
            let page = client.list(request.clone()).await?;
            listed.extend(page.settlements);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        listed.reverse();
        let insurance = self.claims.population.insurance(person).to_owned();
        let asked = pb::GetAccountRequest { person_id, insurance, year: YEAR, on: None };
        let account = accumulators(&client.account(asked).await?);
        Ok(Statement { person, sent: sent.to_vec(), listed, account })
    }

    async fn check(
        &self,
        statement: &Statement,
        replay: &mut Replay,
        report: &mut AuditReport,
    ) -> Result<(), LoadError> {
        let arrivals = statement.listed.iter().map(|listed| self.claims.arrival_of_claim_id(&listed.claim_id));
        let Some(arrivals) = arrivals.collect::<Option<Vec<_>>>() else {
            report.of_others += 1;
            return Ok(());
        };
        let mut listed = BTreeMap::new();
        for (settlement, (arrival, part)) in statement.listed.iter().zip(arrivals) {
            // A claim that was reversed may be settled again; this load settles none again.
            if listed.insert((arrival, part), settlement).is_some() {
                report.find(format!("arrival {arrival}: settled twice"));
            }
            self.replay_one(settlement, (arrival, part), replay, report).await;
        }
        for sent in &statement.sent {
            check_answer(sent, listed.remove(&(sent.arrival.into(), sent.part)), report);
        }
        for (arrival, _) in listed.into_keys() {
            report.find(format!("arrival {arrival}: settled, and never sent"));
        }
        let replayed = replay.account(&self.claims.population, statement.person).await?;
        if replayed != statement.account {
            let differences = differences(&replayed, &statement.account);
            report.find(format!("an account differs from the replay: {differences}"));
        }
        Ok(())
    }

    async fn replay_one(
        &self,
        settlement: &pb::ListedSettlement,
        (arrival, part): (u64, Part),
        replay: &mut Replay,
        report: &mut AuditReport,
    ) {
        if !settlement.reversal_id.is_empty() {
            report.settlements.1 += 1;
            return;
        }
        report.settlements.0 += 1;
        match replay.settle(self.claims, arrival, part).await {
            Ok(split) if Some(&split) == settlement.split.as_ref() => {}
            Ok(_) => report.find(format!("arrival {arrival}: the split differs from the replay")),
            Err(error) => report.find(format!("arrival {arrival}: the replay refuses it: {error}")),
        }
    }
}

/// Checks what was answered to a claim against the server's list.
fn check_answer(sent: &SentClaim, listed: Option<&pb::ListedSettlement>, report: &mut AuditReport) {
    let SentClaim { arrival, part, outcome, .. } = sent;
    let of = format!("arrival {arrival}{}", if *part == Part::Second { ", second part" } else { "" });
    match (outcome, listed) {
        (SentOutcome::Unknown, _) => {}
        (_, None) => report.find(format!("{of}: answered as settled, and not in the list")),
        (SentOutcome::Reversed, Some(listed)) if listed.reversal_id.is_empty() => {
            report.find(format!("{of}: answered as reversed, and it stands"));
        }
        (SentOutcome::Settled(_), Some(listed)) if !listed.reversal_id.is_empty() => {
            report.find(format!("{of}: reversed, and nobody asked for it"));
        }
        // A revision replaced the split that was answered.
        (SentOutcome::Settled(digest), Some(listed))
            if listed.revision == 1 && *digest != listed.split.as_ref().map_or(0, split_digest) =>
        {
            report.find(format!("{of}: another split was answered than the list has"));
        }
        _ => {}
    }
}

fn differences(replayed: &Accumulators, server: &Accumulators) -> String {
    let names = replayed.keys().chain(server.keys().filter(|name| !replayed.contains_key(*name)));
    let amount = |of: &Accumulators, name: &String| of.get(name).copied().unwrap_or(0);
    let differing = names.filter(|name| amount(replayed, name) != amount(server, name));
    let text = |name: &String| format!("{name} {} instead of {}", amount(server, name), amount(replayed, name));
    differing.map(text).collect::<Vec<_>>().join(", ")
}

impl AuditReport {
    fn find(&mut self, finding: String) {
        self.findings.0 += 1;
        if self.findings.1.len() < DESCRIBED {
            self.findings.1.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::cli::client::address::TlsOptions;
    use crate::cli::load::claims::ClaimProfile;
    use crate::cli::load::committed::Committed;
    use crate::cli::load::connections::{Connections, Transport};
    use crate::cli::load::drive::{Stop, closed_loop};
    use crate::cli::load::own_server::OwnServer;
    use crate::cli::load::player::Player;
    use crate::cli::load::population::Population;
    use crate::cli::load::recorder::Recorder;
    use crate::policy::shipped;
    use crate::reference::table::ReferenceTable;

    /// A server on which a load of 120 arrivals was played, and what was sent.
    async fn played() -> (OwnServer, Arc<Player>, Vec<SentClaim>, Book) {
        let book = shipped::book().expect("the shipped book");
        let server = OwnServer::start(book.clone()).expect("a server");
        let population = Population { seed: 3, name: "T".to_owned(), persons: 40, hospitals: 20 };
        let mut client = Client::connect(&server.url).await.expect("a client");
        for table in ReferenceTable::ALL {
            client.import_rows(*table, population.rows(*table)).await.expect("sound rows");
        }
        let claims = Claims { population, run: "1".to_owned(), profile: ClaimProfile::Hospital };
        let urls = [server.url.clone()];
        let connections =
            Connections::open(&urls, &TlsOptions::default(), 2, Transport::Unary).await.expect("it answers");
        let recorder = Recorder::new(Instant::now(), None).expect("a recorder");
        let (committed, view) = (Committed::default(), pb::SettlementView::Summary);
        let player = Arc::new(Player { claims, connections, recorder, committed, view });
        closed_loop(&player, &Arc::new(Stop::default()), 8, 120, Duration::from_secs(600)).await;
        assert_eq!(player.recorder.measured().wrong, (0, Vec::new()));
        let sent = player.committed.take_sorted();
        (server, player, sent, book)
    }

    async fn audited(server: &OwnServer, claims: &Claims, sent: &[SentClaim], book: &Book) -> AuditReport {
        let client = Client::connect(&server.url).await.expect("a client");
        let audit = Audit { client, claims, book: book.clone() };
        assert!(audit.has_same_book().await.expect("it answers"));
        audit.run(sent, u64::MAX, |_| ()).await.expect("an audit")
    }

    #[tokio::test]
    async fn an_audit_finds_every_planted_wrong_answer_and_nothing_else() {
        let (server, player, sent, book) = played().await;
        let clean = audited(&server, &player.claims, &sent, &book).await;
        assert_eq!(clean.findings, (0, Vec::new()));
        assert!(clean.settlements.0 > 110, "{clean:?}");
        let first = sent.iter().position(|one| matches!(one.outcome, SentOutcome::Settled(_))).expect("a settlement");

        let mut answered_wrong = sent.clone();
        answered_wrong[first].outcome = SentOutcome::Settled(1);
        let found = audited(&server, &player.claims, &answered_wrong, &book).await.findings;
        assert_eq!((found.0, found.1[0].contains("another split was answered")), (1, true), "{found:?}");

        let mut lost = sent.clone();
        lost[first].arrival = 9_999;
        let found = audited(&server, &player.claims, &lost, &book).await.findings;
        assert_eq!(found.0, 2, "an answer without a settlement, and a settlement without an answer: {found:?}");

        let mut reversed = sent.clone();
        reversed[first].outcome = SentOutcome::Reversed;
        let found = audited(&server, &player.claims, &reversed, &book).await.findings;
        assert_eq!((found.0, found.1[0].contains("it stands")), (1, true), "{found:?}");

        let population = Population { seed: 4, ..player.claims.population.clone() };
        let other = Claims { population, ..player.claims.clone() };
        let found = audited(&server, &other, &sent, &book).await.findings;
        assert!(found.1.iter().any(|one| one.contains("differs from the replay")), "{found:?}");
        server.stop().expect("it stops");
    }
}
