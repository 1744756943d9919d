//! AssessImpact: what the store holds is decided again under the book of a request. Nothing is committed.

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use tonic::Status;

use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::file_fault::FileFault;
use crate::domain::file_faults::FileFaults;
use crate::engine::EngineError;
use crate::engine::impact::{
    CHUNK_ROWS, Crossing, DIRECTORY, Impact, ImpactColumns, ImpactError, ImpactGroup, ImpactQuestion, PersonImpact,
    PersonSink, UndecidedReason, impact,
};
use crate::pb::policy as pb;
use crate::pb::policy::assess_impact_response::Part;
use crate::policy::Book;
use crate::store::Store;

use super::authorize::Permitted;
use super::error::CallError;
use super::report::{VALUES, check_count, check_regions};
use super::reporter::StoreReporter;
use super::to_proto::digest;

/// The groups and persons of a message.
const ROWS: usize = 200;

/// The most persons that are named: all of them are in memory at once.
const NAMED_PERSONS: usize = 200_000;

/// The most files of a book.
const MAX_FILES: usize = 1_000;

/// The benefit years that there are.
const YEARS: RangeInclusive<i32> = 1..=9_999;

/// The parts of an impact as they are sent.
pub type ImpactParts = BoxStream<'static, Result<pb::AssessImpactResponse, Status>>;

/// Persons who are named, up to one more than the most.
type Named = Arc<Mutex<Vec<PersonImpact>>>;

impl<S: Store> StoreReporter<S> {
    /// The impact that is requested, after it was recorded that persons are named.
    ///
    /// # Errors
    /// The faults of the files, too many persons to name, or the store cannot be read.
    pub(super) async fn assess_impact(
        self: Arc<Self>,
        permitted: Permitted,
        deadline: Duration,
        request: pb::AssessImpactRequest,
    ) -> Result<ImpactParts, CallError> {
        check(&request)?;
        let names_persons = request.names_persons;
        if names_persons {
            self.disclosures.log_everything(&permitted)?;
        }
        self.alone(deadline, &permitted.caller.name, |reporter, reserved| async move {
            let (book, impact, persons) = reporter.assess(request).await?;
            if persons.len() > NAMED_PERSONS {
                let message = format!("would name more than {NAMED_PERSONS} persons: ask for fewer regions or years");
                return Err(CallError::invalid_field("names_persons", FaultReason::TooMany, message));
            }
            Ok(reserved.hold(persons.len()).until_taken(parts(&book, impact, persons)))
        })
        .await
    }

    async fn assess(
        &self,
        request: pb::AssessImpactRequest,
    ) -> Result<(Arc<Book>, Impact, Vec<PersonImpact>), CallError> {
        let pb::AssessImpactRequest { files, years, regions, names_persons } = request;
        let texts = files.iter().map(|file| (file.name.as_str(), file.text.as_str()));
        let book = Arc::new(Book::from_texts(texts).map_err(policies_refused)?);
        let question = ImpactQuestion { years, regions };
        let named = Named::default();
        let sink: Option<PersonSink> = names_persons.then(|| sink(Arc::clone(&named)));
        let store = self.engine.store();
        let impact = match self.columns().await {
            // One thread, so that claims keep the other cores.
            Some(mut columns) => columns.impact(&book, &question, sink, NonZero::<usize>::MIN).await,
            None => impact(store, Arc::clone(&book), question, sink).await.map_err(ImpactError::from),
        };
        let impact = impact.map_err(call_error)?;
        let persons = std::mem::take(&mut *named.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((book, impact, persons))
    }

    /// The columns of the store; none if they are not kept, or their files cannot be used.
    async fn columns(&self) -> Option<ImpactColumns<'_, S>> {
        let directory = self.cache.as_deref()?.join(DIRECTORY);
        match ImpactColumns::open(self.engine.store(), &directory, CHUNK_ROWS).await {
            Ok(columns) => Some(columns),
            Err(error) => {
                tracing::error!(%error, "the columns of the impact cannot be used; the whole journal is read");
                None
            }
        }
    }
}

/// Checks what a request asks, before its files are read.
fn check(request: &pb::AssessImpactRequest) -> Result<(), CallError> {
    let pb::AssessImpactRequest { files, years, regions, names_persons: _ } = request;
    let mut faults = FieldFaults::default();
    if files.is_empty() {
        faults.add("files", FaultReason::Missing, "holds no file");
    }
    if files.len() > MAX_FILES {
        let message = format!("holds {} files; at most {MAX_FILES} are taken", files.len());
        faults.add("files", FaultReason::TooMany, message);
    }
    check_count(&mut faults, "years", years.len());
    for (at, _) in years.iter().enumerate().take(VALUES).filter(|(_, year)| !YEARS.contains(year)) {
        faults.add(format!("years[{at}]"), FaultReason::NotADay, "is no year");
    }
    check_regions(&mut faults, "regions", regions);
    faults.into_result(()).map_err(CallError::InvalidMessage)
}

