//! `ReferenceService` over an engine.

use std::sync::Arc;

use tonic::{Request, Response, Status, Streaming};

use crate::domain::day::Day;
use crate::domain::fault::FaultReason;
use crate::domain::ids::{HospitalId, ItemCode, PersonId};
use crate::engine::Engine;
use crate::pb::Date;
use crate::pb::reference as pb;
use crate::pb::reference::reference_service_server::ReferenceService;
use crate::reference::cells::KeySelection;
use crate::reference::table::ReferenceTable;
use crate::store::Store;

use super::authorize::Permitted;
use super::disclosures::Disclosures;
use super::error::CallError;
use super::import_stream::ImportStreams;
use super::page::{self, PageTokens};
use super::{from_proto, imports};

/// How many rows or imports a page holds if nothing is asked for, and at the most.
const PAGE: (usize, usize) = (100, 1_000);

/// The service.
pub struct ReferenceHandler<S> {
    engine: Arc<Engine<S>>,
    disclosures: Arc<Disclosures>,
    imports: ImportStreams,
    page_tokens: PageTokens,
}

impl<S: Store> ReferenceHandler<S> {
    /// The service over this engine.
    pub fn new(engine: Arc<Engine<S>>, disclosures: Arc<Disclosures>, imports: ImportStreams) -> Self {
        let page_tokens = PageTokens::new(engine.store());
        ReferenceHandler { engine, disclosures, imports, page_tokens }
    }
}

#[tonic::async_trait]
impl<S: Store> ReferenceService for ReferenceHandler<S> {
    async fn import_reference(
        &self,
        request: Request<Streaming<pb::ImportReferenceRequest>>,
    ) -> Result<Response<pb::ImportReferenceResponse>, Status> {
        let permitted = Permitted::from_request(&request)?;
        Ok(Response::new(self.imports.import(Arc::clone(&self.engine), permitted, request.into_inner()).await?))
    }

    async fn list_imports(
        &self,
        request: Request<pb::ListImportsRequest>,
    ) -> Result<Response<pb::ListImportsResponse>, Status> {
        let permitted = Permitted::from_message(&request)?;
        Ok(Response::new(self.handle_list_imports(&permitted, request.into_inner()).await?))
    }

    async fn get_reference(
        &self,
        request: Request<pb::GetReferenceRequest>,
    ) -> Result<Response<pb::GetReferenceResponse>, Status> {
        let permitted = Permitted::from_message(&request)?;
        Ok(Response::new(self.handle_get_reference(&permitted, request.into_inner()).await?))
    }
}

impl<S: Store> ReferenceHandler<S> {
    async fn handle_list_imports(
        &self,
        permitted: &Permitted,
        request: pb::ListImportsRequest,
    ) -> Result<pb::ListImportsResponse, CallError> {
        let limit = page::page_size(request.page_size, PAGE.0, PAGE.1)?;
        let tokens = self.page_tokens.for_list(permitted, &[]);
        let listed = self.engine.imports(tokens.decode_position(&request.page_token)?, limit).await?;
        let next = listed.last().filter(|last| listed.len() == limit && last.number > 1);
        Ok(pb::ListImportsResponse {
            next_page_token: tokens.next_page_token(next.map(|last| &last.number))?,
            imports: listed.into_iter().map(imports::import).collect(),
        })
    }

    async fn handle_get_reference(
        &self,
        permitted: &Permitted,
        request: pb::GetReferenceRequest,
    ) -> Result<pb::GetReferenceResponse, CallError> {
        let limit = page::page_size(request.page_size, PAGE.0, PAGE.1)?;
        let (table, on) = (imports::required_table(request.table())?, required_on(request.on)?);
        check_key_field(table, &request)?;
        let limits = &self.engine.settings().limits;
        if table.is_about_persons() {
            permitted.caller.authorize_person_tables()?;
            let person_id = from_proto::id("person_id", request.person_id, PersonId::parse, limits)?;
            let rows = self.engine.rows_of_person(table, &person_id, on).await?;
            self.disclosures.log_read(permitted, self.engine.store(), [&person_id])?;
            return Ok(pb::GetReferenceResponse {
                rows: row_messages(rows),
                columns: imports::column_names(table),
                next_page_token: String::new(),
            });
        }
        let key = match table {
            ReferenceTable::Catalogue => from_proto::optional_id("code", request.code, ItemCode::parse, limits)?,
            _ => from_proto::optional_id("hospital_id", request.hospital_id, HospitalId::parse, limits)?,
        };
        let tokens = self.page_tokens.for_list(permitted, &[table.as_str(), &on.to_string(), &key]);
        let after: Option<String> = tokens.decode_position(&request.page_token)?;
        let after = after.unwrap_or_default();
        let keys = if key.is_empty() { KeySelection::After(&after) } else { KeySelection::One(&key) };
        let (rows, last) = self.engine.page_of_table(table, keys, on, limit);
        Ok(pb::GetReferenceResponse {
            rows: row_messages(rows),
            columns: imports::column_names(table),
            next_page_token: tokens.next_page_token(last.as_ref())?,
        })
    }
}

/// Refuses the key of another table.
fn check_key_field(table: ReferenceTable, request: &pb::GetReferenceRequest) -> Result<(), CallError> {
    let (of_persons, of_codes) = (table.is_about_persons(), table == ReferenceTable::Catalogue);
    let of_hospitals = !of_persons && !of_codes;
    let fields = [
        ("person_id", &request.person_id, of_persons),
        ("hospital_id", &request.hospital_id, of_hospitals),
        ("code", &request.code, of_codes),
    ];
    let stray = fields.into_iter().find(|(_, text, is_key)| !text.is_empty() && !is_key);
    stray.map_or(Ok(()), |(field, ..)| {
        Err(CallError::invalid_field(field, FaultReason::MustBeEmpty, "is given, and is no key of this table"))
    })
}

fn row_messages(rows: Vec<Vec<String>>) -> Vec<pb::Row> {
    rows.into_iter().map(|cells| pb::Row { cells }).collect()
}

fn required_on(day: Option<Date>) -> Result<Day, CallError> {
    let day = day.ok_or_else(|| CallError::missing_field("on"))?;
    Day::new(day.year, day.month, day.day)
        .map_err(|no| CallError::invalid_field("on", FaultReason::NotADay, no.to_string()))
}
