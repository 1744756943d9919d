//! Shards: the parts that persons fall into, so that a store on several machines knows where an entry lies by its
//! id alone.
//!
//! A shard is six bits of an unkeyed hash: it is the same in every store, whatever its secret, so that entries can
//! be copied from one store to another under the ids that they have; and it tells nothing worth knowing, since one
//! person of 64 shares it. Their number is fixed for ever: it stands in every id.

use crate::domain::ids::{Digest, EntryId, PersonId};

/// How many there are.
pub const SHARDS: u8 = 64;

/// The bits of an id's last byte that name its shard.
const MASK: u8 = SHARDS - 1;

/// One of the shards, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// The shard of a person: everything about them lies in it.
    pub fn of(person_id: &PersonId) -> Shard {
        Shard::of_byte(Digest::of_value("shard/1", person_id).0[0])
    }

    /// The shard that an entry's id names. Ids of entries that were made before ids named shards name any.
    pub fn named_in(EntryId(id): EntryId) -> Shard {
        Shard::of_byte(id[15])
    }

    /// The shard that the low bits of a byte name.
    pub fn of_byte(byte: u8) -> Shard {
        Shard(byte & MASK)
    }

    /// Every shard.
    pub fn all() -> impl Iterator<Item = Shard> {
        (0..SHARDS).map(Shard)
    }

    /// Its number, from 0.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The same id, naming this shard.
    pub fn put_in(self, EntryId(mut id): EntryId) -> EntryId {
        id[15] = id[15] & !MASK | self.0;
        EntryId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_the_shard_that_was_put_in_and_is_the_same_otherwise() {
        let id = EntryId([0xff; 16]);
        for shard in Shard::all() {
            let EntryId(named) = shard.put_in(id);
            assert_eq!(Shard::named_in(EntryId(named)), shard);
            assert_eq!((&named[..15], named[15] | MASK), (&id.0[..15], 0xff));
        }
    }

    /// These stand in ids for ever.
    #[test]
    fn the_shard_of_a_person_never_changes() {
        let shards = ["P1", "P2", "370102197001010011", ""].map(|person| Shard::of(&person.into()).number());
        assert_eq!(shards, [54, 49, 27, 1]);
    }

    #[test]
    fn persons_spread_over_all_shards() {
        let mut persons = [0u32; SHARDS as usize];
        for number in 0..64_000 {
            persons[Shard::of(&format!("P{number}").into()).number() as usize] += 1;
        }
        assert!(persons.iter().all(|count| (850..1_150).contains(count)), "{persons:?}");
    }
}
