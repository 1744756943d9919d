//! The books of a run, which follow one another in the files that all servers read: which of them decided is checked against
//! the time at which a server put it in force, and against what the journal says is in use.

use std::sync::{Arc, LazyLock};

use onestop::domain::ids::{Digest, EntryId};
use onestop::domain::journal::{AdministrationEntry, PolicyActivation};
use onestop::policy::{Book, shipped, shipped_vocabulary};

use super::auditor::{Auditor, CheckResult, ensure};
use super::fixtures::Versions;
use super::scheduler::Time;
use super::servers::SERVERS;
use crate::model;

/// How many books follow one another: the shipped one, and others of which each has lower rates than the one before, also for
/// days that are past when it is put in force.
pub const BOOKS: usize = 3;

/// The rates of the shipped policies that change.
const RATES: [&str; 3] = ["85%", "70%", "55%"];

/// The text of a policy file in a book.
fn text(shipped: &str, book: usize) -> String {
    RATES.iter().enumerate().fold(shipped.to_owned(), |text, (at, rate)| {
        let lower = format!("rate = \"{}%\"", 85 - 15 * at - 4 * book);
        text.replace(&format!("rate = \"{rate}\""), &lower)
    })
}

/// The books, which are read once because reading takes longer than many runs.
static BOOKS_READ: LazyLock<[Book; BOOKS]> = LazyLock::new(|| {
    std::array::from_fn(|number| {
        let files: Vec<_> = shipped::FILES.iter().map(|(name, shipped)| (*name, text(shipped, number))).collect();
        let files = files.iter().map(|(name, text)| (*name, text.as_str()));
        Book::from_texts(files.chain([shipped_vocabulary::VOCABULARY])).expect("a sound book")
    })
});

/// The book with a number.
pub fn book(number: usize) -> Book {
    BOOKS_READ[number].clone()
}

/// Its digest.
pub fn digest(number: usize) -> Digest {
    BOOKS_READ[number].digest()
}

/// The same as the model reads it.
pub fn model_books() -> Vec<model::Book> {
    let files = |number| {
        let of_book = |(name, shipped): &(&str, &str)| ((*name).to_owned(), text(shipped, number));
        let mut files: Vec<_> = shipped::FILES.iter().map(of_book).collect();
        files.sort();
        files
    };
    (0..BOOKS).map(|number| model::Book::read(&files(number))).collect()
}

/// The books that each server decided under, and those that the journal says were put in use.
pub struct BookLedger {
    books: Arc<[model::Book]>,
    by_server: Vec<Versions<usize>>,
    activated: Vec<Digest>,
}

impl BookLedger {
    pub fn new(books: Arc<[model::Book]>) -> BookLedger {
        BookLedger { books, by_server: (0..SERVERS).map(|_| Versions::new(0)).collect(), activated: Vec::new() }
    }

    /// Whether a server may decide under this book from now on.
    pub fn begin_activation(&mut self, server: usize, number: usize, at: Time) {
        let books = &mut self.by_server[server];
        if *books.latest() != number {
            books.begin_change(at, number);
        }
    }

    /// The server decides every call that begins after under the latest book.
    pub fn activated(&mut self, server: usize, at: Time) {
        self.by_server[server].complete_change(at);
    }

    /// The books under which a server may have decided between two times.
    pub fn visible(&self, server: usize, from: Time, until: Time) -> Vec<(Digest, &model::Book)> {
        let visible = self.by_server[server].visible_between(from, until);
        visible.map(|number| (digest(*number), &self.books[*number])).collect()
    }

    /// Whether servers may have decided under several books between two times.
    pub fn changed_between(&self, from: Time, until: Time) -> bool {
        let mut seen = self.by_server.iter().flat_map(|books| books.visible_between(from, until));
        let first = seen.next();
        seen.any(|number| Some(number) != first)
    }

    /// The shipped book: what is refused under it is refused under all.
    pub fn shipped(&self) -> &model::Book {
        &self.books[0]
    }
}

impl Auditor {
    /// Checks an entry that says which book is in use, which follows the chain.
    pub fn check_activation(&mut self, entry: &AdministrationEntry, activation: &PolicyActivation) -> CheckResult {
        let known = (0..BOOKS).any(|number| digest(number) == activation.book);
        ensure(known, || format!("{} puts a book in use that no file has", entry.id))?;
        self.books.activated.push(activation.book);
        self.count("activated");
        Ok(())
    }

    /// Checks that the journal said before that a book is in use, under which an entry was decided.
    pub fn check_book_in_use(&self, entry: EntryId, book: Digest) -> CheckResult {
        ensure(self.books.activated.contains(&book), || format!("{entry} was decided under a book that was not in use"))
    }
}
