//! `onestop copy --move-years-before`: closed years of a store on Redis move to an archive, a whole copy in a directory.
//!
//! Run again it goes on, also where the store noted this archive already and has lost entries to it: then what the copy
//! is made of is the store with the archive itself.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use crate::engine::copy::archive::{self, ArchivedSize};
use crate::engine::copy::{Copied, CopyContext, Copying};
use crate::grpc::commit_stamp;
use crate::say;
use crate::store::embedded::{Durability, EmbeddedStore};
use crate::store::redis::address::Address;
use crate::store::redis::{OpenError, RedisStore};
use crate::store::tiered::TieredStore;

use super::copy::{self, Options};
use crate::cli::exit::{Ended, Failure};
use crate::cli::output::progress::Progress;
use crate::server::store_location::{self as home, StoreLocation};

/// Moves them, or says how much there is to move.
///
/// # Errors
/// Exit 1 if a store is refused, damaged or something else; 2 if this is not from a Redis to a directory, or the year
/// before is not over; 3 if a store cannot be read or written: the same command again goes on.
pub async fn run(options: &Options, before: i32, json: bool) -> Ended {
    let (address, directory) = ends(options)?;
    if before > commit_stamp::now().instant.china_day().year() {
        return Err(Failure::Usage(format!("the benefit year {} is not over", before - 1)));
    }
    let there = if directory.join("FORMAT").exists() { home::archive(Some(&directory))? } else { None };
    let source = source(options, address, there.clone()).await?;
    if options.dry_run {
        let left = archive::archivable(&source, before).await.map_err(copy::failure)?;
        return would_move(left, before, json);
    }
    let target = there.map_or_else(|| home::directory(&directory, Durability::Synced).map(Arc::new), Ok)?;
    let moved = moved(&source, &target, options, before).await?;
    tell(moved, before, json, &StoreLocation::of(&options.to)?)
}

/// From which Redis to which directory.
fn ends(options: &Options) -> Result<(Address, PathBuf), Failure> {
    match (StoreLocation::of(&options.from)?, StoreLocation::of(&options.to)?) {
        (StoreLocation::Redis(address), StoreLocation::Directory(directory)) => Ok((address, directory)),
        _ => Err(Failure::Usage("years are moved --from a Redis --to a directory".to_owned())),
    }
}

/// The store on Redis, with the archive that is named, or none; or with the target, where it noted that already.
async fn source(
    options: &Options,
    address: Address,
    there: Option<Arc<EmbeddedStore>>,
) -> Result<TieredStore<RedisStore, EmbeddedStore>, Failure> {
    let secret = home::secret(options.from_secret.as_deref())?;
    let named = options.archive.as_deref().filter(|archive| !copy::same(archive, &options.to));
    let opened = home::existing_redis(address.clone(), secret.clone(), home::archive(named)?).await;
    match opened {
        Err(error @ (OpenError::Archived(_) | OpenError::AnotherArchive(_))) if there.is_some() => {
            let opened = home::existing_redis(address, secret, there).await;
            opened.map_err(|other| {
                home::refused(if matches!(other, OpenError::AnotherArchive(_)) { error } else { other })
            })
        }
        opened => opened.map_err(home::refused),
    }
}

async fn moved(
    source: &TieredStore<RedisStore, EmbeddedStore>,
    target: &EmbeddedStore,
    options: &Options,
    before: i32,
) -> Result<(Copied, ArchivedSize), Failure> {
    let bar = Progress::of_stages();
    let progress = |stage, done, all| bar.at_stage(copy::named(stage), done, all);
    let outside = CopyContext { now: &|| commit_stamp::now().instant, progress: &progress };
    let copying = Copying::between(source, target, outside).await.map_err(copy::failure)?;
    copying.run_and_archive(copy::told(options)?, before).await.map_err(copy::failure)
}

fn would_move(ArchivedSize { entries, bytes }: ArchivedSize, before: i32, json: bool) -> Ended {
    if json {
        say!("{}", json!({ "years_before": before, "entries": entries, "bytes": bytes }));
    } else {
        say!("{entries} entries of years before {before} would be moved, {bytes} bytes");
    }
    Ok(())
}

fn tell(
    (copied, ArchivedSize { entries, bytes }): (Copied, ArchivedSize),
    before: i32,
    json: bool,
    to: &StoreLocation,
) -> Ended {
    if json {
        let mut value = copy::value(&copied);
        value["moved"] = json!({ "years_before": before, "entries": entries, "bytes": bytes });
        say!("{value}");
    } else {
        copy::tell(&copied, to);
        say!("{entries} entries of years before {before} moved, {bytes} bytes; serve with --archive {to}");
    }
    Ok(())
}
