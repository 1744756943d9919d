//! The impact of another book: agreement with settling afresh, the program on a store in a directory and on Redis, and its
//! files and page.

mod agreement;
mod browser;
mod columns;
mod history;
mod program;
mod served;

use onestop::policy::{Book, shipped, shipped_vocabulary};

/// The shipped files with figures of Shandong 2017 changed: 55% is 65%, the line of the critical illness insurance is lower,
/// and the first deductible of a tertiary hospital is higher.
pub fn changed_files() -> Vec<(&'static str, String)> {
    let change = |(name, text): &(&'static str, &'static str)| {
        let changed = match *name {
            "shandong-2017.toml" => text
                .replace("rate = \"55%\"", "rate = \"65%\"")
                .replace("deductible = \"12000\"", "deductible = \"9000\"")
                .replace("[\"1000\", \"500\", \"0\"]", "[\"8000\", \"4000\", \"0\"]"),
            _ => (*text).to_owned(),
        };
        (*name, changed)
    };
    shipped::FILES.iter().chain([&shipped_vocabulary::VOCABULARY]).map(change).collect()
}

/// The changed files as a request sends them.
pub fn changed_policy_files() -> Vec<onestop::pb::policy::PolicyFile> {
    let file = |(name, text): (&str, String)| onestop::pb::policy::PolicyFile { name: name.to_owned(), text };
    changed_files().into_iter().map(file).collect()
}

/// The book of the changed files.
pub fn changed_book() -> Book {
    let files = changed_files();
    Book::from_texts(files.iter().map(|(name, text)| (*name, text.as_str()))).expect("sound files")
}
