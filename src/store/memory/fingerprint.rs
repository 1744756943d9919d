//! Digests over a store in memory, by which a test sees that nothing changed.

use std::collections::HashMap;

use crate::domain::ids::{CanonicalDigest, Digest, EntryId, HospitalId};
use crate::journal::record;

use super::MemoryStore;

impl MemoryStore {
    /// A digest over everything in the store, to check that a refusal changed nothing.
    pub fn fingerprint(&self) -> Digest {
        let settled = self.settled_fingerprint();
        let rows = self.rows();
        let mut form = CanonicalDigest::new("memory/2").bytes(&settled.0);
        for (_, person) in sorted(&rows.persons) {
            form = form.bytes(&record::encode(person));
        }
        for ((import, part), row) in &rows.parts {
            form = form.number(*import).number(u64::from(*part)).bytes(&record::encode(row));
        }
        for (number, (start, end)) in &rows.imports {
            let end = end.as_ref().map(record::encode).unwrap_or_default();
            form = form.number(*number).bytes(&record::encode(start)).bytes(&end);
        }
        rows.policies.iter().fold(form, |form, (digest, text)| form.bytes(&digest.0).text(text)).finish()
    }

    /// A digest over the journal and its rows without imports: a copy has its own log of imports.
    pub fn settled_fingerprint(&self) -> Digest {
        let rows = self.rows();
        let mut form = CanonicalDigest::new("settled/2").bytes(&record::encode(&rows.administration));
        for (person_id, state) in sorted(&rows.states) {
            form = form.text(person_id.as_str()).bytes(&record::encode(state));
        }
        for ((hospital_id, person_id, request_id), EntryId(id)) in sorted(&rows.requests) {
            form = form
                .text(hospital_id.as_ref().map_or("", HospitalId::as_str))
                .text(person_id.as_str())
                .text(request_id.as_str())
                .bytes(id);
        }
        for ((hospital_id, claim_id), row) in sorted(&rows.claims) {
            form = form.text(hospital_id.as_str()).text(claim_id.as_str()).bytes(&record::encode(row));
        }
        for (EntryId(id), entry) in &rows.journal {
            form = form.bytes(id).bytes(entry);
        }
        for ((hospital_id, position), EntryId(id)) in &rows.listed {
            let (day, number) = (u64::from(position.day.number()), position.number);
            form = form.text(hospital_id.as_str()).number(day).number(number).bytes(id);
        }
        form.finish()
    }
}

/// The rows of a hash table in the order of keys.
fn sorted<K: Ord, V>(rows: &HashMap<K, V>) -> Vec<(&K, &V)> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    rows
}
