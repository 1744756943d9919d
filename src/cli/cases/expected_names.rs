//! The names in what a case expects: a name that the book does not have would count as 0.00 and hide a mistake, so every
//! one is refused with its line and the nearest known name.

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tonic::Code;

use crate::domain::file_fault::{FaultText, FileFault, line_at};
use crate::domain::file_faults::FileFaults;
use crate::grpc::status::code_name;
use crate::policy::{Book, nearest};

use super::case::{Case, Expect, ExpectedRevision};

/// The reason of the only notice.
const NOTICES: &[&str] = &["OVERLAPPING_STAY"];

/// The names that a book has, by what they name.
struct KnownNames<'b> {
    payers: Vec<&'b str>,
    layers: Vec<&'b str>,
    pools: Vec<&'b str>,
    statuses: Vec<&'static str>,
}

impl<'b> KnownNames<'b> {
    fn new(book: &'b Book) -> KnownNames<'b> {
        let layers = || book.rules().flat_map(|rule| &rule.layers);
        let named = book.vocabulary().payers.iter().map(|rule| &*rule.payer);
        KnownNames {
            payers: named.chain(layers().map(|layer| &*layer.payer)).collect(),
            layers: layers().map(|layer| &*layer.id).collect(),
            pools: book.vocabulary().pools.iter().map(|(pool, _)| pool.as_str()).collect(),
            statuses: (1..=16).map(|code| code_name(Code::from_i32(code))).collect(),
        }
    }
}

/// What a name stands for, in both languages.
type Kind = (&'static str, &'static str);

const PAYER: Kind = ("payer", "支付方");
const LAYER: Kind = ("layer", "层");
const POOL: Kind = ("pool", "费用池");
const STATUS: Kind = ("status of a refusal", "拒绝状态");
const NOTICE: Kind = ("notice", "提示");

/// A name at its place: the keys that lead to it from the table of the step.
struct Named<'e> {
    kind: Kind,
    name: &'e str,
    path: Vec<&'e str>,
}

/// The faults of all names that the book does not have.
pub(super) fn unknown_names(file: &str, text: &str, case: &Case, book: &Book) -> FileFaults {
    let known = KnownNames::new(book);
    let root = DeTable::parse_recoverable(text).0;
    let mut faults = Vec::new();
    for (at, step) in case.steps.iter().enumerate() {
        for named in names_of_step(&step.expect) {
            let list = known_of_kind(&known, named.kind);
            if !list.contains(&named.name) {
                let offset = step_table(&root, at).and_then(|step| offset_of_last_key(step, &named.path));
                let line = line_at(text, offset.unwrap_or_default());
                faults.push(FileFault::bilingual(file, line, unknown_name(at + 1, &named, list)));
            }
        }
    }
    faults.sort();
    faults.into()
}

fn known_of_kind<'k>(known: &'k KnownNames<'_>, kind: Kind) -> &'k [&'k str] {
    match kind {
        PAYER => &known.payers,
        LAYER => &known.layers,
        POOL => &known.pools,
        STATUS => &known.statuses,
        _ => NOTICES,
    }
}

/// Every name in what a step expects.
fn names_of_step(expect: &Expect) -> Vec<Named<'_>> {
    let maps = [(PAYER, "payers", &expect.payers), (LAYER, "layers", &expect.layers), (POOL, "pools", &expect.pools)];
    let listed = maps
        .into_iter()
        .flat_map(|(kind, key, map)| map.keys().map(move |name| Named { kind, name, path: vec!["expect", key, name] }));
    let refused = expect.refused.iter().map(|name| Named { kind: STATUS, name, path: vec!["expect", "refused"] });
    let notices = expect.notices.iter().flatten();
    let notices = notices.map(|name| Named { kind: NOTICE, name, path: vec!["expect", "notices"] });
    let revised = expect.revised.iter().flat_map(|(claim, revised)| names_of_revision(claim, revised));
    listed.chain(refused).chain(notices).chain(revised).collect()
}

/// The names in an expected revision; among its differences `patient` is the patient.
fn names_of_revision<'e>(claim: &'e str, revised: &'e ExpectedRevision) -> impl Iterator<Item = Named<'e>> {
    let maps = [
        (PAYER, "payers", &revised.payers),
        (LAYER, "layers", &revised.layers),
        (PAYER, "differences", &revised.differences),
    ];
    maps.into_iter().flat_map(move |(kind, key, map)| {
        let names = map.keys().filter(move |name| key != "differences" || *name != "patient");
        names.map(move |name| Named { kind, name, path: vec!["expect", "revised", claim, key, name] })
    })
}

fn unknown_name(step: usize, named: &Named<'_>, known: &[&str]) -> FaultText {
    let (Named { kind: (en, zh), name, .. }, meant) = (named, nearest(named.name, known.iter().copied()));
    match meant {
        Some(meant) => FaultText::new(
            format!("step {step} expects the {en} `{name}`, which does not exist; `{meant}` is meant?"),
            format!("第 {step} 步的期望结果用到{zh} `{name}`，并不存在；是否应为 `{meant}`？"),
        ),
        None => FaultText::new(
            format!("step {step} expects the {en} `{name}`, which does not exist"),
            format!("第 {step} 步的期望结果用到{zh} `{name}`，并不存在"),
        ),
    }
}

/// The table of a step, by its number from 0.
fn step_table<'t>(root: &'t Spanned<DeTable<'_>>, at: usize) -> Option<&'t DeTable<'t>> {
    root.get_ref().get("step")?.get_ref().as_array()?.get(at)?.get_ref().as_table()
}

/// The offset of the last key of a path.
fn offset_of_last_key(table: &DeTable<'_>, path: &[&str]) -> Option<usize> {
    let (first, rest) = path.split_first()?;
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == first)?;
    match (value.get_ref(), rest) {
        (_, []) => Some(key.span().start),
        (DeValue::Table(inner), rest) => offset_of_last_key(inner, rest),
        _ => None,
    }
}
