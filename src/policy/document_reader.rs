//! Reads one policy file into a [`Document`], and records every fault with its line.

use crate::domain::decimal::ExactDecimal;
use crate::domain::rate::Rate;
use crate::domain::vocabulary::{BenefitYear, Category, Period, Pool, Visit};

use super::document::{Document, LayerText};
use super::entry_reader::{read_for, read_when};
use super::schedule_reader::{read_cap, read_schedules};
use super::source_reader::{Sources, read_assumed};
use super::toml_reader::{Source, TableReader};
use super::value_reader::{check_distinct, limited_tables, parsed, word, words};
use crate::domain::file_fault::FileFault;

/// The maximum size of a file, in bytes.
const MAX_FILE_BYTES: usize = 1 << 20;

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

/// The document of a file, unless it is not TOML, and every fault that the file has on its own.
pub(super) fn read_document(file: &str, text: &str) -> (Option<Document>, Vec<FileFault>) {
    if text.len() > MAX_FILE_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_FILE_BYTES} are read", text.len());
        return (None, vec![FileFault::new(file, 1, message)]);
    }
    let source = Source::new(file, text);
    let parsed = source.parse();
    let document = (source.fault_count() == 0).then(|| read_root(file, &TableReader::root(&source, &parsed)));
    (document, source.into_faults())
}

fn read_root(file: &str, table: &TableReader<'_, '_>) -> Document {
    check_format(table);
    let id = table.required("id").unwrap_or_default();
    let sources = Sources::read(&id, table);
    let regions = read_regions(table);
    let library = regions.is_empty() && table.has("regions");
    let required = ["regions", "in_force", "benefit_year"].into_iter().filter(|_| !library);
    for key in required.chain(["layer"]).filter(|key| !table.has(key)) {
        table.missing(key);
    }
    let layers = limited_tables(table, "layer");
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
    document.layers = layers.iter().map(|layer| read_layer(layer, &sources)).collect();
    document
}

fn check_format(table: &TableReader<'_, '_>) {
    match table.integer("format") {
        Some(1) => {}
        Some(other) => {
            table.source().fault(table.line_of("format"), format!("format {other} is not known; this service reads 1"));
        }
        None if table.has("format") => {}
        None => table.missing("format"),
    }
}

fn read_regions(table: &TableReader<'_, '_>) -> Vec<String> {
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

fn read_layer(table: &TableReader<'_, '_>, sources: &Sources) -> LayerText {
    let before = table.source().fault_count();
    let draws = table.string("use").and_then(|text| parse_use(table, &text));
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
        schedule: table.table("schedule").map(|schedule| read_schedules(&schedule)),
        caps: table.has("cap").then(|| limited_tables(table, "cap").iter().map(read_cap).collect()),
        when: table.has("when").then(|| limited_tables(table, "when").iter().map(|t| read_when(t, sources)).collect()),
        for_: table.has("for").then(|| limited_tables(table, "for").iter().map(|t| read_for(t, sources)).collect()),
        cites: sources.cites(table),
        assumed: read_assumed(table, LAYER_KEYS),
    };
    check_distinct_accounts(table, &text);
    table.finish();
    text.sound = table.source().fault_count() == before;
    text
}

fn check_distinct_accounts(table: &TableReader<'_, '_>, text: &LayerText) {
    let caps = text.caps.as_deref().unwrap_or_default();
    for (at, cap) in caps.iter().enumerate() {
        if caps[..at].iter().any(|before| before.account == cap.account) {
            table.source().fault(table.line, format!("the layer names the cap account `{}` twice", cap.account));
        }
    }
}

fn parse_use(table: &TableReader<'_, '_>, text: &str) -> Option<(String, String)> {
    let pair = text.split_once('#').filter(|(file, layer)| !file.is_empty() && !layer.is_empty());
    if pair.is_none() {
        table.source().fault(table.line_of("use"), format!("`use` is `{text}`, not FILE_ID#LAYER_ID"));
    }
    pair.map(|(file, layer)| (file.to_owned(), layer.to_owned()))
}
