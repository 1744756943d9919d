//! `onestop show`: the statement of a settlement, as text or as a page to print; or all of it as JSON.

use std::path::PathBuf;

use crate::grpc::pb::settlement as pb;
use crate::say;

use super::connection::{self as client, Client};
use crate::cli::exit::{Ended, Failure};
use crate::cli::output::json_settlement;
use crate::cli::output::statement::{Document, Lang, html, text};

/// What `show` is told.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The settlement
    settlement_id: String,
    /// The language; Chinese where the environment (LC_ALL, LANG) asks for it, English otherwise
    #[arg(long, value_enum)]
    lang: Option<Lang>,
    /// Write the statement as a page (HTML, ready to print) to this file, or - for standard output
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
}

/// Shows a settlement as it stands.
///
/// # Errors
/// Exit 1 if there is none, 2 if the file cannot be written, 3 if the server is lost.
pub async fn run(mut client: Client, options: &Options, json: bool) -> Ended {
    let settlement_id = options.settlement_id.clone();
    let request = pb::GetSettlementRequest { settlement_id, ..pb::GetSettlementRequest::default() };
    let view = client.settlement(request).await.map_err(|status| client::failure(&status))?;
    if json {
        say!("{}", json_settlement::view(&view));
        return Ok(());
    }
    let document = Document::of(&view, options.lang.unwrap_or_else(Lang::of_environment));
    match &options.html {
        None => say!("{}", text::text(&document).trim_end()),
        Some(file) if file.as_os_str() == "-" => say!("{}", html::html(&document).trim_end()),
        Some(file) => {
            let written = std::fs::write(file, html::html(&document));
            written.map_err(|why| Failure::Usage(format!("{}: {why}", file.display())))?;
        }
    }
    Ok(())
}
