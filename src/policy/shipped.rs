//! The shipped book: the files of `deploy/policies`, compiled into the program.

use super::Book;
use super::shipped_vocabulary::VOCABULARY;
use crate::domain::file_faults::FileFaults;

/// Name and text of every shipped policy file.
pub const FILES: &[(&str, &str)] = &[
    ("shandong-2017.toml", include_str!("../../deploy/policies/shandong-2017.toml")),
    ("rizhao-2017.toml", include_str!("../../deploy/policies/rizhao-2017.toml")),
    ("yanzhou-2017.toml", include_str!("../../deploy/policies/yanzhou-2017.toml")),
    ("shandong-2018.toml", include_str!("../../deploy/policies/shandong-2018.toml")),
    ("shandong-2019.toml", include_str!("../../deploy/policies/shandong-2019.toml")),
    ("shandong-2025.toml", include_str!("../../deploy/policies/shandong-2025.toml")),
    ("shandong-employee-2025.toml", include_str!("../../deploy/policies/shandong-employee-2025.toml")),
    ("gansu-2017.toml", include_str!("../../deploy/policies/gansu-2017.toml")),
    ("anhui-2017.toml", include_str!("../../deploy/policies/anhui-2017.toml")),
];

/// The shipped book.
///
/// # Errors
/// None, as a test sees to; but the files are read like any others.
pub fn book() -> Result<Book, FileFaults> {
    Book::from_texts(FILES.iter().copied().chain([VOCABULARY]))
}
