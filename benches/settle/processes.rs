//! The servers that are compared, as processes, and what they are called with.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use onestop::cli::client::Client;
use onestop::cli::client::import::import_table;
use onestop::grpc::to_proto;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settlement_service_client::SettlementServiceClient;
use onestop::reference::table::ReferenceTable;

use super::bare::Answers;
use super::measure::{Failed, cpu_micros};
use super::{at, bills};

const PERSONS: u64 = 200_000;

/// A server process; dropping it kills it by its id.
pub struct Process {
    child: Child,
    pub url: String,
}

impl Process {
    /// A server of this program over a new store in a directory.
    pub fn onestop(program: &str, store: &Path, variables: &[(&str, &str)]) -> Result<Process, Failed> {
        let mut serve = Command::new(program);
        serve.args(["serve", "--create", "--listen", "127.0.0.1:0", "--store"]).arg(store);
        Process::start(serve.envs(variables.iter().copied()), "")
    }

    pub fn start(command: &mut Command, input: &str) -> Result<Process, Failed> {
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
    pub fn cpu(&self) -> Result<f64, Failed> {
        cpu_micros(self.child.id())
    }

    /// Memory in MiB from `/proc`: `VmRSS` now, `VmHWM` the maximum.
    pub fn memory_mib(&self, field: &str) -> Result<u64, Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with(field)).ok_or("no such figure")?;
        Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse::<u64>()? / 1_024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.kill().is_err() || self.child.wait().is_err() {
            eprintln!("a server had stopped by itself");
        }
    }
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

/// The request, and the answers to it in every form, of a server into which its tables are imported.
pub async fn prepared(url: &str) -> Result<(pb::SettleRequest, Answers), Failed> {
    let (request, codes) = request();
    import(url, &codes).await?;
    let mut client = SettlementServiceClient::connect(url.to_owned()).await?;
    let quote = client.quote(pb::QuoteRequest { claim: numbered(&request, 0).claim }).await?.into_inner();
    let full = client.settle(numbered(&request, 0)).await?.into_inner();
    let summary = pb::SettleRequest { view: pb::SettlementView::Summary.into(), ..numbered(&request, 0) };
    let summary = client.settle(summary).await?.into_inner();
    Ok((request, Answers { quote, full, summary }))
}

/// The ids of a number, each of one length: of the request, of the claim, and of a random person.
pub fn ids(number: u64) -> [String; 3] {
    let person = bills::Random(number).below(PERSONS);
    [format!("37010001-20170615-{number:010}"), format!("ZY20170615{number:010}"), format!("P{person:06}")]
}

/// The request as another claim of a random person.
pub fn numbered(request: &pb::SettleRequest, number: u64) -> pb::SettleRequest {
    let mut request = request.clone();
    let [request_id, claim_id, person_id] = ids(number);
    request.request_id = request_id;
    if let Some(claim) = &mut request.claim {
        claim.claim_id = claim_id;
        claim.person_id = person_id;
    }
    request
}

/// The time of a synced write of 8 KiB at 99%, in milliseconds.
pub fn sync_p99(directory: &Path) -> Result<f64, Failed> {
    let path = directory.join("sync");
    let mut file = std::fs::File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..500 {
        let start = Instant::now();
        file.write_all(&[7; 8_192])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(at(&mut times, 0.99))
}
