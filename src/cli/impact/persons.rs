//! What changes for each person, as a CSV file with their ids: for an auditor, after the access log has a line.
//!
//! It is written beside its place, as `FILE.part`, and put there when it is whole: a file of an earlier impact stays until then.
//! What is no file, such as a pipe, is written directly.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::Caller;
use crate::access::call::POLICY_IMPACT;
use crate::access::log::AccessLog;
use crate::cli::output::csv::{BYTE_ORDER_MARK, csv_cell};
use crate::engine::impact::{PersonChange, PersonImpact, PersonSink};
use crate::grpc::commit_stamp;

/// The mode of a file that its owner alone reads and writes.
const OWNER_ONLY: u32 = 0o600;

const HEADER: &str = "person_id,settlements,patient_before,patient_after,patient_difference,capped_before,capped_after,\
                      past_deductible_before,past_deductible_after\n";

/// The file that is being written.
pub(super) struct PersonsFile {
    /// The part beside its place; none if it is written directly.
    part: Option<PartFile>,
    written: Arc<Mutex<Written>>,
}

/// A writer, and its first error.
struct Written(BufWriter<File>, io::Result<()>);

/// The path of a part, which is removed unless it was put in its place.
struct PartFile {
    path: PathBuf,
    place: PathBuf,
}

/// Appends to the access log that this auditor receives what changes for every person.
///
/// # Errors
/// If the line cannot be written: then nothing about persons must be.
pub(super) fn record(log: &Path, auditor: &str) -> io::Result<()> {
    let caller = Caller::auditor_of_command(auditor);
    AccessLog::open(log)?.record_everything(&caller, &POLICY_IMPACT, "OK", commit_stamp::now().instant.0)
}

impl PersonsFile {
    /// Creates the part of this file, readable by its owner only, or opens what is no file.
    ///
    /// # Errors
    /// If it cannot be created.
    pub(super) fn create(place: &Path) -> io::Result<PersonsFile> {
        // The file behind a link is replaced, not the link.
        let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
        let (part, file) = if fs::metadata(&place).is_ok_and(|found| !found.is_file()) {
            (None, OpenOptions::new().write(true).open(&place)?)
        } else {
            let part = PartFile::of(&place);
            let file = OpenOptions::new().create(true).truncate(true).write(true).mode(OWNER_ONLY).open(&part.path)?;
            // A part that a killed command left keeps its mode otherwise.
            file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
            (Some(part), file)
        };
        let mut writer = BufWriter::new(file);
        writer.write_all(BYTE_ORDER_MARK.as_bytes())?;
        writer.write_all(HEADER.as_bytes())?;
        Ok(PersonsFile { part, written: Arc::new(Mutex::new(Written(writer, Ok(())))) })
    }

    /// Receives persons; after an error further ones are dropped.
    pub(super) fn sink(&self) -> PersonSink {
        let shared = Arc::clone(&self.written);
        Arc::new(move |person| {
            let mut written = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let Written(writer, result) = &mut *written;
            if result.is_ok() {
                *result = writer.write_all(line(&person).as_bytes());
            }
        })
    }

    /// Writes the rest, and puts the file in its place.
    ///
    /// # Errors
    /// The first error of all writes.
    pub(super) fn finish(self) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let Written(writer, result) = &mut *written;
        std::mem::replace(result, Ok(()))?;
        writer.flush()?;
        let Some(part) = &self.part else { return Ok(()) };
        writer.get_ref().sync_all()?;
        fs::rename(&part.path, &part.place)
    }
}

impl PartFile {
    fn of(place: &Path) -> PartFile {
        let mut path = place.as_os_str().to_owned();
        path.push(".part");
        PartFile { path: path.into(), place: place.to_owned() }
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // Nothing is there any more once it was put in its place.
        let _none = fs::remove_file(&self.path);
    }
}

fn line(person: &PersonImpact) -> String {
    let PersonImpact { person_id, change: PersonChange { settlements, patient, is_capped, passes_deductible } } =
        person;
    let id = csv_cell(person_id.as_str());
    let (before, after, difference) = (patient.before, patient.after, patient.difference());
    let [[capped, now_capped], [past, now_past]] = [is_capped, passes_deductible];
    format!("{id},{settlements},{before},{after},{difference},{capped},{now_capped},{past},{now_past}\n")
}
