//! Settling over gRPC at 64 callers, beside a bare tonic service that decodes the same claim and returns the
//! same bytes: same flags, same allocator, each server in its own process, rounds alternating.
//!
//! `cargo bench --bench settle [-- ROUNDS [CALLERS]]`: 5 rounds of a few seconds with 64 callers by default; loopback only.

#![allow(missing_docs)]

#[allow(dead_code)]
mod bills;
#[allow(dead_code)]
mod straight_line;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use onestop::cli::client::Client;
use onestop::cli::client::import::import_table;
use onestop::grpc::to_proto;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use onestop::pb::settlement::settlement_service_server::{SettlementService, SettlementServiceServer};
use onestop::reference::table::ReferenceTable;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failed = Box<dyn std::error::Error + Send + Sync>;

const PERSONS: u64 = 20_000;
const CONNECTIONS: usize = 4;
const ROUND: Duration = Duration::from_secs(3);

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().filter(|argument| argument != "--bench").collect();
    if let [_, mode, threads] = &arguments[..]
        && mode == "bare"
    {
        return runtime(threads.parse()?)?.block_on(bare());
    }
    let number = |at: usize, default| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    runtime(1)?.block_on(measure(number(1, 5), number(2, 64)))
}

fn runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    match threads {
        1 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        more => tokio::runtime::Builder::new_multi_thread().worker_threads(more).enable_all().build(),
    }
}

/// The limit: decodes a request and returns the response with which it was started.
struct Bare(pb::SettleResponse);

async fn bare() -> Result<(), Failed> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let bytes: Result<Vec<u8>, _> =
        (0..line.trim().len() / 2).map(|at| u8::from_str_radix(&line[2 * at..2 * at + 2], 16)).collect();
    let answer = prost::Message::decode(&*bytes?)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("bare serves on http://{}, end", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Ok(Server::builder().add_service(SettlementServiceServer::new(Bare(answer))).serve_with_incoming(incoming).await?)
}

fn not_measured<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not measured"))
}

#[tonic::async_trait]
impl SettlementService for Bare {
    async fn settle(&self, request: Request<pb::SettleRequest>) -> Result<Response<pb::SettleResponse>, Status> {
        std::hint::black_box(request.into_inner());
        Ok(Response::new(self.0.clone()))
    }
    type SettleStreamStream = tokio_stream::Empty<Result<pb::SettleStreamResponse, Status>>;
    async fn settle_stream(
        &self,
        _: Request<tonic::Streaming<pb::SettleStreamRequest>>,
    ) -> Result<Response<Self::SettleStreamStream>, Status> {
        not_measured()
    }
    async fn quote(&self, _: Request<pb::QuoteRequest>) -> Result<Response<pb::QuoteResponse>, Status> {
        not_measured()
    }
    async fn reverse(&self, _: Request<pb::ReverseRequest>) -> Result<Response<pb::ReverseResponse>, Status> {
        not_measured()
    }
    async fn correct(&self, _: Request<pb::CorrectRequest>) -> Result<Response<pb::CorrectResponse>, Status> {
        not_measured()
    }
    async fn get_outcome(&self, _: Request<pb::GetOutcomeRequest>) -> Result<Response<pb::GetOutcomeResponse>, Status> {
        not_measured()
    }
    async fn fence(&self, _: Request<pb::FenceRequest>) -> Result<Response<pb::FenceResponse>, Status> {
        not_measured()
    }
    async fn get_settlement(
        &self,
        _: Request<pb::GetSettlementRequest>,
    ) -> Result<Response<pb::GetSettlementResponse>, Status> {
        not_measured()
    }
    async fn list_settlements(
        &self,
        _: Request<pb::ListSettlementsRequest>,
    ) -> Result<Response<pb::ListSettlementsResponse>, Status> {
        not_measured()
    }
    async fn list_entries(
        &self,
        _: Request<pb::ListEntriesRequest>,
    ) -> Result<Response<pb::ListEntriesResponse>, Status> {
        not_measured()
    }
    type WatchEntriesStream = tokio_stream::Empty<Result<pb::WatchEntriesResponse, Status>>;
    async fn watch_entries(
        &self,
        _: Request<pb::WatchEntriesRequest>,
    ) -> Result<Response<Self::WatchEntriesStream>, Status> {
        not_measured()
    }
    async fn get_account(&self, _: Request<pb::GetAccountRequest>) -> Result<Response<pb::GetAccountResponse>, Status> {
        not_measured()
    }
}

/// A server process; dropping it kills it by its id.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(command: &mut Command, input: &str) -> Result<Process, Failed> {
        use std::io::Write;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            writeln!(stdin, "{input}")?;
        }
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).ok_or("no address")?;
        Ok(Process { url: url.trim_end_matches(',').to_owned(), child })
    }

    /// Processor time so far, in microseconds.
    fn cpu(&self) -> Result<f64, Failed> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks * 10_000.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.kill().is_err() || self.child.wait().is_err() {
            eprintln!("a server had stopped by itself");
        }
    }
}

