//! `onestop policy check --server`: the words that a vocabulary must not drop, because rows or settlements of a server use
//! them.

use crate::cli::error::client::ClientError;
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::statement::Lang;
use crate::domain::file_faults::FileFaults;
use crate::domain::vocabulary_section::Section;
use crate::engine::dropped_words::{DroppedWord, WordUser};
use crate::pb::policy as pb;
use crate::policy::Book;
use crate::reference::table::ReferenceTable;

use super::address::TlsOptions;
use super::connection::Client;

/// Checks that a book drops no word that a server uses.
///
/// # Errors
/// Every such word, at its section of the vocabulary; or that the call failed.
pub(crate) async fn check(book: &Book, server: &str, tls: &TlsOptions, lang: Lang) -> CommandResult {
    let mut client = Client::over(tls.connect(server).await?);
    let named = |(section, word): (Section, &str)| pb::NamedWord {
        section: section.as_str().to_owned(),
        word: word.to_owned(),
        ..pb::NamedWord::default()
    };
    let words = book.vocabulary().words().map(named).collect();
    let found = client.policies.find_dropped_words(pb::FindDroppedWordsRequest { words }).await?.into_inner();
    let faults = found.words.into_iter().map(|word| Ok(dropped_word(word)?.fault(book.vocabulary_file())));
    let faults: FileFaults = faults.collect::<Result<Vec<_>, CommandError>>()?.into();
    if faults.is_empty() { Ok(()) } else { Err(lang.faults(faults).into()) }
}

fn dropped_word(word: pb::DroppedWord) -> Result<DroppedWord, CommandError> {
    let pb::DroppedWord { section, word, table } = word;
    let section = Section::from_word(&section).ok_or(ClientError::UnexpectedAnswer)?;
    let used_by = match table.as_str() {
        "" => WordUser::Settlement,
        table => WordUser::Row(ReferenceTable::from_word(table).ok_or(ClientError::UnexpectedAnswer)?),
    };
    Ok(DroppedWord { section, word, used_by })
}
