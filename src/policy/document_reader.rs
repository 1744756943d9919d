//! Reads one policy file into a [`Document`], and records every fault with its line.

use crate::domain::decimal::ExactDecimal;
use crate::domain::facts::is_region_prefix;
use crate::domain::file_fault::{FaultText, FileFault};
use crate::domain::fixed_words::{BenefitYear, DeductiblePer, Period};
use crate::domain::vocabulary::Vocabulary;

use super::document::{Document, LayerText};
use super::entry_reader::{read_conditions, read_for, read_when};
use super::figure_reader::{Figures, key_rate};
use super::reading::Reading;
use super::schedule_reader::{CapText, read_layer_cap, read_schedules};
use super::source_reader::{Sources, read_assumed};
use super::toml_reader::{Lined, Source, TableReader};
use super::value_reader::{
    INSURANCE_BYTES, NAME_BYTES, check_distinct, check_text, distinct_words, fixed, limited_tables, lined_string,
    payer_word, required_lined, required_name, required_text, word,
};

/// The maximum size of a file, in bytes.
pub(super) const MAX_FILE_BYTES: usize = 1 << 20;

/// The format of policy files and vocabularies.
const FORMAT: i64 = 2;

/// The keys of a layer that `assumed` may name.
const LAYER_KEYS: &[&str] = &[
    "name",
    "payer",
    "visits",
    "pools",
    "period",
    "ledger",
    "deductible_per",
    "bands_over",
    "on_transfer",
    "if",
    "only",
    "except",
    "in_force",
    "prior_self_pay",
    "schedule",
    "cap",
    "when",
    "for",
];

/// The document of a file, unless it is not TOML, and every fault that the file has on its own.
pub(super) fn read_document(file: &str, text: &str, vocabulary: &Vocabulary) -> (Option<Document>, Vec<FileFault>) {
    if let Some(fault) = too_large(file, text) {
        return (None, vec![fault]);
    }
    let source = Source::new(file, text);
    let parsed = source.parse();
    let document =
        (source.fault_count() == 0).then(|| read_root(file, &TableReader::root(&source, &parsed), vocabulary));
    (document, source.into_faults())
}

/// The fault of a file that is too large to be read.
pub(super) fn too_large(file: &str, text: &str) -> Option<FileFault> {
    (text.len() > MAX_FILE_BYTES).then(|| {
        let text = FaultText::new(
            format!("the file has {} bytes; at most {MAX_FILE_BYTES} are read", text.len()),
            format!("文件有 {} 字节，最多读取 {MAX_FILE_BYTES} 字节", text.len()),
        );
        FileFault::bilingual(file, 1, text)
    })
}

fn read_root(file: &str, table: &TableReader<'_, '_>, vocabulary: &Vocabulary) -> Document {
    check_format(table);
    let id = read_id(table);
    let reading = Reading { vocabulary, figures: Figures::read(table), sources: Sources::read(&id, table) };
    let regions = read_prefixes(table, "regions");
    let library = regions.is_empty() && table.has("regions");
    let required = ["regions", "in_force", "benefit_year"].into_iter().filter(|_| !library);
    for key in required.chain(["layer"]).filter(|key| !table.has(key)) {
        table.add_missing(key);
    }
    let layers = limited_tables(table, "layer");
    let days = fixed("day", "日期口径", BenefitYear::ALL, BenefitYear::as_str);
    let mut document = Document {
        file: file.to_owned(),
        id_line: table.line_of("id"),
        sound: false,
        title: required_text(table, "title", NAME_BYTES).unwrap_or_default(),
        insurance: required_text(table, "insurance", INSURANCE_BYTES).unwrap_or_default(),
        insurance_line: table.line_of("insurance"),
        pooling: read_prefixes(table, "pooling"),
        in_force: table.interval("in_force").unwrap_or_default(),
        in_force_line: table.line_of("in_force"),
        benefit_year: word(table, "benefit_year", &days).unwrap_or(BenefitYear::Discharge),
        benefit_year_line: table.line_of("benefit_year"),
        layers: Vec::new(),
        regions,
        id,
    };
    table.finish();
    document.sound = table.source().fault_count() == 0;
    document.layers = layers.iter().map(|layer| read_layer(layer, &reading)).collect();
    document
}

/// Checks the number of the format.
pub(super) fn check_format(table: &TableReader<'_, '_>) {
    match table.integer("format") {
        Some(FORMAT) => {}
        Some(other) => {
            let text = FaultText::new(
                format!("format {other} is not known; this service reads {FORMAT}"),
                format!("不认识格式 {other}；本服务只读格式 {FORMAT}"),
            );
            table.source().add_fault(table.line_of("format"), text);
        }
        None if table.has("format") => {}
        None => table.add_missing("format"),
    }
}

/// The id of a file: a word that may hold hyphens.
fn read_id(table: &TableReader<'_, '_>) -> String {
    let Some(id) = required_lined(table, "id") else { return String::new() };
    let plain = id.value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    if !plain || !id.value.starts_with(|first: char| first.is_ascii_lowercase()) {
        let text = FaultText::new(
            format!("`id` is \"{}\": an id begins with a-z and holds a-z, 0-9, _ and -", id.value),
            format!("`id` 为 \"{}\"：应以小写字母 a-z 开头，只含 a-z、0-9、_ 和 -", id.value),
        );
        table.source().add_fault(id.line, text);
    }
    id.value
}

