//! The bytes of a chunk and of the manifest: protobuf, a chunk by column.

use std::sync::Arc;

use prost::Message;

use crate::domain::day::Day;
use crate::domain::ids::{Digest, EntryId};
use crate::domain::journal::Instant;
use crate::domain::month::Month;
use crate::reports::chunk::{Chunk, ChunkLine, ChunkPayment, WORDS};
use crate::reports::ledger_line::Sign;
use crate::reports::question::DayOf;
use crate::store::derived_files::LastEntry;
use crate::store::rows::CommitPosition;

use super::manifest::{CachedChunk, Manifest};

#[derive(Clone, PartialEq, prost::Message)]
struct ChunkMessage {
    #[prost(string, repeated, tag = "1")]
    words: Vec<String>,
    #[prost(bytes = "vec", tag = "2")]
    persons: Vec<u8>,
    #[prost(bool, repeated, tag = "3")]
    is_minus: Vec<bool>,
    #[prost(sint64, repeated, tag = "4")]
    committed_after: Vec<i64>,
    #[prost(uint32, repeated, tag = "5")]
    settled_on: Vec<u32>,
    #[prost(uint32, repeated, tag = "6")]
    discharged: Vec<u32>,
    #[prost(uint32, repeated, tag = "7")]
    booked: Vec<u32>,
    /// The first word of every line, then the second of every line, and so on.
    #[prost(uint32, repeated, tag = "8")]
    line_words: Vec<u32>,
    #[prost(int32, repeated, tag = "9")]
    year: Vec<i32>,
    #[prost(uint32, repeated, tag = "10")]
    person: Vec<u32>,
    #[prost(sint64, repeated, tag = "11")]
    total: Vec<i64>,
    #[prost(sint64, repeated, tag = "12")]
    patient: Vec<i64>,
    #[prost(uint32, repeated, tag = "13")]
    pools_end: Vec<u32>,
    #[prost(uint32, repeated, tag = "14")]
    layers_end: Vec<u32>,
    #[prost(uint32, repeated, tag = "15")]
    pools: Vec<u32>,
    #[prost(sint64, repeated, tag = "16")]
    pool_amounts: Vec<i64>,
    #[prost(uint32, repeated, tag = "17")]
    layers: Vec<u32>,
    #[prost(uint32, repeated, tag = "18")]
    payers: Vec<u32>,
    #[prost(sint64, repeated, tag = "19")]
    pays: Vec<i64>,
    #[prost(bool, repeated, tag = "20")]
    completes_revision: Vec<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ManifestMessage {
    #[prost(message, repeated, tag = "1")]
    chunks: Vec<CachedChunkMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CachedChunkMessage {
    #[prost(uint64, tag = "1")]
    entries: u64,
    #[prost(uint64, tag = "2")]
    lines: u64,
    #[prost(uint64, tag = "3")]
    before_last: u64,
    #[prost(uint64, tag = "4")]
    last: u64,
    #[prost(bytes = "vec", tag = "5")]
    last_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    last_digest: Vec<u8>,
    #[prost(int64, optional, tag = "7")]
    latest_commit: Option<i64>,
    #[prost(bytes = "vec", tag = "8")]
    code: Vec<u8>,
    /// The days that its lines have, by the days that reports go by.
    #[prost(message, repeated, tag = "9")]
    days: Vec<DaysMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct DaysMessage {
    #[prost(uint32, repeated, tag = "1")]
    days: Vec<u32>,
}

/// The bytes of a chunk.
pub(super) fn chunk_bytes(chunk: &Chunk) -> Vec<u8> {
    let lines = &chunk.lines;
    let before = std::iter::once(0).chain(lines.iter().map(|line| line.committed.0));
    let message = ChunkMessage {
        words: chunk.words.iter().map(|word| word.to_string()).collect(),
        persons: chunk.persons.concat(),
        is_minus: lines.iter().map(|line| line.sign == Sign::Minus).collect(),
        committed_after: lines.iter().zip(before).map(|(line, before)| line.committed.0.wrapping_sub(before)).collect(),
        settled_on: lines.iter().map(|line| line.settled_on.number()).collect(),
        discharged: lines.iter().map(|line| line.discharged.number()).collect(),
        booked: lines.iter().map(|line| line.booked.number()).collect(),
        line_words: (0..WORDS).flat_map(|word| lines.iter().map(move |line| line.words[word])).collect(),
        year: lines.iter().map(|line| line.year).collect(),
        person: lines.iter().map(|line| line.person).collect(),
        total: lines.iter().map(|line| line.total).collect(),
        patient: lines.iter().map(|line| line.patient).collect(),
        pools_end: lines.iter().map(|line| line.pools_end).collect(),
        layers_end: lines.iter().map(|line| line.layers_end).collect(),
        pools: chunk.pools.iter().map(|(pool, _)| *pool).collect(),
        pool_amounts: chunk.pools.iter().map(|(_, amount)| *amount).collect(),
        layers: chunk.layers.iter().map(|payment| payment.layer).collect(),
        payers: chunk.layers.iter().map(|payment| payment.payer).collect(),
        pays: chunk.layers.iter().map(|payment| payment.pays).collect(),
        completes_revision: lines.iter().map(|line| line.completes_revision).collect(),
    };
    message.encode_to_vec()
}

/// The chunk of these bytes, whose code was compared; `None` if it is none.
pub(super) fn chunk_of(bytes: &[u8]) -> Option<Chunk> {
    let message = ChunkMessage::decode(bytes).ok()?;
    let count = message.person.len();
    let mut committed = 0i64;
    let mut lines = Vec::with_capacity(count);
    for at in 0..count {
        committed = committed.wrapping_add(*message.committed_after.get(at)?);
        let mut words = [0; WORDS];
        for (word, number) in words.iter_mut().enumerate() {
            *number = *message.line_words.get(word * count + at)?;
        }
        lines.push(ChunkLine {
            sign: if *message.is_minus.get(at)? { Sign::Minus } else { Sign::Plus },
            completes_revision: *message.completes_revision.get(at)?,
            committed: Instant(committed),
            settled_on: Day::from_number(*message.settled_on.get(at)?)?,
            discharged: Day::from_number(*message.discharged.get(at)?)?,
            booked: Month::from_number(*message.booked.get(at)?)?,
            words,
            year: *message.year.get(at)?,
            person: message.person[at],
            total: *message.total.get(at)?,
            patient: *message.patient.get(at)?,
            pools_end: *message.pools_end.get(at)?,
            layers_end: *message.layers_end.get(at)?,
        });
    }
    let payments = message.layers.iter().zip(&message.payers).zip(&message.pays);
    Some(Chunk {
        words: message.words.into_iter().map(Arc::from).collect(),
        persons: message.persons.chunks_exact(16).filter_map(|key| key.try_into().ok()).collect(),
        lines,
        pools: message.pools.into_iter().zip(message.pool_amounts).collect(),
        layers: payments
            .map(|((layer, payer), pays)| ChunkPayment { layer: *layer, payer: *payer, pays: *pays })
            .collect(),
    })
}

/// The bytes of a manifest.
pub(super) fn manifest_bytes(manifest: &Manifest) -> Vec<u8> {
    let days = |days: &Vec<Day>| DaysMessage { days: days.iter().map(|day| day.number()).collect() };
    let chunk = |chunk: &CachedChunk| CachedChunkMessage {
        entries: chunk.entries,
        lines: chunk.lines,
        before_last: chunk.last.before.0,
        last: chunk.last.position.0,
        last_id: chunk.last.id.0.to_vec(),
        last_digest: chunk.last.digest.0.to_vec(),
        latest_commit: chunk.latest_commit.map(|Instant(at)| at),
        code: chunk.code.to_vec(),
        days: chunk.days.iter().map(days).collect(),
    };
    ManifestMessage { chunks: manifest.chunks.iter().map(chunk).collect() }.encode_to_vec()
}

/// The manifest of these bytes, whose code was compared; `None` if it is none.
pub(super) fn manifest_of(bytes: &[u8]) -> Option<Manifest> {
    let message = ManifestMessage::decode(bytes).ok()?;
    let days =
        |message: &DaysMessage| message.days.iter().map(|day| Day::from_number(*day)).collect::<Option<Vec<_>>>();
    let chunk = |message: CachedChunkMessage| {
        let last = LastEntry {
            before: CommitPosition(message.before_last),
            position: CommitPosition(message.last),
            id: EntryId(message.last_id.try_into().ok()?),
            digest: Digest(message.last_digest.try_into().ok()?),
        };
        let all: Vec<Vec<Day>> = message.days.iter().map(days).collect::<Option<_>>()?;
        Some(CachedChunk {
            entries: message.entries,
            lines: message.lines,
            last,
            latest_commit: message.latest_commit.map(Instant),
            code: message.code.try_into().ok()?,
            days: <[Vec<Day>; DayOf::ALL.len()]>::try_from(all).ok()?,
        })
    };
    Some(Manifest { chunks: message.chunks.into_iter().map(chunk).collect::<Option<_>>()? })
}
