//! A caller: the name that logs know it by, its role, and the hospitals that it acts for.

use std::sync::Arc;

use crate::domain::ids::HospitalId;
use crate::domain::refusal::{Reason, Refusal};

use super::allowance::Allowance;
use super::call::Call;

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// 医院: its own claims.
    Hospital,
    /// 异地网关: the claims of a listed set of hospitals.
    Gateway,
    /// 登记部门: imports persons, hospitals, catalogue.
    Registrar,
    /// 审计: reads everything, changes nothing.
    Auditor,
    /// 运维: puts policies in force, drains a server.
    Operator,
    /// Whoever reaches a server that asks nobody who they are: on loopback, or where it was told to. May do all.
    Anyone,
}

impl Role {
    /// The roles that a caller can be given.
    pub const GIVEN: &'static [Role] = &[Role::Hospital, Role::Gateway, Role::Registrar, Role::Auditor, Role::Operator];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Hospital => "hospital",
            Role::Gateway => "gateway",
            Role::Registrar => "registrar",
            Role::Auditor => "auditor",
            Role::Operator => "operator",
            Role::Anyone => "anyone",
        }
    }

    /// The role of a word.
    pub fn from_word(word: &str) -> Option<Role> {
        Role::GIVEN.iter().copied().find(|role| role.as_str() == word)
    }

    /// Whether it brings claims, each for hospitals of its own.
    pub const fn is_claimant(self) -> bool {
        matches!(self, Role::Hospital | Role::Gateway)
    }
}

/// A caller that is known.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What logs and metrics call it.
    pub name: Arc<str>,
    /// What it is.
    pub role: Role,
    /// The hospitals that a claimant acts for; of every other role none.
    pub hospitals: Vec<HospitalId>,
    /// How much it may ask for at once and a second.
    pub allowance: Arc<Allowance>,
}

impl Caller {
    /// Whoever comes, where nobody is asked.
    pub fn anyone() -> Caller {
        let allowance = Arc::new(Allowance::unbounded());
        Caller { name: "anyone".into(), role: Role::Anyone, hospitals: Vec::new(), allowance }
    }

    /// That the role permits this call.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` NOT_PERMITTED.
    pub fn may(&self, call: &Call) -> Result<(), Refusal> {
        permitted(self.role == Role::Anyone || call.roles.contains(&self.role))
    }

    /// That it brings claims for this hospital.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` NOT_PERMITTED.
    pub fn acts_for(&self, hospital: &str) -> Result<(), Refusal> {
        permitted(self.is_of(hospital))
    }

    /// That what this hospital settled is for it to see.
    ///
    /// # Errors
    /// `NOT_FOUND`, as if there were none.
    pub fn sees(&self, hospital: &str) -> Result<(), Refusal> {
        if self.is_of(hospital) || self.role == Role::Auditor {
            Ok(())
        } else {
            Err(Refusal::because(Reason::NotFound))
        }
    }

    /// Whether it sees the settlements of every hospital.
    pub fn sees_all(&self) -> bool {
        matches!(self.role, Role::Auditor | Role::Anyone)
    }

    /// That the tables about persons are for it to see: a hospital does not browse who is poor.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` NOT_PERMITTED.
    pub fn sees_registers(&self) -> Result<(), Refusal> {
        permitted(!self.role.is_claimant())
    }

    fn is_of(&self, hospital: &str) -> bool {
        self.role == Role::Anyone || self.hospitals.iter().any(|own| own.as_str() == hospital)
    }
}

fn permitted(holds: bool) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(Refusal::because(Reason::NotPermitted)) }
}

/// Callers are the same if name, role, hospitals and bounds are.
impl PartialEq for Caller {
    fn eq(&self, other: &Caller) -> bool {
        let bounds = self.allowance.bounds() == other.allowance.bounds();
        bounds && self.name == other.name && self.role == other.role && self.hospitals == other.hospitals
    }
}
