//! What a book changes equals the difference to settling the claims in force afresh under it, to the fen: in all, by
//! payer, hospital, category and region, and for every person.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use onestop::domain::claim::{ClaimKeys, RawClaim};
use onestop::domain::money::Money;
use onestop::domain::split::Split;
use onestop::engine::Engine;
use onestop::engine::impact::{Impact, ImpactQuestion, PersonImpact, UndecidedReason, impact};
use onestop::policy::shipped;
use onestop::reference::row::ReferenceRow;
use onestop::reference::table::ReferenceTable;
use onestop::store::Store;
use onestop::store::memory::MemoryStore;

use super::changed_book;
use super::history::{LiveClaims, engine_with, person_rows, play, settle_claim};
use crate::support::ids::id;
use crate::support::stamp;

const SEED: u64 = 0x1a9c7;

/// Persons of the random history, unless `ONESTOP_CASES` asks for others.
const PERSONS: usize = 300;

fn persons() -> usize {
    std::env::var("ONESTOP_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(PERSONS)
}

/// The split in force of a claim, with the region and the categories of the person.
struct InForce {
    hospital: String,
    region: String,
    categories: Vec<String>,
    split: Split,
}

async fn in_force<S: Store>(engine: &Engine<S>, claim: &RawClaim) -> InForce {
    let RawClaim { hospital_id, person_id, claim_id, .. } = claim;
    let keys = ClaimKeys { hospital_id: id(hospital_id), person_id: id(person_id), claim_id: id(claim_id) };
    let view = engine.settlement_of_claim(&keys).await.expect("a settlement");
    let (facts, split) = match view.revisions.last() {
        Some(revision) => (revision.body.facts.clone(), revision.body.split.clone()),
        None => (view.settlement.body.facts.clone(), view.settlement.body.split.clone()),
    };
    InForce {
        hospital: hospital_id.clone(),
        region: facts.person.insured_region.as_str().to_owned(),
        categories: facts.person.categories.iter().map(|word| word.as_str().to_owned()).collect(),
        split,
    }
}

/// Sums by group and payer, before and after.
type Sums = BTreeMap<(String, String), [Money; 2]>;

fn add(sums: &mut Sums, group: &str, at: usize, split: &Split) {
    let payers = split.payers().into_iter().map(|(payer, amount)| (payer.to_string(), amount));
    for (payer, amount) in payers.chain([("patient".to_owned(), split.patient)]) {
        sums.entry((group.to_owned(), payer)).or_default()[at] += amount;
    }
}

fn sums_of(impact: &Impact) -> Sums {
    let mut sums = Sums::new();
    let total = [("total".to_owned(), &impact.total)];
    let hospitals = impact.hospitals.iter().map(|(key, group)| (format!("hospital {key}"), group));
    let regions = impact.regions.iter().map(|(key, group)| (format!("region {key}"), group));
    let categories = impact.categories.iter().map(|(key, group)| (format!("category {key}"), group));
    for (name, group) in total.into_iter().chain(hospitals).chain(regions).chain(categories) {
        for (payer, change) in &group.payers {
            sums.insert((name.clone(), payer.to_string()), [change.before, change.after]);
        }
        sums.insert((name, "patient".to_owned()), [group.patient.before, group.patient.after]);
    }
    sums
}

#[tokio::test]
async fn the_impact_of_a_book_equals_settling_afresh_under_it() {
    let persons = persons();
    println!("seed {SEED:#x}, {persons} persons");
    let rows = person_rows(persons);
    let committed = engine_with(MemoryStore::default(), shipped::book().expect("the book"), rows.clone()).await;
    let live = play(&committed, SEED, persons).await;
    let fresh = settled_afresh(&committed, rows, &live).await;
    let (mut expected, mut of_persons) = (Sums::new(), BTreeMap::<String, [Money; 2]>::new());
    for claim in live.values().flatten() {
        let (before, after) = (in_force(&committed, claim).await, in_force(&fresh, claim).await);
        for (at, split) in [&before.split, &after.split].into_iter().enumerate() {
            add(&mut expected, "total", at, split);
            add(&mut expected, &format!("hospital {}", before.hospital), at, split);
            add(&mut expected, &format!("region {}", before.region), at, split);
            let none = before.categories.is_empty().then(String::new);
            let categories = before.categories.iter().cloned().chain(none);
            categories.for_each(|word| add(&mut expected, &format!("category {word}"), at, split));
            of_persons.entry(claim.person_id.clone()).or_default()[at] += split.patient;
        }
    }
    let fingerprint = committed.store().fingerprint();
    let found = Arc::new(Mutex::new(BTreeMap::new()));
    let sink = Arc::clone(&found);
    let sink = move |person: PersonImpact| {
        let change = [person.change.patient.before, person.change.patient.after];
        sink.lock().expect("no panic").insert(person.person_id.as_str().to_owned(), change);
    };
    let question = ImpactQuestion::default();
    let impact = impact(committed.store(), Arc::new(changed_book()), question, Some(Arc::new(sink))).await;
    let impact = impact.expect("an impact");
    assert_eq!(committed.store().fingerprint(), fingerprint, "nothing is written");
    assert!(impact.undecided.is_empty());
    assert_eq!(impact.total.settlements, live.values().map(|live| live.len() as u64).sum::<u64>());
    assert_eq!(sums_of(&impact), expected);
    assert_eq!(*found.lock().expect("no panic"), of_persons);
    let differ = |sign: std::cmp::Ordering| {
        of_persons.values().filter(|[before, after]| after.cmp(before) == sign).count() as u64
    };
    assert_eq!(impact.persons.gain, differ(std::cmp::Ordering::Less));
    assert_eq!(impact.persons.lose, differ(std::cmp::Ordering::Greater));
    assert!(impact.persons.gain > 0 && impact.persons.lose > 0, "{:?}", impact.persons);
    assert_eq!(impact.persons.by_change.iter().sum::<u64>(), impact.persons.count());
}

/// The claims in force settled in their order on an empty store under the changed book, with the tables as they are; the
/// region and categories of a person who was decided again late are those of the tables of today.
async fn settled_afresh<S: Store>(
    committed: &Engine<S>,
    mut rows: Vec<ReferenceRow>,
    live: &LiveClaims,
) -> Engine<MemoryStore> {
    for (person, claims) in live {
        // Whoever was registered late was decided again with that category.
        let mut destitute = false;
        for claim in claims {
            destitute |= in_force(committed, claim).await.categories.iter().any(|word| word == "destitute");
        }
        if destitute {
            rows.push(crate::support::row(ReferenceTable::Categories, &[person, "destitute", "2017-04-15", ""]));
        }
    }
    let fresh = engine_with(MemoryStore::default(), changed_book(), rows).await;
    let mut number = 0;
    for claim in live.values().flatten() {
        number += 1;
        let stamp = stamp(number << 8).for_person(&claim.person_id);
        settle_claim(&fresh, claim.clone(), format!("f{number}"), stamp).await;
    }
    fresh
}

#[tokio::test]
async fn a_book_with_other_classes_distributes_the_bills_again_to_the_same_sums() {
    let committed = engine_with(MemoryStore::default(), shipped::book().expect("the book"), person_rows(60)).await;
    play(&committed, SEED, 60).await;
    let mut files = super::changed_files();
    let with_class = |text: &str| text.replace("[class]\n", "[class]\nUNUSED = { pool = \"excluded\" }\n");
    let vocabulary = files.iter_mut().find(|(name, _)| name.ends_with("vocabulary.toml")).expect("the vocabulary");
    let other = with_class(&vocabulary.1);
    assert_ne!(other, vocabulary.1);
    vocabulary.1 = other;
    let texts = files.iter().map(|(name, text)| (*name, text.as_str()));
    let other = onestop::policy::Book::from_texts(texts).expect("sound files");
    let of = async |book| impact(committed.store(), Arc::new(book), ImpactQuestion::default(), None).await;
    let (kept, distributed) = (of(changed_book()).await.expect("an impact"), of(other).await.expect("an impact"));
    assert_eq!(kept, distributed);
    assert!(kept.persons.gain > 0);
}

#[tokio::test]
async fn the_committed_book_changes_nothing_and_a_year_or_region_without_settlements_has_none() {
    let rows = person_rows(40);
    let committed = engine_with(MemoryStore::default(), shipped::book().expect("the book"), rows).await;
    play(&committed, SEED, 40).await;
    let book = || Arc::new(shipped::book().expect("the book"));
    let same = impact(committed.store(), book(), ImpactQuestion::default(), None).await.expect("an impact");
    assert_eq!((same.persons.gain, same.persons.lose), (0, 0));
    assert!(same.total.settlements > 40 && same.total.payers.values().all(|change| change.before == change.after));
    assert_eq!((same.persons.capped.before_only, same.persons.capped.after_only), (0, 0));
    let past = same.persons.past_deductible;
    assert!(past.both > 0 && (past.before_only, past.after_only) == (0, 0));
    let of = |years: &[i32], regions: &[&str]| ImpactQuestion {
        years: years.to_vec(),
        regions: regions.iter().map(|region| (*region).to_owned()).collect(),
    };
    for question in [of(&[2016], &[]), of(&[], &["11"])] {
        let none = impact(committed.store(), book(), question, None).await.expect("an impact");
        assert_eq!((none.total.settlements, none.persons.count()), (0, 0));
    }
    let [all, one, other] = [of(&[2017], &["37"]), of(&[], &["3701"]), of(&[], &["3702"])];
    let mut settlements = Vec::new();
    for question in [all, one, other] {
        settlements.push(impact(committed.store(), book(), question, None).await.expect("an impact").total.settlements);
    }
    assert_eq!(settlements[0], same.total.settlements);
    assert_eq!(settlements[1] + settlements[2], settlements[0]);
    assert!(settlements[2] > 0);
}

#[tokio::test]
async fn settlements_without_a_policy_in_the_book_are_counted_apart() {
    let committed = engine_with(MemoryStore::default(), shipped::book().expect("the book"), person_rows(10)).await;
    play(&committed, SEED, 10).await;
    let files = super::changed_files();
    let of_gansu =
        files.iter().filter(|(name, _)| name.ends_with("gansu-2017.toml") || name.ends_with("vocabulary.toml"));
    let texts = of_gansu.map(|(name, text)| (*name, text.as_str()));
    let book = onestop::policy::Book::from_texts(texts).expect("sound files");
    let found = impact(committed.store(), Arc::new(book), ImpactQuestion::default(), None).await.expect("an impact");
    let undecided = &found.undecided[&UndecidedReason::NoPolicy];
    assert!(undecided.settlements > 10 && undecided.patient.before > Money::ZERO, "{undecided:?}");
    assert_eq!((found.undecided.len(), found.total.settlements, found.persons.count()), (1, 0, 0));
}
