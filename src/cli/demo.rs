//! `onestop demo`: the demonstration claims, settled over real gRPC on a server of its own. Every line it
//! prints was computed by that server.

use std::path::PathBuf;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use prost::Message;
use tonic::Status;

use crate::domain::content::RawReversal;
use crate::domain::money::Money;
use crate::grpc::pb::settlement as pb;
use crate::grpc::status;
use crate::reference::csv_rows;
use crate::reference::table::ReferenceTable;
use crate::say;

use super::cases::case;
use super::client::claim_text::ClaimText;
use super::client::connection::{self as client, Client};
use super::client::import;
use super::exit::{Ended, Failure};
use super::output::statement::{Document, Lang, text};
use super::serve;

/// The demonstration tables; persons in them are invented.
const TABLES: &[(ReferenceTable, &str)] = &[
    (ReferenceTable::Hospitals, include_str!("../../deploy/demo/hospitals.csv")),
    (ReferenceTable::Designations, include_str!("../../deploy/demo/designations.csv")),
    (ReferenceTable::Catalogue, include_str!("../../deploy/demo/catalogue.csv")),
    (ReferenceTable::Persons, include_str!("../../deploy/demo/persons.csv")),
    (ReferenceTable::Enrolments, include_str!("../../deploy/demo/enrolments.csv")),
    (ReferenceTable::Categories, include_str!("../../deploy/demo/categories.csv")),
    (ReferenceTable::Approvals, include_str!("../../deploy/demo/approvals.csv")),
];

/// The demonstration claims, one a line, by day of discharge.
const CLAIMS: &str = include_str!("../../deploy/demo/claims.ndjson");

/// What `demo` is told.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Leave the server running afterwards
    #[arg(long)]
    keep: bool,
    /// A directory of policy files in place of the shipped book
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// The language of the statement at the end
    #[arg(long, value_enum)]
    lang: Option<Lang>,
}

/// What became of one claim.
struct Line {
    text: ClaimText,
    answer: Result<pb::Settlement, Status>,
}

/// Runs the demonstration.
///
/// # Errors
/// Exit 1 if the policies are refused, 3 if the server fails.
pub async fn run(options: &Options) -> Ended {
    let book = case::book(options.policies.as_deref())?;
    let server = serve::Own::start(book).await?;
    let mut client = Client::connect(&server.url()).await?;
    say!("A server of this demonstration's own: {}, store {}", server.url(), server.directory().display());
    import_tables(&mut client).await?;
    let lines = settle(&mut client).await?;
    say!("{}", table(&lines));
    tell_refused(&lines);
    totals(&lines);
    retry(&mut client, &lines).await?;
    reverse(&mut client, &lines).await?;
    if let Some(settlement) = most_layers(&lines) {
        let request =
            pb::GetSettlementRequest { settlement_id: settlement.settlement_id.clone(), ..Default::default() };
        let view = client.settlement(request).await.map_err(|status| client::failure(&status))?;
        let document = Document::of(&view, options.lang.unwrap_or(Lang::En));
        say!("\nOne settlement in full, the one that most layers share in:\n\n{}", text::text(&document));
    }
    next(options, &server, &lines).await?;
    server.stop().await
}

async fn import_tables(client: &mut Client) -> Ended {
    let mut taken = Vec::new();
    for (table, text) in TABLES {
        let rows = csv_rows::read_all(table.as_str(), *table, text.as_bytes())
            .map_err(|fault| Failure::Usage(fault.to_string()))?;
        let answer = import::import_table(client, *table, rows).await.map_err(|s| client::failure(&s))?;
        taken.push(format!("{} {}", answer.taken, table.as_str()));
    }
    say!("Imported {}; all persons are invented.\n", taken.join(", "));
    Ok(())
}

async fn settle(client: &mut Client) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for text in CLAIMS.lines() {
        let text: ClaimText = serde_json::from_str(text).map_err(|error| Failure::Usage(error.to_string()))?;
        let (claim, request_id) = text.told().map_err(|faults| Failure::Usage(faults.to_string()))?;
        let answer = client.settle(&claim, &request_id, Vec::new()).await;
        if let Some(told) = answer.as_ref().err().and_then(client::unreachable) {
            return Err(Failure::Unreachable(told));
        }
        lines.push(Line { text, answer: answer.map(|settled| settled.settlement.unwrap_or_default()) });
    }
    Ok(lines)
}

/// The payers of all settlements, in the order in which they first pay.
fn payers(lines: &[Line]) -> Vec<String> {
    let mut payers = Vec::new();
    for share in settled(lines).filter_map(|settlement| settlement.split.as_ref()).flat_map(|split| &split.payers) {
        if !payers.contains(&share.payer) {
            payers.push(share.payer.clone());
        }
    }
    payers
}

fn settled(lines: &[Line]) -> impl Iterator<Item = &pb::Settlement> {
    lines.iter().filter_map(|line| line.answer.as_ref().ok())
}

