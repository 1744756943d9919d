//! Parts of the embedded store, compiled from its source.
#![allow(dead_code, unused_imports)]

#[path = "../../../src/store/embedded/disk.rs"]
pub mod disk;
#[path = "../../../src/store/embedded/index/mod.rs"]
pub mod index;
