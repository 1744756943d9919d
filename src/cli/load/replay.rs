//! The audit's own books: an engine in this process that settles again what a server says it settled.

use std::collections::BTreeMap;

use prost::Message;

use super::claims::{Claims, Part, YEAR};
use super::population::{Population, Row};
use crate::cli::error::load::LoadError;
use crate::domain::claim::ClaimLimits;
use crate::domain::day::Day;
use crate::domain::ids::{AccountKey, EntryId, PersonId};
use crate::domain::journal::Instant;
use crate::engine::account::AccountName;
use crate::engine::settle::SettleRequest;
use crate::engine::{CommitStamp, Engine, EngineError, EngineSettings};
use crate::grpc::{from_proto, to_proto};
use crate::pb::settlement as pb;
use crate::policy::Book;
use crate::reference::row::ReferenceRow;
use crate::reference::table::ReferenceTable;
use crate::store::memory::MemoryStore;

/// The accumulators of an account that are not zero, by name.
pub(super) type Accumulators = BTreeMap<String, i64>;

/// An engine over a store in memory, for some of the persons of a load.
pub(super) struct Replay {
    engine: Engine<MemoryStore>,
    commits: u64,
}

impl Replay {
    /// An engine that applies this book, with the hospitals and codes of the population and these persons.
    ///
    /// # Errors
    /// If the engine refuses a row.
    pub(super) async fn new(book: Book, population: &Population, persons: &[u64]) -> Result<Replay, LoadError> {
        let engine = Engine::open(MemoryStore::default(), book, EngineSettings::default()).await?;
        for table in [ReferenceTable::Hospitals, ReferenceTable::Designations, ReferenceTable::Catalogue] {
            import(&engine, population.rows(table).map(|cells| (table, cells))).await?;
        }
        import(&engine, persons.iter().flat_map(|person| population.rows_of_person(*person))).await?;
        Ok(Replay { engine, commits: 0 })
    }

    /// Settles a claim of the load, and returns its split.
    ///
    /// # Errors
    /// Why the engine refuses it.
    pub(super) async fn settle(&mut self, claims: &Claims, arrival: u64, part: Part) -> Result<pb::Split, EngineError> {
        self.commits += 1;
        let claim = claims.claim(arrival, part);
        let request_id = claim.claim_id.clone();
        let raw = from_proto::claim(Some(&claim.encode_to_vec())).map_err(|_| EngineError::NotFound)?;
        let request = SettleRequest { claim: raw, request_id, quote: None, today: Day::LAST };
        let stamp =
            CommitStamp { id: EntryId(u128::from(self.commits).to_be_bytes()), instant: Instant(self.commits as i64) };
        let answer = self.engine.settle(request, stamp).await?.answer;
        let settlement = pb::Settlement::decode(answer).map_err(EngineError::broken_invariant)?;
        Ok(settlement.split.unwrap_or_default())
    }

    /// The accumulators of a person's account.
    ///
    /// # Errors
    /// If the engine does not know the person.
    pub(super) async fn account(&self, population: &Population, person: u64) -> Result<Accumulators, EngineError> {
        let person_id = PersonId::parse(population.person_id(person), ClaimLimits::default().id_bytes);
        let person_id = person_id.map_err(EngineError::broken_invariant)?;
        let key = AccountKey { insurance: population.insurance(person).into(), year: YEAR };
        let view = self.engine.account(&AccountName { person_id, key, on: None }).await?;
        Ok(accumulators(&to_proto::account(&view)))
    }
}

/// The accumulators of an account that are not zero, by name.
pub(super) fn accumulators(account: &pb::GetAccountResponse) -> Accumulators {
    let layers = account.layers.iter().map(|one| (format!("layer {}", one.layer_id), one.paid_fen));
    let caps = account.caps.iter().map(|one| (format!("cap {}", one.account), one.amount_fen));
    let bases = account.ledgers.iter().map(|one| (format!("base {}", one.ledger), one.base_fen));
    let taken = account.ledgers.iter().map(|one| (format!("deductible {}", one.ledger), one.deductible_taken_fen));
    let admissions = [("admissions".to_owned(), i64::from(account.admissions))];
    layers.chain(caps).chain(bases).chain(taken).chain(admissions).filter(|(_, amount)| *amount != 0).collect()
}

async fn import(engine: &Engine<MemoryStore>, rows: impl Iterator<Item = Row>) -> Result<(), LoadError> {
    let bytes = ClaimLimits::default().id_bytes;
    let row = |(table, cells): Row| ReferenceRow::from_cells(table, &cells, bytes);
    let rows: Result<Vec<_>, _> = rows.map(row).collect();
    engine.import(rows.map_err(|faults| LoadError::ReplayRow(faults.into_iter().collect()))?).await?;
    Ok(())
}
