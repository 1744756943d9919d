//! The manifest: which runs are the index, and up to where they cover the log.
//!
//! | bytes | content |
//! | --- | --- |
//! | 0..16 | `onestop.manifest` |
//! | 16..20 | the format: 1 |
//! | 20..24 | CRC-32C of bytes 24 to the end |
//! | 24..40 | the identity of the store |
//! | 40..48, 48..56, 56..64 | covered: the end of the log that the runs are of, its chain checksum, the sequence number of the last commit |
//! | 64..72 | the number of the next run |
//! | then, for each run, newest first, 40 bytes | its number, its level, from and to where in the log, and the checksum of its head |
//!
//! Numbers are little-endian and of 8 bytes, unless the table says otherwise.
//!
//! It is replaced as a whole: written to `manifest.new`, synced, renamed. The files of new runs are durable before the
//! rename, and those of replaced runs are removed only when it is durable. So a crash at any moment leaves one valid
//! manifest, and at most files that it does not list.

use super::disk::Disk;
use super::error::{Damage, IndexError};
use super::key::LogEnd;
use super::run_head::{FORMAT, RunId, check_head};

const MAGIC: &[u8; 16] = b"onestop.manifest";

/// The name of the file.
pub(super) const MANIFEST: &str = "manifest";

/// The name of a manifest that is being written.
pub(super) const NEW_MANIFEST: &str = "manifest.new";

const HEAD: usize = 72;
const RUN: usize = 40;

/// The maximum length of a manifest in bytes: more than a hundred thousand runs.
const MAX_BYTES: u64 = 4 << 20;

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) covered: LogEnd,
    pub(super) next_run: u64,
    /// The runs, newest first, with the checksums of their heads.
    pub(super) runs: Vec<(RunId, u32)>,
}

