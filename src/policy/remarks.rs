//! What a check remarks on: it is in order and refused by nobody, and yet often a slip.

use std::path::Path;

use crate::domain::day::{Day, Interval};
use crate::domain::file_fault::{FaultText, FileFault};
use crate::domain::vocabulary::Vocabulary;
use crate::domain::words::is_word;

use super::document::Document;
use super::nearest::nearest;
use super::toml_reader::Lined;

/// All remarks on the files of a book.
pub(super) fn remarks(documents: &[Document], vocabulary: &Vocabulary) -> Vec<FileFault> {
    let mut remarks = Vec::new();
    for document in documents {
        remarks.extend(id_unlike_the_file_name(document));
        remarks.extend(insurance_unlike_the_others(document, documents));
        remarks.extend(payers_without_a_name(document, vocabulary));
        remarks.extend(terms_stretched_over_other_days(document, documents));
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

/// An insurance that only one file names, and that no enrolment is likely to carry: it is near another file's, or no word.
fn insurance_unlike_the_others(document: &Document, documents: &[Document]) -> Option<FileFault> {
    let insurance = &document.insurance;
    let others = documents.iter().filter(|other| other.id != document.id).map(|other| &*other.insurance);
    if others.clone().any(|other| other == insurance) {
        return None;
    }
    let text = match nearest(insurance, others) {
        Some(meant) => FaultText::new(
            format!("no other file has the insurance `{insurance}`; `{meant}` is meant?"),
            format!("其他政策均无险种 `{insurance}`；是否应为 `{meant}`？"),
        ),
        None if !is_word(insurance) => FaultText::new(
            format!(
                "no other file has the insurance `{insurance}`; the word of the enrolments is meant, such as `resident`?"
            ),
            format!("其他政策均无险种 `{insurance}`；是否应为参保记录所用的词，如 `resident`（居民）？"),
        ),
        None => return None,
    };
    Some(FileFault::bilingual(&document.file, document.insurance_line, text))
}

/// Payers that the vocabulary does not name, though it names one that is written much alike.
fn payers_without_a_name(document: &Document, vocabulary: &Vocabulary) -> Vec<FileFault> {
    let known = || vocabulary.payers.iter().map(|rule| &*rule.payer);
    let payers = document.layers.iter().filter_map(|layer| layer.payer.as_ref());
    let remark = |payer: &Lined<String>| {
        let written = &payer.value;
        let part =
            |word: &&str| written.len() >= SHORTEST_PART && (word.contains(&**written) || written.contains(word));
        let meant = nearest(written, known()).or_else(|| known().find(part))?;
        let text = FaultText::new(
            format!("[payer] of the vocabulary has no `{written}`; `{meant}` is meant?"),
            format!("词汇表 [payer] 中没有 `{written}`；是否应为 `{meant}`？"),
        );
        (meant != written).then(|| FileFault::bilingual(&document.file, payer.line, text))
    };
    payers.filter_map(remark).collect()
}

/// Files that a `use` draws from and that are in force on a part of the days only: their terms then hold on the other days
/// too. A file of earlier or later days alone is drawn from on purpose.
fn terms_stretched_over_other_days(document: &Document, documents: &[Document]) -> Vec<FileFault> {
    let (mut named, mut remarks) = (Vec::new(), Vec::new());
    for layer in &document.layers {
        let Some(Lined { value: (id, _), line }) = &layer.draws else { continue };
        let days = layer.in_force.as_ref().map_or(document.in_force, |key| key.value);
        let Some(source) = documents.iter().find(|other| other.id == *id && other.id != document.id) else { continue };
        if source.in_force.overlaps(&days) && !source.in_force.covers(&days) && !named.contains(&id) {
            named.push(id);
            let text = FaultText::new(
                format!(
                    "`use` draws from `{id}`, in force from {}, a part of the days of this layer alone: do its terms hold \
                     on the other days?",
                    source.in_force
                ),
                format!(
                    "`use` 引用的 `{id}` 只在部分日期执行（{} 起，{} 停止）；其规定在本层的其余日期是否也适用？",
                    chinese_end(source.in_force.from),
                    chinese_end(source.in_force.until)
                ),
            );
            remarks.push(FileFault::bilingual(&document.file, *line, text));
        }
    }
    remarks
}

fn chinese_end(day: Option<Day>) -> String {
    day.map_or_else(|| "不限".to_owned(), |day| day.to_string())
}

/// The letters of a word from which on it counts as a part of a longer one.
const SHORTEST_PART: usize = 8;

/// A file whose name only looks like that of a policy, such as `city.toml.txt`: it was not read.
pub(super) fn misnamed_file(file: &Path) -> Option<FileFault> {
    let name = file.file_name()?.to_str()?;
    let is_misnamed = name.contains(".toml") && !name.ends_with('~') && !name.starts_with('.');
    is_misnamed.then(|| {
        let text =
            FaultText::new("the name does not end in .toml, so the file was not read", "文件名不以 .toml 结尾，未读取");
        FileFault::bilingual(file.display().to_string(), 1, text)
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
