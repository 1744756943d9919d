//! Reads one policy file into a [`Document`], noting every fault with its line.

use crate::domain::exact::Exact;
use crate::domain::money::Money;
use crate::domain::rate::{Rate, figure};
use crate::domain::schedule::{Band, Schedule};
use crate::domain::terms::Cite;
use crate::domain::vocabulary::{BenefitYear, CapKind, Category, Level, Locality, Period, Pool, Referral, Visit};

use super::document::{Document, LayerText};
use super::fault::PolicyFault;
use super::rule::{CapChange, CapRule, Condition, Entry, Operation, Schedules};
use super::toml_text::{Lined, Source, Table};

/// The most layers, entries, caps or bands that one list may hold.
const MOST: usize = 64;

/// The keys of a layer that `assumed` may name.
const LAYER_KEYS: &[&str] = &[
    "name",
    "payer",
    "visits",
    "pools",
    "period",
    "only",
    "in_force",
    "prior_self_pay",
    "schedule",
    "cap",
    "when",
    "for",
];

/// The keys of an entry that `assumed` may name.
const ENTRY_KEYS: &[&str] = &["if", "category", "schedule", "deductible", "rate", "cap", "prior_self_pay"];

/// Reads a file.
///
/// # Errors
/// Every fault that the file has by itself.
pub fn read(file: &str, text: &str) -> Result<Document, Vec<PolicyFault>> {
    let source = Source::new(file, text);
    let parsed = source.parse();
    let document = (source.fault_count() == 0).then(|| document(file, &Table::root(&source, &parsed)));
    match document {
        Some(document) if source.fault_count() == 0 => Ok(document),
        _ => Err(source.into_faults()),
    }
}

fn document(file: &str, table: &Table<'_, '_>) -> Document {
    check_format(table);
    let id = table.required("id");
    let sources = Sources::read(&id, table);
    let regions = regions(table);
    let library = regions.is_empty() && table.has("regions");
    let of_no_library = ["regions", "in_force", "benefit_year"].into_iter().filter(|_| !library);
    for key in of_no_library.chain(["layer"]).filter(|key| !table.has(key)) {
        table.missing(key);
    }
    let layers = capped_list(table, "layer");
    let document = Document {
        file: file.to_owned(),
        title: table.required("title"),
        insurance: table.required("insurance"),
        regions_line: table.line_of("regions"),
        in_force: table.interval("in_force").unwrap_or_default(),
        benefit_year: word(table, "benefit_year", BenefitYear::from_word).unwrap_or(BenefitYear::Discharge),
        layers: layers.iter().map(|layer| layer_text(layer, &sources)).collect(),
        regions,
        id,
    };
    table.finish();
    document
}

fn check_format(table: &Table<'_, '_>) {
    match table.integer("format") {
        Some(1) => {}
        Some(other) => {
            table.source().fault(table.line_of("format"), format!("format {other} is not known; this service reads 1"));
        }
        None if table.has("format") => {}
        None => table.missing("format"),
    }
}

fn regions(table: &Table<'_, '_>) -> Vec<String> {
    let regions = table.strings("regions").unwrap_or_default();
    for region in &regions {
        let digits = (1..=6).contains(&region.value.len()) && region.value.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            table.source().fault(region.line, format!("region `{}` is not one to six digits", region.value));
        }
    }
    check_distinct(table, "regions", &regions);
    regions.into_iter().map(|region| region.value).collect()
}

/// What `cites` may name in one file.
struct Sources {
    file_id: String,
    texts: Vec<(String, String)>,
}

impl Sources {
    fn read(file_id: &str, table: &Table<'_, '_>) -> Sources {
        let texts = table.table("sources").map(|sources| sources.texts()).unwrap_or_default();
        Sources { file_id: file_id.to_owned(), texts }
    }

