//! The commands and their options.

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use super::admin::{audit, configure, copy, keys, policy};
use super::cases::policy_test;
use super::client::address::{Keys, Server};
use super::client::{activate, commands as client_commands, load};
use super::exit::Ended;
use super::output::policy_tables as show_policy;
use super::{demo, serve};
use crate::server::store_location as home;

/// One-stop settlement of hospital claims (一站式结算): who pays what, to the fen.
#[derive(Parser, Debug)]
#[command(name = "onestop", version)]
pub struct Command {
    #[command(subcommand)]
    action: Action,
    /// Print JSON, one value a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Serve over gRPC, on a store in a directory or on a Redis
    Serve(serve::Options),
    /// Settle the demonstration claims on a server of its own and show what happened
    Demo(demo::Options),
    /// Check, list, show and test policies
    #[command(subcommand)]
    Policy(PolicyAction),
    /// Recompute a store from its journal, or seal what stands in it
    #[command(subcommand)]
    Audit(audit::Action),
    /// Copy a store into a new one with a secret of its own, and verify every chain; interrupted, run it again
    Copy(copy::Options),
    /// Play the peak discharge morning against a server, with persons of its own
    Load(load::Options),
    /// Make certificates to try with
    #[command(subcommand)]
    Keys(keys::Action),
    /// Make the file with the secret of a store on Redis; every instance gets a copy
    Secret {
        /// The file; it must not be there yet
        file: PathBuf,
    },
    /// Check a configuration file, or show a configuration in full
    #[command(subcommand)]
    Config(configure::Action),
    /// Print what a shell completes these commands by
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    #[command(flatten)]
    Client(client_commands::Action),
}

#[derive(Subcommand, Debug)]
enum PolicyAction {
    /// Check a book and name every fault
    Check {
        /// A directory of policy files in place of the shipped book
        #[arg(long, value_name = "DIR")]
        policies: Option<PathBuf>,
        /// Policy files that make up the book, all together, or a directory of them
        files: Vec<PathBuf>,
    },
    /// List the policies of a book: the shipped one, a directory's, or the one that a server has in use
    List {
        /// A directory of policy files in place of the shipped book
        #[arg(long, value_name = "DIR", conflicts_with = "server")]
        policies: Option<PathBuf>,
        /// The book in use by this server
        #[arg(long, value_name = "URL")]
        server: Option<String>,
        #[command(flatten)]
        keys: Keys,
    },
    /// Have a server read its policy files anew, check them, and apply them to every call that begins after
    Activate {
        #[command(flatten)]
        server: Server,
        /// Say what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Refuse if the files are not those that a dry run told this digest of
        #[arg(long, value_name = "DIGEST")]
        expect: Option<String>,
    },
    /// Show what a policy pays, as tables
    Show {
        /// A directory of policy files in place of the shipped book
        #[arg(long, value_name = "DIR")]
        policies: Option<PathBuf>,
        #[command(flatten)]
        options: show_policy::Options,
    },
    /// Run policy tests, in process or over gRPC
    Test {
        /// A directory of policy files in place of the shipped book
        #[arg(long, value_name = "DIR")]
        policies: Option<PathBuf>,
        /// Run each case through a server of its own, with a fresh embedded store
        #[arg(long)]
        grpc: bool,
        /// The Redis on which each case has a store of its own, under a prefix of its own, removed afterwards
        #[arg(long, value_name = "URL", requires = "grpc")]
        store: Option<PathBuf>,
        /// Case files, or directories of them
        #[arg(required = true, value_name = "CASE")]
        cases: Vec<PathBuf>,
    },
}

/// Runs a command.
///
/// # Errors
/// How it failed, with its exit code.
pub async fn run(command: Command) -> Ended {
    let json = command.json;
    match command.action {
        Action::Serve(options) => serve::run(&options).await,
        Action::Demo(options) => demo::run(&options).await,
        Action::Client(action) => client_commands::run(action, json).await,
        Action::Policy(PolicyAction::Check { policies, files }) => policy::check(policies.as_deref(), &files, json),
        Action::Policy(PolicyAction::List { server: Some(server), keys, .. }) => {
            activate::list(keys.connect(&server).await?, json).await
        }
        Action::Policy(PolicyAction::List { policies, .. }) => policy::list(policies.as_deref(), json),
        Action::Policy(PolicyAction::Activate { server, dry_run, expect }) => {
            activate::run(&server, dry_run, expect.as_deref(), json).await
        }
        Action::Audit(action) => audit::run(&action, json).await,
        Action::Copy(options) => copy::run(&options, json).await,
        Action::Load(options) => load::run(&options, json).await,
        Action::Keys(action) => keys::run(&action),
        Action::Secret { file } => home::make_secret(&file),
        Action::Config(action) => configure::run(&action, json),
        Action::Completions { shell } => {
            clap_complete::generate(shell, &mut Command::command(), "onestop", &mut std::io::stdout());
            Ok(())
        }
        Action::Policy(PolicyAction::Show { policies, options }) => {
            show_policy::run(policies.as_deref(), &options, json)
        }
        Action::Policy(PolicyAction::Test { policies, grpc, store, cases }) => {
            let through = policy_test::Through::told(grpc, store.as_deref())?;
            policy_test::run(policies.as_deref(), &through, json, &cases).await
        }
    }
}
