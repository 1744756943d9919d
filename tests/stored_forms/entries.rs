//! Entries with a distinct value in every field.

use std::sync::Arc;

use smallvec::smallvec;

use onestop::domain::claim::{Claim, Continues, Item, Quantity, UnitPrice};
use onestop::domain::day::Day;
use onestop::domain::facts::{CatalogueEntry, Class, Facts, HospitalFacts, PersonFacts, Region};
use onestop::domain::fixed_words::{CapKind, ContinueKind, DeductiblePer, Locality, Period, Referral, SkipReason};
use onestop::domain::ids::{AccountKey, Diagnosis, Digest, EntryId};
use onestop::domain::journal::{
    AdministrationAct, AdministrationEntry, DecidedAgain, JournaledImport, MonthClosing, PolicyActivation,
    RetroactiveRun, Reversal, Revision, RevisionCause, Settlement,
};
use onestop::domain::journal::{Differences, Entry, EntryBody, EntryKind, Fence, Instant, Link};
use onestop::domain::layer_head::LayerHead;
use onestop::domain::money::Money;
use onestop::domain::month::Month;
use onestop::domain::notice::Notice;
use onestop::domain::policy::PolicyRef;
use onestop::domain::pools::Pools;
use onestop::domain::resolved_terms::{SplitCap, SplitTerms};
use onestop::domain::schedule::{Band, BandShare};
use onestop::domain::split::{
    BandSplit, CapSplit, Circumstances, CodeSplit, LayerSplit, LineSplit, SkippedLayer, Split,
};
use onestop::domain::stay::{Opening, Stay, StayUse};
use onestop::domain::sums::LedgerUse;
use onestop::domain::terms::{Cite, TermsKey};
use onestop::domain::words::Pool;
use onestop::journal::{
    ClaimMessage, CommittedEntry, decode_answered, decode_committed, decode_entry, encode_administration, encode_entry,
    encode_settlement,
};
use onestop::pb::settlement as pb;
use prost::Message;

use super::assert_fixture;
use crate::support::ids::id;

fn fen(fen: i64) -> Money {
    Money::from_fen(fen)
}

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

fn entry_id(byte: u8) -> EntryId {
    EntryId([byte; 16])
}

fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

fn words<W: From<&'static str> + Ord>(words: &[&'static str]) -> onestop::domain::words::WordSet<W> {
    words.iter().map(|word| W::from(word)).collect()
}

fn entry<B>(body: B) -> Entry<B> {
    Entry {
        id: entry_id(1),
        link: Link { number: 7, previous: Some(entry_id(2)), chained: digest(3) },
        committed: Instant(1_497_500_000_123_456),
        request_id: id("a request"),
        content: digest(4),
        body,
    }
}

fn claim() -> Claim {
    let item = |code: &str, day: Option<Day>| Item {
        code: id(code),
        quantity: Quantity(-25_000),
        unit_price: UnitPrice(1_234_567),
        amount: fen(-309),
        day,
    };
    Claim {
        claim_id: id("a claim"),
        hospital_id: id("a hospital"),
        person_id: id("a person"),
        visit: "inpatient".into(),
        emergency: true,
        admitted: day("2017-06-08"),
        discharged: day("2017-06-15"),
        items: vec![item("code one", Some(day("2017-06-09"))), item("code two", None), item("code one", None)],
        total: Some(fen(-927)),
        diagnosis: Some(Diagnosis::parse("I10", 64).expect("a code")),
        continues: Some(Continues {
            kind: ContinueKind::Transfer,
            hospital_id: id("another hospital"),
            claim_id: id("another claim"),
        }),
    }
}

fn catalogue() -> Vec<Arc<CatalogueEntry>> {
    let class = |word: &str, ratio: Option<&str>| Class {
        word: word.into(),
        self_pay_ratio: ratio.map(|ratio| ratio.parse().expect("a rate")),
    };
    vec![
        Arc::new(CatalogueEntry {
            code: id("code one"),
            name: "the first".into(),
            class: class("B", Some("0.1")),
            price_ceiling: Some(UnitPrice(9_000_000)),
        }),
        Arc::new(CatalogueEntry {
            code: id("code two"),
            name: "the second".into(),
            class: class("A", None),
            price_ceiling: None,
        }),
    ]
}

fn pools() -> Pools {
    [(Pool::from("eligible"), fen(402)), (Pool::from("excluded"), fen(0))].into_iter().collect()
}

fn code(position: u16, unit_price: i64) -> CodeSplit {
    CodeSplit {
        position,
        unit_price: UnitPrice(unit_price),
        net: fen(101),
        over_limit: fen(102),
        preliminary_self_pay: fen(103),
        pool: pools().position(&"eligible".into()).expect("a pool"),
    }
}

