//! The statistics of a running server.

use std::sync::Arc;

use crate::cli::client::Client;
use crate::cli::client::address::ServerOptions;
use crate::cli::error::client::ClientError;
use crate::cli::exit::CommandError;
use crate::domain::journal::Instant;
use crate::domain::money::Money;
use crate::domain::month::Month;
use crate::grpc::to_proto;
use crate::pb::settlement as pb;
use crate::pb::settlement::report_poverty_response::Part;
use crate::reports::ledger::Read;
use crate::reports::poverty::{Group, Measures, Poverty, PovertyLayer, PovertyQuestion, SettledAsOrdinary};

/// Asks a server.
///
/// # Errors
/// If the server cannot be reached, refuses the question, or breaks off.
pub(super) async fn poverty(server: &ServerOptions, question: &PovertyQuestion) -> Result<Poverty, CommandError> {
    let mut client = Client::connect_to(server).await?;
    let mut parts = client.report_poverty(request(question)).await?;
    let (mut start, mut groups, mut persons) = (None, Vec::new(), Vec::new());
    while let Some(pb::ReportPovertyResponse { part }) = parts.message().await? {
        match part {
            Some(Part::Start(first)) => start = Some(first),
            Some(Part::Groups(further)) => groups.extend(further.groups),
            Some(Part::Persons(further)) => persons.extend(further.persons),
            None => {}
        }
    }
    let start = start.filter(|start| start.group_count == groups.len() as u64);
    let pb::PovertyStart { layers, as_of_time, entries_read, lines_read, .. } =
        start.ok_or(ClientError::UnexpectedAnswer)?;
    let groups = groups.into_iter().map(|message| Some((group(&message)?, measures(message))));
    Ok(Poverty {
        as_of: as_of_time.map(|at| Instant(at.seconds * 1_000_000 + i64::from(at.nanos / 1_000))),
        layers: layers.into_iter().map(layer).collect(),
        groups: groups.collect::<Option<_>>().ok_or(ClientError::UnexpectedAnswer)?,
        ordinary: persons.into_iter().map(person).collect(),
        read: Read { entries: entries_read, lines: lines_read },
    })
}

fn request(question: &PovertyQuestion) -> pb::ReportPovertyRequest {
    pb::ReportPovertyRequest {
        from: Some(to_proto::date(question.from)),
        until: Some(to_proto::date(question.until)),
        regions: question.regions.clone(),
        categories: question.categories.clone(),
        thresholds_fen: question.thresholds.iter().map(|amount| amount.fen()).collect(),
        as_of_time: question.as_of.map(to_proto::timestamp),
        names_persons: question.names_persons,
    }
}

fn layer(pb::PovertyLayer { layer_id, payer }: pb::PovertyLayer) -> PovertyLayer {
    PovertyLayer { id: layer_id.into(), payer: payer.into() }
}

/// What a group is of; none if a month is none.
fn group(message: &pb::PovertyGroup) -> Option<Group> {
    let month =
        (message.month != 0).then(|| Month::from_number(message.month)).map_or(Some(None), |month| month.map(Some))?;
    Some(match (month, &*message.city, &*message.county) {
        (None, "", "") => Group::All,
        (Some(month), "", "") => Group::Month(month),
        (None, city, "") => Group::City(Arc::from(city)),
        (None, _, county) => Group::County(Arc::from(county)),
        (Some(month), _, county) => Group::CountyInMonth(month, Arc::from(county)),
    })
}

fn measures(message: pb::PovertyGroup) -> Measures {
    Measures {
        registered: message.registered,
        removed: message.removed,
        treated: message.treated,
        settlements: message.settlements.into(),
        total: Money::from_fen(message.total_fen),
        layers: message.layers_fen.into_iter().map(Money::from_fen).collect(),
        patient: Money::from_fen(message.patient_fen),
        above: message.above,
        ordinary_persons: message.ordinary_persons,
        ordinary_settlements: message.ordinary_settlements.into(),
        ordinary_patient: Money::from_fen(message.ordinary_patient_fen),
    }
}

fn person(message: pb::PovertyPerson) -> SettledAsOrdinary {
    SettledAsOrdinary {
        person_id: message.person_id.into(),
        region: message.region.into(),
        settlements: message.settlements.into(),
        patient: Money::from_fen(message.patient_fen),
    }
}
