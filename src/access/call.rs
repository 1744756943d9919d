//! The table of all calls of the service, and the roles that may make each.

use super::role::Role;

/// A call of the service.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// The path of the gRPC method.
    pub path: &'static str,
    /// Whether the client or the server streams. A unary call counts as one call in flight; in a stream each claim counts.
    pub stream: bool,
    /// Whether the call may commit. Such a call that is not answered in time has an unknown outcome.
    pub(crate) commits: bool,
    /// The roles that may make the call. [`Role::Anyone`] may make every call.
    pub(crate) roles: &'static [Role],
}

/// The roles that send claims.
const CLAIMANTS: &[Role] = &[Role::Hospital, Role::Gateway];

/// The roles that read settlements: claimants their own, an auditor all.
const READERS: &[Role] = &[Role::Hospital, Role::Gateway, Role::Auditor];

/// The roles that read entries of the journal: an operator those of the administration.
const ENTRY_READERS: &[Role] = &[Role::Hospital, Role::Gateway, Role::Auditor, Role::Operator];

/// Every role: policies are public.
const ALL: &[Role] = Role::ASSIGNABLE;

const fn read(path: &'static str, roles: &'static [Role]) -> Call {
    Call { path, stream: false, commits: false, roles }
}

const fn watch(path: &'static str, roles: &'static [Role]) -> Call {
    Call { path, stream: true, commits: false, roles }
}

const fn commit(path: &'static str, roles: &'static [Role]) -> Call {
    Call { path, stream: false, commits: true, roles }
}

const fn stream(path: &'static str, roles: &'static [Role]) -> Call {
    Call { path, stream: true, commits: true, roles }
}

/// The call that stops a server.
const DRAIN: &str = "/onestop.operations.v1.OperationsService/Drain";

/// Every call of the service.
pub const CALLS: &[Call] = &[
    read("/onestop.settlement.v1.SettlementService/Quote", CLAIMANTS),
    commit("/onestop.settlement.v1.SettlementService/Settle", CLAIMANTS),
    stream("/onestop.settlement.v1.SettlementService/SettleStream", CLAIMANTS),
    commit("/onestop.settlement.v1.SettlementService/Reverse", CLAIMANTS),
    commit("/onestop.settlement.v1.SettlementService/Correct", CLAIMANTS),
    commit("/onestop.settlement.v1.SettlementService/Readjudicate", &[Role::Operator]),
    // Claimants their own requests, an operator those of the administration: see `Caller::authorize_fences_of`.
    commit("/onestop.settlement.v1.SettlementService/Fence", &[Role::Hospital, Role::Gateway, Role::Operator]),
    read(
        "/onestop.settlement.v1.SettlementService/GetOutcome",
        &[Role::Hospital, Role::Gateway, Role::Operator, Role::Auditor],
    ),
    read("/onestop.settlement.v1.SettlementService/GetSettlement", READERS),
    read("/onestop.settlement.v1.SettlementService/ListSettlements", READERS),
    read("/onestop.settlement.v1.SettlementService/ListEntries", ENTRY_READERS),
    watch("/onestop.settlement.v1.SettlementService/WatchEntries", ENTRY_READERS),
    watch("/onestop.settlement.v1.SettlementService/Report", READERS),
    watch("/onestop.settlement.v1.SettlementService/ReportPoverty", &[Role::Auditor]),
    read("/onestop.settlement.v1.SettlementService/GetAccount", READERS),
    read("/onestop.settlement.v1.ReconciliationService/ReconcileTotals", READERS),
    watch("/onestop.settlement.v1.ReconciliationService/ReconcileList", READERS),
    stream("/onestop.reference.v1.ReferenceService/ImportReference", &[Role::Registrar]),
    read("/onestop.reference.v1.ReferenceService/ListImports", &[Role::Registrar, Role::Auditor]),
    // Claimants may read hospitals and the catalogue, but no table about persons: see `Caller::authorize_person_tables`.
    read(
        "/onestop.reference.v1.ReferenceService/GetReference",
        &[Role::Hospital, Role::Gateway, Role::Registrar, Role::Auditor],
    ),
    read("/onestop.policy.v1.PolicyService/GetPolicy", ALL),
    read("/onestop.policy.v1.PolicyService/ListPolicies", ALL),
    read("/onestop.policy.v1.PolicyService/GetVocabulary", ALL),
    read("/onestop.policy.v1.PolicyService/FindDroppedWords", &[Role::Operator, Role::Auditor]),
    commit("/onestop.policy.v1.PolicyService/ActivatePolicies", &[Role::Operator]),
    watch("/onestop.policy.v1.PolicyService/AssessImpact", &[Role::Auditor]),
    commit(DRAIN, &[Role::Operator]),
    commit("/onestop.operations.v1.OperationsService/CloseMonth", &[Role::Operator]),
    watch("/onestop.operations.v1.OperationsService/Backup", &[Role::Backup]),
];

/// The calls that take about the same time each: the latency of these tells whether the server is overloaded.
const SHORT_CALLS: [&str; 2] =
    ["/onestop.settlement.v1.SettlementService/Quote", "/onestop.settlement.v1.SettlementService/Settle"];

/// What `onestop policy impact` discloses to an auditor; no call of the service.
pub(crate) const POLICY_IMPACT: Call =
    Call { path: "policy impact", stream: false, commits: false, roles: &[Role::Auditor] };

impl Call {
    /// Whether the time of the call depends on the load of the server more than on what is asked for.
    pub(crate) fn is_short(&self) -> bool {
        SHORT_CALLS.contains(&self.path)
    }

    /// Whether the bytes of the response are counted when they are known: those of a call that commits were counted with its
    /// request, and a stream holds one page of what it has sent.
    pub(crate) fn counts_response(&self) -> bool {
        !self.commits && !self.stream
    }

    /// The call with this path; `None` for a path of another service, such as health or reflection.
    pub fn from_path(path: &str) -> Option<&'static Call> {
        CALLS.iter().find(|call| call.path == path)
    }

    /// Whether the call may write to the store.
    pub(crate) fn writes_store(&self) -> bool {
        self.commits && self.path != DRAIN
    }

    /// The method with its service, as metrics and traces show it: the path without its first slash.
    pub fn method(&self) -> &'static str {
        self.path.trim_start_matches('/')
    }

    /// The name of the method, as the access log shows it.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}
