//! `onestop entries`: the journal in the order of commits, and with `--follow` every further entry as it is committed.

use std::time::Duration;

use serde_json::{Value, json};
use tonic::Status;

use crate::cli::error::client::{ClientError, described, leaves_outcome_unknown};
use crate::cli::exit::CommandResult;
use crate::cli::output::json::{self, yuan};
use crate::domain::money::Money;
use crate::pb::settlement as pb;
use crate::{say, say_error};

use super::connection::Client;

/// How long to wait before a stream that broke is opened again.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The entries to print.
#[derive(clap::Args, Debug)]
pub(crate) struct EntriesOptions {
    /// Go on after this cursor, which an earlier run printed with --json; without it, from the first entry
    #[arg(long, value_name = "CURSOR", default_value = "", hide_default_value = true)]
    after: String,
    /// Print every further entry as it is committed, until interrupted; a connection that breaks is opened again
    #[arg(long)]
    follow: bool,
}

/// Prints one line per entry.
///
/// # Errors
/// If a call failed.
pub(super) async fn run(client: Client, options: EntriesOptions, json: bool) -> CommandResult {
    let EntriesOptions { after, follow } = options;
    if follow { watch(client, after, json).await } else { list(client, after, json).await }
}

async fn list(mut client: Client, mut cursor: String, json: bool) -> CommandResult {
    loop {
        let page = client.list_entries(cursor).await?;
        for (at, entry) in page.entries.iter().enumerate() {
            // Only the last entry of a page has a cursor.
            let last = at + 1 == page.entries.len();
            print(entry, if last { &page.next_cursor } else { "" }, json);
        }
        if page.is_end {
            return Ok(());
        }
        cursor = page.next_cursor;
    }
}

/// Watches until the call is refused; after a break it goes on with the cursor of the last entry that was printed.
async fn watch(mut client: Client, mut cursor: String, json: bool) -> CommandResult {
    let mut is_broken = false;
    loop {
        let ended = watch_once(&mut client, &mut cursor, &mut is_broken, json).await;
        let status = ended.err().unwrap_or_else(|| Status::unavailable("the server ended the stream"));
        if !leaves_outcome_unknown(&status) {
            return Err(ClientError::from(status).into());
        }
        if !is_broken {
            say_error!("{}; it is tried again until the server answers", described(&status));
        }
        is_broken = true;
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

async fn watch_once(client: &mut Client, cursor: &mut String, is_broken: &mut bool, json: bool) -> Result<(), Status> {
    let mut entries = client.watch_entries(cursor.clone()).await?;
    while let Some(pb::WatchEntriesResponse { entry, cursor: next }) = entries.message().await? {
        *is_broken = false;
        print(&entry.unwrap_or_default(), &next, json);
        *cursor = next;
    }
    Ok(())
}

fn print(entry: &pb::JournalEntry, cursor: &str, json: bool) {
    if json { say!("{}", value(entry, cursor)) } else { say!("{}", line(entry)) }
}

fn line(entry: &pb::JournalEntry) -> String {
    let payers = entry.payers.iter().map(|share| format!(", {} {}", share.payer, Money::from_fen(share.amount_fen)));
    let amounts = match entry.kind() {
        pb::EntryKind::PolicyActivation | pb::EntryKind::ImportEnd | pb::EntryKind::MonthClosing => {
            return administration_line(entry);
        }
        pb::EntryKind::Fence | pb::EntryKind::Unspecified => String::new(),
        _ => format!(": patient {}{}", Money::from_fen(entry.patient_fen), payers.collect::<String>()),
    };
    let booked = entry.booking_month.as_ref().map(|month| format!(", booked in {}", json::month(month)));
    let (word, hospital_id, claim_id) = (entry.kind().word(), &entry.hospital_id, &entry.claim_id);
    let time = json::instant(entry.commit_time.as_ref()).unwrap_or_default();
    format!("{time} {word} {} {hospital_id} {claim_id}{amounts}{}", entry.entry_id, booked.unwrap_or_default())
}

fn administration_line(entry: &pb::JournalEntry) -> String {
    let what = if let Some(activation) = &entry.policy_activation {
        format!("book {} by {}", json::hex(&activation.book_digest), who(&activation.activated_by))
    } else if let Some(end) = &entry.import_end {
        let pb::ImportEnd { number, table, source, imported_by, changed, unchanged, .. } = end;
        let who = if imported_by.is_empty() { "anonymous" } else { imported_by };
        format!("import {number} of {table} from {source} by {who}: {changed} changed, {unchanged} unchanged")
    } else if let Some(closing) = &entry.month_closing {
        let month = closing.month.as_ref().map(json::month).unwrap_or_default();
        format!("{month} by {}", closing.closed_by)
    } else {
        String::new()
    };
    let time = json::instant(entry.commit_time.as_ref()).unwrap_or_default();
    format!("{time} {} {} {what}", entry.kind().word(), entry.entry_id)
}

fn who(name: &str) -> &str {
    if name.is_empty() { "the server itself" } else { name }
}

fn value(entry: &pb::JournalEntry, cursor: &str) -> Value {
    if let Some(activation) = &entry.policy_activation {
        return json!({
            "entry_id": entry.entry_id, "kind": entry.kind().word(), "commit_time": json::instant(entry.commit_time.as_ref()),
            "activated_by": activation.activated_by, "book_digest": json::hex(&activation.book_digest), "cursor": cursor,
        });
    }
    if let Some(end) = &entry.import_end {
        return json!({
            "entry_id": entry.entry_id, "kind": entry.kind().word(), "commit_time": json::instant(entry.commit_time.as_ref()),
            "number": end.number, "table": end.table, "source": end.source, "imported_by": end.imported_by,
            "digest": json::hex(&end.digest), "changed": end.changed, "unchanged": end.unchanged, "cursor": cursor,
        });
    }
    if let Some(closing) = &entry.month_closing {
        return json!({
            "entry_id": entry.entry_id, "kind": entry.kind().word(), "commit_time": json::instant(entry.commit_time.as_ref()),
            "closed_by": closing.closed_by, "month": closing.month.as_ref().map(json::month), "cursor": cursor,
        });
    }
    json!({
        "entry_id": entry.entry_id, "kind": entry.kind().word(), "commit_time": json::instant(entry.commit_time.as_ref()),
        "hospital_id": entry.hospital_id, "person_id": entry.person_id, "request_id": entry.request_id,
        "claim_id": entry.claim_id, "settlement_id": entry.settlement_id, "insurance": entry.insurance,
        "benefit_year": entry.benefit_year, "payers": json::payer_amounts(&entry.payers),
        "patient": yuan(entry.patient_fen), "booking_month": entry.booking_month.as_ref().map(json::month), "cursor": cursor,
    })
}
