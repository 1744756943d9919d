//! The faults of files read from disk, printed one per line.

use std::fmt;
use std::ops::Deref;

use super::file_fault::FileFault;

/// The faults for which files are refused, in the order of files and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct FileFaults {
    listed: Vec<FileFault>,
    /// Further faults, of which only the number is kept.
    omitted: usize,
    is_chinese: bool,
}

impl FileFaults {
    /// Adds a fault; beyond this many, only its number.
    pub(crate) fn add(&mut self, fault: FileFault, limit: usize) {
        if self.listed.len() < limit {
            self.listed.push(fault);
        } else {
            self.omitted += 1;
        }
    }

    /// The faults with their messages in Chinese, where there are such.
    #[must_use]
    pub fn into_chinese(self) -> FileFaults {
        let listed = self.listed.into_iter().map(FileFault::into_chinese).collect();
        FileFaults { listed, is_chinese: true, ..self }
    }

    /// One line for each fault that is kept, and one for the number of the others.
    pub fn lines(&self) -> Vec<String> {
        let omitted = (self.omitted > 0).then(|| match self.is_chinese {
            true => format!("另有 {} 处错误", self.omitted),
            false => format!("and {} more faults", self.omitted),
        });
        self.listed.iter().map(ToString::to_string).chain(omitted).collect()
    }
}

impl fmt::Display for FileFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl Deref for FileFaults {
    type Target = [FileFault];

    fn deref(&self) -> &[FileFault] {
        &self.listed
    }
}

impl From<Vec<FileFault>> for FileFaults {
    fn from(faults: Vec<FileFault>) -> FileFaults {
        FileFaults { listed: faults, ..FileFaults::default() }
    }
}

impl From<FileFault> for FileFaults {
    fn from(fault: FileFault) -> FileFaults {
        vec![fault].into()
    }
}

impl FromIterator<FileFault> for FileFaults {
    fn from_iter<I: IntoIterator<Item = FileFault>>(faults: I) -> FileFaults {
        faults.into_iter().collect::<Vec<_>>().into()
    }
}

impl IntoIterator for FileFaults {
    type Item = FileFault;
    type IntoIter = std::vec::IntoIter<FileFault>;

    fn into_iter(self) -> Self::IntoIter {
        self.listed.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_a_line() {
        let faults: FileFaults =
            [FileFault::new("a", 1, "is wrong"), FileFault::new("b", 2, "is too")].into_iter().collect();
        assert_eq!(faults.to_string(), "a:1: is wrong\nb:2: is too");
        assert_eq!(FileFaults::default().to_string(), "");
    }

    #[test]
    fn beyond_the_limit_faults_are_counted() {
        let mut faults = FileFaults::default();
        (1..=4).for_each(|line| faults.add(FileFault::new("a", line, "is wrong"), 2));
        assert_eq!(faults.to_string(), "a:1: is wrong\na:2: is wrong\nand 2 more faults");
        assert_eq!(faults.into_chinese().to_string(), "a:1: is wrong\na:2: is wrong\n另有 2 处错误");
    }
}
