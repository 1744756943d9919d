//! `onestop show`: the statement of a settlement as text or as an HTML page, or the settlement as JSON.

use std::path::PathBuf;

use tonic::{Code, Status};

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::json_settlement;
use crate::cli::output::line::write_page;
use crate::cli::output::refusal_text::in_language;
use crate::cli::output::statement::{BookWords, Document, Lang, html, text};
use crate::pb::policy;
use crate::pb::settlement as pb;
use crate::say;

use super::connection::Client;

/// The settlement to show, and how.
#[derive(clap::Args, Debug)]
pub(crate) struct ShowOptions {
    /// The settlement
    settlement_id: String,
    /// The language [default: from LC_ALL or LANG, otherwise English]
    #[arg(long, value_enum)]
    lang: Option<Lang>,
    /// Write the statement as a printable HTML page to this file; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
}

/// Shows a settlement by its newest revision.
///
/// # Errors
/// If the call failed, or the file cannot be written.
pub(super) async fn run(mut client: Client, options: &ShowOptions, json: bool) -> CommandResult {
    let settlement_id = options.settlement_id.clone();
    if uuid::Uuid::parse_str(&settlement_id).is_err() {
        let hint = "`onestop list` prints the ids of a person's or a hospital's settlements";
        return Err(CommandError::Usage(format!("{settlement_id} is not the id of a settlement; {hint}")));
    }
    let request = pb::GetSettlementRequest { settlement_id, ..pb::GetSettlementRequest::default() };
    let lang = options.lang.unwrap_or_else(Lang::from_environment);
    let view = client.settlement(request).await.map_err(|status| in_language(status, lang))?;
    if json {
        say!("{}", json_settlement::view(&view));
        return Ok(());
    }
    let digest = view.settlement.as_ref().map(|settlement| settlement.book_digest.clone()).unwrap_or_default();
    let words = book_words(&mut client, digest, lang).await?;
    let document = Document::from_settlement(&view, &words);
    match &options.html {
        None => write_page(&text::text(&document)),
        Some(file) if file.as_os_str() == "-" => write_page(&html::html(&document)),
        Some(file) => std::fs::write(file, html::html(&document)).map_err(CommandError::file(file))?,
    }
    Ok(())
}

/// The words of the book that a settlement names, as that book calls them; of a server that did not keep it the shipped ones.
async fn book_words(client: &mut Client, book_digest: Vec<u8>, lang: Lang) -> Result<BookWords, Status> {
    match client.policies.get_vocabulary(policy::GetVocabularyRequest { book_digest }).await {
        Ok(response) => Ok(BookWords::of_messages(lang, &response.into_inner().words)),
        Err(status) if status.code() == Code::NotFound => Ok(BookWords::shipped(lang)),
        Err(status) => Err(status),
    }
}