/// Takes persons up to one more than the most.
fn sink(named: Named) -> PersonSink {
    Arc::new(move |person| {
        let mut named = named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() <= NAMED_PERSONS {
            named.push(person);
        }
    })
}

fn policies_refused(faults: FileFaults) -> CallError {
    let fault = |FileFault { file, line, message, message_zh, .. }| FieldFault {
        message_zh,
        ..FieldFault::new(format!("{file}:{line}"), FaultReason::Unreadable, message)
    };
    CallError::PoliciesRefused(faults.into_iter().map(fault).collect())
}

fn call_error(error: ImpactError) -> CallError {
    match error {
        ImpactError::Store(error) => EngineError::from_read_error(error).into(),
        ImpactError::File(error) => CallError::Internal(error.to_string()),
    }
}

fn parts(book: &Book, impact: Impact, persons: Vec<PersonImpact>) -> ImpactParts {
    let groups = groups(&impact);
    let Impact { entries, persons: changes, .. } = impact;
    let start = pb::ImpactStart {
        book_digest: digest(book.digest()),
        entry_count: entries,
        group_count: groups.len() as u64,
        gain: changes.gain,
        lose: changes.lose,
        same: changes.same,
        by_change: changes.by_change.to_vec(),
        capped: Some(crossing(changes.capped)),
        past_deductible: Some(crossing(changes.past_deductible)),
    };
    let response = |part| Ok(pb::AssessImpactResponse { part: Some(part) });
    let groups = stream::iter(groups).chunks(ROWS);
    let groups = groups.map(move |groups| response(Part::Groups(pb::ImpactGroups { groups })));
    let persons = stream::iter(persons).map(person_message).chunks(ROWS);
    let persons = persons.map(move |persons| response(Part::Persons(pb::ImpactPersons { persons })));
    stream::iter([response(Part::Start(start))]).chain(groups).chain(persons).boxed()
}

fn crossing(Crossing { before_only, after_only, both }: Crossing) -> pb::LimitCrossing {
    pb::LimitCrossing { before_only, after_only, both }
}

fn groups(impact: &Impact) -> Vec<pb::ImpactGroup> {
    use pb::ImpactGroupKind::{Category, ContinuesUndecided, Hospital, NoPolicy, NotApplicable, Region, Total};
    let mut groups = vec![group_message(Total, "", &impact.total)];
    for (kind, keyed) in [(Hospital, &impact.hospitals), (Category, &impact.categories), (Region, &impact.regions)] {
        groups.extend(keyed.iter().map(|(key, group)| group_message(kind, key, group)));
    }
    let undecided = |(reason, group): (&UndecidedReason, &ImpactGroup)| {
        let kind = match reason {
            UndecidedReason::NoPolicy => NoPolicy,
            UndecidedReason::ContinuesUndecided => ContinuesUndecided,
            UndecidedReason::NotApplicable => NotApplicable,
        };
        group_message(kind, "", group)
    };
    groups.extend(impact.undecided.iter().map(undecided));
    groups
}

fn group_message(kind: pb::ImpactGroupKind, key: &str, group: &ImpactGroup) -> pb::ImpactGroup {
    let payers = group.payers.iter().map(|(payer, change)| pb::PayerChange {
        payer: payer.to_string(),
        before_fen: change.before.fen(),
        after_fen: change.after.fen(),
    });
    pb::ImpactGroup {
        kind: kind.into(),
        key: key.to_owned(),
        settlements: group.settlements,
        payers: payers.collect(),
        patient_before_fen: group.patient.before.fen(),
        patient_after_fen: group.patient.after.fen(),
    }
}

fn person_message(PersonImpact { person_id, change }: PersonImpact) -> pb::ImpactPerson {
    let ([capped_before, capped_after], [past_before, past_after]) = (change.is_capped, change.passes_deductible);
    pb::ImpactPerson {
        person_id: person_id.as_str().to_owned(),
        settlements: change.settlements,
        patient_before_fen: change.patient.before.fen(),
        patient_after_fen: change.patient.after.fen(),
        capped_before,
        capped_after,
        past_deductible_before: past_before,
        past_deductible_after: past_after,
    }
}
