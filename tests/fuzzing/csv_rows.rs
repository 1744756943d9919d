//! CSV rows: the first byte names a table, the rest is its file, read as the client reads one and imported into an
//! empty store.

use onestop::domain::file_fault::FileFault;
use onestop::domain::journal::Instant;
use onestop::engine::EngineError;
use onestop::engine::import::{ImportContext, ImportSource, Imported};
use onestop::engine::import_unmatched::UnmatchedRows;
use onestop::engine::{Engine, EngineSettings};
use onestop::policy::Book;
use onestop::reference::csv_rows::CsvRows;
use onestop::reference::table::ReferenceTable;

use super::bounds::{Memory, within};
use super::counting_store::CountingStore;
use super::reached::Reached;
use super::service::wait;
use super::{Target, csv_inputs};

/// The target.
pub const TARGET: Target = Target { input: csv_inputs::input, take, classes };

/// Rows are held until all have come; of few bytes each a record with its dates and its place in three tables.
pub const MEMORY: Memory = Memory { bytes: 64 << 10, per_byte: 24 };

/// The most rows of hospitals or catalogue in one import, here.
pub const ROWS_HELD: usize = 1_200;

/// What each column may be at fault for.
const FAULTS: &[(&str, &[&str])] = &[
    ("person_id", &["MISSING", "TOO_LONG", "WHITE_SPACE", "CONTROL_CHARACTER", "DIFFERING_ROWS"]),
    ("insurance", &["MISSING", "TOO_LONG", "WHITE_SPACE", "CONTROL_CHARACTER"]),
    ("insured_region", &["UNREADABLE"]),
    ("from", &["NOT_A_DAY", "OVERLAP"]),
    ("until", &["NOT_A_DAY", "UNREADABLE"]),
    ("category", &["UNKNOWN_WORD"]),
    ("kind", &["UNKNOWN_WORD"]),
    ("hospital_id", &["MISSING", "TOO_LONG", "WHITE_SPACE", "CONTROL_CHARACTER", "DIFFERING_ROWS"]),
    ("name", &["MISSING", "TOO_LONG", "WHITE_SPACE", "CONTROL_CHARACTER"]),
    ("level", &["UNKNOWN_WORD"]),
    ("tags", &["UNREADABLE", "UNKNOWN_WORD", "WHITE_SPACE", "CONTROL_CHARACTER"]),
    ("region", &["UNREADABLE"]),
    ("code", &["MISSING", "TOO_LONG", "WHITE_SPACE", "CONTROL_CHARACTER", "TOO_MANY", "OVERLAP", "DIFFERING_ROWS"]),
    ("regions", &["TOO_MANY", "UNREADABLE", "WHITE_SPACE", "CONTROL_CHARACTER"]),
    ("class", &["UNKNOWN_WORD"]),
    ("self_pay_ratio", &["MISSING", "UNREADABLE"]),
    ("price_ceiling", &["NEGATIVE", "UNREADABLE"]),
    ("rows", &["TOO_MANY"]),
];

fn classes() -> Vec<String> {
    let faults = FAULTS.iter().flat_map(|(column, faults)| faults.iter().map(move |fault| format!("{column} {fault}")));
    let taken = ReferenceTable::ALL.iter().map(|table| format!("taken: {}", table.as_str()));
    let not_csv = ["another header", "another number of cells", "not UTF-8"].map(str::to_owned);
    let edges = ["edge: no row", "edge: a ratio of 10 decimals", "edge: a Unicode id", "edge: days 1 to 9999"];
    faults.chain(taken).chain(not_csv).chain(edges.map(str::to_owned)).collect()
}

/// What came of a file.
enum Came {
    NotCsv(Vec<FileFault>),
    Refused(EngineError),
    Taken(u64, Imported),
}

thread_local!(static BOOK: Book = Book::without_policies().expect("a book"));

