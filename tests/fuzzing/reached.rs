//! Counts what inputs came to: each outcome, each reason of a refusal, each edge.

use std::collections::BTreeMap;

/// How often each class was reached.
#[derive(Default)]
pub struct Reached(BTreeMap<String, u64>);

impl Reached {
    /// Counts one more.
    pub fn hit(&mut self, class: &str) {
        match self.0.get_mut(class) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(class.to_owned(), 1)),
        }
    }

    /// Counts one more if it is so.
    pub fn hit_if(&mut self, is_so: bool, class: &str) {
        if is_so {
            self.hit(class);
        }
    }

    /// Prints the table.
    ///
    /// # Panics
    /// If one of these classes was never reached.
    pub fn print_and_check(&self, classes: &[String]) {
        self.0.iter().for_each(|(class, count)| println!("{count:>8}  {class}"));
        let missed: Vec<_> = classes.iter().filter(|class| !self.0.contains_key(*class)).collect();
        assert!(missed.is_empty(), "never reached: {missed:?}");
    }
}
