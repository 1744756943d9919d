//! `onestop demo`: settles demonstration claims over gRPC on a temporary server. That server computes every figure that
//! the command prints.

use std::path::PathBuf;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use prost::Message;
use tonic::Status;

use crate::domain::content::RawReversal;
use crate::domain::money::Money;
use crate::grpc::status;
use crate::pb::settlement as pb;
use crate::reference::csv_rows;
use crate::reference::table::ReferenceTable;
use crate::say;
use crate::server::local_server::TemporaryServer;
use crate::server::run::load_book;
use crate::server::signals;

use super::client::Client;
use super::client::claim_text::ClaimText;
use super::client::import;
use super::error::client::leaves_outcome_unknown;
use super::exit::{CommandError, CommandResult};
use super::output::line::write_page;
use super::output::refusal_text::in_language;
use super::output::statement::{BookWords, Document, Lang, text};

/// The demonstration tables; all persons are invented.
const TABLES: &[(ReferenceTable, &str)] = &[
    (ReferenceTable::Hospitals, include_str!("../../deploy/demo/hospitals.csv")),
    (ReferenceTable::Designations, include_str!("../../deploy/demo/designations.csv")),
    (ReferenceTable::Catalogue, include_str!("../../deploy/demo/catalogue.csv")),
    (ReferenceTable::Enrolments, include_str!("../../deploy/demo/enrolments.csv")),
    (ReferenceTable::Categories, include_str!("../../deploy/demo/categories.csv")),
    (ReferenceTable::Approvals, include_str!("../../deploy/demo/approvals.csv")),
];

/// The demonstration claims under a title, one per line, by day of discharge.
const CLAIMS: &[(&str, &str)] = &[
    ("Shandong, residents, 2017 to 2019", include_str!("../../deploy/demo/claims.ndjson")),
    ("Shandong, residents and employees, 2025", include_str!("../../deploy/demo/claims-2025.ndjson")),
    ("Gansu and Anhui, residents, from 2017", include_str!("../../deploy/demo/claims-backstop.ndjson")),
];

/// Options of the demonstration.
#[derive(clap::Args, Debug)]
pub(crate) struct DemoOptions {
    /// Keep the server running afterwards, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// A directory of policy files, instead of the shipped policies
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// The language of refusals and of the statement at the end
    #[arg(long, value_enum)]
    lang: Option<Lang>,
}

/// A claim and its answer.
struct DemoClaim {
    text: ClaimText,
    answer: Result<pb::Settlement, Status>,
}

/// Runs the demonstration.
///
/// # Errors
/// If the policies are refused, or the server fails.
pub(crate) async fn run(options: &DemoOptions) -> CommandResult {
    let book = load_book(options.policies.as_deref())?;
    let server = TemporaryServer::in_directory(book).await?;
    let mut client = Client::connect(&server.url()).await?;
    let directory = server.directory().map(|path| path.display().to_string()).unwrap_or_default();
    say!("Started a temporary server: {}, store {directory}", server.url());
    import_tables(&mut client).await?;
    let mut lines = Vec::new();
    for (title, claims) in CLAIMS {
        let settled = settle(&mut client, claims).await?;
        say!("{title}:");
        write_page(&table(&settled).to_string());
        print_refused(&settled, options.lang.unwrap_or(Lang::En));
        say!("");
        lines.extend(settled);
    }
    print_totals(&lines);
    retry(&mut client, &lines).await?;
    reverse_last(&mut client, &lines).await?;
    if let Some(settlement) = most_layers(&lines) {
        let request =
            pb::GetSettlementRequest { settlement_id: settlement.settlement_id.clone(), ..Default::default() };
        let view = client.settlement(request).await?;
        let document = Document::from_settlement(&view, &BookWords::shipped(options.lang.unwrap_or(Lang::En)));
        say!("");
        say!("The statement of the settlement that most layers pay:");
        say!("");
        write_page(&text::text(&document));
        say!("");
    }
    print_next_steps(options, &server, &lines).await?;
    Ok(server.stop().await?)
}

