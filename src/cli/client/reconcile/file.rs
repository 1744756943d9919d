//! Reads the file that is reconciled row by row; no file is held in memory.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::cli::client::import::CountingReader;
use crate::cli::exit::CommandError;
use crate::domain::day::{Day, NotADay};
use crate::domain::decimal::ParseDecimalError;
use crate::domain::fault::FaultReason;
use crate::domain::file_fault::{FaultText, FileFault};
use crate::domain::ids::{ClaimId, EntryId, MAX_ID_BYTES};
use crate::domain::money::Money;
use crate::grpc::texts::fault_in_chinese;
use crate::grpc::to_proto;
use crate::pb::Date;
use crate::pb::settlement as pb;
use crate::policy::io_error_in_chinese;
use crate::reference::csv_lines::{CsvLines, LineError};

use super::columns::Columns;

/// The faults of a file that are reported; further ones are counted.
pub(super) const MAX_REPORTED_FAULTS: usize = 20;

/// A file with its header read.
pub(super) struct ReconciledFile {
    path: PathBuf,
    columns: Columns,
    lines: CsvLines<CountingReader>,
    read: Arc<AtomicU64>,
    length: Option<u64>,
}

/// The faults of one line.
type LineFaults = Vec<FileFault>;

impl ReconciledFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// If it cannot be read, or its header is faulty.
    pub(super) fn open(path: &Path) -> Result<ReconciledFile, CommandError> {
        let file = File::open(path).map_err(CommandError::file(path))?;
        let length = file.metadata().ok().map(|metadata| metadata.len());
        let read = Arc::new(AtomicU64::new(0));
        let mut lines = CsvLines::new(CountingReader(file, Arc::clone(&read)));
        let columns = read_header(path, &mut lines).map_err(|fault| CommandError::FileFaults(fault.into()))?;
        Ok(ReconciledFile { path: path.to_owned(), columns, lines, read, length })
    }

    /// Its columns.
    pub(super) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes, and the number of bytes that were read so far.
    pub(super) fn bytes(&self) -> (Option<u64>, Arc<AtomicU64>) {
        (self.length, Arc::clone(&self.read))
    }

    /// The next row of a list; `None` at the end.
    ///
    /// # Errors
    /// Every fault of the row.
    pub(super) fn next_claim(&mut self) -> Result<Option<pb::ListedClaim>, LineFaults> {
        self.next_row(|cells| pb::ListedClaim {
            row: 0,
            claim_id: cells.claim_id(),
            settlement_id: cells.settlement_id(),
            settled_on: cells.optional_day(),
            total_fen: cells.amount("total"),
            patient_fen: cells.optional_amount("patient").unwrap_or_default(),
            payers: cells.payers(),
        })
        .map(|row| row.map(|(line, row)| pb::ListedClaim { row: line as u64, ..row }))
    }

    /// The next row of sums; `None` at the end.
    ///
    /// # Errors
    /// Every fault of the row.
    pub(super) fn next_totals(&mut self) -> Result<Option<pb::Totals>, LineFaults> {
        let row = self.next_row(|cells| pb::Totals {
            settled_on: cells.optional_day(),
            settlements: cells.optional_count("settlements"),
            total_fen: cells.amount("total"),
            patient_fen: cells.optional_amount("patient"),
            payers: cells.payers(),
        });
        row.map(|row| row.map(|(_, totals)| totals))
    }

    fn next_row<T>(&mut self, read: impl FnOnce(&mut Cells<'_>) -> T) -> Result<Option<(usize, T)>, LineFaults> {
        let file = self.path.display().to_string();
        let record = self.lines.next_record().map(|record| record.map(|cells| cells.into_iter().map(str::to_owned)));
        let record = record.map(|record| record.map(Iterator::collect::<Vec<_>>));
        let line = self.lines.number();
        let record = match record {
            Err(error) => return Err(vec![FileFault::bilingual(file, line, line_text(&error))]),
            Ok(None) => return Ok(None),
            Ok(Some(record)) => record,
        };
        let width = self.columns.width();
        if record.len() != width {
            let cells = record.len();
            let (en, zh) =
                (format!("has {cells} cells; the header has {width}"), format!("有 {cells} 列；表头有 {width} 列"));
            return Err(vec![FileFault::bilingual(file, line, FaultText::new(en, zh))]);
        }
        let record: Vec<&str> = record.iter().map(String::as_str).collect();
        let mut cells = Cells { columns: &self.columns, record: &record, faults: Vec::new() };
        let row = read(&mut cells);
        let fault = |(column, FaultText { en, zh }): CellFault| FileFault {
            message_zh: Some(zh),
            ..FileFault::in_column(&file, line, column, en)
        };
        let faults: LineFaults = cells.faults.into_iter().map(fault).collect();
        if faults.is_empty() { Ok(Some((line, row))) } else { Err(faults) }
    }
}

