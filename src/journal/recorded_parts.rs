//! The fields of stored entries that are read for deciding again; the rest of a message is skipped.

use prost::Message;

use super::form::Malformed;
use crate::pb::journal as pb;
use crate::pb::settlement as wire;

/// The link of an `Entry` message.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PreviousPart {
    #[prost(bytes = "vec", tag = "3")]
    pub previous_id: Vec<u8>,
}

/// The fields of an `Entry` message that are read.
#[derive(Clone, PartialEq, Message)]
pub(super) struct EntryPart {
    #[prost(bytes = "vec", tag = "1")]
    pub entry_id: Vec<u8>,
    #[prost(oneof = "KindPart", tags = "8, 9, 10, 11, 12, 13, 14")]
    pub kind: Option<KindPart>,
}

impl EntryPart {
    /// Takes what was committed.
    pub fn take_kind(&mut self) -> Result<KindPart, Malformed> {
        self.kind.take().ok_or(Malformed("kind"))
    }
}

/// What was committed.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum KindPart {
    #[prost(message, tag = "8")]
    Settlement(pb::SettlementEntry),
    #[prost(message, tag = "9")]
    Reversal(pb::ReversalEntry),
    #[prost(message, tag = "10")]
    Revision(RevisionPart),
    #[prost(message, tag = "11")]
    Fence(pb::FenceEntry),
    #[prost(message, tag = "12")]
    PolicyActivation(Unread),
    #[prost(message, tag = "13")]
    ImportEnd(Unread),
    #[prost(message, tag = "14")]
    MonthClosing(Unread),
}

/// A message of which nothing is read.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Unread {}

/// Of a `RevisionEntry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RevisionPart {
    #[prost(string, tag = "2")]
    pub person_id: String,
    #[prost(bytes = "vec", tag = "4")]
    pub settlement_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "9")]
    pub split: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    pub derivation: Vec<u8>,
    #[prost(message, optional, tag = "11")]
    pub rest: Option<pb::SplitRest>,
    #[prost(message, optional, tag = "17")]
    pub facts: Option<pb::Facts>,
}

/// Of a `Settlement`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AnswerPart {
    #[prost(message, optional, tag = "7")]
    pub split: Option<wire::Split>,
    #[prost(bytes = "vec", tag = "15")]
    pub derivation: Vec<u8>,
}

/// Of a `Derivation`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DerivationPart {
    #[prost(message, repeated, tag = "1")]
    pub layers: Vec<LayerPart>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub circumstances: Option<Vec<u8>>,
    #[prost(message, optional, tag = "7")]
    pub opening: Option<OpeningPart>,
}

/// Of a `Layer`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct LayerPart {
    #[prost(int64, tag = "14")]
    pub deductible_fen: i64,
    #[prost(message, repeated, tag = "18")]
    pub caps: Vec<CapPart>,
    #[prost(int64, tag = "19")]
    pub pays_fen: i64,
}

/// Of a `Cap`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct CapPart {
    #[prost(int64, tag = "5")]
    pub cut_fen: i64,
}

/// Of an `Opening`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OpeningPart {
    #[prost(int32, tag = "1")]
    pub kind: i32,
    #[prost(string, tag = "2")]
    pub settlement_id: String,
}
