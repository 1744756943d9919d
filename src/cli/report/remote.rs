//! The report of a running server. After a break it goes on after the last row, as of the same moment.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::cli::client::Client;
use crate::cli::client::address::ServerOptions;
use crate::cli::error::client::{ClientError, leaves_outcome_unknown};
use crate::cli::exit::CommandError;
use crate::domain::journal::Instant;
use crate::domain::money::Money;
use crate::grpc::{from_proto, to_proto};
use crate::pb::settlement as pb;
use crate::pb::settlement::report_response::Part;
use crate::reports::ledger::{LedgerEnd, Read, Reported};
use crate::reports::question::{DayOf, Question};
use crate::reports::report::{Report, ReportRow};

/// How often an answer that broke is continued.
const RETRIES: usize = 10;

/// How long to wait before it is continued, unless the server says how long.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The longest wait, whatever the server says.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// Asks a server.
///
/// # Errors
/// If the server cannot be reached, refuses the question, or breaks off again and again.
pub(super) async fn report(server: &ServerOptions, question: &Question) -> Result<Reported, CommandError> {
    let mut client = Client::connect_to(server).await?;
    let mut receiving = Receiving { question, start: None, rows: Vec::new() };
    until_received(async || receiving.receive(&mut client).await).await?;
    receiving.reported()
}

/// Receives an answer, again and again while it breaks off: each time what is missing. Until the server knows that a connection
/// broke, it may refuse further rows and say when to ask again.
///
/// # Errors
/// If the server refuses the call, or breaks it off too often.
pub(super) async fn until_received(mut receive: impl AsyncFnMut() -> Result<(), Status>) -> Result<(), CommandError> {
    for _ in 0..RETRIES {
        let Err(status) = receive().await else { return Ok(()) };
        let Some(delay) = delay_before_retry(&status) else { return Err(status.into()) };
        tokio::time::sleep(delay).await;
    }
    Ok(receive().await?)
}

/// How long to wait before a call with this status is repeated; `None` if it is refused.
fn delay_before_retry(status: &Status) -> Option<Duration> {
    match status.code() {
        Code::ResourceExhausted => Some(status.get_details_retry_info()?.retry_delay?.min(LONGEST_DELAY)),
        _ => leaves_outcome_unknown(status).then_some(RETRY_DELAY),
    }
}

/// A report that is being received.
struct Receiving<'q> {
    question: &'q Question,
    start: Option<pb::ReportStart>,
    rows: Vec<ReportRow>,
}

impl Receiving<'_> {
    /// Receives the rows after those that were received.
    async fn receive(&mut self, client: &mut Client) -> Result<(), Status> {
        let mut parts = client.report(self.request()).await?;
        while let Some(pb::ReportResponse { part }) = parts.message().await? {
            match part {
                Some(Part::Start(start)) => self.begin(start)?,
                Some(Part::Rows(rows)) => self.rows.extend(rows.rows.into_iter().map(row)),
                None => {}
            }
        }
        Ok(())
    }

    /// Takes the start of the answer. After a break it is that of the same report, unless the store is another one or was restored.
    fn begin(&mut self, start: pb::ReportStart) -> Result<(), Status> {
        let of_report = |start: &pb::ReportStart| (start.line_count, start.row_count, start.total.clone());
        match &self.start {
            Some(first) if of_report(first) != of_report(&start) => {
                (self.start, self.rows) = (None, Vec::new());
                Err(Status::unavailable("the journal is another one than before"))
            }
            Some(_) => Ok(()),
            None => {
                self.start = Some(start);
                Ok(())
            }
        }
    }

    fn request(&self) -> pb::ReportRequest {
        let Question { day_of, from, until, by, only, as_of, first_lines } = self.question;
        let day_of = match day_of {
            DayOf::Settlement => pb::ReportDay::Settlement,
            DayOf::Discharge => pb::ReportDay::Discharge,
            DayOf::Commit => pb::ReportDay::Commit,
            DayOf::Booked => pb::ReportDay::Booked,
        };
        let condition = |(dimension, values): (&str, &[String])| pb::ReportCondition {
            dimension: dimension.to_owned(),
            values: values.to_vec(),
        };
        let answered = self.start.as_ref().and_then(|start| start.as_of_time);
        let last = self.rows.last().map(|row| row.key.iter().map(|value| value.to_string()).collect());
        pb::ReportRequest {
            day_of: day_of.into(),
            from: from.map(to_proto::date),
            until: until.map(to_proto::date),
            by: by.iter().map(|dimension| dimension.word().to_owned()).collect(),
            only: only.iter().map(|asked| condition(asked.parts())).collect(),
            as_of_time: answered.or(as_of.map(to_proto::timestamp)),
            after_key: last.unwrap_or_default(),
            line_count: self.start.as_ref().map(|start| start.line_count).or(*first_lines),
        }
    }

    fn reported(self) -> Result<Reported, CommandError> {
        let start = self.start.ok_or(ClientError::UnexpectedAnswer)?;
        if start.row_count != self.rows.len() as u64 {
            return Err(ClientError::UnexpectedAnswer.into());
        }
        Ok(Reported {
            report: Report {
                by: self.question.by.clone(),
                columns: start.columns,
                rows: self.rows,
                total: row(start.total.unwrap_or_default()),
            },
            end: LedgerEnd { as_of: moment(start.as_of_time.as_ref())?, lines: start.line_count },
            read: Read { entries: start.entries_read, lines: start.lines_read },
        })
    }
}

/// The moment that an answer reports.
///
/// # Errors
/// If it is no instant.
pub(super) fn moment(time: Option<&prost_types::Timestamp>) -> Result<Option<Instant>, ClientError> {
    time.map(|time| from_proto::instant(time).ok_or(ClientError::UnexpectedAnswer)).transpose()
}

fn row(message: pb::ReportRow) -> ReportRow {
    ReportRow {
        key: message.key.into_iter().map(Arc::from).collect(),
        settlements: message.settlements.into(),
        persons: message.persons,
        amounts: message.amounts_fen.into_iter().map(Money::from_fen).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::AccessError;
    use crate::grpc::error::CallError;

    fn limit_exceeded(retry_after: Duration) -> Status {
        CallError::from(AccessError::LimitExceeded { retry_after }).into()
    }

    #[test]
    fn a_call_is_repeated_when_the_server_says_so_or_it_broke_off() {
        let five_seconds = Duration::from_secs(5);
        assert_eq!(delay_before_retry(&limit_exceeded(five_seconds)), Some(five_seconds));
        assert_eq!(delay_before_retry(&limit_exceeded(Duration::MAX)), Some(LONGEST_DELAY));
        assert_eq!(delay_before_retry(&CallError::DiskFull.into()), None, "it does not say when");
        assert_eq!(delay_before_retry(&Status::unavailable("it broke off")), Some(RETRY_DELAY));
        assert_eq!(delay_before_retry(&Status::invalid_argument("a wrong question")), None);
    }

    #[tokio::test]
    async fn a_report_goes_on_once_the_rows_of_the_stream_that_broke_are_free_and_is_given_up_if_they_never_are() {
        for (refusals, received) in [(2, true), (RETRIES, true), (usize::MAX, false)] {
            let mut calls = 0;
            let receive = async || {
                calls += 1;
                if calls > refusals { Ok(()) } else { Err(limit_exceeded(Duration::from_millis(1))) }
            };
            assert_eq!(until_received(receive).await.is_ok(), received);
            assert_eq!(calls, refusals.min(RETRIES) + 1);
        }
    }
}
