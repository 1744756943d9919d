//! The commands and their options.

use std::path::PathBuf;
use std::pin::Pin;

use clap::{CommandFactory, Parser, Subcommand};
use tokio::runtime::Builder;

use crate::store::secret_file;
use crate::store::thread_priority::lower_thread_priority;
use crate::telemetry::Telemetry;

use super::admin::audit::AuditCommand;
use super::admin::configure::ConfigCommand;
use super::admin::copy_options::CopyOptions;
use super::admin::init::{self, InitOptions};
use super::admin::keys::KeysCommand;
use super::admin::restore::{self, RestoreOptions};
use super::admin::{audit, config_options, configure, copy, keys, move_years, policy};
use super::cases::policy_test::{self, CaseBackend};
use super::client::activate;
use super::client::address::{ServerOptions, TlsOptions};
use super::client::commands::{self as client_commands, ClientCommand};
use super::client::dropped_words;
use super::client::policy_source::{self, PolicySourceOptions};
use super::demo::{self, DemoOptions};
use super::exit::{CommandError, CommandResult};
use super::impact::{self, ImpactOptions};
use super::load::{self, LoadOptions};
use super::output::policy_diff::{self, PolicyDiffOptions};
use super::output::policy_terms::PolicyTermsOptions;
use super::output::statement::Lang;
use super::report::{self, ReportOptions};
use super::serve::{self, ServeOptions};

/// What a server logs unless ONESTOP_LOG says otherwise: warnings and errors, and the events of its life.
const SERVER_LOG_LEVEL: &str = "warn,onestop::life=info";

/// What every other command logs unless ONESTOP_LOG says otherwise.
const COMMAND_LOG_LEVEL: &str = "warn";

/// One-stop settlement of hospital claims (一站式结算): who pays what, to the fen.
#[derive(Parser, Debug)]
#[command(name = "onestop", version)]
pub struct Command {
    #[command(subcommand)]
    action: Action,
    /// Print JSON, one value per line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Create a store in a directory or on a Redis
    Init(InitOptions),
    /// Serve over gRPC, with a store in a directory or on a Redis
    Serve(Box<ServeOptions>),
    /// Settle demonstration claims on a temporary server and show the results
    Demo(DemoOptions),
    /// Check, list, show, compare, test and activate policies
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Verify a store against its journal, or write a seal file to verify it against later
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Copy a store to a new one with its own secret and verify every chain; after an interruption, run it again
    Copy(CopyOptions),
    /// Verify a backup, and make a store of it
    Restore(RestoreOptions),
    /// Run a load test on a server of its own with a temporary store, or on the servers that are named
    Load(Box<LoadOptions>),
    /// Report sums over settlements (台账), net of reversals and revisions, by hospital, payer and more
    Report(Box<ReportOptions>),
    /// Create certificates for tests
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Create the file with the secret of a store on Redis; every instance needs a copy
    Secret {
        /// The file; it must not exist
        file: PathBuf,
    },
    /// Check a configuration file, or show a complete configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a shell completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    #[command(flatten)]
    Client(ClientCommand),
}

#[derive(Subcommand, Debug)]
enum PolicyCommand {
    /// Check policy files and report every fault
    Check {
        /// A directory of policy files, instead of the shipped policies
        #[arg(long, value_name = "DIR")]
        policies: Option<PathBuf>,
        /// Refuse what is only warned of, too
        #[arg(long)]
        strict: bool,
        /// List payers and cap accounts, each with the number of layers that use it
        #[arg(long)]
        names: bool,
        /// Refuse a vocabulary without a word that rows or settlements of this server use
        #[arg(long, value_name = "URL")]
        server: Option<String>,
        #[command(flatten)]
        tls: TlsOptions,
        /// The language of faults and warnings; that of the environment unless given
        #[arg(long)]
        lang: Option<Lang>,
        /// All policy files of a book with their vocabulary.toml, or a directory of them
        files: Vec<PathBuf>,
    },
    /// List the policies that are shipped, in a directory, or in use by a server
    List {
        /// A directory of policy files, instead of the shipped policies
        #[arg(long, value_name = "DIR", conflicts_with = "server")]
        policies: Option<PathBuf>,
        /// List the policies in use by this server
        #[arg(long, value_name = "URL")]
        server: Option<String>,
        #[command(flatten)]
        tls: TlsOptions,
        /// The language; that of the environment unless given
        #[arg(long)]
        lang: Option<Lang>,
    },
    /// Make a server reload and check its policy files, and use them for every call that begins afterwards
    Activate {
        #[command(flatten)]
        server: ServerOptions,
        /// Show what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Refuse unless the files have this digest, which a dry run shows
        #[arg(long, value_name = "DIGEST")]
        expect: Option<String>,
        /// The language; that of the environment unless given
        #[arg(long)]
        lang: Option<Lang>,
    },
    /// Show what a policy pays, as tables with a column for each category of persons
    Show {
        #[command(flatten)]
        source: PolicySourceOptions,
        #[command(flatten)]
        options: PolicyTermsOptions,
    },
    /// Show what differs between two directories of policy files, figure by figure
    Diff(PolicyDiffOptions),
    /// Decide the settlements of a store again under another book, and show what changes; nothing is committed
    Impact(Box<ImpactOptions>),
    /// Run policy cases, in this process or over gRPC
    Test {
        /// A directory of policy files, instead of the shipped policies
        #[arg(long, value_name = "DIR")]
        policies: Option<PathBuf>,
        /// Run each case over gRPC on a temporary server, with a fresh store in a directory
        #[arg(long)]
        grpc: bool,
        /// Run each case with a fresh store on this Redis, under a prefix of its own that is removed afterwards
        #[arg(long, value_name = "URL", requires = "grpc")]
        store: Option<String>,
        /// The language of results and faults; that of the environment unless given
        #[arg(long)]
        lang: Option<Lang>,
        /// Case files, or directories of them
        #[arg(required = true, value_name = "CASE")]
        cases: Vec<PathBuf>,
    },
}

