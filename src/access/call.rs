//! Every call of the service, and the roles that may make it: the one table.

use super::caller::Role;

/// A call.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// Its path on the wire.
    pub path: &'static str,
    /// Whether it is a stream; one that is none holds a place among the calls in flight.
    pub stream: bool,
    /// The roles that may make it. [`Role::Anyone`] may make every call.
    pub roles: &'static [Role],
}

/// Those that bring claims.
const CLAIMANTS: &[Role] = &[Role::Hospital, Role::Gateway];

/// Those that read settlements: claimants their own, an auditor all.
const READERS: &[Role] = &[Role::Hospital, Role::Gateway, Role::Auditor];

/// The law is no secret.
const ALL: &[Role] = &[Role::Hospital, Role::Gateway, Role::Registrar, Role::Auditor, Role::Operator];

const fn unary(path: &'static str, roles: &'static [Role]) -> Call {
    Call { path, stream: false, roles }
}

const fn stream(path: &'static str, roles: &'static [Role]) -> Call {
    Call { path, stream: true, roles }
}

/// Every call. A call of the service that is missing here is made by nobody.
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
    // Claimants see hospitals and catalogue there, and no table about persons: see `Caller::sees_registers`.
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
    /// The call of this path, if it is one of the service's own.
    pub fn of(path: &str) -> Option<&'static Call> {
        CALLS.iter().find(|call| call.path == path)
    }

    /// Its name, as the access log, the metrics and people know it.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}
