//! Sums over lines, by group.
//!
//! The groups are held in memory, and so is each group's number of settlements of each of its persons: only those are counted
//! who are left when what was reversed is taken away. Beyond [`LIMIT`] nothing more is held, and there is no report.

mod finish;
mod group;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::domain::day::Day;
use crate::store::keys::StoreKey;

use super::chunk::{Chunk, ChunkLine, ChunkPayment, LineView, Word, WordNumber};
use super::dimension::Dimension;
use super::question::{CITY_DIGITS, Condition, Question};

use group::Group;
use words::Words;

/// The most groups, persons, and persons of groups that are held: some 40 bytes each, 400 MB together. All persons of a province
/// in one group are within it; rows of persons of a large city are.
pub const LIMIT: usize = 10_000_000;

/// The values of a group, as numbers of words of the tally.
type GroupKey = SmallVec<[WordNumber; 6]>;

/// The sums for a question.
pub struct Tally<'q> {
    question: &'q Question,
    is_of_payments: bool,
    words: Words,
    persons: HashMap<StoreKey, u32>,
    groups: HashMap<GroupKey, Group>,
    everything: Group,
    persons_of_groups: usize,
    limit: usize,
}

/// What is looked up once for a chunk.
struct ChunkWords {
    /// The number in the tally of each word.
    numbers: Vec<WordNumber>,
    /// The number in the tally of the city of each word that is a region.
    cities: Vec<WordNumber>,
    /// The number in the tally of each person.
    persons: Vec<u32>,
    /// For each condition, the words that satisfy it.
    satisfied: Vec<Vec<bool>>,
}

