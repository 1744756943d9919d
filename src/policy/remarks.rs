//! What a check remarks on: it is in order and refused by nobody, and yet often a slip.

use std::path::Path;

use crate::domain::day::Interval;
use crate::domain::file_fault::{FaultText, FileFault};

use super::document::Document;

/// All remarks on the files of a book.
pub(super) fn remarks(documents: &[Document]) -> Vec<FileFault> {
    let mut remarks = Vec::new();
    for document in documents {
        remarks.extend(id_unlike_the_file_name(document));
        let layers = document.layers.iter().filter_map(|layer| layer.in_force.as_ref());
        let intervals = layers.map(|key| (key.value, key.line));
        for (interval, line) in intervals.chain([(document.in_force, document.in_force_line)]) {
            let text = until_on_the_last_of_a_month(interval);
            remarks.extend(text.map(|text| FileFault::bilingual(&document.file, line, text)));
        }
    }
    remarks.sort();
    remarks
}

/// An id that is not the name of its file without `.toml`.
fn id_unlike_the_file_name(document: &Document) -> Option<FileFault> {
    let stem = Path::new(&document.file).file_stem()?.to_str()?;
    (stem != document.id).then(|| {
        let id = &document.id;
        let text = FaultText::new(
            format!("the id is `{id}`, but the file is named `{stem}`"),
            format!("`id` 为 `{id}`，而文件名为 `{stem}`"),
        );
        FileFault::bilingual(&document.file, document.id_line, text)
    })
}

/// An `until` that is the last day of a month: it is the first day on which the file is no longer in force.
fn until_on_the_last_of_a_month(interval: Interval) -> Option<FaultText> {
    let until = interval.until?;
    let next = until.next().filter(|next| next.day() == 1)?;
    Some(FaultText::new(
        format!("`until` is the first day no longer in force, so {until} is not covered; {next} is meant?"),
        format!("`until` 是停止执行的第一天，因此 {until} 当日不适用；是否应为 {next}？"),
    ))
}
