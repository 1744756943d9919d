//! `onestop readjudicate`: the retroactive run. The settlements of persons are decided again for a benefit year, each person in
//! one commit, and what changes is shown by payer.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tonic::Status;

use crate::cli::error::client::{described, leaves_outcome_unknown};
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::json::{self, yuan};
use crate::pb::settlement as pb;
use crate::{say, say_error};

use super::address::ServerOptions;
use super::connection::Client;
use super::reverse::{differences_text, revised_value};

/// Persons whose runs are in flight at once.
const IN_FLIGHT: usize = 8;

/// The persons and the year to decide again.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("who").args(["person", "persons"]).required(true).multiple(true))]
pub(crate) struct ReadjudicateOptions {
    /// A person; may be repeated
    #[arg(long, value_name = "ID")]
    person: Vec<String>,
    /// A file with a person's id on each line; - is standard input
    #[arg(long, value_name = "FILE")]
    persons: Option<PathBuf>,
    /// The benefit year
    #[arg(long)]
    year: i32,
    /// The request id (idempotency key), the same for all persons: it names a run within each person
    #[arg(long, value_name = "ID")]
    request: String,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs for every person, and prints the results in the order of the persons.
///
/// # Errors
/// If a run is refused, the file cannot be read, or the server is lost.
pub(super) async fn run(server: &ServerOptions, options: &ReadjudicateOptions, json: bool) -> CommandResult {
    let persons = named_persons(options)?;
    let client = Client::connect_to(server).await?;
    let mut answers =
        stream::iter(persons).map(|person_id| run_for(client.clone(), options, person_id)).buffered(IN_FLIGHT);
    let mut totals = Totals::default();
    while let Some((person_id, answer)) = answers.next().await {
        match answer {
            Ok(answer) => {
                totals.add(&answer);
                print(&person_id, options.year, &answer, json);
            }
            Err(status) if leaves_outcome_unknown(&status) => return Err(status.into()),
            Err(status) => {
                totals.refused += 1;
                say_error!("{person_id}: {}", described(&status));
            }
        }
    }
    totals.finish(options.dry_run, json)
}

async fn run_for(
    mut client: Client,
    options: &ReadjudicateOptions,
    person_id: String,
) -> (String, Result<pb::ReadjudicateResponse, Status>) {
    let request = pb::ReadjudicateRequest {
        person_id: person_id.clone(),
        benefit_year: options.year,
        request_id: options.request.clone(),
        dry_run: options.dry_run,
    };
    (person_id, client.readjudicate(request).await)
}

/// The persons of the options and of the file, each once.
fn named_persons(options: &ReadjudicateOptions) -> Result<Vec<String>, CommandError> {
    let mut persons = options.person.clone();
    if let Some(path) = &options.persons {
        persons.extend(read_persons(path).map_err(CommandError::file(path))?);
    }
    let mut seen = std::collections::HashSet::new();
    persons.retain(|person| seen.insert(person.clone()));
    Ok(persons)
}

fn read_persons(path: &Path) -> std::io::Result<Vec<String>> {
    let reader: Box<dyn BufRead> = match path == Path::new("-") {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(BufReader::new(std::fs::File::open(path)?)),
    };
    let lines = reader.lines().collect::<Result<Vec<_>, _>>()?;
    let ids = lines.iter().enumerate().map(|(at, line)| match at {
        0 => line.trim_start_matches('\u{feff}').trim(),
        _ => line.trim(),
    });
    Ok(ids.filter(|id| !id.is_empty()).map(str::to_owned).collect())
}

fn print(person_id: &str, year: i32, answer: &pb::ReadjudicateResponse, json: bool) {
    if json {
        return say!("{}", value(person_id, year, answer));
    }
    let (decided, changed) = (answer.decided, answer.revised.len());
    let verb = if answer.dry_run { "would change" } else { "changed" };
    let replay = if answer.replay { " (a replay: it was done before)" } else { "" };
    say!("{person_id} {year}: {decided} decided again, {changed} {verb}{replay}");
    for revised in &answer.revised {
        let pb::RevisedSettlement { hospital_id, claim_id, settlement_id, revision, .. } = revised;
        let differences = differences_text(revised.differences.as_ref());
        say!("  {hospital_id} {claim_id} settlement {settlement_id} revision {revision}: {differences}");
    }
}

fn value(person_id: &str, year: i32, answer: &pb::ReadjudicateResponse) -> Value {
    json!({
        "person_id": person_id, "benefit_year": year, "decided": answer.decided,
        "revised": answer.revised.iter().map(revised_value).collect::<Value>(),
        "replay": answer.replay, "dry_run": answer.dry_run,
    })
}

/// The sums over all persons.
#[derive(Default)]
struct Totals {
    persons: u64,
    changed: u64,
    refused: u64,
    differences: pb::Differences,
}

impl Totals {
    fn add(&mut self, answer: &pb::ReadjudicateResponse) {
        self.persons += 1;
        self.changed += u64::from(!answer.revised.is_empty());
        for by in answer.revised.iter().filter_map(|revised| revised.differences.as_ref()) {
            self.differences.patient_fen += by.patient_fen;
            by.payers.iter().for_each(|share| self.add_share(share));
        }
    }

    fn add_share(&mut self, share: &pb::PayerShare) {
        match self.differences.payers.iter_mut().find(|known| known.payer == share.payer) {
            Some(known) => known.amount_fen += share.amount_fen,
            None => self.differences.payers.push(share.clone()),
        }
    }

    /// Prints the sums; the command fails if a run was refused.
    fn finish(mut self, dry_run: bool, json: bool) -> CommandResult {
        self.differences.payers.retain(|share| share.amount_fen != 0);
        let Totals { persons, changed, refused, differences } = &self;
        if json {
            let payers = json::payer_amounts(&differences.payers);
            say!(
                "{}",
                json!({
                    "persons": persons, "persons_changed": changed, "persons_refused": refused, "dry_run": dry_run,
                    "differences": { "payers": payers, "patient": yuan(differences.patient_fen) },
                })
            );
        } else {
            let verb = if dry_run { "would change" } else { "changed" };
            let by = differences_text(Some(differences));
            say!("in all {persons} persons, {changed} {verb}, {refused} refused: {by}");
        }
        if self.refused == 0 { Ok(()) } else { Err(CommandError::Refused(self.refused)) }
    }
}