async fn measure(rounds: usize, callers: usize) -> Result<(), Failed> {
    let store = tempfile::tempdir()?;
    let program = env!("CARGO_BIN_EXE_onestop");
    let mut serve = Command::new(program);
    serve.args(["serve", "--create", "--listen", "127.0.0.1:0", "--store"]).arg(store.path());
    let onestop = Process::start(&mut serve, "")?;
    let (request, codes) = request();
    import(&onestop.url, &codes).await?;
    let answer = first_answer(&onestop.url, &request).await?;
    let hex: String = prost::Message::encode_to_vec(&answer).iter().map(|byte| format!("{byte:02x}")).collect();
    println!(
        "request {} bytes, answer {} bytes, {callers} callers",
        prost::Message::encoded_len(&request),
        hex.len() / 2
    );
    let this = std::env::current_exe()?;
    let one = Process::start(Command::new(&this).args(["bare", "1"]), &hex)?;
    let two = Process::start(Command::new(&this).args(["bare", "2"]), &hex)?;
    let next = Arc::new(AtomicU64::new(1));
    let servers = [("onestop settle", &onestop), ("bare, one thread", &one), ("bare, two threads", &two)];
    let mut figures: Vec<Vec<Figures>> = vec![Vec::new(); servers.len()];
    for _ in 0..rounds {
        for (at, (_, server)) in servers.iter().enumerate() {
            figures[at].push(round(server, &request, &next, callers).await?);
        }
    }
    for ((name, _), figures) in servers.iter().zip(&figures) {
        let median = |of: fn(&Figures) -> f64| median(figures.iter().map(of).collect());
        println!(
            "{name:18} {:>8.0}/s  p50 {:>6.2} ms  p99 {:>6.2} ms  server CPU {:>6.1} us a call",
            median(|f| f.rate),
            median(|f| f.p50),
            median(|f| f.p99),
            median(|f| f.cpu),
        );
    }
    Ok(())
}

/// A claim of 20 items, and the codes in it.
fn request() -> (pb::SettleRequest, Vec<Vec<String>>) {
    let bill = bills::bill(&mut bills::Random(5), 20);
    let codes = bill.codes.iter().enumerate().map(|(at, code)| {
        let class = ["A", "B", "C", "special", "transitional"][usize::from(code.class)];
        let ratio = if code.class == 1 { format!("0.{:04}", code.ratio_e4) } else { String::new() };
        [&bills::name(at), "", "", "示范药品", class, &ratio, "", ""].map(str::to_owned).to_vec()
    });
    let request = pb::SettleRequest { claim: Some(to_proto::claim(&bill.raw_claim())), ..pb::SettleRequest::default() };
    (request, codes.collect())
}

async fn import(url: &str, codes: &[Vec<String>]) -> Result<(), Failed> {
    let mut client = Client::connect(url).await.map_err(|failure| failure.to_string())?;
    let cells = |cells: &[&str]| vec![cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()];
    let person = |cells: &dyn Fn(String) -> Vec<String>| (0..PERSONS).map(|n| cells(format!("P{n:06}"))).collect();
    let tables = [
        (ReferenceTable::Hospitals, cells(&["H3701001", "", "示范医院", "tertiary", "370100", "", ""])),
        (ReferenceTable::Designations, cells(&["H3701001", "", ""])),
        (ReferenceTable::Catalogue, codes.to_vec()),
        (ReferenceTable::Enrolments, person(&|id| [&id, "", "resident", "370100", ""].map(str::to_owned).to_vec())),
        (
            ReferenceTable::Categories,
            person(&|id| vec![id, "registered_poor".to_owned(), String::new(), String::new()]),
        ),
    ];
    for (table, rows) in tables {
        import_table(&mut client, table, rows).await?;
    }
    Ok(())
}

async fn first_answer(url: &str, request: &pb::SettleRequest) -> Result<pb::SettleResponse, Failed> {
    let mut client = SettlementServiceClient::connect(url.to_owned()).await?;
    Ok(client.settle(numbered(request, 0)).await?.into_inner())
}

/// The request as another claim of a random person.
fn numbered(request: &pb::SettleRequest, number: u64) -> pb::SettleRequest {
    let mut request = request.clone();
    request.request_id = format!("37010001-20170615-{number:010}");
    if let Some(claim) = &mut request.claim {
        claim.claim_id = format!("ZY20170615{number:010}");
        claim.person_id = format!("P{:06}", bills::Random(number).below(PERSONS));
    }
    request
}

#[derive(Clone, Copy)]
struct Figures {
    rate: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
}

async fn round(
    server: &Process,
    request: &pb::SettleRequest,
    next: &Arc<AtomicU64>,
    callers: usize,
) -> Result<Figures, Failed> {
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        channels.push(Channel::from_shared(server.url.clone())?.tcp_nodelay(true).connect().await?);
    }
    let (cpu, start) = (server.cpu()?, Instant::now());
    let tasks: Vec<_> = (0..callers)
        .map(|at| {
            tokio::spawn(call(channels[at % CONNECTIONS].clone(), request.clone(), Arc::clone(next), start + ROUND))
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let (elapsed, calls) = (start.elapsed().as_secs_f64(), times.len() as f64);
    let cpu = (server.cpu()? - cpu) / calls;
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    Ok(Figures { rate: calls / elapsed, p50: at(0.5), p99: at(0.99), cpu })
}

async fn call(
    channel: Channel,
    request: pb::SettleRequest,
    next: Arc<AtomicU64>,
    end: Instant,
) -> Result<Vec<Duration>, Status> {
    let mut client = SettlementServiceClient::new(channel);
    let mut times = Vec::new();
    while Instant::now() < end {
        let request = numbered(&request, next.fetch_add(1, Ordering::Relaxed));
        let start = Instant::now();
        client.settle(request).await?;
        times.push(start.elapsed());
    }
    Ok(times)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