fn take(bytes: &[u8], reached: &mut Reached) {
    let Some((table, file)) = bytes.split_first() else { return };
    let table = ReferenceTable::ALL[usize::from(*table) % ReferenceTable::ALL.len()];
    let settings = EngineSettings { rows_held: ROWS_HELD, ..EngineSettings::default() };
    let engine = wait(Engine::open(CountingStore::default(), BOOK.with(Book::clone), settings)).expect("an engine");
    let state = |engine: &Engine<CountingStore>| (engine.store().writes(), engine.store().fingerprint());
    let before = state(&engine);
    let came = within(MEMORY, bytes.len(), || wait(import(&engine, table, file)));
    match came {
        Came::Taken(rows, Imported { changed, unchanged, not_enrolled, unmatched }) => {
            assert!(changed + unchanged == rows && not_enrolled <= rows);
            let UnmatchedRows { insurance, insured_region, hospital } = unmatched;
            assert!(insurance.rows + insured_region.rows + hospital.rows <= rows);
            reached.hit(&format!("taken: {}", table.as_str()));
            note_edges(file, rows, reached);
        }
        Came::NotCsv(faults) => {
            assert_eq!(state(&engine), before);
            faults.iter().for_each(|fault| reached.hit(not_csv(fault)));
        }
        Came::Refused(refusal) => {
            assert_eq!(state(&engine), before, "{refusal}");
            note_refusal(&refusal, reached);
        }
    }
}

/// Rows in, all of them; what is not CSV keeps the client from committing.
async fn import(engine: &Engine<CountingStore>, table: ReferenceTable, file: &[u8]) -> Came {
    let rows = match CsvRows::new("rows.csv", table, file) {
        Ok(rows) => rows,
        Err(header) => return Came::NotCsv(vec![header]),
    };
    let (mut incoming, mut not_csv) = (engine.incoming(), Vec::new());
    for row in rows {
        match row {
            Err(fault) => not_csv.push(fault),
            Ok(row) => {
                if let Err(refusal) = incoming.add(table, &row.cells) {
                    return Came::Refused(refusal);
                }
            }
        }
    }
    if !not_csv.is_empty() {
        return Came::NotCsv(not_csv);
    }
    let (rows, outside) = (incoming.rows(), ImportContext { now: &|| Instant(0), stamps: None, stop: &|| false });
    match engine
        .import_rows(engine.acquire_import_permit().await, incoming, table.as_str(), ImportSource::default(), &outside)
        .await
    {
        Ok(imported) => Came::Taken(rows, imported),
        Err(refusal) => Came::Refused(refusal),
    }
}

fn not_csv(fault: &FileFault) -> &'static str {
    assert!(fault.line >= 1);
    match fault.message.as_str() {
        message if message.starts_with("the header ") => "another header",
        message if message.contains("cells; the header has") => "another number of cells",
        "is not UTF-8" => "not UTF-8",
        message if message.starts_with("has a quote that is not closed") => "a quote that is not closed",
        message if message.starts_with("has a line end") => "a line end inside a cell",
        message if message.starts_with("has more than") => "too many cells",
        other => panic!("not CSV for another reason: {other}"),
    }
}

fn note_refusal(refusal: &EngineError, reached: &mut Reached) {
    let faults = refusal.faults().unwrap_or_else(|| panic!("{refusal}"));
    assert!(!faults.is_empty(), "{refusal}");
    for fault in faults.listed() {
        let column = fault.field.rsplit_once("].").map_or(fault.field.as_str(), |(_, column)| column);
        let known = FAULTS.iter().any(|(known, faults)| *known == column && faults.contains(&fault.reason.as_str()));
        assert!(known, "{refusal}");
        reached.hit(&format!("{column} {}", fault.reason.as_str()));
    }
}

fn note_edges(file: &[u8], rows: u64, reached: &mut Reached) {
    let text = String::from_utf8_lossy(file);
    reached.hit_if(rows == 0, "edge: no row");
    reached.hit_if(text.contains(csv_inputs::LONG_RATIO), "edge: a ratio of 10 decimals");
    reached.hit_if(!text.is_ascii(), "edge: a Unicode id");
    reached.hit_if(text.contains("0001-01-01") && text.contains("9999-12-31"), "edge: days 1 to 9999");
}
