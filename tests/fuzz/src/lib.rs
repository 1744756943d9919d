//! The targets of `tests/fuzzing`, brought to libFuzzer: what a test takes a hundred thousand times, it takes for as long
//! as it is let.
//!
//! An input is changed byte by byte, as libFuzzer learns what reaches new code; now and then it is replaced by a new one from the
//! target's own idea of an input, so that no corpus need be kept.

#[path = "../../fuzzing/mod.rs"]
pub mod fuzzing;

/// What the targets ask of the tests.
#[path = "../../support"]
pub mod support {
    pub mod ids;
    pub mod intercepted_store;
    pub mod random;
    pub mod seeds;
    pub mod status_details;
}

pub use libfuzzer_sys;

use fuzzing::Target;
use fuzzing::reached::Reached;
use support::random::Random;

/// The number of changed inputs for each new one.
const CHANGED: u32 = 4;

/// The entry points of libFuzzer for a target.
#[macro_export]
macro_rules! fuzz {
    ($target:expr) => {
        $crate::libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::take(&$target, input));
        $crate::libfuzzer_sys::fuzz_mutator!(|input: &mut [u8], size: usize, most: usize, seed: u32| {
            $crate::next(&$target, input, size, most, seed)
        });
    };
}

/// Takes an input; what it comes to is libFuzzer's to see.
pub fn take(target: &Target, input: &[u8]) {
    (target.take)(input, &mut Reached::default());
}

/// The next input in place of this one, and its size.
pub fn next(target: &Target, input: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    if seed % (CHANGED + 1) == 0 {
        let made = (target.input)(&mut Random(seed.into()));
        if made.len() <= most.min(input.len()) {
            input[..made.len()].copy_from_slice(&made);
            return made.len();
        }
    }
    libfuzzer_sys::fuzzer_mutate(input, size, most)
}