impl<'q> Tally<'q> {
    /// Sums of nothing.
    pub fn new(question: &'q Question) -> Tally<'q> {
        Tally::with_limit(question, LIMIT)
    }

    fn with_limit(question: &'q Question, limit: usize) -> Tally<'q> {
        let is_of_payments = question.is_of_payments();
        let (words, persons, groups) = (Words::default(), HashMap::new(), HashMap::new());
        let (everything, persons_of_groups) = (Group::default(), 0);
        Tally { question, is_of_payments, words, persons, groups, everything, persons_of_groups, limit }
    }

    /// Adds the lines of a chunk, all of which come before the end that is asked for.
    pub fn add(&mut self, chunk: &Chunk) {
        let looked_up = self.look_up(chunk);
        for view in chunk.views() {
            let day = self.question.day_of.day(view.line);
            if self.is_within_limit() && self.question.includes(day) && self.satisfies(view.line, &looked_up) {
                self.add_line(view, day, &looked_up);
            }
        }
    }

    fn look_up(&mut self, chunk: &Chunk) -> ChunkWords {
        let numbers = chunk.words.iter().map(|word| self.words.number(word)).collect();
        let city = |word: &Arc<str>| word.get(..CITY_DIGITS).unwrap_or_default().to_owned();
        let cities = match self.question.by.contains(&Dimension::City) {
            true => chunk.words.iter().map(|word| self.words.number(&city(word))).collect(),
            false => Vec::new(),
        };
        let person = |key: &StoreKey| {
            let next = self.persons.len() as u32;
            *self.persons.entry(*key).or_insert(next)
        };
        let persons = chunk.persons.iter().map(person).collect();
        let satisfied = |condition: &Condition| chunk.words.iter().map(|word| condition.holds(word)).collect();
        ChunkWords { numbers, cities, persons, satisfied: self.question.only.iter().map(satisfied).collect() }
    }

    /// Whether the conditions on a line hold, those on payments left out.
    fn satisfies(&self, line: &ChunkLine, looked_up: &ChunkWords) -> bool {
        self.question.only.iter().zip(&looked_up.satisfied).all(|(condition, satisfied)| {
            match word_of(condition.dimension) {
                Some(word) => is_set(satisfied, line.words[word as usize]),
                None if condition.dimension == Dimension::Year => condition.holds(&line.year.to_string()),
                None => true,
            }
        })
    }

    fn pays(&self, payment: &ChunkPayment, looked_up: &ChunkWords) -> bool {
        self.question.only.iter().zip(&looked_up.satisfied).all(|(condition, satisfied)| match condition.dimension {
            Dimension::Payer => is_set(satisfied, payment.payer),
            Dimension::Layer => is_set(satisfied, payment.layer),
            _ => true,
        })
    }

    fn add_line(&mut self, view: LineView<'_>, day: Day, looked_up: &ChunkWords) {
        let line = view.line;
        let person = looked_up.persons.get(line.person as usize).copied().unwrap_or_default();
        if !self.is_of_payments {
            let key = self.key(line, day, None, looked_up);
            self.add_bill(key, view, person, looked_up);
            return;
        }
        let mut paid: SmallVec<[(GroupKey, i64); 4]> = SmallVec::new();
        for payment in view.layers {
            if !self.pays(payment, looked_up) {
                continue;
            }
            let key = self.key(line, day, Some(payment), looked_up);
            match paid.iter_mut().find(|(known, _)| *known == key) {
                Some((_, sum)) => *sum = sum.saturating_add(payment.pays),
                None => paid.push((key, payment.pays)),
            }
        }
        if !paid.is_empty() {
            let sum = paid.iter().map(|(_, amount)| *amount).sum();
            self.persons_of_groups += usize::from(self.everything.add(line, person, sum));
        }
        for (key, amount) in paid {
            let is_new = self.groups.entry(key).or_default().add(line, person, amount);
            self.persons_of_groups += usize::from(is_new);
        }
    }

    fn add_bill(&mut self, key: GroupKey, view: LineView<'_>, person: u32, looked_up: &ChunkWords) {
        let (line, factor) = (view.line, view.line.sign.factor());
        let number = |word: WordNumber| looked_up.numbers.get(word as usize).copied().unwrap_or_default();
        for group in [self.groups.entry(key).or_default(), &mut self.everything] {
            self.persons_of_groups += usize::from(group.add(line, person, 0));
            view.pools.iter().for_each(|(pool, amount)| group.pools.add(number(*pool), factor * amount));
            view.layers.iter().for_each(|layer| group.payers.add(number(layer.payer), factor * layer.pays));
        }
    }

    fn key(&mut self, line: &ChunkLine, day: Day, payment: Option<&ChunkPayment>, looked_up: &ChunkWords) -> GroupKey {
        let by = &self.question.by;
        by.iter()
            .map(|dimension| {
                let number =
                    |numbers: &[u32], word: WordNumber| numbers.get(word as usize).copied().unwrap_or_default();
                match dimension {
                    Dimension::City => number(&looked_up.cities, line.words[Word::Region as usize]),
                    Dimension::Payer => payment.map_or(0, |payment| number(&looked_up.numbers, payment.payer)),
                    Dimension::Layer => payment.map_or(0, |payment| number(&looked_up.numbers, payment.layer)),
                    Dimension::Year => self.words.number(&line.year.to_string()),
                    Dimension::Day => self.words.number(&day.to_string()),
                    Dimension::Month => self.words.number(&month(day)),
                    Dimension::Person => number(&looked_up.persons, line.person),
                    other => word_of(*other).map_or(0, |word| number(&looked_up.numbers, line.words[word as usize])),
                }
            })
            .collect()
    }

    /// Whether more may be held.
    fn is_within_limit(&self) -> bool {
        self.persons_of_groups + self.groups.len() + self.persons.len() <= self.limit
    }
}

fn is_set(satisfied: &[bool], word: WordNumber) -> bool {
    satisfied.get(word as usize).copied().unwrap_or(false)
}

/// The word of a line that a dimension stands for.
fn word_of(dimension: Dimension) -> Option<Word> {
    Some(match dimension {
        Dimension::Region | Dimension::City => Word::Region,
        Dimension::HospitalRegion => Word::HospitalRegion,
        Dimension::Hospital => Word::Hospital,
        Dimension::Level => Word::Level,
        Dimension::Category => Word::Categories,
        Dimension::Visit => Word::Visit,
        Dimension::Insurance => Word::Insurance,
        Dimension::Policy => Word::Policy,
        Dimension::Year
        | Dimension::Payer
        | Dimension::Layer
        | Dimension::Day
        | Dimension::Month
        | Dimension::Person => return None,
    })
}

/// The month of a day: `2017-06`.
pub fn month(day: Day) -> String {
    format!("{:04}-{:02}", day.year(), day.month())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::journal::Instant;
    use crate::domain::month::Month;
    use crate::reports::chunk::WORDS;
    use crate::reports::error::ReportError;
    use crate::reports::ledger_line::Sign;

    fn chunk(persons: u32) -> Chunk {
        let day: Day = "2017-06-15".parse().expect("a day");
        let line = |person| ChunkLine {
            sign: Sign::Plus,
            completes_revision: false,
            committed: Instant(0),
            settled_on: day,
            discharged: day,
            booked: Month::of_day(day),
            words: [0; WORDS],
            year: 2017,
            person,
            total: 1,
            patient: 1,
            pools_end: 0,
            layers_end: 0,
        };
        let key = |person: u32| u128::from(person).to_be_bytes();
        let (lines, persons) = ((0..persons).map(line).collect(), (0..persons).map(key).collect());
        Chunk { words: vec!["H".into()], persons, lines, ..Chunk::default() }
    }

    #[test]
    fn a_report_that_would_hold_more_than_the_limit_is_none_and_names_the_limit() {
        let question = Question { by: vec![Dimension::Person], ..Question::default() };
        let chunk = chunk(10);
        // Of each person: a group, the person, the person of the group and of the whole.
        let mut tally = Tally::with_limit(&question, 40);
        tally.add(&chunk);
        assert_eq!(tally.finish().expect("a report").rows.len(), 10);
        let mut tally = Tally::with_limit(&question, 39);
        tally.add(&chunk);
        assert_eq!(tally.groups.len(), 10, "it stops where the limit is passed");
        assert!(matches!(tally.finish(), Err(ReportError::TooLarge(39))));
    }
}