fn read_header<R: Read>(path: &Path, lines: &mut CsvLines<R>) -> Result<Columns, FileFault> {
    let file = path.display().to_string();
    let header = match lines.next_record() {
        Ok(header) => header.unwrap_or_default().into_iter().map(|name| name.trim().to_owned()).collect(),
        Err(error) => return Err(FileFault::bilingual(file, lines.number(), line_text(&error))),
    };
    Columns::from_header(header).map_err(|FaultText { en, zh }| {
        FileFault::bilingual(file, 1, FaultText::new(format!("the header {en}"), format!("表头：{zh}")))
    })
}

/// Why a line is no row.
fn line_text(error: &LineError) -> FaultText {
    let zh = match error {
        LineError::Read(error) => format!("无法读取：{}", io_error_in_chinese(error)),
        LineError::TooLong => "本行过长".to_owned(),
        LineError::TooManyCells => "本行列数过多".to_owned(),
        LineError::NotUtf8 => "本行不是 UTF-8 文本".to_owned(),
        LineError::OpenQuote => "引号没有闭合；一个单元格不能跨行".to_owned(),
        LineError::LineEnd => "单元格内有换行".to_owned(),
    };
    FaultText::new(error.to_string(), zh)
}

/// The column and what is wrong with its cell.
type CellFault = (String, FaultText);

/// The cells of a row, and what is wrong with them.
struct Cells<'a> {
    columns: &'a Columns,
    record: &'a [&'a str],
    faults: Vec<CellFault>,
}

impl Cells<'_> {
    fn cell(&self, column: &str) -> String {
        self.columns.cell(self.record, column).to_owned()
    }

    fn fault(&mut self, column: &str, reason: FaultReason, message: impl ToString) {
        self.bilingual_fault(column, reason, FaultText::new(message.to_string(), fault_in_chinese(reason)));
    }

    fn bilingual_fault(&mut self, column: &str, reason: FaultReason, FaultText { en, zh }: FaultText) {
        let reason = reason.as_str();
        self.faults.push((column.to_owned(), FaultText::new(format!("{en} ({reason})"), format!("{zh} ({reason})"))));
    }

    fn claim_id(&mut self) -> String {
        let text = self.cell("claim_id");
        if let Err(error) = ClaimId::parse(text.as_str(), MAX_ID_BYTES) {
            self.fault("claim_id", error.reason(), error);
        }
        text
    }

    fn settlement_id(&mut self) -> String {
        let text = self.cell("settlement_id");
        if !text.is_empty() && EntryId::parse(&text).is_none() {
            let text = FaultText::new("is no settlement id", "不是结算编号");
            self.bilingual_fault("settlement_id", FaultReason::Unreadable, text);
        }
        text
    }

    /// The day of settlement; none if the file has no such column.
    fn optional_day(&mut self) -> Option<Date> {
        if !self.columns.has("settled_on") {
            return None;
        }
        let day = self.cell("settled_on").parse::<Day>();
        let text = |error: NotADay| FaultText::new(error.to_string(), "不是有效日期；日期写作 2017-06-15");
        let day = day.map_err(|error| self.bilingual_fault("settled_on", FaultReason::NotADay, text(error)));
        day.map(to_proto::date).ok()
    }

    fn optional_count(&mut self, column: &str) -> Option<u64> {
        if !self.columns.has(column) {
            return None;
        }
        let count = self.cell(column).parse::<u64>();
        let text = || FaultText::new("is no number of settlements", "不是笔数");
        count.map_err(|_| self.bilingual_fault(column, FaultReason::Unreadable, text())).ok()
    }

    fn optional_amount(&mut self, column: &str) -> Option<i64> {
        if self.columns.has(column) { Some(self.amount(column)) } else { None }
    }

    fn amount(&mut self, column: &str) -> i64 {
        let text = self.cell(column);
        if text.is_empty() {
            self.fault(column, FaultReason::Missing, "is missing");
            return 0;
        }
        self.parsed_amount(column, &text)
    }

    fn parsed_amount(&mut self, column: &str, text: &str) -> i64 {
        let amount = text.parse::<Money>().unwrap_or_else(|error| {
            let reason = match error {
                ParseDecimalError::TooManyDecimals(_) => FaultReason::TooManyDecimals,
                ParseDecimalError::TooLarge => FaultReason::TooLarge,
                ParseDecimalError::NotANumber => FaultReason::Unreadable,
            };
            self.fault(column, reason, error);
            Money::ZERO
        });
        if amount < Money::ZERO {
            let en = "is negative; the file holds what is in force, without refunds";
            let text = FaultText::new(en, "为负数；文件只列有效结算，不含退费");
            self.bilingual_fault(column, FaultReason::Negative, text);
        }
        amount.fen()
    }

    /// The payers' amounts; an empty cell is no payment.
    fn payers(&mut self) -> Vec<pb::PayerShare> {
        let mut shares = Vec::new();
        for payer in self.columns.payers() {
            let text = self.cell(&payer);
            let amount_fen = if text.is_empty() { 0 } else { self.parsed_amount(&payer, &text) };
            shares.push(pb::PayerShare { payer, amount_fen });
        }
        shares
    }
}
