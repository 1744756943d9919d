//! The shipped services in this process, over a store in memory: everything of a server but HTTP/2.

use std::sync::Arc;
use std::time::Duration;

use onestop::access::Callers;
use onestop::access::log::AccessLog;
use onestop::config::ServerLimits;
use onestop::domain::claim::ClaimLimits;
use onestop::engine::{Engine, EngineSettings};
use onestop::grpc::authorize::{Authorizer, CallLimits};
use onestop::grpc::authorize_layer::{Authorize, AuthorizeLayer};
use onestop::grpc::disclosures::Disclosures;
use onestop::grpc::import_stream::{ImportLimits, ImportStreams};
use onestop::grpc::observe::{self, Observe};
use onestop::grpc::reference::ReferenceHandler;
use onestop::grpc::reporter::StoreReporter;
use onestop::grpc::settlement::SettlementHandler;
use onestop::grpc::stream::Streams;
use onestop::pb::encoded::settlement_service_server::SettlementServiceServer;
use onestop::pb::reference::reference_service_server::ReferenceServiceServer;
use onestop::policy::Book;
use onestop::reference::row::ReferenceRow;
use onestop::reference::table::ReferenceTable;
use onestop::telemetry::Metrics;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tower_layer::Layer as _;

use super::counting_store::CountingStore;

/// A law without an end on either side, so that the first day there is and the last have one.
pub const EDGE_LAW: (&str, &str) = ("edge.toml", include_str!("edge.toml"));

/// Rows in the words of the tables. Of the insurance `edge`: PE (poor), PF (ordinary), PA (with approvals), 患者一,
/// and PN, who is enrolled in 2018 only. Of `resident`: P1 and P2 (poor). Hospitals HE (tertiary), HL (primary,
/// elsewhere), 医院一 and HX, which is designated until June 2017, beside H3 of the shipped law.
const ROWS: &[(ReferenceTable, &[&str])] = &[
    (ReferenceTable::Hospitals, &["HE", "tertiary", "460100"]),
    (ReferenceTable::Hospitals, &["HL", "primary", "460200"]),
    (ReferenceTable::Hospitals, &["医院一", "secondary", "460100"]),
    (ReferenceTable::Hospitals, &["HX", "tertiary", "460100"]),
    (ReferenceTable::Hospitals, &["H3", "tertiary", "370100"]),
    (ReferenceTable::Designations, &["HE", "", ""]),
    (ReferenceTable::Designations, &["HL", "", ""]),
    (ReferenceTable::Designations, &["医院一", "", ""]),
    (ReferenceTable::Designations, &["HX", "", "2017-06-15"]),
    (ReferenceTable::Designations, &["H3", "", ""]),
    (ReferenceTable::Catalogue, &["A", "", "", "甲类", "A", "", "", ""]),
    (ReferenceTable::Catalogue, &["B28", "", "", "乙类", "B", "0.3333333333", "", ""]),
    (ReferenceTable::Catalogue, &["C", "", "", "丙类", "C", "", "", ""]),
    (ReferenceTable::Catalogue, &["BED", "", "", "床位费", "A", "", "50", ""]),
    (ReferenceTable::Catalogue, &["SD", "", "", "特药", "special", "", "", ""]),
    (ReferenceTable::Catalogue, &["TD", "", "", "谈判药", "transitional", "", "", ""]),
    (ReferenceTable::Catalogue, &["药品一", "", "", "药", "B", "10%", "0.000001", ""]),
    (ReferenceTable::Catalogue, &["OLD", "", "", "旧药", "A", "", "", "2016-01-01"]),
    (ReferenceTable::Enrolments, &["PE", "", "edge", "460100", ""]),
    (ReferenceTable::Enrolments, &["PF", "", "edge", "460100", ""]),
    (ReferenceTable::Enrolments, &["PA", "", "edge", "460100", ""]),
    (ReferenceTable::Enrolments, &["患者一", "", "edge", "460100", ""]),
    (ReferenceTable::Enrolments, &["PN", "2018-01-01", "edge", "460100", "2019-01-01"]),
    (ReferenceTable::Enrolments, &["P1", "", "resident", "370100", ""]),
    (ReferenceTable::Enrolments, &["P2", "", "resident", "370100", ""]),
    (ReferenceTable::Categories, &["PE", "registered_poor", "", ""]),
    (ReferenceTable::Categories, &["P2", "registered_poor", "", ""]),
    (ReferenceTable::Approvals, &["PA", "outpatient_serious", "", ""]),
    (ReferenceTable::Approvals, &["PA", "outpatient_chronic", "", ""]),
    (ReferenceTable::Approvals, &["PA", "cross_region", "", ""]),
];