    fn cites(&self, table: &Table<'_, '_>) -> Option<Vec<Cite>> {
        let keys = not_empty(table, "cites", table.strings("cites"))?;
        let cite = |key: &Lined<String>| {
            let known = self.texts.iter().find(|(known, _)| *known == key.value);
            if known.is_none() {
                table.source().fault(key.line, format!("`{}` is not in [sources]", key.value));
            }
            let source = format!("{}#{}", self.file_id, key.value).into();
            known.map(|(_, text)| Cite { source, text: text.as_str().into() })
        };
        Some(keys.iter().filter_map(cite).collect())
    }
}

fn layer_text(table: &Table<'_, '_>, sources: &Sources) -> LayerText {
    let draws = table.string("use").and_then(|text| draws(table, &text));
    let text = LayerText {
        line: table.line,
        draws,
        id: table.has("id").then(|| table.required("id")),
        name: table.string("name"),
        payer: table.has("payer").then(|| table.required("payer")),
        visits: words(table, "visits", Visit::from_word),
        pools: words(table, "pools", Pool::from_word),
        period: word(table, "period", Period::from_word),
        only: words(table, "only", Category::from_word),
        in_force: table.interval("in_force"),
        prior_self_pay: table
            .string("prior_self_pay")
            .and_then(|text| parsed(table, "prior_self_pay", &text, |text| text.parse::<Rate>().map(Rate::exact))),
        schedule: table.table("schedule").map(|schedule| schedules(&schedule)),
        caps: table.has("cap").then(|| capped_list(table, "cap").iter().map(cap).collect()),
        when: table.has("when").then(|| capped_list(table, "when").iter().map(|t| when(t, sources)).collect()),
        for_: table.has("for").then(|| capped_list(table, "for").iter().map(|t| for_(t, sources)).collect()),
        cites: sources.cites(table),
        assumed: assumed(table, LAYER_KEYS),
    };
    check_same_account(table, &text);
    table.finish();
    text
}

fn check_same_account(table: &Table<'_, '_>, text: &LayerText) {
    let caps = text.caps.as_deref().unwrap_or_default();
    for (at, cap) in caps.iter().enumerate() {
        if caps[..at].iter().any(|before| before.account == cap.account) {
            table.source().fault(table.line, format!("the layer names the cap account `{}` twice", cap.account));
        }
    }
}

fn draws(table: &Table<'_, '_>, text: &str) -> Option<(String, String)> {
    let pair = text.split_once('#').filter(|(file, layer)| !file.is_empty() && !layer.is_empty());
    if pair.is_none() {
        table.source().fault(table.line_of("use"), format!("`use` is `{text}`, not FILE_ID#LAYER_ID"));
    }
    pair.map(|(file, layer)| (file.to_owned(), layer.to_owned()))
}

fn assumed(table: &Table<'_, '_>, known: &[&str]) -> Vec<String> {
    let keys = table.strings("assumed").unwrap_or_default();
    for key in keys.iter().filter(|key| !known.contains(&key.value.as_str())) {
        table.source().fault(key.line, format!("`assumed` names `{}`, which is no key here", key.value));
    }
    check_distinct(table, "assumed", &keys);
    keys.into_iter().map(|key| key.value).collect()
}

fn cap(table: &Table<'_, '_>) -> CapRule {
    let annual = table.required("annual");
    let cap = CapRule {
        account: table.required("account").into(),
        of: word(table, "of", CapKind::from_word).unwrap_or(CapKind::Paid),
        annual: parsed(table, "annual", &annual, money).unwrap_or_default(),
    };
    table.finish();
    cap
}