fn table(lines: &[Line]) -> Table {
    let payers = payers(lines);
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let fixed = ["discharged", "claim", "who · visit · where", "total"];
    let short = payers.iter().map(|payer| payer.replace('_', "\n"));
    table.set_header(fixed.map(str::to_owned).into_iter().chain(short).chain(["patient".to_owned()]));
    for line in lines {
        table.add_row(row(line, &payers));
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn row(line: &Line, payers: &[String]) -> Vec<String> {
    let mut cells = vec![line.text.discharged.text(), line.text.claim_id.clone()];
    match &line.answer {
        Err(status) => cells.push(format!("refused: {}", status::code_name(status.code()))),
        Ok(settlement) => {
            let split = settlement.split.clone().unwrap_or_default();
            cells.push(circumstances(&line.text, &split.judged.unwrap_or_default()));
            cells.push(Money::from_fen(split.total_fen).to_string());
            let share = |payer: &String| split.payers.iter().find(|share| share.payer == *payer);
            cells.extend(payers.iter().map(|payer| match share(payer) {
                Some(share) if share.amount_fen != 0 => Money::from_fen(share.amount_fen).to_string(),
                _ => "–".to_owned(),
            }));
            cells.push(Money::from_fen(split.patient_fen).to_string());
        }
    }
    cells
}

fn circumstances(text: &ClaimText, judged: &pb::Judged) -> String {
    let who = if judged.categories.is_empty() { "ordinary".to_owned() } else { judged.categories.join(" + ") };
    let place =
        if judged.locality == "local" { String::new() } else { format!(", {} ({})", judged.locality, judged.referral) };
    format!("{who} · {} · {}{place}", text.visit, judged.hospital_level)
}

fn tell_refused(lines: &[Line]) {
    for line in lines {
        if let Err(status) = &line.answer {
            say!("{} was refused, and nothing changed: {}", line.text.claim_id, status.message());
        }
    }
}

fn totals(lines: &[Line]) {
    let splits = || settled(lines).filter_map(|settlement| settlement.split.as_ref());
    say!("\nTotals over {} settlements:", settled(lines).count());
    for payer in payers(lines) {
        let shares = splits().flat_map(|split| &split.payers).filter(|share| share.payer == payer);
        say!("  {:>14}  {payer}", Money::from_fen(shares.map(|share| share.amount_fen).sum()));
    }
    say!("  {:>14}  patients", Money::from_fen(splits().map(|split| split.patient_fen).sum()));
    say!("  {:>14}  in all", Money::from_fen(splits().map(|split| split.total_fen).sum()));
}

/// The last settled claim once more, under the same request id.
async fn retry(client: &mut Client, lines: &[Line]) -> Ended {
    let Some((text, first)) = lines.iter().rev().find_map(|line| Some((&line.text, line.answer.as_ref().ok()?))) else {
        return Ok(());
    };
    let (claim, request_id) = text.told().map_err(|faults| Failure::Usage(faults.to_string()))?;
    let again = client.settle(&claim, &request_id, Vec::new()).await.map_err(|status| client::failure(&status))?;
    let bytes = again.settlement.as_ref().map(Message::encode_to_vec).unwrap_or_default();
    let same = if bytes == first.encode_to_vec() { "the same" } else { "OTHER" };
    say!("\nA retry: {} sent again with its request id is answered with {same} {} bytes.", text.claim_id, bytes.len());
    Ok(())
}

/// The last settlement, taken back.
async fn reverse(client: &mut Client, lines: &[Line]) -> Ended {
    let Some(settlement) = settled(lines).last() else { return Ok(()) };
    let told = RawReversal {
        hospital_id: settlement.hospital_id.as_str().into(),
        person_id: settlement.person_id.as_str().into(),
        claim_id: settlement.claim_id.as_str().into(),
        reason: "demonstration: billed to the wrong patient".to_owned(),
        readjudicate: false,
    };
    let request_id = format!("{}-reversal", settlement.request_id).into();
    let answer = client.reverse(&told, &request_id, false).await.map_err(|status| client::failure(&status))?;
    let reversal = answer.reversal.unwrap_or_default();
    say!(
        "A reversal: {} is taken back by entry {}; the settlement itself stays readable.",
        reversal.claim_id,
        reversal.reversal_id
    );
    Ok(())
}

fn most_layers(lines: &[Line]) -> Option<&pb::Settlement> {
    let paying = |settlement: &&pb::Settlement| {
        let split = settlement.split.as_ref();
        split.map_or(0, |split| split.layers.iter().filter(|layer| layer.pays_fen != 0).count())
    };
    settled(lines).max_by_key(paying)
}

async fn next(options: &Options, server: &serve::Own, lines: &[Line]) -> Ended {
    let id = most_layers(lines).map(|settlement| settlement.settlement_id.clone()).unwrap_or_default();
    let person = most_layers(lines).map(|settlement| settlement.person_id.clone()).unwrap_or_default();
    say!("What to try next:");
    if !options.keep {
        say!("  onestop demo --keep                       the same, and the server stays");
        say!("  onestop policy show shandong-2017 --category registered_poor");
        return Ok(());
    }
    let (url, ended) = (server.url(), serve::ended());
    say!("  onestop show {id} --server {url}");
    say!("  onestop account {person} --year 2017 --server {url}");
    say!("  grpcurl -plaintext {} list", url.trim_start_matches("http://"));
    say!("The server stays until Ctrl-C; then its store is removed.");
    ended.await;
    Ok(())
}
