//! The options of `onestop load`.

use std::path::PathBuf;
use std::time::Duration;

use super::claims::ClaimProfile;
use super::connections::Transport;
use super::schedule::Arrivals;
use crate::cli::client::address::TlsOptions;
use crate::cli::exit::CommandError;
use crate::pb::settlement::SettlementView;

/// How arrivals come.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArrivalMode {
    /// Callers that each wait for their answer: the most that the servers do
    Closed,
    /// A fixed rate, whether or not earlier arrivals are answered
    Fixed,
    /// The curve of a day, whose peak from 10 to 12 has the rate, within the seconds
    Day,
    /// A rate that rises by a quarter with each step, until the servers no longer carry it
    Ramp,
}

/// How much of a settlement is answered.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// The whole derivation
    Full,
    /// Totals, payers and pools
    Summary,
}

/// The size and shape of a load.
#[derive(clap::Args, Debug)]
pub(crate) struct LoadOptions {
    /// A server to load (repeatable); without one, a server is started on a temporary store that is removed afterwards
    #[arg(long = "server", value_name = "URL")]
    pub(super) servers: Vec<String>,
    #[command(flatten)]
    pub(super) tls: TlsOptions,
    /// How arrivals come
    #[arg(long, value_enum, default_value_t = ArrivalMode::Closed)]
    pub(super) arrivals: ArrivalMode,
    /// Arrivals a second: the fixed rate, the peak of the day, the first step of the ramp
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Seconds: 30 unless given, 300 for a day and for a ramp
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=7_200))]
    seconds: Option<u32>,
    /// Seconds of a step of the ramp
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    step: u32,
    /// The ramp ends when latency at 99% is above this, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub(super) p99_limit: u64,
    /// Maximum number of arrivals
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(super) claims: u64,
    /// Callers of the closed loop
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) callers: u32,
    /// Arrivals in flight in the open loop; further ones wait, and their latency counts on
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) in_flight: u32,
    /// Connections to each server
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(super) connections: u32,
    /// Settle over one stream for each connection instead of one call for each claim
    #[arg(long)]
    streams: bool,
    /// How much of a settlement is answered
    #[arg(long, value_enum, default_value_t = View::Full)]
    view: View,
    /// How large claims are, and what happens to them
    #[arg(long, value_enum, default_value_t = ClaimProfile::Hospital)]
    pub(super) profile: ClaimProfile,
    /// Persons, some of whom have many more claims than others
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(super) persons: u64,
    /// Hospitals, some of which have many more claims than others
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=5_000))]
    pub(super) hospitals: u64,
    /// The seed that decides persons, hospitals, claims and the instants of arrivals
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// What the ids of persons and hospitals begin with (default: another for each load)
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub(super) name: Option<String>,
    /// Only import the tables; where callers have roles, call as a registrar
    #[arg(long, conflicts_with = "prepared", requires_all = ["servers", "name"])]
    pub(super) prepare: bool,
    /// Skip the import; the same name, seed, persons and hospitals were prepared before. Where callers have roles, prepare
    /// one hospital, and call as the hospital NAME-H0000
    #[arg(long, requires_all = ["servers", "name"])]
    pub(super) prepared: bool,
    /// Allow servers that are not on this machine
    #[arg(long)]
    pub(super) anywhere: bool,
    /// The policies of the servers, as a directory of policy files instead of the shipped policies
    #[arg(long, value_name = "DIR")]
    pub(super) policies: Option<PathBuf>,
    /// Maximum number of persons whose accounts are audited at the end; 0 audits none
    #[arg(long, value_name = "PERSONS", default_value_t = 100_000)]
    pub(super) audit: u64,
    /// Write the report as a page with charts to this file
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
}

impl LoadOptions {
    /// How long the load lasts at most.
    pub(super) fn time(&self) -> Duration {
        let default = match self.arrivals {
            ArrivalMode::Closed | ArrivalMode::Fixed => 30,
            ArrivalMode::Day | ArrivalMode::Ramp => 300,
        };
        Duration::from_secs(self.seconds.unwrap_or(default).into())
    }

    /// When arrivals come; none in the closed loop.
    pub(super) fn schedule(&self) -> Option<Arrivals> {
        let (rate, seconds) = (self.rate.into(), self.time().as_secs_f64());
        match self.arrivals {
            ArrivalMode::Closed => None,
            ArrivalMode::Fixed => Some(Arrivals::Fixed { rate, seconds }),
            ArrivalMode::Day => Some(Arrivals::Day { peak: rate, seconds }),
            ArrivalMode::Ramp => Some(Arrivals::Ramp { start: rate, step: self.step.into(), seconds }),
        }
    }

    /// The rate of the first step of a ramp and the time of each; none for other arrivals.
    pub(super) fn ramp(&self) -> Option<(f64, Duration)> {
        let is_ramp = self.arrivals == ArrivalMode::Ramp;
        is_ramp.then(|| (self.rate.into(), Duration::from_secs(self.step.into())))
    }

    /// How claims are settled.
    pub(super) fn transport(&self) -> Transport {
        if self.streams { Transport::Stream } else { Transport::Unary }
    }

    /// How much of a settlement is answered.
    pub(super) fn view(&self) -> SettlementView {
        match self.view {
            View::Full => SettlementView::Full,
            View::Summary => SettlementView::Summary,
        }
    }

    /// Refuses servers that are not on this machine, unless they are allowed.
    ///
    /// # Errors
    /// The first such server.
    pub(super) fn check_servers(&self) -> Result<(), CommandError> {
        match self.servers.iter().find(|url| !self.anywhere && !is_loopback(url)) {
            Some(url) => Err(CommandError::Usage(format!("{url} is not on this machine; --anywhere allows that"))),
            None => Ok(()),
        }
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    match (1..=24).contains(&text.len()) && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("a name has 1 to 24 letters, digits and hyphens".to_owned()),
    }
}

fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