fn read_prefixes(table: &TableReader<'_, '_>, key: &'static str) -> Vec<String> {
    let regions = table.strings(key).unwrap_or_default();
    for region in &regions {
        if !is_region_prefix(&region.value) {
            let text = FaultText::new(
                format!("region `{}` is not one to six digits", region.value),
                format!("地区 `{}` 不是一至六位数字", region.value),
            );
            table.source().add_fault(region.line, text);
        }
    }
    check_distinct(table, key, &regions);
    regions.into_iter().map(|region| region.value).collect()
}

fn read_layer(table: &TableReader<'_, '_>, reading: &Reading<'_>) -> LayerText {
    let before = table.source().fault_count();
    let draws = lined_string(table, "use").and_then(|text| parse_use(table, text));
    let at = |key: &str| table.line_of(key);
    let periods = fixed("period", "周期", Period::ALL, Period::as_str);
    let per = fixed("way", "起付线方式", DeductiblePer::ALL, DeductiblePer::as_str);
    let whole = (ExactDecimal::ZERO, ExactDecimal::ONE);
    let schedule = table.table("schedule").map(|schedule| read_schedules(&schedule, reading));
    let mut text = LayerText {
        line: table.line,
        sound: false,
        draws,
        id: table.has("id").then(|| required_name(table, "id")).flatten(),
        name: read_name(table),
        payer: table.has("payer").then(|| payer_word(table, "payer", reading.payers())).flatten(),
        visits: lined(at("visits"), distinct_words(table, "visits", &reading.visits())),
        pools: lined(at("pools"), distinct_words(table, "pools", &reading.pools())),
        period: lined(at("period"), word(table, "period", &periods)),
        ledger: table
            .has("ledger")
            .then(|| required_name(table, "ledger"))
            .flatten()
            .map(|ledger| Lined { value: ledger.value.into(), line: ledger.line }),
        deductible_per: lined(at("deductible_per"), word(table, "deductible_per", &per)),
        bands_over_excess: flag_word(table, "bands_over", "excess"),
        credits_transfer: flag_word(table, "on_transfer", "credit"),
        conditions: lined(at("if"), read_conditions(table, reading)),
        only: lined(at("only"), distinct_words(table, "only", &reading.categories())),
        except: lined(at("except"), distinct_words(table, "except", &reading.categories())),
        in_force: lined(at("in_force"), table.interval("in_force")),
        prior_self_pay: lined(at("prior_self_pay"), key_rate(table, "prior_self_pay", whole)),
        schedule: lined(at("schedule"), schedule),
        caps: table_list(table, "cap", |table| read_layer_cap(table, reading)),
        when: table_list(table, "when", |table| read_when(table, reading)),
        for_: table_list(table, "for", |table| read_for(table, reading)),
        cites: lined(at("cites"), reading.sources.cites(table)),
        assumed: read_assumed(table, LAYER_KEYS),
    };
    check_distinct_accounts(table, text.caps.as_ref().map(|caps| &caps.value[..]).unwrap_or_default());
    table.finish();
    text.sound = table.source().fault_count() == before;
    text
}

fn read_name(table: &TableReader<'_, '_>) -> Option<Lined<String>> {
    let name = lined_string(table, "name");
    name.inspect(|name| check_text(table, "name", &name.value, name.line, NAME_BYTES))
}

fn lined<T>(line: usize, value: Option<T>) -> Option<Lined<T>> {
    value.map(|value| Lined { value, line })
}

/// A key that has one word only.
fn flag_word(table: &TableReader<'_, '_>, key: &'static str, known: &'static str) -> Option<Lined<bool>> {
    let kind = super::value_reader::WordKind::new(key, key, [(known, true)]);
    lined(table.line_of(key), word(table, key, &kind))
}

fn table_list<T>(
    table: &TableReader<'_, '_>,
    key: &'static str,
    read: impl Fn(&TableReader<'_, '_>) -> T,
) -> Option<Lined<Vec<T>>> {
    table
        .has(key)
        .then(|| Lined { value: limited_tables(table, key).iter().map(read).collect(), line: table.line_of(key) })
}

fn check_distinct_accounts(table: &TableReader<'_, '_>, caps: &[CapText]) {
    for (at, cap) in caps.iter().enumerate() {
        let account = &cap.rule.account;
        if !account.is_empty() && caps[..at].iter().any(|before| before.rule.account == *account) {
            let text = FaultText::new(
                format!("the layer names the cap account `{account}` twice"),
                format!("本层两次使用限额账户 `{account}`"),
            );
            table.source().add_fault(cap.account_line, text);
        }
    }
}

fn parse_use(table: &TableReader<'_, '_>, text: Lined<String>) -> Option<Lined<(String, String)>> {
    let pair = text.value.split_once('#').filter(|(file, layer)| !file.is_empty() && !layer.is_empty());
    if pair.is_none() {
        let fault = FaultText::new(
            format!("`use` is `{}`, not FILE_ID#LAYER_ID", text.value),
            format!("`use` 为 `{}`，应写作 文件ID#层ID", text.value),
        );
        table.source().add_fault(text.line, fault);
    }
    pair.map(|(file, layer)| Lined { value: (file.to_owned(), layer.to_owned()), line: text.line })
}