fn layer() -> LayerSplit {
    LayerSplit {
        terms: Arc::new(split_terms()),
        residual: fen(201),
        base: fen(202),
        c0: fen(203),
        c1: fen(204),
        deductible: fen(205),
        deductible_credited: fen(206),
        deductible_taken: fen(207),
        stay: StayUse {
            base: fen(208),
            taken: fen(209),
            taken_on_stay: fen(210),
            admissions: Some(4),
            before_transfer: false,
        },
        bands: smallvec![band_split(212), band_split(217)],
        caps: smallvec![
            CapSplit { limit: Some(fen(222)), before: fen(223), cut: fen(224) },
            CapSplit { limit: None, before: fen(225), cut: fen(0) },
        ],
        pays: fen(226),
        drawn: smallvec![fen(227), fen(0)],
        ledger_before: LedgerUse { base: fen(228), taken: fen(229) },
        paid_before: fen(230),
    }
}

fn split_terms() -> SplitTerms {
    let (account, overflow) = ("an account".into(), Some("excluded".into()));
    let of_base = SplitCap { account, kind: CapKind::Base, is_per_claim: true, overflow };
    let (account, overflow) = ("another account".into(), None);
    let of_payment = SplitCap { account, kind: CapKind::Paid, is_per_claim: false, overflow };
    SplitTerms {
        head: Arc::new(LayerHead {
            id: "basic".into(),
            name: "基本医疗保险".into(),
            payer: "basic_fund".into(),
            pools: vec!["eligible".into(), "excluded".into()],
            period: Period::Year,
            shared_ledger: Some("a ledger".into()),
            deductible_per: DeductiblePer::Credited,
            bands_over_excess: true,
            credits_transfer: true,
        }),
        prior_self_pay: "0.2".parse().expect("a rate"),
        bands: vec![band(Some(fen(211)), "0.55"), band(None, "0.49999999999999999999")],
        caps: vec![of_base, of_payment],
        cites: [Cite { source: "policy#law".into(), text: "第二条".into() }].into(),
        assumed: ["rate".into()].into(),
    }
}

fn band(upto: Option<Money>, rate: &str) -> Band {
    let rate = onestop::domain::decimal::ExactDecimal::parse(rate, 20).expect("a figure").try_into().expect("a rate");
    Band { upto, rate }
}

fn band_split(first: i64) -> BandSplit {
    let after = BandShare { amount: fen(first), pay: fen(first + 1) };
    BandSplit { after, before: BandShare { amount: fen(first + 2), pay: fen(first + 3) } }
}

fn split() -> Split {
    let stay_use = StayUse {
        base: fen(301),
        taken: fen(302),
        taken_on_stay: fen(303),
        admissions: Some(5),
        before_transfer: true,
    };
    let stay = Stay {
        layers: vec![("basic".into(), stay_use)],
        caps: vec![("an account".into(), fen(304))],
        pools: [(Pool::from("eligible"), fen(305))].into_iter().collect(),
        admissions: 2,
        credited_admissions: 1,
        counted: true,
    };
    Split {
        circumstances: Circumstances {
            policy: PolicyRef { id: "a policy".into(), digest: digest(5) },
            day: day("2017-06-15"),
            account: AccountKey { insurance: "resident".into(), year: 2017 },
            terms: TermsKey {
                level: "tertiary".into(),
                locality: Locality::Province,
                referral: Referral::Registered,
                tags: words(&["tcm"]),
                diseases: words(&["hypertension"]),
                categories: words(&["destitute", "disabled"]),
            },
            admissions_before: 3,
        },
        total: fen(401),
        pools: pools(),
        catalogue: catalogue().into(),
        lines: vec![LineSplit { over_limit: fen(403), preliminary_self_pay: fen(404) }, LineSplit::default()],
        codes: vec![code(0, 1_234_567), code(1, 2), code(0, 3)],
        layers: vec![layer()],
        skipped: vec![SkippedLayer { id: "critical".into(), name: "大病".into(), reason: SkipReason::OtherCategory }],
        patient: fen(405),
        counted_admission: true,
        is_stay: true,
        opening: Some(Box::new(Opening { kind: ContinueKind::Transfer, settlement: entry_id(6), stay })),
    }
}

/// A settlement with a distinct value in every field.
pub(super) fn settlement() -> Entry<Settlement> {
    let split = split();
    let (circumstances, region) = (&split.circumstances, |code| Region::parse(code).expect("a region"));
    let facts = Facts {
        person: PersonFacts {
            insurance: circumstances.account.insurance.clone(),
            insured_region: region("370102"),
            categories: circumstances.terms.categories.clone(),
            cross_region_approved: true,
        },
        hospital: HospitalFacts {
            level: circumstances.terms.level.clone(),
            region: region("110101"),
            tags: circumstances.terms.tags.clone(),
        },
        catalogue: catalogue().into(),
        entry_of_item: vec![0, 1, 0],
    };
    let notices = vec![Notice::OverlappingStay { own: vec![entry_id(8)], others: 2 }];
    entry(Settlement { claim: claim(), facts, book: digest(7), split, notices })
}

