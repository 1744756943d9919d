//! `onestop list`: the settlements of a person's benefit year or of a hospital's days, page by page.

use serde_json::{Value, json};

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::json::{self, yuan};
use crate::domain::day::Day;
use crate::domain::money::Money;
use crate::grpc::to_proto;
use crate::pb::Date;
use crate::pb::policy::GetVocabularyRequest;
use crate::pb::settlement as pb;
use crate::say;

use super::connection::Client;

/// The settlements to list.
#[derive(clap::Args, Debug)]
pub(crate) struct ListOptions {
    /// The settlements of this person; requires --year
    #[arg(
        long,
        value_name = "ID",
        requires = "year",
        conflicts_with = "hospital",
        required_unless_present = "hospital"
    )]
    person: Option<String>,
    /// The benefit year
    #[arg(long, requires = "person")]
    year: Option<i32>,
    /// Only those of this insurance
    #[arg(long, requires = "person")]
    insurance: Option<String>,
    /// The settlements of this hospital
    #[arg(long, value_name = "ID")]
    hospital: Option<String>,
    /// The first day of settlement (China Standard Time)
    #[arg(long, value_name = "DAY", requires = "hospital")]
    from: Option<Day>,
    /// The day after the last day of settlement
    #[arg(long, value_name = "DAY", requires = "hospital")]
    until: Option<Day>,
    /// Print the settlements in force as CSV with a column for each payer, as `onestop reconcile` reads it
    #[arg(long, requires = "hospital", conflicts_with = "json")]
    csv: bool,
}

/// Prints one line per settlement.
///
/// # Errors
/// If a call failed.
pub(super) async fn run(mut client: Client, options: ListOptions, json: bool) -> CommandResult {
    let payers = if options.csv { Some(payers(&mut client).await?) } else { None };
    let mut request = list_request(options);
    if let Some(payers) = &payers {
        say!("{}", csv_line(["claim_id", "settlement_id", "settled_on", "total", "patient"], payers.clone()));
    }
    loop {
        let page = client.list(request.clone()).await?;
        for settlement in &page.settlements {
            if let Some(payers) = &payers {
                settlement_csv(settlement, payers).into_iter().for_each(|line| say!("{line}"));
            } else if json {
                say!("{}", settlement_json(settlement));
            } else {
                say!("{}", settlement_line(settlement));
            }
        }
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

fn list_request(options: ListOptions) -> pb::ListSettlementsRequest {
    pb::ListSettlementsRequest {
        person_id: options.person.unwrap_or_default(),
        benefit_year: options.year.unwrap_or_default(),
        insurance: options.insurance.unwrap_or_default(),
        hospital_id: options.hospital.unwrap_or_default(),
        settled_from: options.from.map(to_proto::date),
        settled_until: options.until.map(to_proto::date),
        page_size: 1_000,
        page_token: String::new(),
        view: pb::SettlementView::Summary.into(),
    }
}

fn settlement_line(settlement: &pb::ListedSettlement) -> String {
    let yuan = Money::from_fen;
    let split = settlement.split.clone().unwrap_or_default();
    let payers = split.payers.iter().filter(|share| share.amount_fen != 0);
    let payers: String = payers.map(|share| format!(", {} {}", share.payer, yuan(share.amount_fen))).collect();
    let revision = if settlement.revision > 1 { format!(", revision {}", settlement.revision) } else { String::new() };
    let reversed = if settlement.reversal_id.is_empty() { "" } else { ", REVERSED" };
    format!(
        "{} {} {} {}: total {}{payers}, patient {}{revision}{reversed}",
        day_text(settlement.settled_on.as_ref()),
        settlement.settlement_id,
        settlement.hospital_id,
        settlement.claim_id,
        yuan(split.total_fen),
        yuan(split.patient_fen),
    )
}

fn day_text(day: Option<&Date>) -> String {
    let day = day.copied().unwrap_or_default();
    format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)
}

/// The payers of the server's vocabulary.
async fn payers(client: &mut Client) -> Result<Vec<String>, CommandError> {
    let words = client.policies.get_vocabulary(GetVocabularyRequest::default()).await?.into_inner().words;
    Ok(words.into_iter().filter(|word| word.section == "payer").map(|word| word.word).collect())
}

/// The line of a settlement; `None` if it was reversed.
fn settlement_csv(settlement: &pb::ListedSettlement, payers: &[String]) -> Option<String> {
    let split = settlement.split.clone().unwrap_or_default();
    let paid = |payer: &String| {
        let share = split.payers.iter().find(|share| share.payer == *payer);
        yuan(share.map_or(0, |share| share.amount_fen))
    };
    let (day, total, patient) =
        (day_text(settlement.settled_on.as_ref()), yuan(split.total_fen), yuan(split.patient_fen));
    let first = [&*settlement.claim_id, &settlement.settlement_id, &day, &total, &patient];
    settlement.reversal_id.is_empty().then(|| csv_line(first, payers.iter().map(paid).collect()))
}

fn csv_line(first: [&str; 5], rest: Vec<String>) -> String {
    let quoted = |cell: &str| match cell.contains([',', '"']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    };
    let cells = first.into_iter().map(quoted).chain(rest.iter().map(|cell| quoted(cell)));
    cells.collect::<Vec<_>>().join(",")
}

fn settlement_json(settlement: &pb::ListedSettlement) -> Value {
    let split = settlement.split.clone().unwrap_or_default();
    json!({
        "settlement_id": settlement.settlement_id, "claim_id": settlement.claim_id, "hospital_id": settlement.hospital_id,
        "person_id": settlement.person_id, "request_id": settlement.request_id, "settled_on": day_text(settlement.settled_on.as_ref()),
        "insurance": settlement.insurance, "benefit_year": settlement.benefit_year, "policy_id": settlement.policy_id,
        "total": yuan(split.total_fen), "payers": json::payer_amounts(&split.payers), "patient": yuan(split.patient_fen),
        "revision": settlement.revision, "reversal_id": settlement.reversal_id,
    })
}
