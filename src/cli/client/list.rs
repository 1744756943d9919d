//! `onestop list`: the settlements of a person's benefit year, or of a hospital's days, page by page.

use serde_json::{Value, json};

use crate::domain::day::Day;
use crate::domain::money::Money;
use crate::grpc::pb::settlement as pb;
use crate::grpc::to_proto;
use crate::say;

use super::connection::{self as client, Client};
use crate::cli::exit::Ended;
use crate::cli::output::json::{self, yuan};

/// Which settlements.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Of this person; with --year
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
    /// Of this insurance only
    #[arg(long, requires = "person")]
    insurance: Option<String>,
    /// Of this hospital
    #[arg(long, value_name = "ID")]
    hospital: Option<String>,
    /// From this day of settlement on (China Standard Time)
    #[arg(long, value_name = "DAY", requires = "hospital")]
    from: Option<Day>,
    /// Up to and without this day of settlement
    #[arg(long, value_name = "DAY", requires = "hospital")]
    until: Option<Day>,
}

/// Prints a line a settlement.
///
/// # Errors
/// Exit 1 if it is refused, 3 if the server is lost.
pub async fn run(mut client: Client, options: Options, json: bool) -> Ended {
    let mut request = request(options);
    loop {
        let page = client.list(request.clone()).await.map_err(|status| client::failure(&status))?;
        for one in &page.settlements {
            if json {
                say!("{}", value(one));
            } else {
                say!("{}", line(one));
            }
        }
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

fn request(options: Options) -> pb::ListSettlementsRequest {
    pb::ListSettlementsRequest {
        person_id: options.person.unwrap_or_default(),
        benefit_year: options.year.unwrap_or_default(),
        insurance: options.insurance.unwrap_or_default(),
        hospital_id: options.hospital.unwrap_or_default(),
        settled_from: options.from.map(to_proto::date),
        settled_until: options.until.map(to_proto::date),
        page_size: 1_000,
        page_token: String::new(),
    }
}

fn line(one: &pb::SettlementSummary) -> String {
    let yuan = Money::from_fen;
    let payers = one.payers.iter().filter(|share| share.amount_fen != 0);
    let payers: String = payers.map(|share| format!(", {} {}", share.payer, yuan(share.amount_fen))).collect();
    let revision = if one.revision > 1 { format!(", revision {}", one.revision) } else { String::new() };
    let reversed = if one.reversal_id.is_empty() { "" } else { ", REVERSED" };
    format!(
        "{} {} {} {}: total {}{payers}, patient {}{revision}{reversed}",
        day(one.settled_on.as_ref()),
        one.settlement_id,
        one.hospital_id,
        one.claim_id,
        yuan(one.total_fen),
        yuan(one.patient_fen),
    )
}

fn day(day: Option<&pb::Date>) -> String {
    let day = day.copied().unwrap_or_default();
    format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)
}

fn value(one: &pb::SettlementSummary) -> Value {
    json!({
        "settlement_id": one.settlement_id, "claim_id": one.claim_id, "hospital_id": one.hospital_id,
        "person_id": one.person_id, "request_id": one.request_id, "settled_on": day(one.settled_on.as_ref()),
        "insurance": one.insurance, "benefit_year": one.benefit_year, "policy_id": one.policy_id,
        "total": yuan(one.total_fen), "payers": json::shares(&one.payers), "patient": yuan(one.patient_fen),
        "revision": one.revision, "reversal_id": one.reversal_id,
    })
}
