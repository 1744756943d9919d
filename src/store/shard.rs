//! Shards of persons, so that a store on several machines finds an entry by its id alone.
//!
//! A shard is six bits of an unkeyed hash. It is the same in every store, whatever its secret, so that entries can be
//! copied from one store to another with their ids. It identifies nobody, since one person in 64 shares it. The number of
//! shards never changes: every id contains its shard.

use crate::domain::ids::{CanonicalDigest, EntryId, PersonId};

/// The number of shards.
pub const SHARDS: u8 = 64;

/// The bits of an id's last byte that contain its shard.
const MASK: u8 = SHARDS - 1;

/// A shard, numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// The shard of the administration of a store.
    pub const ADMINISTRATION: Shard = Shard(0);

    /// The shard of a person, which contains all their rows.
    pub fn of_person(person_id: &PersonId) -> Shard {
        Shard::of_person_text(person_id.as_str())
    }

    /// The shard of a person, by the id as received.
    pub(crate) fn of_person_text(person_id: &str) -> Shard {
        Shard::from_byte(CanonicalDigest::new("shard/2").text(person_id).finish().0[0])
    }

    /// The shard in an entry's id; arbitrary for an id that is older than shards.
    pub fn of_entry(EntryId(id): EntryId) -> Shard {
        Shard::from_byte(id[15])
    }

    /// The shard in the low bits of a byte.
    pub fn from_byte(byte: u8) -> Shard {
        Shard(byte & MASK)
    }

    /// All shards.
    pub fn all() -> impl Iterator<Item = Shard> {
        (0..SHARDS).map(Shard)
    }

    /// The number, from 0.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The id with this shard in it.
    pub fn set_in(self, EntryId(mut id): EntryId) -> EntryId {
        id[15] = id[15] & !MASK | self.0;
        EntryId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_a_shard_changes_only_the_shard_bits_of_an_id() {
        let id = EntryId([0xff; 16]);
        for shard in Shard::all() {
            let EntryId(named) = shard.set_in(id);
            assert_eq!(Shard::of_entry(EntryId(named)), shard);
            assert_eq!((&named[..15], named[15] | MASK), (&id.0[..15], 0xff));
        }
    }

    fn shard_of(person: &str) -> u8 {
        Shard::of_person(&PersonId::parse(person, 64).expect("an id")).number()
    }

    /// Stored ids contain these shards.
    #[test]
    fn the_shard_of_a_person_never_changes() {
        assert_eq!(["P1", "P2", "370102197001010011"].map(shard_of), [54, 17, 26]);
    }

    #[test]
    fn persons_spread_over_all_shards() {
        let mut persons = [0u32; SHARDS as usize];
        for number in 0..64_000 {
            persons[usize::from(shard_of(&format!("P{number}")))] += 1;
        }
        assert!(persons.iter().all(|count| (850..1_150).contains(count)), "{persons:?}");
    }
}
