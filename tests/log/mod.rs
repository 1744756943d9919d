//! The log of the embedded store on a simulated disk, its format, and what it does with damage.

mod damage;
pub mod disk;
mod format;
mod indexed;
mod invariants;
mod simulation;
mod support;
mod tears;
mod unsynced;
mod wrong_index;