async fn import_tables(client: &mut Client) -> CommandResult {
    let mut taken = Vec::new();
    for (table, text) in TABLES {
        let rows = csv_rows::read_all(table.as_str(), *table, text.as_bytes());
        let rows = rows.map_err(|fault| CommandError::FileFaults(fault.into()))?;
        let answer = import::import_table(client, *table, rows).await?;
        taken.push(format!("{} {}", answer.taken, table.as_str()));
    }
    say!("Imported {}; all persons are invented.", taken.join(", "));
    say!("");
    Ok(())
}

async fn settle(client: &mut Client, claims: &str) -> Result<Vec<DemoClaim>, CommandError> {
    let mut lines = Vec::new();
    for text in claims.lines() {
        let text: ClaimText = serde_json::from_str(text).map_err(|error| CommandError::Usage(error.to_string()))?;
        let (claim, request_id) =
            text.claim_and_request_id().map_err(|refusal| CommandError::Usage(refusal.to_string()))?;
        let answer = client.settle(&claim, &request_id, Vec::new()).await;
        let answer = match answer {
            Err(status) if leaves_outcome_unknown(&status) => return Err(status.into()),
            answer => answer.map(|settled| settled.settlement.unwrap_or_default()),
        };
        lines.push(DemoClaim { text, answer });
    }
    Ok(lines)
}

/// The payers of all settlements, in the order in which they first pay.
fn payers(lines: &[DemoClaim]) -> Vec<String> {
    let mut payers = Vec::new();
    for share in settled(lines).filter_map(|settlement| settlement.split.as_ref()).flat_map(|split| &split.payers) {
        if !payers.contains(&share.payer) {
            payers.push(share.payer.clone());
        }
    }
    payers
}

fn settled(lines: &[DemoClaim]) -> impl Iterator<Item = &pb::Settlement> {
    lines.iter().filter_map(|line| line.answer.as_ref().ok())
}

