//! `onestop account`: the accumulators of a person's benefit year, and the room under each cap.

use crate::cli::exit::CommandResult;
use crate::cli::output::json;
use crate::domain::money::Money;
use crate::pb::settlement as pb;
use crate::say;

use super::connection::Client;

/// The account to show.
#[derive(clap::Args, Debug)]
pub(crate) struct AccountOptions {
    /// The person
    person: String,
    /// The benefit year
    #[arg(long)]
    year: i32,
    /// The insurance
    #[arg(long, default_value = "resident")]
    insurance: String,
}

/// Prints an account.
///
/// # Errors
/// If the call failed.
pub(super) async fn run(mut client: Client, options: AccountOptions, json: bool) -> CommandResult {
    let AccountOptions { person: person_id, year, insurance } = options;
    let title = format!("{person_id}, {insurance} {year}");
    let account = client.account(pb::GetAccountRequest { person_id, insurance, year, on: None }).await?;
    if json {
        say!("{}", json::account(&account));
    } else {
        print_account(&title, &account);
    }
    Ok(())
}

fn print_account(title: &str, account: &pb::GetAccountResponse) {
    let policy = if account.policy_id.is_empty() { "no policy in force" } else { account.policy_id.as_str() };
    let (admissions, version) = (account.admissions, account.version);
    say!("{title}: {admissions} admissions, version {version}; caps of {policy}");
    for layer in &account.layers {
        say!("layer  {:28} paid {:>14}", layer.layer_id, Money::from_fen(layer.paid_fen));
    }
    for ledger in &account.ledgers {
        let (base, taken) = (Money::from_fen(ledger.base_fen), Money::from_fen(ledger.deductible_taken_fen));
        say!("ledger {:28} base {base:>14}  deductible taken {taken:>14}", ledger.ledger);
    }
    let yuan = |fen: Option<i64>| fen.map_or_else(|| "no cap".to_owned(), |fen| Money::from_fen(fen).to_string());
    for room in &account.rooms {
        let (used, annual, left) = (Money::from_fen(room.used_fen), yuan(room.annual_fen), yuan(room.room_fen));
        say!("cap    {:28} used {used:>14}  of {annual:>16}  room {left:>14}", room.account);
        for visit in &room.circumstances {
            say!("      for {} {} referral {}", visit.hospital_level, visit.locality().word(), visit.referral().word());
        }
    }
}
