//! Keys in the list of a hospital's settlements: hospital, day, number in the day.

use crate::domain::day::Day;
use crate::domain::ids::HospitalId;
use crate::store::keys::Secret;

/// The key of a hospital and a day.
pub type DayKey = [u8; 20];

/// The key of a hospital's day.
pub fn day_key(secret: &Secret, hospital_id: &HospitalId, day: Day) -> DayKey {
    let mut key = DayKey::default();
    key[..16].copy_from_slice(&secret.hospital(hospital_id));
    key[16..].copy_from_slice(&day.number().to_be_bytes());
    key
}

/// The key of a position: a hospital's day and the number of a settlement in it.
pub fn position_key(day: &DayKey, number: u64) -> [u8; 28] {
    let mut key = [0; 28];
    key[..20].copy_from_slice(day);
    key[20..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The number in the key of a position; 0 for any other key.
pub fn number_of_key(key: &[u8]) -> u64 {
    key.get(20..).and_then(|number| number.try_into().ok()).map_or(0, u64::from_be_bytes)
}
