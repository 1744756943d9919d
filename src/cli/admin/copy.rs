//! `onestop copy`: a store into another, with a secret of its own. It works on stores that no server has.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::engine::copy::{Copied, CopyContext, Copying, NotCopied, Stage};
use crate::engine::import::Told;
use crate::grpc::commit_stamp;
use crate::say;
use crate::store::{Store, StoreError};

use super::move_years;
use crate::cli::exit::{Ended, Failure};
use crate::cli::output::progress::Progress;
use crate::server::store_location::{Opened, StoreLocation, With};

/// What `copy` is told.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The store to copy: its directory, or a Redis; nothing is changed in it, unless years are moved
    #[arg(long, value_name = "DIR|URL")]
    pub(super) from: PathBuf,
    /// The secret of a store on Redis that is copied
    #[arg(long, value_name = "FILE")]
    pub(super) from_secret: Option<PathBuf>,
    /// The archive that closed years of that store were moved to before
    #[arg(long, value_name = "DIR")]
    pub(super) archive: Option<PathBuf>,
    /// The store that becomes the copy: a directory or a prefix on a Redis where nothing is, or a part of this very copy
    #[arg(long, value_name = "DIR|URL")]
    pub(super) to: PathBuf,
    /// The secret of a store on Redis that becomes the copy
    #[arg(long, value_name = "FILE")]
    to_secret: Option<PathBuf>,
    /// Who copies, as the log of imports shall say
    #[arg(long, value_name = "NAME", env = "USER", default_value = "", hide_env = true)]
    by: String,
    /// Once the whole copy, in a directory, is verified, remove the settlements of benefit years before this one from
    /// the Redis: the copy is their archive from then on
    #[arg(long, value_name = "YEAR", conflicts_with = "to_secret")]
    move_years_before: Option<i32>,
    /// Say how much would be moved, and change nothing
    #[arg(long, requires = "move_years_before")]
    pub(super) dry_run: bool,
}

/// Copies.
///
/// # Errors
/// Exit 1 if a store is in use, damaged, or the target holds something else; 2 if there is no store to copy; 3 if a
/// store cannot be read or written: the same command again goes on.
pub async fn run(options: &Options, json: bool) -> Ended {
    if let Some(year) = options.move_years_before {
        return move_years::run(options, year, json).await;
    }
    let with = With { secret: options.from_secret.as_deref(), archive: options.archive.as_deref() };
    let source = Opened::existing(&options.from, with).await?;
    if same(&options.from, &options.to) {
        return Err(Failure::Usage("--from and --to name the same store".to_owned()));
    }
    let copied = match source {
        Opened::Directory(source) => copied_from(source, options).await?,
        Opened::Redis(source) => copied_from(source, options).await?,
    };
    if json {
        say!("{}", value(&copied))
    } else {
        tell(&copied, &StoreLocation::of(&options.to)?)
    }
    Ok(())
}

async fn copied_from(source: impl Store, options: &Options) -> Result<Copied, Failure> {
    match Opened::at(&options.to, options.to_secret.as_deref()).await? {
        Opened::Directory(target) => copied(source, target, options).await,
        Opened::Redis(target) => copied(source, target, options).await,
    }
}

pub(super) fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    one == other || real(one).is_some_and(|one| real(other) == Some(one))
}

async fn copied(source: impl Store, target: impl Store, options: &Options) -> Result<Copied, Failure> {
    let bar = Progress::of_stages();
    let progress = |stage, done, all| bar.at_stage(named(stage), done, all);
    let outside = CopyContext { now: &|| commit_stamp::now().instant, progress: &progress };
    let copying = Copying::between(&source, &target, outside).await.map_err(failure)?;
    copying.run(told(options)?).await.map_err(failure)
}

/// Who copies what, as the log of imports shall say.
pub(super) fn told(options: &Options) -> Result<Told, Failure> {
    Ok(Told { source: StoreLocation::of(&options.from)?.to_string(), imported_by: options.by.clone() })
}

pub(super) fn named(stage: Stage) -> &'static str {
    match stage {
        Stage::Persons => "persons",
        Stage::Chains => "entries of chains",
        Stage::Lists => "settlements of hospitals' days",
        Stage::Verifying => "entries verified",
        Stage::Archiving => "entries moved, or left where they are",
    }
}

pub(super) fn failure(why: NotCopied) -> Failure {
    match why {
        NotCopied::Store(_, StoreError::Unavailable(_) | StoreError::Unknown(_)) => {
            Failure::Unreachable(format!("{why}; the same command again goes on from there"))
        }
        why => Failure::Refused(why.to_string()),
    }
}

pub(super) fn value(copied: &Copied) -> Value {
    let Copied { policies, imports, hospitals, catalogue, persons, chains, entries, settlements, splits } = copied;
    json!({
        "policies": policies, "imports": imports, "hospitals": hospitals, "catalogue": catalogue,
        "persons": persons.all, "persons_written": persons.written,
        "chains": chains, "entries": entries.all, "entries_written": entries.written,
        "settlements": settlements, "splits": splits,
    })
}

pub(super) fn tell(copied: &Copied, to: &StoreLocation) {
    let Copied { policies, imports, hospitals, catalogue, persons, chains, entries, settlements, splits } = copied;
    say!(
        "{policies} policies, {imports} imports, {hospitals} hospitals, {catalogue} rows of the catalogue, {} persons \
         ({} written now)",
        persons.all,
        persons.written
    );
    say!("{chains} chains, {} entries ({} written now), {settlements} settlements", entries.all, entries.written);
    say!("verified: every chain ends as it did, {splits} splits recomputed; {to} can be served");
}
