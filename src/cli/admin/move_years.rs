//! `onestop copy --move-years-before`: moves closed years of a store on Redis to an archive, a whole copy in a directory.
//!
//! After an interruption the same command continues, also if entries have already left the Redis: the source then is the
//! Redis together with the archive.

use serde_json::json;

use crate::cli::error::copy::CopyCommandError;
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::progress::Progress;
use crate::engine::copy::archive::{self, ArchivedSize};
use crate::engine::copy::{CopyContext, CopyReport, StoreCopy};
use crate::grpc::commit_stamp;
use crate::say;
use crate::server::store_location::StoreLocation;
use crate::server::year_move::YearMove;

use super::copy_options::CopyOptions;
use super::copy_report;

/// Moves the benefit years before `year`; with `--dry-run` shows how much would move.
///
/// # Errors
/// If a store cannot be opened, read or written, is damaged, or a year is not over.
pub(crate) async fn run(options: &CopyOptions, year: i32, json: bool) -> CommandResult {
    if year > commit_stamp::instant().china_day().year() {
        return Err(CopyCommandError::YearNotOver(year - 1).into());
    }
    let stores = YearMove::open(&options.from, options.source_secret_and_archive(), &options.to).await?;
    let stores = stores.ok_or(CopyCommandError::NotRedisToDirectory)?;
    if options.dry_run {
        let size = archive::archivable(stores.source(), year).await.map_err(CopyCommandError::from)?;
        print_dry_run(size, year, json);
    } else {
        let (copied, size) = copy_and_move(&stores, options, year).await?;
        print(&copied, size, year, json, &StoreLocation::parse(&options.to)?);
    }
    Ok(())
}

async fn copy_and_move(
    stores: &YearMove,
    options: &CopyOptions,
    year: i32,
) -> Result<(CopyReport, ArchivedSize), CommandError> {
    let (source, target) = (stores.source(), stores.target()?);
    let bar = Progress::in_stages();
    let progress = |stage, done, total| copy_report::show_progress(&bar, stage, done, total);
    let context = CopyContext { now: &|| commit_stamp::instant(), progress: &progress };
    let copying = StoreCopy::new(source, &*target, context).await.map_err(CopyCommandError::from)?;
    Ok(copying.run_and_archive(options.origin()?, year).await.map_err(CopyCommandError::from)?)
}

fn print_dry_run(ArchivedSize { entries, bytes }: ArchivedSize, year: i32, json: bool) {
    if json {
        say!("{}", json!({ "years_before": year, "entries": entries, "bytes": bytes }));
    } else {
        say!("{entries} entries of years before {year} would be moved, {bytes} bytes");
    }
}

fn print(copied: &CopyReport, size: ArchivedSize, year: i32, json: bool, to: &StoreLocation) {
    let ArchivedSize { entries, bytes } = size;
    if json {
        let mut value = copy_report::value(copied);
        value["moved"] = json!({ "years_before": year, "entries": entries, "bytes": bytes });
        say!("{value}");
    } else {
        copy_report::print(copied, to);
        say!("{entries} entries of years before {year} moved, {bytes} bytes; serve with --archive {to}");
    }
}
