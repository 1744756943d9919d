//! The table of all calls of the service, and the roles that may make each.

use super::role::Role;

/// A call of the service.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// The path of the gRPC method.
    pub path: &'static str,
    /// Whether the client streams. A unary call counts as one call in flight; in a stream each claim counts.
    pub stream: bool,
    /// The roles that may make the call. [`Role::Anyone`] may make every call.
    pub(crate) roles: &'static [Role],
}

/// The roles that send claims.
const CLAIMANTS: &[Role] = &[Role::Hospital, Role::Gateway];

/// The roles that read settlements: claimants their own, an auditor all.
const READERS: &[Role] = &[Role::Hospital, Role::Gateway, Role::Auditor];

/// Every role: policies are public.
const ALL: &[Role] = &[Role::Hospital, Role::Gateway, Role::Registrar, Role::Auditor, Role::Operator];

const fn unary(path: &'static str, roles: &'static [Role]) -> Call {
    Call { path, stream: false, roles }
}

const fn stream(path: &'static str, roles: &'static [Role]) -> Call {
    Call { path, stream: true, roles }
}

/// Every call of the service.
pub const CALLS: &[Call] = &[
    unary("/onestop.settlement.v1.SettlementService/Quote", CLAIMANTS),
    unary("/onestop.settlement.v1.SettlementService/Settle", CLAIMANTS),
    stream("/onestop.settlement.v1.SettlementService/SettleStream", CLAIMANTS),
    unary("/onestop.settlement.v1.SettlementService/Reverse", CLAIMANTS),
    unary("/onestop.settlement.v1.SettlementService/Fence", CLAIMANTS),
    unary("/onestop.settlement.v1.SettlementService/GetOutcome", READERS),
    unary("/onestop.settlement.v1.SettlementService/GetSettlement", READERS),
    unary("/onestop.settlement.v1.SettlementService/ListSettlements", READERS),
    unary("/onestop.settlement.v1.SettlementService/GetAccount", READERS),
    stream("/onestop.reference.v1.ReferenceService/ImportReference", &[Role::Registrar]),
    unary("/onestop.reference.v1.ReferenceService/ListImports", &[Role::Registrar, Role::Auditor]),
    // Claimants may read hospitals and the catalogue, but no table about persons: see `Caller::authorize_person_tables`.
    unary(
        "/onestop.reference.v1.ReferenceService/GetReference",
        &[Role::Hospital, Role::Gateway, Role::Registrar, Role::Auditor],
    ),
    unary("/onestop.policy.v1.PolicyService/GetPolicy", ALL),
    unary("/onestop.policy.v1.PolicyService/ListPolicies", ALL),
    unary("/onestop.policy.v1.PolicyService/ActivatePolicies", &[Role::Operator]),
    unary("/onestop.operations.v1.OperationsService/Drain", &[Role::Operator]),
];

impl Call {
    /// The call with this path; `None` for a path of another service, such as health or reflection.
    pub fn from_path(path: &str) -> Option<&'static Call> {
        CALLS.iter().find(|call| call.path == path)
    }

    /// The name of the method, as logs and metrics show it.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}