/// The `nice` of the threads of a server that do not settle.
const BESIDE_SETTLING: i32 = 10;

impl Command {
    /// Starts the log of the process and the export of its telemetry: for a server as its configuration says, for every
    /// other command as the environment says.
    ///
    /// # Errors
    /// If the configuration is refused, or telemetry cannot be exported as it says.
    pub fn start_telemetry(&self) -> Result<Telemetry, CommandError> {
        match &self.action {
            Action::Serve(options) => {
                Ok(Telemetry::start(&options.configured.read()?.config.telemetry, SERVER_LOG_LEVEL)?)
            }
            _ => Ok(Telemetry::start(&config_options::telemetry(), COMMAND_LOG_LEVEL)?),
        }
    }

    /// The runtime of the command. One thread serves and one commits, which is faster and steadier on few cores than a
    /// thread pool; what a server does beside settling (imports, reports, reading for backups) yields to both.
    pub fn runtime(&self) -> Builder {
        let mut builder = Builder::new_current_thread();
        if matches!(self.action, Action::Serve(_)) {
            builder.on_thread_start(|| lower_thread_priority(BESIDE_SETTLING));
        }
        builder.enable_all();
        builder
    }
}

/// Runs a command; ends with why it failed. It is boxed, so that all it does is compiled once, with the library: an async
/// function is compiled where it is awaited.
pub fn run(command: Command, telemetry: &Telemetry) -> Pin<Box<dyn Future<Output = CommandResult> + '_>> {
    Box::pin(run_action(command, telemetry))
}

async fn run_action(command: Command, telemetry: &Telemetry) -> CommandResult {
    let json = command.json;
    match command.action {
        Action::Init(options) => init::run(&options).await,
        Action::Serve(options) => serve::run(&options, telemetry).await,
        Action::Demo(options) => demo::run(&options).await,
        Action::Client(command) => client_commands::run(command, json).await,
        Action::Policy(command) => run_policy(command, json).await,
        Action::Audit(command) => audit::run(&command, json).await,
        Action::Copy(options) => match options.move_years_before {
            Some(year) => move_years::run(&options, year, json).await,
            None => copy::run(&options, json).await,
        },
        Action::Restore(options) => restore::run(&options, json),
        Action::Load(options) => load::run(&options, json).await,
        Action::Report(options) => report::run(&options, json).await,
        Action::Keys(command) => Ok(keys::run(&command)?),
        Action::Secret { file } => Ok(secret_file::create(&file)?),
        Action::Config(command) => configure::run(&command, json),
        Action::Completions { shell } => {
            clap_complete::generate(shell, &mut Command::command(), "onestop", &mut std::io::stdout());
            Ok(())
        }
    }
}

impl PolicyCommand {
    /// The language of what it prints.
    fn lang(&self) -> Lang {
        let named = match self {
            PolicyCommand::Check { lang, .. }
            | PolicyCommand::List { lang, .. }
            | PolicyCommand::Activate { lang, .. }
            | PolicyCommand::Test { lang, .. } => *lang,
            PolicyCommand::Show { options, .. } => Some(options.lang()),
            PolicyCommand::Diff(options) => Some(options.lang()),
            PolicyCommand::Impact(options) => Some(options.lang()),
        };
        named.unwrap_or_else(Lang::from_environment)
    }
}

async fn run_policy(command: PolicyCommand, json: bool) -> CommandResult {
    let lang = command.lang();
    run_policy_in(lang, command, json).await.map_err(|error| lang.command_error(error))
}

async fn run_policy_in(lang: Lang, command: PolicyCommand, json: bool) -> CommandResult {
    match command {
        PolicyCommand::Check { policies, strict, names, server, tls, lang: _, files } => {
            let book = policy::read_checked_book(policies.as_deref(), &files, lang)?;
            if let Some(server) = server {
                dropped_words::check(&book, &server, &tls, lang).await?;
            }
            policy::report_check(&book, &policy::CheckOptions { strict, names, lang, json })
        }
        PolicyCommand::List { server: Some(server), tls, .. } => activate::list(&server, &tls, (lang, json)).await,
        PolicyCommand::List { policies, .. } => policy::list(policies.as_deref(), lang, json),
        PolicyCommand::Activate { server, dry_run, expect, lang: _ } => {
            activate::run(&server, dry_run, expect.as_deref(), (lang, json)).await
        }
        PolicyCommand::Show { source, options } => policy_source::show(&source, &options, json).await,
        PolicyCommand::Diff(options) => policy_diff::print_policy_diff(&options, json),
        PolicyCommand::Impact(options) => impact::run(&options, json).await,
        PolicyCommand::Test { policies, grpc, store, lang: _, cases } => {
            let backend = CaseBackend::from_options(grpc, store.as_deref())?;
            policy_test::run(policies.as_deref(), &backend, (lang, json), &cases).await
        }
    }
}
