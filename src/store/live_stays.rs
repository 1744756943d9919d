//! The stays of a person that are in force, packed: every settlement of the person reads and writes them all, and few of
//! those read need more than their days.

use crate::domain::ids::EntryId;

/// The bytes of an id.
const ID: usize = 16;

/// The bytes of a stay: the id of the settlement, the number of the hospital, the first and the last day.
const STAY: usize = ID + 3 * size_of::<u32>();

/// The bytes of a continuation: the id of the settlement, and that of the one that it continues.
const CONTINUATION: usize = 2 * ID;

/// The settlements in force of visits that count admissions, in the order of their commits.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LiveStays {
    /// [`STAY`] bytes each, numbers little-endian.
    packed: Vec<u8>,
    /// [`CONTINUATION`] bytes for each settlement in force that continues another, of any visit: a stay may continue one by
    /// way of another visit.
    continuations: Vec<u8>,
}

crate::domain::ids::silent_debug!(LiveStays);

/// A settlement in force of a visit that counts admissions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LiveStay {
    /// The settlement.
    pub settlement: EntryId,
    /// The number of the hospital among those of the person, from 0.
    pub hospital: u32,
    /// The number of the first day.
    pub admitted: u32,
    /// The number of the last day.
    pub discharged: u32,
}

crate::domain::ids::silent_debug!(LiveStay);

impl LiveStays {
    /// The stays of these bytes; `None` if they are of none.
    pub fn from_packed(packed: Vec<u8>, continuations: Vec<u8>) -> Option<LiveStays> {
        let whole = packed.len().is_multiple_of(STAY) && continuations.len().is_multiple_of(CONTINUATION);
        whole.then_some(LiveStays { packed, continuations })
    }

    /// Their bytes, and those of what they continue.
    pub fn packed(&self) -> (&[u8], &[u8]) {
        (&self.packed, &self.continuations)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = LiveStay> {
        self.packed.as_chunks::<STAY>().0.iter().map(LiveStay::unpacked)
    }

    /// The settlement that another continues, if it continues one.
    pub fn continued_by(&self, settlement: EntryId) -> Option<EntryId> {
        let continuations = self.continuations.as_chunks::<CONTINUATION>().0;
        continuations
            .iter()
            .map(halves)
            .find(|(continuing, _)| *continuing == settlement)
            .map(|(_, continued)| continued)
    }

    /// Appends a stay.
    pub fn push(&mut self, stay: LiveStay) {
        self.packed.extend_from_slice(&stay.settlement.0);
        for number in [stay.hospital, stay.admitted, stay.discharged] {
            self.packed.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Removes the stay of a settlement, if there is one, and what the settlement continues.
    pub fn remove(&mut self, settlement: EntryId) {
        remove_chunks::<STAY>(&mut self.packed, settlement);
        remove_chunks::<CONTINUATION>(&mut self.continuations, settlement);
    }

    /// Notes what a settlement continues, of any visit.
    pub fn set_continued(&mut self, settlement: EntryId, continues: Option<EntryId>) {
        if self.continued_by(settlement) == continues {
            return;
        }
        remove_chunks::<CONTINUATION>(&mut self.continuations, settlement);
        if let Some(continued) = continues {
            self.continuations.extend_from_slice(&settlement.0);
            self.continuations.extend_from_slice(&continued.0);
        }
    }
}

impl LiveStay {
    fn unpacked(bytes: &[u8; STAY]) -> LiveStay {
        let mut id = [0; ID];
        id.copy_from_slice(&bytes[..ID]);
        let number = |at: usize| {
            let at = ID + at * size_of::<u32>();
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        LiveStay { settlement: EntryId(id), hospital: number(0), admitted: number(1), discharged: number(2) }
    }
}

fn halves(continuation: &[u8; CONTINUATION]) -> (EntryId, EntryId) {
    let (mut continuing, mut continued) = ([0; ID], [0; ID]);
    continuing.copy_from_slice(&continuation[..ID]);
    continued.copy_from_slice(&continuation[ID..]);
    (EntryId(continuing), EntryId(continued))
}

/// Removes the chunks that begin with this id.
fn remove_chunks<const CHUNK: usize>(bytes: &mut Vec<u8>, id: EntryId) {
    let kept = bytes.as_chunks::<CHUNK>().0.iter().filter(|chunk| !chunk.starts_with(&id.0));
    *bytes = kept.flatten().copied().collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stay(first: u8) -> LiveStay {
        LiveStay {
            settlement: EntryId([first; ID]),
            hospital: u32::from(first),
            admitted: 20170608,
            discharged: 20170615,
        }
    }

    #[test]
    fn what_was_packed_is_read_again_and_what_was_removed_is_gone() {
        let mut stays = LiveStays::default();
        [1, 2, 3].into_iter().for_each(|id| stays.push(stay(id)));
        stays.set_continued(EntryId([2; ID]), Some(EntryId([1; ID])));
        stays.set_continued(EntryId([3; ID]), Some(EntryId([2; ID])));
        assert!(stays.iter().eq([stay(1), stay(2), stay(3)]));
        assert_eq!(
            [1, 2, 3].map(|id| stays.continued_by(EntryId([id; ID]))),
            [None, Some(1), Some(2)].map(|id| id.map(|id| EntryId([id; ID])))
        );
        stays.remove(EntryId([2; ID]));
        assert!(stays.iter().eq([stay(1), stay(3)]));
        assert_eq!(stays.continued_by(EntryId([2; ID])), None);
        stays.set_continued(EntryId([3; ID]), Some(EntryId([1; ID])));
        assert_eq!(stays.continued_by(EntryId([3; ID])), Some(EntryId([1; ID])));
        stays.set_continued(EntryId([3; ID]), None);
        assert_eq!(stays.packed().1, [0; 0]);
        stays.set_continued(EntryId([9; ID]), Some(EntryId([1; ID])));
        assert_eq!(stays.continued_by(EntryId([9; ID])), Some(EntryId([1; ID])), "also of one that is no stay");
        let (packed, continuations) = stays.packed();
        assert_eq!(LiveStays::from_packed(packed.to_vec(), continuations.to_vec()).as_ref(), Some(&stays));
        assert_eq!(LiveStays::from_packed(packed[1..].to_vec(), Vec::new()), None);
        assert_eq!(LiveStays::from_packed(Vec::new(), vec![0; ID]), None);
    }
}
