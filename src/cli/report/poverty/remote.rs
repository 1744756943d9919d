//! The statistics of a running server.

use std::sync::Arc;

use tonic::Status;

use crate::cli::client::Client;
use crate::cli::client::address::ServerOptions;
use crate::cli::error::client::ClientError;
use crate::cli::exit::CommandError;
use crate::domain::money::Money;
use crate::domain::month::Month;
use crate::grpc::to_proto;
use crate::pb::settlement as pb;
use crate::pb::settlement::report_poverty_response::Part;
use crate::reports::ledger::{LedgerEnd, Read};
use crate::reports::poverty::{Group, Measures, Poverty, PovertyLayer, PovertyQuestion, SettledAsOrdinary};

use crate::cli::report::remote::{moment, until_received};

/// Asks a server.
///
/// # Errors
/// If the server cannot be reached, refuses the question, or breaks off again and again.
pub(super) async fn poverty(server: &ServerOptions, question: &PovertyQuestion) -> Result<Poverty, CommandError> {
    let mut client = Client::connect_to(server).await?;
    let mut receiving = Receiving { question, start: None, groups: Vec::new(), persons: Vec::new() };
    until_received(async || receiving.receive(&mut client).await).await?;
    Ok(receiving.poverty()?)
}

/// Statistics that are being received.
struct Receiving<'q> {
    question: &'q PovertyQuestion,
    start: Option<pb::PovertyStart>,
    groups: Vec<pb::PovertyGroup>,
    persons: Vec<pb::PovertyPerson>,
}

impl Receiving<'_> {
    /// Receives the groups and persons after those that were received.
    async fn receive(&mut self, client: &mut Client) -> Result<(), Status> {
        let mut parts = client.report_poverty(self.request()).await?;
        while let Some(pb::ReportPovertyResponse { part }) = parts.message().await? {
            match part {
                Some(Part::Start(start)) => self.begin(start)?,
                Some(Part::Groups(further)) => self.groups.extend(further.groups),
                Some(Part::Persons(further)) => self.persons.extend(further.persons),
                None => {}
            }
        }
        Ok(())
    }

    /// Takes the start of the answer. After a break it is that of the same statistics, unless a register was changed.
    fn begin(&mut self, start: pb::PovertyStart) -> Result<(), Status> {
        let is_other = self.start.as_ref().is_some_and(|first| first.digest != start.digest);
        if is_other {
            (self.start, self.groups, self.persons) = (None, Vec::new(), Vec::new());
            return Err(Status::unavailable("a register was changed"));
        }
        self.start.get_or_insert(start);
        Ok(())
    }

    fn request(&self) -> pb::ReportPovertyRequest {
        let (question, start) = (self.question, self.start.as_ref());
        pb::ReportPovertyRequest {
            from: Some(to_proto::date(question.from)),
            until: Some(to_proto::date(question.until)),
            regions: question.regions.clone(),
            categories: question.categories.clone(),
            thresholds_fen: question.thresholds.iter().map(|amount| amount.fen()).collect(),
            as_of_time: start.and_then(|start| start.as_of_time).or(question.as_of.map(to_proto::timestamp)),
            names_persons: question.names_persons,
            line_count: start.map(|start| start.line_count).or(question.first_lines),
            after_groups: self.groups.len() as u64,
            after_persons: self.persons.len() as u64,
        }
    }

    fn poverty(self) -> Result<Poverty, ClientError> {
        let received = (self.groups.len() as u64, self.persons.len() as u64);
        let start = self.start.filter(|start| (start.group_count, start.person_count) == received);
        let pb::PovertyStart { layers, as_of_time, entries_read, lines_read, line_count, .. } =
            start.ok_or(ClientError::UnexpectedAnswer)?;
        let groups = self.groups.into_iter().map(|message| Some((group(&message)?, measures(message))));
        Ok(Poverty {
            end: LedgerEnd { as_of: moment(as_of_time.as_ref())?, lines: line_count },
            layers: layers.into_iter().map(layer).collect(),
            groups: groups.collect::<Option<_>>().ok_or(ClientError::UnexpectedAnswer)?,
            ordinary: self.persons.into_iter().map(person).collect(),
            read: Read { entries: entries_read, lines: lines_read },
        })
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
