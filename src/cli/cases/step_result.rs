//! The result of a step of a policy case, from the engine or from the messages of a server.

use std::collections::BTreeMap;

use tonic::Status;
use tonic_types::StatusExt;

use crate::domain::journal;
use crate::domain::money::Money;
use crate::domain::notice::Notice;
use crate::domain::split::Split;
use crate::grpc::status::code_name;
use crate::pb::settlement as pb;

/// The result of a step.
pub(super) enum StepResult {
    /// A split.
    Split(SplitSums),
    /// A reversal.
    Reversed {
        /// The claim.
        claim_id: String,
        /// The new revisions that it made, by claim.
        revisions: BTreeMap<String, RevisionSums>,
    },
    /// A refusal.
    Refused {
        /// The name of the status code.
        code: String,
        /// The message.
        message: String,
        /// The message in Chinese.
        message_zh: String,
    },
}

/// The amounts of a split by name.
#[derive(Default)]
pub(super) struct SplitSums {
    /// The bill's total.
    pub(super) total: Money,
    /// The amount of the patient.
    pub(super) patient: Money,
    /// By payer.
    pub(super) payers: BTreeMap<String, Money>,
    /// By layer.
    pub(super) layers: BTreeMap<String, Money>,
    /// By pool.
    pub(super) pools: BTreeMap<String, Money>,
    /// The reasons of the notices.
    pub(super) notices: Vec<String>,
}

/// The amounts of a new revision of a settlement.
#[derive(Default)]
pub(super) struct RevisionSums {
    /// The amounts of its split.
    pub(super) sums: SplitSums,
    /// The changes from the previous revision by payer; `patient` is the patient.
    pub(super) differences: BTreeMap<String, Money>,
}

pub(super) fn refused_result(status: &Status) -> StepResult {
    let message = status.message().to_owned();
    let chinese = status.get_details_localized_message().map(|text| text.message);
    let message_zh = chinese.unwrap_or_else(|| message.clone());
    StepResult::Refused { code: code_name(status.code()).to_owned(), message, message_zh }
}

pub(super) fn revised_sums(revised: &journal::Revision) -> RevisionSums {
    let payers = revised.differences.payers.iter().map(|(payer, by)| (payer.to_string(), *by));
    let differences = payers.chain([("patient".to_owned(), revised.differences.patient)]).collect();
    RevisionSums { sums: split_sums(&revised.split), differences }
}

pub(super) fn split_sums(split: &Split) -> SplitSums {
    let payers = split.payers().into_iter();
    SplitSums {
        total: split.total,
        patient: split.patient,
        payers: payers.map(|(payer, sum)| (payer.to_string(), sum)).collect(),
        layers: split.layers.iter().map(|layer| (layer.head().id.to_string(), layer.pays)).collect(),
        pools: split.pools.iter().map(|(pool, sum)| (pool.to_string(), sum)).collect(),
        notices: Vec::new(),
    }
}

pub(super) fn notice_reasons(notices: &[Notice]) -> Vec<String> {
    notices.iter().map(|notice| notice.reason().to_owned()).collect()
}

pub(super) fn message_reasons(notices: &[pb::Notice]) -> Vec<String> {
    notices.iter().map(|notice| notice.reason().word().to_owned()).collect()
}

pub(super) fn message_revision(revision: pb::Revision) -> RevisionSums {
    let by = revision.differences.unwrap_or_default();
    let payers = by.payers.into_iter().map(|share| (share.payer, Money::from_fen(share.amount_fen)));
    let differences = payers.chain([("patient".to_owned(), Money::from_fen(by.patient_fen))]).collect();
    RevisionSums { sums: message_sums(revision.split, revision.derivation), differences }
}

pub(super) fn message_sums(split: Option<pb::Split>, derivation: Option<pb::Derivation>) -> SplitSums {
    let (split, derivation) = (split.unwrap_or_default(), derivation.unwrap_or_default());
    let yuan = |(name, fen): (&str, i64)| (name.to_owned(), Money::from_fen(fen));
    SplitSums {
        total: Money::from_fen(split.total_fen),
        patient: Money::from_fen(split.patient_fen),
        payers: split.payers.iter().map(|share| yuan((&share.payer, share.amount_fen))).collect(),
        layers: derivation.layers.iter().map(|layer| yuan((&layer.id, layer.pays_fen))).collect(),
        pools: split.pools.iter().map(|pool| yuan((&pool.pool, pool.amount_fen))).collect(),
        notices: Vec::new(),
    }
}