fn when(table: &Table<'_, '_>, sources: &Sources) -> Entry {
    let condition = table.table("if").map(|circumstances| {
        let condition = Condition::When {
            locality: words(&circumstances, "locality", Locality::from_word).unwrap_or_default(),
            referral: words(&circumstances, "referral", Referral::from_word).unwrap_or_default(),
            level: words(&circumstances, "level", Level::from_word).unwrap_or_default(),
        };
        if !["locality", "referral", "level"].iter().any(|key| circumstances.has(key)) {
            circumstances.source().fault(circumstances.line, "`if` names no circumstance");
        }
        circumstances.finish();
        condition
    });
    if !table.has("if") {
        table.missing("if");
    }
    entry(table, sources, condition.unwrap_or(Condition::For(Vec::new())))
}

fn for_(table: &Table<'_, '_>, sources: &Sources) -> Entry {
    if !table.has("category") {
        table.missing("category");
    }
    let categories = words(table, "category", Category::from_word).unwrap_or_default();
    entry(table, sources, Condition::For(categories))
}

fn entry(table: &Table<'_, '_>, sources: &Sources, condition: Condition) -> Entry {
    if !table.has("cites") {
        table.missing("cites");
    }
    let entry = Entry {
        condition,
        schedule: table.table("schedule").map(|schedule| schedules(&schedule)),
        deductible: operation(table, "deductible", yuan),
        rate: operation(table, "rate", share),
        cap: cap_change(table),
        prior_self_pay: operation(table, "prior_self_pay", share),
        cites: sources.cites(table).unwrap_or_default(),
        assumed: assumed(table, ENTRY_KEYS),
    };
    table.finish();
    entry
}

fn cap_change(table: &Table<'_, '_>) -> Option<CapChange> {
    let word = table.text_if_text("cap");
    match word.as_deref() {
        Some("none") => Some(CapChange::Lift),
        Some(other) => {
            let told = format!("`cap` is `{other}`, neither \"none\" nor an operation");
            table.source().fault(table.line_of("cap"), told);
            None
        }
        None => operation(table, "cap", yuan).map(CapChange::By),
    }
}

/// `{ set = … }`, `{ times = … }` or `{ plus = … }`; a factor is a share whatever the figure is.
fn operation(table: &Table<'_, '_>, key: &'static str, read: fn(&str) -> Result<Exact, String>) -> Option<Operation> {
    let inner = table.table(key)?;
    let figure = |name, read: fn(&str) -> Result<Exact, String>| {
        inner.string(name).and_then(|text| parsed(&inner, name, &text, read))
    };
    let operations = [
        figure("set", read).map(Operation::Set),
        figure("times", share).map(Operation::Times),
        figure("plus", read).map(Operation::Plus),
    ];
    inner.finish();
    let named = ["set", "times", "plus"].iter().filter(|name| inner.has(name)).count();
    if named != 1 {
        inner.source().fault(inner.line, format!("`{key}` wants one of `set`, `times` and `plus`"));
    }
    operations.into_iter().flatten().next()
}

fn schedules(table: &Table<'_, '_>) -> Schedules {
    let levels = ["primary", "secondary", "tertiary"];
    let all = table.table("all").map(|all| schedule(&all));
    let by_level = levels.map(|level| table.table(level).map(|one| schedule(&one)));
    let named = by_level.iter().flatten().count();
    if !(all.is_some() && named == 0 || all.is_none() && named == levels.len()) {
        table.source().fault(table.line, "a schedule is `all`, or all three levels");
    }
    table.finish();
    by_level.map(|one| one.or_else(|| all.clone()).unwrap_or_else(nothing))
}

fn nothing() -> Schedule {
    Schedule { deductibles: vec![Money::ZERO], bands: vec![Band { upto: None, rate: Rate::ZERO }] }
}

fn schedule(table: &Table<'_, '_>) -> Schedule {
    let deductibles = not_empty(table, "deductible", table.string_or_list("deductible"));
    let read = |text: &Lined<String>| parsed(table, "deductible", &text.value, money).unwrap_or_default();
    let schedule = Schedule {
        deductibles: deductibles.map_or_else(|| vec![Money::ZERO], |list| list.iter().map(read).collect()),
        bands: bands(table),
    };
    table.finish();
    schedule
}

