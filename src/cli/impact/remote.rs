//! The impact on what a running server's store holds: the files of the book are sent, and nothing is committed.

use std::path::Path;

use crate::cli::client::Client;
use crate::cli::client::address::TlsOptions;
use crate::cli::error::client::ClientError;
use crate::cli::exit::CommandError;
use crate::domain::ids::{Digest, MAX_ID_BYTES, PersonId};
use crate::domain::money::Money;
use crate::engine::impact::{
    Change, Crossing, Impact, ImpactGroup, ImpactQuestion, PersonChange, PersonChanges, PersonImpact, PersonSink,
    UndecidedReason,
};
use crate::pb::policy as pb;
use crate::pb::policy::assess_impact_response::Part;

/// Asks the server at a URL about the book of a directory, whose digest is known.
///
/// # Errors
/// If a file cannot be read, the server cannot be reached or refuses the question, or it breaks off.
pub(super) async fn impact(
    (url, tls): (&str, &TlsOptions),
    (policies, book): (&Path, Digest),
    question: ImpactQuestion,
    persons: Option<PersonSink>,
) -> Result<Impact, CommandError> {
    let mut client = Client::over(tls.connect(url).await?);
    let ImpactQuestion { years, regions } = question;
    let names_persons = persons.is_some();
    let request = pb::AssessImpactRequest { files: files(policies)?, years, regions, names_persons };
    let mut parts = client.policies.assess_impact(request).await?.into_inner();
    let (mut impact, mut left) = (None, 0);
    while let Some(pb::AssessImpactResponse { part }) = parts.message().await? {
        match (part, &mut impact) {
            (Some(Part::Start(start)), _) if start.book_digest == book.0 => {
                left = start.group_count;
                impact = Some(impact_of_start(start));
            }
            (Some(Part::Groups(groups)), Some(impact)) => {
                left = left.saturating_sub(groups.groups.len() as u64);
                groups.groups.into_iter().try_for_each(|group| add(impact, group))?;
            }
            (Some(Part::Persons(further)), Some(_)) => {
                for person in further.persons.into_iter().map(person) {
                    let person = person?;
                    persons.iter().for_each(|sink| sink(person.clone()));
                }
            }
            _ => return Err(ClientError::UnexpectedAnswer.into()),
        }
    }
    Ok(impact.filter(|_| left == 0).ok_or(ClientError::UnexpectedAnswer)?)
}

/// The files of a book, which was read from them before.
fn files(policies: &Path) -> Result<Vec<pb::PolicyFile>, CommandError> {
    let mut files = Vec::new();
    for file in std::fs::read_dir(policies).map_err(CommandError::file(policies))? {
        let path = file.map_err(CommandError::file(policies))?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text = std::fs::read_to_string(&path).map_err(CommandError::file(&path))?;
            files.push(pb::PolicyFile { name: path.display().to_string(), text });
        }
    }
    files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

fn impact_of_start(start: pb::ImpactStart) -> Impact {
    let mut by_change = [0; 9];
    by_change.iter_mut().zip(start.by_change).for_each(|(count, found)| *count = found);
    let crossing = |found: Option<pb::LimitCrossing>| {
        let pb::LimitCrossing { before_only, after_only, both } = found.unwrap_or_default();
        Crossing { before_only, after_only, both }
    };
    let persons = PersonChanges {
        gain: start.gain,
        lose: start.lose,
        same: start.same,
        by_change,
        capped: crossing(start.capped),
        past_deductible: crossing(start.past_deductible),
    };
    Impact { entries: start.entry_count, persons, ..Impact::default() }
}

fn add(impact: &mut Impact, message: pb::ImpactGroup) -> Result<(), ClientError> {
    use pb::ImpactGroupKind::{
        Category, ContinuesUndecided, Hospital, NoPolicy, NotApplicable, Region, Total, Unspecified,
    };
    let (kind, key) = (message.kind(), message.key.as_str().into());
    let group = group(message);
    match kind {
        Total => impact.total = group,
        Hospital => drop(impact.hospitals.insert(key, group)),
        Category => drop(impact.categories.insert(key, group)),
        Region => drop(impact.regions.insert(key, group)),
        NoPolicy => drop(impact.undecided.insert(UndecidedReason::NoPolicy, group)),
        ContinuesUndecided => drop(impact.undecided.insert(UndecidedReason::ContinuesUndecided, group)),
        NotApplicable => drop(impact.undecided.insert(UndecidedReason::NotApplicable, group)),
        Unspecified => return Err(ClientError::UnexpectedAnswer),
    }
    Ok(())
}

fn group(message: pb::ImpactGroup) -> ImpactGroup {
    let payer = |pb::PayerChange { payer, before_fen, after_fen }| (payer.into(), change(before_fen, after_fen));
    ImpactGroup {
        settlements: message.settlements,
        payers: message.payers.into_iter().map(payer).collect(),
        patient: change(message.patient_before_fen, message.patient_after_fen),
    }
}

fn change(before: i64, after: i64) -> Change {
    Change { before: Money::from_fen(before), after: Money::from_fen(after) }
}

fn person(message: pb::ImpactPerson) -> Result<PersonImpact, ClientError> {
    let person_id = PersonId::parse(message.person_id, MAX_ID_BYTES).map_err(|_no_id| ClientError::UnexpectedAnswer)?;
    let change = PersonChange {
        settlements: message.settlements,
        patient: change(message.patient_before_fen, message.patient_after_fen),
        is_capped: [message.capped_before, message.capped_after],
        passes_deductible: [message.past_deductible_before, message.past_deductible_after],
    };
    Ok(PersonImpact { person_id, change })
}