impl Manifest {
    /// The bytes of the file.
    pub(super) fn encode(&self, identity: &[u8; 16]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + RUN * self.runs.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(identity);
        let covered = [self.covered.lsn, u64::from(self.covered.chain), self.covered.sequence, self.next_run];
        let runs = self.runs.iter();
        let runs = runs.flat_map(|(id, checksum)| [id.number, id.level, id.from, id.to, u64::from(*checksum)]);
        for number in covered.into_iter().chain(runs) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let checksum = crc32c::crc32c(&bytes[24..]);
        bytes[20..24].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The manifest in these bytes.
    pub(super) fn decode(bytes: &[u8], identity: &[u8; 16]) -> Result<Manifest, Damage> {
        if bytes.is_empty() {
            return Err(Damage::Empty);
        }
        check_head(bytes, MAGIC, identity)?;
        let content = |what| Damage::Content { page: 0, what };
        let (numbers, rest) = bytes[40..].as_chunks::<8>();
        let numbers: Vec<_> = numbers.iter().map(|number| u64::from_le_bytes(*number)).collect();
        let [lsn, chain, sequence, next_run, runs @ ..] = &numbers[..] else {
            return Err(content("it ends too early"));
        };
        let (runs, incomplete) = runs.as_chunks::<5>();
        if !rest.is_empty() || !incomplete.is_empty() {
            return Err(content("it ends within a run"));
        }
        let narrow = |checksum: &u64| u32::try_from(*checksum).map_err(|_| content("a checksum is too large"));
        let covered = LogEnd { lsn: *lsn, chain: narrow(chain)?, sequence: *sequence };
        let runs = runs.iter().map(|[number, level, from, to, checksum]| {
            Ok((RunId { number: *number, level: *level, from: *from, to: *to }, narrow(checksum)?))
        });
        let manifest = Manifest { covered, next_run: *next_run, runs: runs.collect::<Result<_, _>>()? };
        if manifest.is_consistent() { Ok(manifest) } else { Err(content("its runs do not follow one another")) }
    }

    /// Whether each run is of a part of the log before that of the newer one, and at least as often merged.
    fn is_consistent(&self) -> bool {
        let numbered = self.runs.iter().all(|(id, _)| id.number < self.next_run && id.from <= id.to);
        let ordered =
            self.runs.windows(2).all(|pair| pair[1].0.to <= pair[0].0.from && pair[0].0.level <= pair[1].0.level);
        numbered && ordered && self.runs.first().is_none_or(|(newest, _)| newest.to <= self.covered.lsn)
    }

    /// Reads the manifest.
    pub(super) fn read(disk: &dyn Disk, identity: &[u8; 16]) -> Result<Manifest, IndexError> {
        let damaged = |damage| IndexError::damaged(MANIFEST, damage);
        let failed = |error: std::io::Error| IndexError::file("read", MANIFEST, &error);
        let file = disk.open(MANIFEST).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => damaged(Damage::Missing),
            _ => failed(error),
        })?;
        let length = file.length().map_err(failed)?;
        if length > MAX_BYTES {
            return Err(damaged(Damage::Length { found: length, expected: MAX_BYTES }));
        }
        let mut bytes = vec![0; length as usize];
        file.read_at(&mut bytes, 0).map_err(failed)?;
        Manifest::decode(&bytes, identity).map_err(damaged)
    }

    /// Replaces the manifest by these bytes, durably. New runs must be durable, their entries in the directory need not.
    pub(super) fn replace(disk: &dyn Disk, bytes: &[u8]) -> Result<(), IndexError> {
        Manifest::write_new(disk, bytes)?;
        Manifest::put_in_place(disk)
    }

    /// Writes a manifest that [`Manifest::put_in_place`] makes the manifest. If it fails, the present one stays.
    pub(super) fn write_new(disk: &dyn Disk, bytes: &[u8]) -> Result<(), IndexError> {
        let write = || {
            let file = disk.create(NEW_MANIFEST)?;
            file.pwrite(bytes, 0)?;
            file.sync()?;
            disk.sync_directory()
        };
        write().map_err(|error| IndexError::file("write", NEW_MANIFEST, &error))
    }

    /// Replaces the manifest by the one that was written, durably. If it fails, either may be the manifest.
    pub(super) fn put_in_place(disk: &dyn Disk) -> Result<(), IndexError> {
        let replaced = disk.rename(NEW_MANIFEST, MANIFEST).and_then(|()| disk.sync_directory());
        replaced.map_err(|error| IndexError::file("replace", MANIFEST, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let run = |number, level, from, to| (RunId { number, level, from, to }, number as u32 * 7);
        let covered = LogEnd { lsn: 9_000, chain: 5, sequence: 77 };
        Manifest { covered, next_run: 12, runs: vec![run(11, 0, 800, 900), run(9, 0, 500, 800), run(10, 2, 0, 400)] }
    }

    #[test]
    fn a_manifest_gives_back_what_was_written_and_any_flipped_byte_or_cut_is_found() {
        let mut bytes = manifest().encode(&[1; 16]);
        assert_eq!(Manifest::decode(&bytes, &[1; 16]), Ok(manifest()));
        assert_eq!(Manifest::decode(&bytes, &[2; 16]), Err(Damage::OtherStore));
        for at in 0..bytes.len() {
            assert!(Manifest::decode(&bytes[..at], &[1; 16]).is_err(), "{at} bytes");
            bytes[at] ^= 0x10;
            assert!(Manifest::decode(&bytes, &[1; 16]).is_err(), "byte {at}");
            bytes[at] ^= 0x10;
        }
    }

    #[test]
    fn runs_that_do_not_follow_one_another_are_refused() {
        let changes: [fn(&mut Manifest); 4] = [
            |manifest| manifest.runs.reverse(),
            |manifest| manifest.covered.lsn = 899,
            |manifest| manifest.next_run = 11,
            |manifest| manifest.runs[1].0.level = 3,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut manifest = manifest();
            change(&mut manifest);
            let refused = Damage::Content { page: 0, what: "its runs do not follow one another" };
            assert_eq!(Manifest::decode(&manifest.encode(&[1; 16]), &[1; 16]), Err(refused), "change {number}");
        }
    }
}
