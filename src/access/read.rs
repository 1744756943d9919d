//! A file of callers, read and checked whole.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::allowance::{Allowance, CallerLimits};
use super::caller::{Caller, Role};

/// The most bytes of a name: it stands in every line of the access log.
const NAME_BYTES: usize = 100;

/// What is wrong with a file of callers: the line (from 1), and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallerFault {
    /// The line.
    pub line: usize,
    /// What is wrong there.
    pub told: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    caller: Vec<Spanned<Told>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    name: String,
    identity: String,
    role: String,
    #[serde(default)]
    hospitals: Vec<String>,
    rate: Option<u32>,
    in_flight: Option<u32>,
}

/// The callers of a file by their identities.
pub(super) fn read(text: &str, bounds: CallerLimits) -> Result<HashMap<String, Arc<Caller>>, Vec<CallerFault>> {
    let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    let file: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        vec![CallerFault { line: line(at), told: error.message().to_owned() }]
    })?;
    let (mut known, mut names, mut faults) = (HashMap::new(), HashSet::new(), Vec::new());
    for told in file.caller {
        let (line, told) = (line(told.span().start), told.into_inner());
        let mut fault = |told: String| faults.push(CallerFault { line, told });
        let identity = normal(&told.identity);
        if !names.insert(told.name.clone()) {
            fault(format!("the name \"{}\" is given twice", told.name));
        }
        match checked(told, bounds) {
            Err(told) => told.into_iter().for_each(fault),
            Ok(caller) => {
                if known.insert(identity.clone(), Arc::new(caller)).is_some() {
                    fault(format!("the identity \"{identity}\" is of two callers"));
                }
            }
        }
    }
    if faults.is_empty() { Ok(known) } else { Err(faults) }
}

/// DNS names are the same in capitals; URIs are as they are.
pub fn normal(identity: &str) -> String {
    if identity.contains(':') { identity.to_owned() } else { identity.to_ascii_lowercase() }
}

fn checked(told: Told, bounds: CallerLimits) -> Result<Caller, Vec<String>> {
    let mut faults = Vec::new();
    if told.name.is_empty() || told.name.len() > NAME_BYTES || told.name.chars().any(char::is_control) {
        faults.push(format!("`name` is not 1 to {NAME_BYTES} bytes of text"));
    }
    if told.identity.is_empty() || told.identity.contains(char::is_whitespace) {
        faults.push("`identity` is not a URI or DNS name of a certificate".to_owned());
    }
    let role = Role::from_word(&told.role);
    if role.is_none() {
        let words: Vec<_> = Role::GIVEN.iter().map(|role| role.as_str()).collect();
        faults.push(format!("`role` is none of {}", words.join(", ")));
    }
    if let Some(role) = role {
        faults.extend(of_hospitals(role, &told.hospitals).map(str::to_owned));
    }
    let rate = NonZeroU32::new(told.rate.unwrap_or(bounds.rate.get()));
    let in_flight = told.in_flight.unwrap_or(bounds.in_flight);
    if rate.is_none() || in_flight == 0 {
        faults.push("`rate` and `in_flight` are at least 1".to_owned());
    }
    let (Some(role), Some(rate), true) = (role, rate, faults.is_empty()) else { return Err(faults) };
    Ok(Caller {
        name: told.name.into(),
        role,
        hospitals: told.hospitals.into_iter().map(Into::into).collect(),
        allowance: Arc::new(Allowance::within(CallerLimits { rate, in_flight })),
    })
}

/// What is wrong with the hospitals that a caller of this role is given.
fn of_hospitals(role: Role, hospitals: &[String]) -> Option<&'static str> {
    let empty = hospitals.iter().any(String::is_empty);
    match role {
        Role::Hospital if hospitals.len() != 1 || empty => Some("a hospital has one id under `hospitals`, its own"),
        Role::Gateway if hospitals.is_empty() || empty => Some("a gateway has the ids of its `hospitals`"),
        Role::Hospital | Role::Gateway => None,
        _ if !hospitals.is_empty() => Some("`hospitals` are of a hospital or a gateway alone"),
        _ => None,
    }
}
