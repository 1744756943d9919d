//! The real server as a process of its own, tables and claims for it, and the memory and disk that it uses.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use onestop::cli::client::Client;
use onestop::cli::client::import::import_table;
use onestop::domain::claim::{Quantity, RawClaim, RawDate, RawItem, UnitPrice};
use onestop::domain::money::Money;
use onestop::reference::table::ReferenceTable;

pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A server with a store in a directory of its own; dropping it stops the server and removes the directory.
pub struct Server {
    child: Child,
    pub url: String,
    pub directory: PathBuf,
}

/// The program to measure: `ONESTOP_PROGRAM`, or the one of this build.
pub fn program() -> String {
    std::env::var("ONESTOP_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_onestop").to_owned())
}

impl Server {
    pub fn start() -> Result<Server, Failed> {
        Server::over(std::env::temp_dir().join(format!("onestop-bench-{}", uuid::Uuid::now_v7())))
    }

    /// Kills the server and starts another over its store; it has started when it says where it serves.
    pub fn killed_and_started(mut self) -> Result<Server, Failed> {
        self.child.kill()?;
        self.child.wait()?;
        // What is dropped now must not remove the store.
        Server::over(std::mem::take(&mut self.directory))
    }

    fn over(directory: PathBuf) -> Result<Server, Failed> {
        let mut command = Command::new(program());
        command.args(["serve", "--create", "--listen", "127.0.0.1:0", "--store"]).arg(&directory);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).ok_or("no address")?;
        Ok(Server { url: url.trim_end_matches(',').to_owned(), child, directory })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Memory in KiB from `/proc`: `VmRSS` now, `VmHWM` the maximum.
    pub fn memory(&self, field: &str) -> Result<u64, Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with(field)).ok_or("no such figure")?;
        Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
    }

    /// Size of the database of reference tables in bytes.
    pub fn bytes(&self) -> Result<u64, Failed> {
        Ok(std::fs::metadata(self.directory.join("redb"))?.len())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The bench started it and is done with it.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
        if !self.directory.as_os_str().is_empty() {
            let _removed = remove(&self.directory);
        }
    }
}

fn remove(directory: &Path) -> std::io::Result<()> {
    std::fs::remove_dir_all(directory)
}

/// Imports one hospital, 20 codes, and this many insured persons: B0, B1, …
pub async fn tables(client: &mut Client, persons: usize) -> Result<(), Failed> {
    let row = |cells: &[&str]| vec![cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()];
    let each = |cells: &[&str]| {
        let cells: Vec<_> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        (0..persons).map(move |number| [&[format!("B{number}")][..], &cells].concat())
    };
    let codes = (0..20).map(|at| ["A", &at.to_string()].concat());
    let codes: Vec<Vec<String>> =
        codes.flat_map(|code| row(&[&code, "", "", "an item", "B", "0.10", "", ""])).collect();
    for (table, rows) in [
        (ReferenceTable::Hospitals, row(&["H1", "", "示范医院", "tertiary", "370100", "", ""])),
        (ReferenceTable::Designations, row(&["H1", "", ""])),
        (ReferenceTable::Catalogue, codes),
    ] {
        import_table(client, table, rows).await.map_err(|status| status.message().to_owned())?;
    }
    client.import_rows(ReferenceTable::Enrolments, each(&["", "resident", "370100", ""])).await?;
    Ok(())
}

/// Claim number `number`, of 20 items, for one of `persons` persons.
pub fn claim(number: usize, persons: usize) -> RawClaim {
    let item = |at: usize| RawItem {
        code: format!("A{at}").into(),
        quantity: Quantity(10_000),
        unit_price: UnitPrice(12_340_000),
        amount: Money::from_fen(1_234),
        day: None,
    };
    let day = Some(RawDate { year: 2017, month: 6, day: 15 });
    RawClaim {
        claim_id: format!("C{number}"),
        hospital_id: "H1".into(),
        person_id: format!("B{}", number % persons),
        visit: "inpatient".to_owned(),
        emergency: false,
        admitted: day,
        discharged: day,
        items: (0..20).map(item).collect(),
        total: None,
        diagnosis: None,
        continues: None,
    }
}
