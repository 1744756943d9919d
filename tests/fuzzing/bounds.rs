//! What an input may cost: memory as a multiple of its bytes, and time on the processor.
//!
//! Memory is what this thread holds at the worst moment beyond what it held before, as its allocator counts it; a list
//! that grows counts twice while it is moved. Time is the thread's own, so that a busy machine changes nothing.

use std::time::Duration;

/// The most that one input may take of the processor, and per byte.
#[cfg(test)]
const LONGEST: Duration = Duration::from_millis(500);
#[cfg(test)]
const PER_BYTE: Duration = Duration::from_micros(5);

/// The most memory that an input may take.
#[derive(Clone, Copy)]
pub struct Memory {
    /// Whatever its size.
    pub bytes: usize,
    /// And for each of its bytes.
    pub per_byte: usize,
}

/// Does what takes an input of so many bytes.
///
/// # Panics
/// If it takes more memory than that, or too long.
pub fn within<T>(memory: Memory, input: usize, work: impl FnOnce() -> T) -> T {
    let (mut done, begun) = (None, processor_time());
    let used = allocation_counter::measure(|| done = Some(work()));
    let took = processor_time().saturating_sub(begun);
    let most = memory.bytes + memory.per_byte * input;
    assert!(used.bytes_max <= most as u64, "{input} bytes took {} of memory; at most {most}", used.bytes_max);
    check_time(took, input);
    done.expect("the work was done")
}

/// An instrumented build is slow; there libFuzzer's own limit of time holds.
#[cfg(test)]
fn check_time(took: Duration, input: usize) {
    let most = LONGEST + PER_BYTE * u32::try_from(input).expect("an input of less than 4 GiB");
    assert!(took <= most, "{input} bytes took {took:?}; at most {most:?}");
}

#[cfg(not(test))]
fn check_time(_took: Duration, _input: usize) {}

/// What this thread has had of a processor, to a tick of the clock.
fn processor_time() -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").expect("the time of the thread");
    let nanos = statistics.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("its first number"))
}
