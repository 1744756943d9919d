//! Reads one policy file into a [`Document`], noting every fault with its line.

use std::collections::BTreeMap;

use crate::domain::decimal::ExactDecimal;
use crate::domain::rate::Rate;
use crate::domain::terms::Cite;
use crate::domain::vocabulary::{BenefitYear, Category, Period, Pool, Visit};

use super::document::{Document, LayerText};
use super::read_entry::{for_, when};
use super::read_schedule::{cap, schedules};
use super::read_values::{capped_list, check_distinct, check_length, not_empty, parsed, word, words};
use super::toml_text::{Lined, Source, TomlTable};
use crate::domain::file_fault::FileFault;

/// The most bytes of a file.
const MOST_BYTES: usize = 1 << 20;

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

/// Reads a file: what it says, unless it is not TOML at all, and every fault that it has by itself.
pub fn read(file: &str, text: &str) -> (Option<Document>, Vec<FileFault>) {
    if text.len() > MOST_BYTES {
        let message = format!("the file has {} bytes; at most {MOST_BYTES} are read", text.len());
        return (None, vec![FileFault::new(file, 1, message)]);
    }
    let source = Source::new(file, text);
    let parsed = source.parse();
    let document = (source.fault_count() == 0).then(|| document(file, &TomlTable::root(&source, &parsed)));
    (document, source.into_faults())
}

fn document(file: &str, table: &TomlTable<'_, '_>) -> Document {
    check_format(table);
    let id = table.required("id").unwrap_or_default();
    let sources = Sources::read(&id, table);
    let regions = regions(table);
    let library = regions.is_empty() && table.has("regions");
    let of_no_library = ["regions", "in_force", "benefit_year"].into_iter().filter(|_| !library);
    for key in of_no_library.chain(["layer"]).filter(|key| !table.has(key)) {
        table.missing(key);
    }
    let layers = capped_list(table, "layer");
    let mut document = Document {
        file: file.to_owned(),
        id_line: table.line_of("id"),
        sound: false,
        title: table.required("title").unwrap_or_default(),
        insurance: table.required("insurance").unwrap_or_default(),
        regions_line: table.line_of("regions"),
        in_force: table.interval("in_force").unwrap_or_default(),
        benefit_year: word(table, "benefit_year", BenefitYear::ALL).unwrap_or(BenefitYear::Discharge),
        layers: Vec::new(),
        regions,
        id,
    };
    table.finish();
    document.sound = table.source().fault_count() == 0;
    document.layers = layers.iter().map(|layer| layer_text(layer, &sources)).collect();
    document
}

fn check_format(table: &TomlTable<'_, '_>) {
    match table.integer("format") {
        Some(1) => {}
        Some(other) => {
            table.source().fault(table.line_of("format"), format!("format {other} is not known; this service reads 1"));
        }
        None if table.has("format") => {}
        None => table.missing("format"),
    }
}

fn regions(table: &TomlTable<'_, '_>) -> Vec<String> {
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
pub(super) struct Sources {
    file_id: String,
    texts: BTreeMap<String, String>,
}

impl Sources {
    fn read(file_id: &str, table: &TomlTable<'_, '_>) -> Sources {
        let texts = table.table("sources").map(|sources| sources.texts()).unwrap_or_default();
        Sources { file_id: file_id.to_owned(), texts: texts.into_iter().collect() }
    }

    /// The cites of a layer or an entry.
    pub(super) fn cites(&self, table: &TomlTable<'_, '_>) -> Option<Vec<Cite>> {
        let keys = not_empty(table, "cites", table.strings("cites"))?;
        check_length(table, "cites", &keys);
        let cite = |key: &Lined<String>| {
            let known = self.texts.get(&key.value);
            if known.is_none() {
                table.source().fault(key.line, format!("`{}` is not in [sources]", key.value));
            }
            let source = format!("{}#{}", self.file_id, key.value).into();
            known.map(|text| Cite { source, text: text.as_str().into() })
        };
        Some(keys.iter().filter_map(cite).collect())
    }
}

fn layer_text(table: &TomlTable<'_, '_>, sources: &Sources) -> LayerText {
    let before = table.source().fault_count();
    let draws = table.string("use").and_then(|text| draws(table, &text));
    let mut text = LayerText {
        line: table.line,
        sound: false,
        draws,
        id: table.has("id").then(|| table.required("id")).flatten(),
        name: table.string("name"),
        payer: table.has("payer").then(|| table.required("payer")).flatten(),
        visits: words(table, "visits", Visit::ALL),
        pools: words(table, "pools", Pool::ALL),
        period: word(table, "period", Period::ALL),
        only: words(table, "only", Category::ALL),
        in_force: table.interval("in_force"),
        prior_self_pay: table.string("prior_self_pay").and_then(|text| {
            parsed(table, "prior_self_pay", &text, |text| text.parse::<Rate>().map(ExactDecimal::from))
        }),
        schedule: table.table("schedule").map(|schedule| schedules(&schedule)),
        caps: table.has("cap").then(|| capped_list(table, "cap").iter().map(cap).collect()),
        when: table.has("when").then(|| capped_list(table, "when").iter().map(|t| when(t, sources)).collect()),
        for_: table.has("for").then(|| capped_list(table, "for").iter().map(|t| for_(t, sources)).collect()),
        cites: sources.cites(table),
        assumed: assumed(table, LAYER_KEYS),
    };
    check_same_account(table, &text);
    table.finish();
    text.sound = table.source().fault_count() == before;
    text
}

fn check_same_account(table: &TomlTable<'_, '_>, text: &LayerText) {
    let caps = text.caps.as_deref().unwrap_or_default();
    for (at, cap) in caps.iter().enumerate() {
        if caps[..at].iter().any(|before| before.account == cap.account) {
            table.source().fault(table.line, format!("the layer names the cap account `{}` twice", cap.account));
        }
    }
}

fn draws(table: &TomlTable<'_, '_>, text: &str) -> Option<(String, String)> {
    let pair = text.split_once('#').filter(|(file, layer)| !file.is_empty() && !layer.is_empty());
    if pair.is_none() {
        table.source().fault(table.line_of("use"), format!("`use` is `{text}`, not FILE_ID#LAYER_ID"));
    }
    pair.map(|(file, layer)| (file.to_owned(), layer.to_owned()))
}

/// The keys that a table says are assumptions.
pub(super) fn assumed(table: &TomlTable<'_, '_>, known: &[&str]) -> Vec<String> {
    let keys = table.strings("assumed").unwrap_or_default();
    for key in keys.iter().filter(|key| !known.contains(&key.value.as_str())) {
        table.source().fault(key.line, format!("`assumed` names `{}`, which is no key here", key.value));
    }
    check_distinct(table, "assumed", &keys);
    keys.into_iter().map(|key| key.value).collect()
}
