//! One-stop settlement (一站式结算) of hospital discharge claims: who pays what, to the fen, before the
//! patient leaves.
//!
//! # One flow
//!
//! ```text
//! decode ──► look up ──► adjudicate ──► commit ──► encode
//! (grpc)    (reference,    (domain,     (store,    (grpc)
//!            store)         pure)        atomic)
//!               │ request seen: the stored answer      │ account moved meanwhile: look up again, bounded
//!               ▼                                      ▼
//!             encode                                 ABORTED
//! ```
//!
//! *Decide, then write.* Adjudication returns everything that is to be stored and said; a commit makes no
//! decision. It carries the person's expected version and the encoded rows, and the store applies them in
//! one atomic, durable step or not at all. No lock is held while deciding.
//!
//! # Rooms, and who may import whom
//!
//! | room | what | imports of ours |
//! | --- | --- | --- |
//! | [`domain`] | arithmetic and facts: money, claim, pools, terms, account, adjudicate, journal, invariants | – |
//! | [`policy`] | policy files: read, drawn, resolved; the book | domain |
//! | [`reference`](mod@reference) | persons, hospitals, catalogue, dated; the facts of a claim | domain |
//! | [`store`] | what is kept, and its homes | domain, reference |
//! | [`engine`] | quote, settle, reverse, re-adjudicate, outcome, fence, read, list, import, audit, copy, following other instances | domain, policy, reference, store |
//! | [`access`] | who calls, what each role may do and how much of it, the access log | domain |
//! | [`telemetry`] | metrics | – |
//! | [`grpc`] | messages, statuses, streams, authorization | all of those |
//! | [`server`] | assembly of a server: listeners, TLS, services, readiness, reload, shutdown | all of those |
//! | [`config`] | what a server is set up with, from a file | domain, access, engine, server |
//! | [`cli`] | the commands | everything |
//!
//! `tests/architecture.rs` reads the imports and fails on a new edge.
//!
//! # What always holds
//!
//! - Payers and patient add up to the total, to the fen; every split is checked by [`domain::invariants`]
//!   before it is committed.
//! - An answer leaves after its bytes are synced; what is not durable is shown to no reader.
//! - A request id with the same content gives the same settlement, byte for byte, for ever.
//! - The journal is the truth. Entries of a person are chained by digest, and none is edited: a reversal
//!   is another entry, and so is each later settlement that is decided anew with it, all in one commit. With
//!   the journal and the policies that the store keeps, every split can be recomputed to the same bytes.
//! - A copy of a store has the same entries, byte for byte, under other keys; until every chain of it is verified
//!   no engine opens it.
//! - Closed years leave a store on Redis for such a verified copy alone, record by record, each only if it is the copy's
//!   byte for byte; from then on the store is opened with that archive or not at all.
//! - No reader sees half a person: what an import tells of one is written whole.
//! - A stream, an import, a list hold a bounded part of what passes through them.
//! - Every call passes the gate ([`grpc::authorize`]) before its message is read, and carries the proof of it; a handler
//!   that finds none serves nobody. What is another's is not there.
//! - A refusal changes nothing, and names every fault of the first stage that fails.
//! - No id of a person, name or line of a bill stands in a log line or a key.
//!
//! # What is deliberately absent
//!
//! - No layer is known by name: a new kind of insurance is a block in a TOML file, never a branch here.
//! - No float, anywhere near money. No general decimal type either: it rounds silently where
//!   [`domain::exact`] refuses.
//! - No clock or randomness below the edge: whoever calls the engine brings a [`engine::CommitStamp`].
//! - No lock around a commit, and no queue per person: versions are compared, and the loser looks again. (Within
//!   one stream the claims of a person wait for one another, because they were sent in an order.)
//! - Terms are not computed per claim. The circumstances of a visit are few, so every combination is
//!   resolved when a policy is read ([`domain::terms`]), and a figure that cannot be exact is refused then.
//!
//! # Choices that differ from the first sketch
//!
//! - The version that a commit compares is the person's, not the account's: two years of one person extend
//!   one chain, so they are one sequence.
//! - The list of a person's settlements is the chain itself, walked from its end: no index row. A hospital's day
//!   has one, numbered by the order of commits, not by ids, which are drawn earlier: a page that was read stays
//!   what it was. So a settle writes five rows (entry, person, request, claim, place in the hospital's day).
//! - A re-adjudication applies the law in use by each claim's own day, not the one that was in use then: it is
//!   the remedy for a wrong past. Where that law has none for one of the claims, nothing changes.
//! - A key does not tell whose it is, so every record does, a person's too: a store can be copied under another
//!   secret. Only the order of a hospital's day is in no record; a copy takes it from the list.
//! - Rows about persons are imported in the order of the store's keys, sorted on the side: every person is written
//!   once and whole, and the B-tree fills page by page.
//! - The embedded store is redb, the slower and safer of two candidates ([`store::embedded`] says why).
//! - On Redis ([`store::redis`]) servers and slots are found here, not by the client library's Cluster: 64 shards lie in 64
//!   fixed slots, every call may be sent twice, and whether an attempt may have been done has to be known.
//! - There, a hospital's places are numbered per shard, by a clock that every list moves forward first: no slot of the
//!   hospital is written by commits of other persons, and a page that was read still stays what it was.

pub mod access;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod grpc;
pub mod policy;
pub mod reference;
pub mod server;
pub mod store;
pub mod telemetry;