thread_local! {
    /// One for each thread: what it allocates is counted there.
    static RUNTIME: Runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
}

/// Runs to its end on this thread.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(work))
}

/// The services over one store.
pub struct Service {
    /// What they ask.
    pub engine: Arc<Engine<CountingStore>>,
    /// Settlements as a server has them.
    pub settlements: Observe<Authorize<SettlementServiceServer<SettlementHandler<CountingStore>>>>,
    /// Reference tables as a server has them.
    pub references: Observe<Authorize<ReferenceServiceServer<ReferenceHandler<CountingStore>>>>,
    _goes_on: watch::Sender<bool>,
}

impl Service {
    /// Services under this law, with the rows above.
    pub async fn open(store: CountingStore, book: Book) -> Service {
        let engine = Engine::open(store, book, EngineSettings::default()).await.expect("an engine");
        engine.import(ROWS.iter().map(|(table, cells)| row(*table, cells)).collect()).await.expect("sound tables");
        let (engine, limits) = (Arc::new(engine), ServerLimits::default());
        let (goes_on, shutdown) = watch::channel(false);
        let metrics = Arc::new(Metrics::default());
        let duration = Duration::from_secs(limits.call_seconds);
        let calls = CallLimits { in_flight: limits.in_flight, caller_streams: 64, bytes: 256 << 20, duration };
        let rules = Arc::new(Authorizer::new(Callers::open(), calls, Arc::clone(&metrics)));
        let disclosures = Arc::new(Disclosures::new(AccessLog::Disabled));
        let streams = Streams {
            window: limits.stream_window,
            shutdown: shutdown.clone(),
            authorizer: Arc::clone(&rules),
            max_duration: Duration::from_secs(limits.call_seconds),
            idle: Duration::from_secs(300),
        };
        let (idle, duration) = (Duration::from_secs(60), Duration::from_secs(60));
        let import_limits = ImportLimits { total: 64, per_caller: 64, idle, duration };
        let imports = ImportStreams::new(import_limits, Arc::clone(&rules), shutdown);
        let reporter =
            StoreReporter::new(Arc::clone(&engine), Arc::clone(&disclosures), None, streams.shutdown.clone());
        let settlements =
            SettlementHandler::new(Arc::clone(&engine), Arc::clone(&disclosures), streams, Arc::new(reporter));
        let settlements = SettlementServiceServer::new(settlements).max_decoding_message_size(limits.message_bytes);
        let references = ReferenceServiceServer::new(ReferenceHandler::new(Arc::clone(&engine), disclosures, imports));
        let references = references.max_decoding_message_size(limits.message_bytes);
        let (authorize, observe) = (AuthorizeLayer(rules), observe::ObserveLayer(metrics));
        Service {
            engine,
            settlements: observe.layer(authorize.layer(settlements)),
            references: observe.layer(authorize.layer(references)),
            _goes_on: goes_on,
        }
    }
}

/// A row; a hospital's name is its id.
fn row(table: ReferenceTable, cells: &[&str]) -> ReferenceRow {
    let cells = match (table, cells) {
        (ReferenceTable::Hospitals, [id, level, region]) => vec![id, "", id, level, region, "", ""],
        _ => cells.to_vec(),
    };
    let cells: Vec<String> = cells.into_iter().map(str::to_owned).collect();
    ReferenceRow::from_cells(table, &cells, ClaimLimits::default().id_bytes).expect("a sound row")
}