fn revision() -> Revision {
    Revision {
        hospital_id: id("a hospital"),
        person_id: id("a person"),
        claim_id: id("a claim"),
        settlement: entry_id(9),
        number: 2,
        replaces: entry_id(10),
        cause: RevisionCause::Reversal(entry_id(11)),
        book: digest(7),
        facts: settlement().body.facts,
        split: split(),
        differences: Differences { payers: vec![("basic_fund".into(), fen(-12))], patient: fen(12) },
        booking_month: Month::from_number(201_707).expect("a month"),
    }
}

fn reversal() -> Reversal {
    Reversal {
        hospital_id: id("a hospital"),
        person_id: id("a person"),
        claim_id: id("a claim"),
        reason: "a reason 原因".to_owned(),
        settlement: entry_id(9),
        account: AccountKey { insurance: "resident".into(), year: 2017 },
        revisions: vec![entry_id(12), entry_id(13)],
        correction: Some(entry_id(14)),
        booking_month: Month::from_number(201_706).expect("a month"),
    }
}

fn fence() -> Fence {
    Fence { hospital_id: Some(id("a hospital")), person_id: id("a person") }
}

/// Checks the fixture of an entry in both directions.
fn check<B: EntryBody + Clone>(name: &str, entry: &Entry<B>)
where
    Entry<B>: Into<Entry>,
{
    let (record, digest) = encode_entry(entry);
    let any: Entry = entry.clone().into();
    assert_eq!(decode_entry(&record), Ok((any, digest)), "{name}");
    assert_fixture(name, &record);
}

#[test]
fn a_settlement_has_the_bytes_that_it_always_had() {
    check("settlement", &settlement());
}

#[test]
fn a_reversal_has_the_bytes_that_it_always_had() {
    check("reversal", &entry(reversal()));
    let plain = Reversal { revisions: Vec::new(), correction: None, ..reversal() };
    check("reversal-alone", &entry(plain));
}

#[test]
fn a_revision_has_the_bytes_that_it_always_had() {
    check("revision", &entry(revision()));
    let decided = |number, revision| DecidedAgain { settlement: entry_id(number), revision };
    let run = RetroactiveRun { benefit_year: 2017, decided: vec![decided(8, None), decided(9, Some(entry_id(2)))] };
    check("revision-first-of-run", &entry(Revision { cause: RevisionCause::RetroactiveRun(run), ..revision() }));
    check("revision-later-of-run", &entry(Revision { cause: RevisionCause::LaterInRun(entry_id(11)), ..revision() }));
}

#[test]
fn a_fence_has_the_bytes_that_it_always_had() {
    check("fence", &entry(EntryKind::Fence(fence())));
    let first = Entry { link: Link { number: 1, ..Link::default() }, ..entry(EntryKind::Fence(fence())) };
    check("fence-first", &first);
    check("fence-of-administration", &entry(EntryKind::Fence(Fence { hospital_id: None, ..fence() })));
}

/// Checks the fixture of an entry of the administration in both directions; it is no entry of a person.
fn check_administration(name: &str, act: AdministrationAct) {
    let Entry { id, link, committed, .. } = entry(fence());
    let entry = AdministrationEntry { id, link, committed, act };
    let (record, digest) = encode_administration(&entry);
    assert_eq!(decode_committed(&record), Ok((CommittedEntry::Administration(Box::new(entry)), digest)), "{name}");
    assert!(decode_entry(&record).is_err(), "{name}");
    assert_fixture(name, &record);
}

#[test]
fn entries_of_the_administration_have_their_bytes() {
    let activation = PolicyActivation { activated_by: "an operator".to_owned(), book: digest(5) };
    check_administration("policy-activation", AdministrationAct::PolicyActivation(activation));
    let import = JournaledImport {
        number: 8,
        table: "enrolments".to_owned(),
        source: "a file".to_owned(),
        imported_by: "a registrar".to_owned(),
        digest: digest(6),
        changed: 9,
        unchanged: 10,
    };
    check_administration("import-end-entry", AdministrationAct::ImportEnd(import));
    let month = Month::from_number(201_706).expect("a month");
    let closing = MonthClosing { closed_by: "an operator".to_owned(), month };
    check_administration("month-closing", AdministrationAct::MonthClosing(closing));
    let (record, digest) = encode_entry(&entry(fence()));
    let person = entry(EntryKind::Fence(fence()));
    assert_eq!(decode_committed(&record), Ok((CommittedEntry::Person(Box::new(person)), digest)));
}

#[test]
fn the_answer_in_a_record_is_the_settlement_of_the_wire_and_its_summary_a_prefix() {
    let encoded = encode_settlement(&settlement(), &ClaimMessage::from(&settlement().body.claim));
    let (stored, answer) = decode_answered(&encoded.record).expect("a record");
    assert_eq!((stored, &answer), (settlement().into(), &encoded.answer));
    let message = pb::Settlement::decode(&*answer).expect("a settlement");
    assert_eq!(message.encode_to_vec(), answer, "fields in ascending order, and no absent ones");
    let summary = onestop::journal::answer::summary_bytes(&answer);
    assert!(answer.starts_with(&summary) && summary.len() < answer.len());
    let expected = pb::Settlement { derivation: None, ..message };
    assert_eq!(pb::Settlement::decode(&*summary), Ok(expected));
}
