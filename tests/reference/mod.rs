//! Reference tables: imported from files by the real program, interrupted, logged, read back, and imported while
//! settlements run.

mod files;
mod interrupted;
mod rows;
mod whole;