fn table(lines: &[DemoClaim]) -> Table {
    let payers = payers(lines);
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let fixed = ["discharged", "claim", "law", "who · visit · where", "total"];
    let short = payers.iter().map(|payer| payer.replace('_', "\n"));
    table.set_header(fixed.map(str::to_owned).into_iter().chain(short).chain(["patient".to_owned()]));
    for line in lines {
        table.add_row(row(line, &payers));
    }
    for column in table.column_iter_mut().skip(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn row(line: &DemoClaim, payers: &[String]) -> Vec<String> {
    let mut cells = vec![line.text.discharged.text(), line.text.claim_id.clone()];
    match &line.answer {
        Err(status) => cells.extend([String::new(), format!("refused: {}", status::code_name(status.code()))]),
        Ok(settlement) => {
            let split = settlement.split.clone().unwrap_or_default();
            let derivation = settlement.derivation.clone().unwrap_or_default();
            let facts = derivation.circumstances.unwrap_or_default();
            cells.extend([facts.policy_id.clone(), circumstances(&line.text, &facts)]);
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

fn circumstances(text: &ClaimText, facts: &pb::Circumstances) -> String {
    let who = if facts.categories.is_empty() { "ordinary".to_owned() } else { facts.categories.join(" + ") };
    let place = match facts.locality() {
        pb::Locality::County | pb::Locality::City => String::new(),
        locality => format!(", {} ({})", locality.word(), facts.referral().word()),
    };
    format!("{who} · {} · {}{place}", text.visit, facts.hospital_level)
}

fn print_refused(lines: &[DemoClaim], lang: Lang) {
    for line in lines {
        if let Err(status) = &line.answer {
            let status = in_language(status.clone(), lang);
            say!("{} was refused, and nothing changed: {}", line.text.claim_id, status.message());
        }
    }
}

fn print_totals(lines: &[DemoClaim]) {
    let splits = || settled(lines).filter_map(|settlement| settlement.split.as_ref());
    say!("Totals over {} settlements:", settled(lines).count());
    for payer in payers(lines) {
        let shares = splits().flat_map(|split| &split.payers).filter(|share| share.payer == payer);
        say!("  {:>14}  {payer}", Money::from_fen(shares.map(|share| share.amount_fen).sum()));
    }
    say!("  {:>14}  patients", Money::from_fen(splits().map(|split| split.patient_fen).sum()));
    say!("  {:>14}  in total", Money::from_fen(splits().map(|split| split.total_fen).sum()));
}

/// Sends the last settled claim again with the same request id.
async fn retry(client: &mut Client, lines: &[DemoClaim]) -> CommandResult {
    let Some((text, first)) = lines.iter().rev().find_map(|line| Some((&line.text, line.answer.as_ref().ok()?))) else {
        return Ok(());
    };
    let (claim, request_id) =
        text.claim_and_request_id().map_err(|refusal| CommandError::Usage(refusal.to_string()))?;
    let again = client.settle(&claim, &request_id, Vec::new()).await?;
    let bytes = again.settlement.as_ref().map(Message::encode_to_vec).unwrap_or_default();
    let same = if bytes == first.encode_to_vec() { "the same" } else { "DIFFERENT" };
    say!("");
    say!("A retry: {} sent again with its request id is answered with {same} {} bytes.", text.claim_id, bytes.len());
    Ok(())
}

/// Reverses the last settlement.
async fn reverse_last(client: &mut Client, lines: &[DemoClaim]) -> CommandResult {
    let Some(settlement) = settled(lines).last() else { return Ok(()) };
    let reversal = RawReversal {
        hospital_id: settlement.hospital_id.as_str().into(),
        person_id: settlement.person_id.as_str().into(),
        claim_id: settlement.claim_id.as_str().into(),
        reason: "demonstration: billed to the wrong patient".to_owned(),
        readjudicate: false,
    };
    let request_id = format!("{}-reversal", settlement.request_id);
    let answer = client.reverse(&reversal, &request_id, false).await?;
    let reversal = answer.reversal.unwrap_or_default();
    say!(
        "A reversal: {} is reversed by entry {}; the settlement itself stays readable.",
        reversal.claim_id,
        reversal.reversal_id
    );
    Ok(())
}

fn most_layers(lines: &[DemoClaim]) -> Option<&pb::Settlement> {
    let paying = |settlement: &&pb::Settlement| {
        let derivation = settlement.derivation.as_ref();
        derivation.map_or(0, |derivation| derivation.layers.iter().filter(|layer| layer.pays_fen != 0).count())
    };
    settled(lines).max_by_key(paying)
}

/// The path by which this program was called.
fn program_path() -> String {
    std::env::args().next().unwrap_or_else(|| "onestop".to_owned())
}

async fn print_next_steps(options: &DemoOptions, server: &TemporaryServer, lines: &[DemoClaim]) -> CommandResult {
    let id = most_layers(lines).map(|settlement| settlement.settlement_id.clone()).unwrap_or_default();
    let person = most_layers(lines).map(|settlement| settlement.person_id.clone()).unwrap_or_default();
    say!("Next, with onestop as the path of this program ({}):", program_path());
    if !options.keep {
        say!("  onestop demo --keep                       run again and keep the server");
        say!("  onestop policy show shandong-2017 --category registered_poor");
        return Ok(());
    }
    let (url, shutdown) = (server.url(), signals::shutdown());
    say!("  onestop show {id} --server {url}");
    say!("  onestop account {person} --year 2017 --server {url}");
    say!("  grpcurl -plaintext {} list", url.trim_start_matches("http://"));
    say!("The server runs until Ctrl-C; then its store is removed.");
    shutdown.await;
    Ok(())
}
