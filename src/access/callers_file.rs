//! Reads a file of callers, and reports every fault in it.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use crate::domain::file_fault::{FileFault, line_at};
use crate::domain::file_faults::FileFaults;
use crate::domain::ids::{HospitalId, TextError, check_id};

use super::allowance::{Allowance, CallerLimits};
use super::caller::Caller;
use super::role::Role;

/// The maximum bytes of a name: every line of the access log contains one.
const NAME_BYTES: usize = 100;

/// Why a caller of the file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum CallerError {
    #[error("the name \"{0}\" is given to two callers")]
    DuplicateName(String),
    #[error("the identity \"{0}\" is given to two callers")]
    DuplicateIdentity(String),
    #[error("`name` {0}")]
    Name(TextError),
    #[error("`identity` must be a URI or DNS name, as the certificate contains it")]
    Identity,
    #[error("`role` must be one of {roles}", roles = assignable_roles())]
    Role,
    #[error("`hospitals` of a hospital must contain exactly one id, its own")]
    HospitalsOfHospital,
    #[error("`hospitals` of a gateway must contain at least one id")]
    HospitalsOfGateway,
    #[error("an id in `hospitals` {0}")]
    HospitalId(TextError),
    #[error("`hospitals` is only for a hospital or a gateway")]
    HospitalsOfOtherRole,
    #[error("`rate` and `in_flight` must be at least 1")]
    Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    caller: Vec<Spanned<RawCaller>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCaller {
    name: String,
    identity: String,
    role: String,
    #[serde(default)]
    hospitals: Vec<String>,
    rate: Option<u32>,
    in_flight: Option<u32>,
}

/// The callers of a file, by identity.
pub(super) fn read_callers(
    file: &str,
    text: &str,
    default_limits: CallerLimits,
    id_bytes: usize,
) -> Result<HashMap<String, Arc<Caller>>, FileFaults> {
    let raw: RawFile = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        FileFault::at_offset(file, text, offset, error.message())
    })?;
    let (mut callers, mut names, mut faults) = (HashMap::new(), HashSet::new(), Vec::new());
    for raw in raw.caller {
        let line = line_at(text, raw.span().start);
        let refused = add_caller(raw.into_inner(), default_limits, id_bytes, &mut names, &mut callers);
        faults.extend(refused.into_iter().map(|why| FileFault::new(file, line, why.to_string())));
    }
    if faults.is_empty() { Ok(callers) } else { Err(FileFaults::from(faults)) }
}

/// Adds a caller, or returns why it is refused.
fn add_caller(
    raw: RawCaller,
    default_limits: CallerLimits,
    id_bytes: usize,
    names: &mut HashSet<String>,
    callers: &mut HashMap<String, Arc<Caller>>,
) -> Vec<CallerError> {
    let mut refused = Vec::new();
    if !names.insert(raw.name.clone()) {
        refused.push(CallerError::DuplicateName(raw.name.clone()));
    }
    let identity = normalized_identity(&raw.identity);
    match validate_caller(raw, default_limits, id_bytes) {
        Err(more) => refused.extend(more),
        Ok(caller) => {
            if callers.insert(identity.clone(), Arc::new(caller)).is_some() {
                refused.push(CallerError::DuplicateIdentity(identity));
            }
        }
    }
    refused
}

/// A DNS name in lower case, because case does not matter in it; a URI unchanged.
pub(crate) fn normalized_identity(identity: &str) -> String {
    if identity.contains(':') { identity.to_owned() } else { identity.to_ascii_lowercase() }
}

fn validate_caller(raw: RawCaller, default_limits: CallerLimits, id_bytes: usize) -> Result<Caller, Vec<CallerError>> {
    let role = Role::assignable_from_word(&raw.role);
    let rate = NonZeroU32::new(raw.rate.unwrap_or(default_limits.rate.get()));
    let in_flight = raw.in_flight.unwrap_or(default_limits.in_flight);
    let mut refused = Vec::new();
    refused.extend(check_id(&raw.name, NAME_BYTES).err().map(CallerError::Name));
    if raw.identity.is_empty() || raw.identity.contains(|c: char| c.is_whitespace() || c.is_control()) {
        refused.push(CallerError::Identity);
    }
    match role {
        None => refused.push(CallerError::Role),
        Some(role) => refused.extend(check_hospitals(role, &raw.hospitals).err()),
    }
    if rate.is_none() || in_flight == 0 {
        refused.push(CallerError::Limits);
    }
    let (ids, faulty): (Vec<_>, Vec<_>) =
        raw.hospitals.into_iter().map(|id| HospitalId::parse(id, id_bytes)).partition(Result::is_ok);
    refused.extend(faulty.into_iter().filter_map(Result::err).map(CallerError::HospitalId));
    let (Some(role), Some(rate), true) = (role, rate, refused.is_empty()) else { return Err(refused) };
    Ok(Caller {
        name: raw.name.into(),
        role,
        hospitals: ids.into_iter().flatten().collect(),
        allowance: Arc::new(Allowance::new(CallerLimits { rate, in_flight, bytes: default_limits.bytes })),
    })
}

/// Checks the number of hospitals of a caller with this role.
fn check_hospitals(role: Role, hospitals: &[String]) -> Result<(), CallerError> {
    match role {
        Role::Hospital if hospitals.len() != 1 => Err(CallerError::HospitalsOfHospital),
        Role::Gateway if hospitals.is_empty() => Err(CallerError::HospitalsOfGateway),
        Role::Hospital | Role::Gateway => Ok(()),
        _ if !hospitals.is_empty() => Err(CallerError::HospitalsOfOtherRole),
        _ => Ok(()),
    }
}

fn assignable_roles() -> String {
    Role::ASSIGNABLE.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
}
