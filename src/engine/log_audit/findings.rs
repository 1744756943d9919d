//! What an audit of a log found, in the order of the log.

/// How many findings are kept.
const KEPT: usize = 1_000;

/// Findings: the first ones of the log in words, and the number of all.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<(u64, String)>,
    count: u64,
}

impl Findings {
    /// Adds a finding at a byte of the log.
    pub(super) fn add(&mut self, lsn: u64, finding: String) {
        self.count += 1;
        let at = self.kept.partition_point(|(known, _)| *known <= lsn);
        self.kept.insert(at, (lsn, finding));
        self.kept.truncate(KEPT);
    }

    /// Adds all findings of others.
    pub(super) fn extend(&mut self, others: Findings) {
        let beyond = others.count - others.kept.len() as u64;
        others.kept.into_iter().for_each(|(lsn, finding)| self.add(lsn, finding));
        self.count += beyond;
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of all findings.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first findings of the log in words.
    pub fn kept(&self) -> impl Iterator<Item = &str> {
        self.kept.iter().map(|(_, finding)| finding.as_str())
    }
}
