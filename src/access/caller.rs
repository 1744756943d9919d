//! An authenticated caller: its name, role and hospitals, and what it is authorized to do.

use std::sync::Arc;

use crate::domain::ids::HospitalId;

use super::allowance::Allowance;
use super::call::Call;
use super::error::AccessError;
use super::role::Role;

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The name in logs and metrics.
    pub name: Arc<str>,
    /// The role, which determines the permitted calls.
    pub(crate) role: Role,
    /// The hospitals for which a hospital or gateway sends claims; empty for every other role.
    pub hospitals: Vec<HospitalId>,
    /// What remains of the caller's limits; shared by all its connections.
    pub allowance: Arc<Allowance>,
}

impl Caller {
    /// The caller of every call on a server that authenticates nobody.
    pub(crate) fn anyone() -> Caller {
        let allowance = Arc::new(Allowance::unlimited());
        Caller { name: "anyone".into(), role: Role::Anyone, hospitals: Vec::new(), allowance }
    }

    /// The auditor who runs a command on a store.
    pub(crate) fn auditor_of_command(name: &str) -> Caller {
        let allowance = Arc::new(Allowance::unlimited());
        Caller { name: name.into(), role: Role::Auditor, hospitals: Vec::new(), allowance }
    }

    /// Checks that the role permits this call.
    ///
    /// # Errors
    /// [`AccessError::NotPermitted`].
    pub(crate) fn authorize_call(&self, call: &Call) -> Result<(), AccessError> {
        allowed_if(self.role == Role::Anyone || call.roles.contains(&self.role))
    }

    /// Checks that the caller may send claims of this hospital.
    ///
    /// # Errors
    /// [`AccessError::NotPermitted`].
    pub(crate) fn authorize_claims_of(&self, hospital: &str) -> Result<(), AccessError> {
        allowed_if(self.has_hospital(hospital))
    }

    /// Checks that the caller may see the settlements of this hospital, to read or to reverse them as its role permits.
    ///
    /// # Errors
    /// [`AccessError::NotVisible`], the same as if no settlement existed.
    pub(crate) fn authorize_settlements_of(&self, hospital: &str) -> Result<(), AccessError> {
        if self.has_hospital(hospital) || self.role == Role::Auditor { Ok(()) } else { Err(AccessError::NotVisible) }
    }

    /// Checks that the caller may ask for the outcomes of this hospital's requests; of an empty name, those of the
    /// administration.
    ///
    /// # Errors
    /// As [`Caller::authorize_settlements_of`].
    pub(crate) fn authorize_outcomes_of(&self, hospital: &str) -> Result<(), AccessError> {
        let administers = hospital.is_empty() && self.role == Role::Operator;
        if administers { Ok(()) } else { self.authorize_settlements_of(hospital) }
    }

    /// Checks that the caller may fence requests of this hospital; of an empty name, those of the administration.
    ///
    /// # Errors
    /// [`AccessError::NotPermitted`].
    pub(crate) fn authorize_fences_of(&self, hospital: &str) -> Result<(), AccessError> {
        let administers = hospital.is_empty() && self.role == Role::Operator;
        if administers { Ok(()) } else { self.authorize_claims_of(hospital) }
    }

    /// Whether the caller may read the settlements of every hospital.
    pub(crate) fn views_every_hospital(&self) -> bool {
        matches!(self.role, Role::Auditor | Role::Anyone)
    }

    /// Whether the caller may read the journal entries of the administration.
    pub(crate) fn views_administration(&self) -> bool {
        matches!(self.role, Role::Auditor | Role::Operator | Role::Anyone)
    }

    /// Checks that the caller may read the tables about persons. Hospitals and gateways may not: these tables
    /// show who is poor.
    ///
    /// # Errors
    /// [`AccessError::NotPermitted`].
    pub(crate) fn authorize_person_tables(&self) -> Result<(), AccessError> {
        allowed_if(!self.role.is_claimant())
    }

    fn has_hospital(&self, hospital: &str) -> bool {
        self.role == Role::Anyone || self.hospitals.iter().any(|own| own.as_str() == hospital)
    }
}

fn allowed_if(condition: bool) -> Result<(), AccessError> {
    if condition { Ok(()) } else { Err(AccessError::NotPermitted) }
}

/// Compares what a file of callers says; what a caller has used of its limits does not count.
impl PartialEq for Caller {
    fn eq(&self, other: &Caller) -> bool {
        let same_limits = self.allowance.limits() == other.allowance.limits();
        same_limits && self.name == other.name && self.role == other.role && self.hospitals == other.hospitals
    }
}
