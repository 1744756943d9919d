//! One-stop settlement (一站式结算) of hospital discharge claims: who pays what, to the fen, before the
//! patient leaves.
//!
//! # The path of a claim
//!
//! ```text
//! decode ──► look up ──► adjudicate ──► commit ──► encode
//! (grpc)    (reference,    (domain,     (store,    (grpc)
//!            store)         pure)        atomic)
//!               │ request known: the stored answer     │ account changed meanwhile: look up again, a limited number of times
//!               ▼                                      ▼
//!             encode                                 ABORTED
//! ```
//!
//! *Decide, then write.* Adjudication returns everything that is stored and answered; a commit makes no decisions. It
//! carries the expected version of the person and the encoded rows, and the store applies them in one atomic, durable step
//! or not at all. No lock is held while deciding.
//!
//! The functions that a settle passes on the embedded store, from the socket to the durable commit and back, in the order
//! of their calls; `»` begins another thread:
//!
//! | file | functions |
//! | --- | --- |
//! | `server/accept.rs` | `Acceptor::run`, `accept`, `handle`, `serve`, `tls_handshake` |
//! | `server/serve_connection.rs` | `serve_connection`, `poll_and_send`, `PeerService::call` |
//! | `grpc/observe.rs` | `Observe::call` |
//! | `grpc/authorize_layer.rs` | `Authorize::call` |
//! | `grpc/authorize.rs` | `Authorizer::permit`, `authorized_caller`, `check_disk`, `acquire_permit` |
//! | `grpc/authorize_layer.rs` | `Authorize::run` |
//! | `server/dispatch.rs` | `Dispatch::call` |
//! | `grpc/settlement/mod.rs` | `SettlementHandler::settle` |
//! | `grpc/settle.rs` | `Settler::settle` |
//! | `grpc/from_proto.rs` | `received_claim` |
//! | `grpc/deadline.rs` | `run_to_completion` |
//! | `engine/settle.rs` | `Engine::settle_received` |
//! | `domain/claim/validate.rs` | `RawClaim::validate` |
//! | `engine/idempotency.rs` | `request_keys` |
//! | `engine/commit_loop.rs` | `Engine::commit_with_retries` |
//! | `store/embedded/journal_store.rs` | `EmbeddedStore::look_up` |
//! | `engine/idempotency.rs` | `Engine::replay`, `check_claim_free` |
//! | `engine/settle.rs` | `check_presented_quote`, `Engine::attempt_settle` |
//! | `engine/decide.rs` | `Engine::decide`, `decide_continuing` |
//! | `reference/look_up.rs` | `facts` |
//! | `engine/decide.rs` | `policy_in_force`, `checked_split` |
//! | `domain/adjudicate.rs` | `adjudicate`, `LayerProgress::apply_layer` |
//! | `domain/layer_split.rs` | `LayerInput::split_layer` |
//! | `domain/invariants.rs` | `check` |
//! | `engine/settle.rs` | `check_quoted_split` |
//! | `journal/entry.rs` | `encode_settlement` |
//! | `store/commit.rs` | `Commit::from_record` |
//! | `engine/commit_loop.rs` | `Engine::commit` |
//! | `store/embedded/journal_store.rs` | `EmbeddedStore::commit` |
//! | `store/embedded/mod.rs` | `EmbeddedStore::prepare`, `submit` |
//! | `store/embedded/job_queue.rs` | `JobSender::submit`, `Waiting::send` |
//! | » `store/embedded/committer.rs` | `Committer::run`, `commit`, `OpenGroup::add`, `check_and_push`, `check`, `Committer::write` |
//! | `store/embedded/log/writer.rs` | `Log::append`, `write`, `write_and_sync` |
//! | `store/embedded/log/segments.rs` | `Segments::publish` |
//! | `store/embedded/index/mod.rs` | `Index::insert` |
//! | `store/embedded/reply.rs` | `send_all` |
//! | » `grpc/disclosures.rs` | `Disclosures::log_unless_committed` |
//! | `grpc/outcomes.rs` | `count_settled` |
//! | `grpc/view.rs` | `View::settlement` |
//! | `server/write_buffer.rs` | `WriteBuffer::poll_send` |
//!
//! # Modules and what each may import
//!
//! | module | contents | imports |
//! | --- | --- | --- |
//! | [`domain`] | arithmetic and facts: money, claims, pools, terms, accounts, adjudication, journal, invariants; the specification ([`domain::semantics`]) | – |
//! | [`policy`] | policy files: read, checked, resolved; the policy book | domain |
//! | [`reference`](mod@reference) | dated rows about persons, hospitals and catalogue; the facts of a claim | domain |
//! | [`journal`] | the record: entries and answers as messages, canonical digests | domain, pb |
//! | [`store`] | the traits of a store, the forms of its rows, and the stores | domain, reference, journal, pb |
//! | [`engine`] | quote, settle, reverse, re-adjudicate, run retroactively, impact of a book, outcome, fence, read, list, import, audit, copy | domain, policy, reference, journal, store |
//! | [`reports`] | what is derived from the journal: lines of the ledger, their sums | domain, journal, store |
//! | [`access`] | callers, roles, limits of a caller, the access log | domain |
//! | [`telemetry`] | logs, metrics, traces, and their export over OTLP | – |
//! | [`config`] | the configuration of a server | domain, access, engine, telemetry |
//! | [`pb`] | the generated messages, and the words of their enums | domain |
//! | [`grpc`] | conversions, handlers, statuses, authorization | domain, journal, engine, reports, access, telemetry, pb |
//! | [`server`] | assembly of a server: stores, listeners, TLS, services, readiness, reload, shutdown | domain, policy, store, engine, access, telemetry, config, pb, grpc |
//! | [`cli`] | the commands | domain, policy, reference, store, engine, reports, access, telemetry, config, pb, grpc, server |
//!
//! `tests/architecture.rs` holds the same table with its few exceptions, and fails on any other import, on an unused entry,
//! and on a dependency cycle between the files of a directory.
//!
//! # What always holds
//!
//! - Payers and patient add up to the total, to the fen; every split is checked by [`domain::invariants`]
//!   before it is committed.
//! - A settlement is answered after its bytes are synced; no reader sees what is not durable.
//! - Days of settlement follow the order of commits, also when a clock jumps back over midnight.
//! - A store that lost its data answers nothing, and no store is created in its place unless that is requested.
//! - A request id with the same content always gives the same settlement, byte for byte.
//! - The journal is the source of truth. The entries of a person are chained by digest and never edited: a reversal is a new
//!   entry, and so is each later settlement that is adjudicated again with it, all in one commit. From the journal and the
//!   policies in the store, every split can be recomputed to the same bytes.
//! - A copy of a store has the same entries, byte for byte, under other keys. No engine opens it until every chain is
//!   verified.
//! - A backup of a store in a directory is a part of its log from the start, checked frame by frame and record by record after it was
//!   written; a restore writes nothing before all of it is verified ([`store::embedded::backup`]).
//! - Closed years move from a store on Redis only to such a verified copy, record by record, each only if it equals the
//!   copy's record. From then on the store opens only with that archive.
//! - No reader sees half of a person's rows: an import writes all rows of a person in one step.
//! - A stream, an import or a list holds a limited part of its data in memory.
//! - Every call is authorized ([`grpc::authorize`]) before its message is decoded, and its handler receives the proof. For a
//!   caller, the settlements of other hospitals do not exist.
//! - A call keeps its permits and its memory ([`grpc::open_calls`], `grpc::call_resources`) until its work is done and the last
//!   byte of its response was written. What a peer does not send or read in time is ended, and its connection closed.
//! - A component that fails and does not come back makes the server not ready, and ends it.
//! - A refusal changes nothing, and reports every fault of the first stage that fails.
//! - No log line and no key contains the id or name of a person or a line of a bill.
//!
//! # What is deliberately absent
//!
//! - No layer is named in the code: a new kind of insurance is a block in a TOML file, never a branch in Rust.
//! - No float near money. Only [`domain::decimal`] names the decimal library, which rounds silently past 28 digits: it
//!   refuses instead.
//! - No clock and no randomness in the engine and below: the caller passes an [`engine::CommitStamp`].
//! - No lock around a commit, and no queue per person: versions are compared, and the loser looks up again. (Within one
//!   stream the claims of a person wait for each other, because they commit in the order sent.)
//! - Terms are not computed per claim. They are resolved once for each circumstance that occurs, and kept
//!   ([`domain::terms`]). A figure that could not be exact in any circumstance is refused when the policy is read.
//!
//! # Choices that differ from the first sketch
//!
//! - A commit compares the version of the person, not of an account: all years of a person extend one chain.
//! - The list of a person's settlements is the chain, walked from its end, without an index row. A hospital's day has an
//!   index, numbered in the order of commits and not by ids, which are drawn earlier: a page that was read never changes. So
//!   a settle writes five rows (entry, person, request, claim, position in the hospital's day).
//! - A re-adjudication applies the policies in use now to each claim's own day, not those in use then: it corrects a wrong
//!   past. If they have no policy for one of the claims, nothing changes.
//! - A key does not reveal whose it is, so every record contains the id: a store can be copied under another secret. Only
//!   the order of a hospital's day is in no record; a copy takes it from the list.
//! - Rows about persons are sorted into the order of the store's keys before they are imported: every person is written
//!   once, and the B-tree fills page by page.
//! - The embedded store is a log of its own with an index that is derived from it; only reference tables and policies are
//!   also in a B-tree (redb), which lags behind the log by one write at the most. [`store::embedded`] says why, and [`store::embedded::log`] describes every byte.
//! - On Redis ([`store::redis`]) this program finds servers and slots itself and does not use the client library's cluster
//!   support: 64 shards are in 64 fixed slots, every call may be sent twice, and it must know whether an attempt may have
//!   been executed.
//! - There, positions in a hospital's day are numbered per shard, by a clock that every list advances first: commits of
//!   different persons write no common slot, and a page that was read never changes.

pub mod access;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod grpc;
pub mod journal;
pub mod pb;
pub mod policy;
pub mod reference;
pub mod reports;
pub mod server;
pub mod store;
pub mod telemetry;
