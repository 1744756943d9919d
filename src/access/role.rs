//! The roles of callers.

/// The role of a caller: which calls it may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// 医院: sends its own claims.
    Hospital,
    /// 异地网关: sends the claims of listed hospitals.
    Gateway,
    /// 登记部门: imports persons, hospitals and the catalogue.
    Registrar,
    /// 审计: reads everything, changes nothing.
    Auditor,
    /// 运维: activates policies, closes months, runs retroactively, drains the server.
    Operator,
    /// 备份: copies everything that is stored, the secret included.
    Backup,
    /// Every caller of a server that authenticates nobody: on loopback, or with `accept_anonymous`. May make every
    /// call.
    Anyone,
}

impl Role {
    /// The roles that a file of callers can assign.
    pub(crate) const ASSIGNABLE: &'static [Role] =
        &[Role::Hospital, Role::Gateway, Role::Registrar, Role::Auditor, Role::Operator, Role::Backup];

    /// The word for this role in the file of callers and in the access log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Hospital => "hospital",
            Role::Gateway => "gateway",
            Role::Registrar => "registrar",
            Role::Auditor => "auditor",
            Role::Operator => "operator",
            Role::Backup => "backup",
            Role::Anyone => "anyone",
        }
    }

    /// The assignable role with this word.
    pub(crate) fn assignable_from_word(word: &str) -> Option<Role> {
        Role::ASSIGNABLE.iter().copied().find(|role| role.as_str() == word)
    }

    /// Whether the role sends claims, for its own hospitals only.
    pub(crate) const fn is_claimant(self) -> bool {
        matches!(self, Role::Hospital | Role::Gateway)
    }
}