fn bands(table: &Table<'_, '_>) -> Vec<Band> {
    let tables = capped_list(table, "bands");
    if tables.is_empty() {
        table.source().fault(table.line, "`bands` is missing or empty");
    }
    let bands: Vec<Band> = tables.iter().map(band).collect();
    let mut below = Money::ZERO;
    for (at, (table, band)) in tables.iter().zip(&bands).enumerate() {
        let last = at + 1 == tables.len();
        match band.upto {
            Some(_) if last => table.source().fault(table.line, "the last band is open: it has no `upto`"),
            None if !last => table.source().fault(table.line, "only the last band has no `upto`"),
            Some(upto) if upto <= below => {
                table.source().fault(table.line, format!("a band up to {upto} does not ascend from {below}"));
            }
            _ => {}
        }
        below = band.upto.unwrap_or(below);
    }
    bands
}

fn band(table: &Table<'_, '_>) -> Band {
    let upto = table.string("upto").and_then(|text| parsed(table, "upto", &text, money));
    let rate = table.required("rate");
    let rate = parsed(table, "rate", &rate, |text| text.parse::<Rate>()).unwrap_or(Rate::ZERO);
    table.finish();
    Band { upto, rate }
}

fn money(text: &str) -> Result<Money, String> {
    let money: Money = text.parse().map_err(|e: crate::domain::exact::Unreadable| e.to_string())?;
    if money < Money::ZERO { Err("is negative".to_owned()) } else { Ok(money) }
}

fn yuan(text: &str) -> Result<Exact, String> {
    let exact: Exact = text.parse().map_err(|e: crate::domain::exact::Unreadable| e.to_string())?;
    exact.units(2).map_err(|e| e.to_string())?;
    Ok(exact)
}

fn share(text: &str) -> Result<Exact, String> {
    figure(text).map_err(|e| e.to_string())
}

fn parsed<T>(table: &Table<'_, '_>, key: &str, text: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
    let fault = |told: String| table.source().fault(table.line_of(key), format!("`{key}` {told}: \"{text}\""));
    read(text).map_err(fault).ok()
}

fn word<T>(table: &Table<'_, '_>, key: &'static str, known: fn(&str) -> Option<T>) -> Option<T> {
    let text = table.string(key)?;
    let word = known(&text);
    if word.is_none() {
        table.source().fault(table.line_of(key), format!("`{key}` is `{text}`, which is not known"));
    }
    word
}

fn words<T>(table: &Table<'_, '_>, key: &'static str, known: fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let texts = not_empty(table, key, table.strings(key))?;
    check_distinct(table, key, &texts);
    let one = |text: &Lined<String>| {
        let word = known(&text.value);
        if word.is_none() {
            table.source().fault(text.line, format!("`{key}` names `{}`, which is not known", text.value));
        }
        word
    };
    Some(texts.iter().filter_map(one).collect())
}

fn not_empty<T>(table: &Table<'_, '_>, key: &str, list: Option<Vec<T>>) -> Option<Vec<T>> {
    if list.as_ref().is_some_and(Vec::is_empty) {
        table.source().fault(table.line_of(key), format!("`{key}` is empty"));
    }
    list
}

fn check_distinct(table: &Table<'_, '_>, key: &str, texts: &[Lined<String>]) {
    for (at, text) in texts.iter().enumerate() {
        if texts[..at].iter().any(|before| before.value == text.value) {
            table.source().fault(text.line, format!("`{key}` names `{}` twice", text.value));
        }
    }
}

fn capped_list<'s, 'a>(table: &Table<'s, 'a>, key: &'static str) -> Vec<Table<'s, 'a>> {
    let list = table.tables(key).unwrap_or_default();
    if list.len() > MOST {
        table.source().fault(table.line_of(key), format!("`{key}` holds more than {MOST}"));
    }
    list
}
