//! Ids from texts that a test knows to be valid.

use onestop::domain::ids::{ClaimId, HospitalId, ItemCode, MAX_ID_BYTES, PersonId, RequestId};

/// A type of ids.
pub trait TestId {
    /// The id of this text.
    fn from_valid(text: &str) -> Self;
}

macro_rules! test_id {
    ($($name:ident),*) => {$(
        impl TestId for $name {
            fn from_valid(text: &str) -> $name {
                $name::parse(text, MAX_ID_BYTES).expect("a valid id")
            }
        }
    )*};
}

test_id!(ClaimId, RequestId, HospitalId, PersonId, ItemCode);

/// The id of this text, of the type that is needed.
pub fn id<T: TestId>(text: impl AsRef<str>) -> T {
    T::from_valid(text.as_ref())
}
