//! The specification that binds this code.
#![doc = include_str!("semantics.md")]
