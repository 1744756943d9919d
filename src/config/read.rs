//! Reads a configuration file. The parser gives the position of every key, so a fault names the line of its own key.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::file_fault::{FileFault, line_at};
use crate::domain::file_faults::FileFaults;

use super::Config;
use super::error::KeyError;
use super::keys::{KEYS, unsigned};
use super::limits::LIMIT_KEYS;

impl Config {
    /// Reads the text of a configuration file; keys that it does not contain keep their defaults. `file` is the
    /// name that faults report.
    ///
    /// # Errors
    /// Every fault, in the order of lines.
    pub fn from_toml(file: &str, text: &str) -> Result<Config, FileFaults> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut faults: Vec<_> = errors.iter().map(|error| syntax_fault(file, text, error)).collect();
        let mut config = Config::default();
        if faults.is_empty() {
            let refused = config.set_keys(table.get_ref()).into_iter();
            faults =
                refused.map(|(offset, why)| FileFault::new(file, line_at(text, offset), why.to_string())).collect();
        }
        faults.sort();
        if faults.is_empty() { Ok(config) } else { Err(faults.into()) }
    }

    /// Sets the key of one line.
    pub(super) fn set_line(&mut self, line: &str) -> Result<(), String> {
        let (table, errors) = DeTable::parse_recoverable(line);
        if let Some(error) = errors.first() {
            return Err(error.message().to_owned());
        }
        self.set_keys(table.get_ref()).first().map_or(Ok(()), |(_, why)| Err(why.to_string()))
    }

    /// Sets every key that is in order, and returns the others with their offsets.
    fn set_keys(&mut self, table: &DeTable<'_>) -> Vec<(usize, KeyError)> {
        let mut refused = Vec::new();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("limits", DeValue::Table(limits)) => {
                    let set = |(key, value)| self.set_limit(key, value).err().map(|why| (key.span().start, why));
                    refused.extend(limits.iter().filter_map(set));
                }
                ("limits", _) => refused.push((key.span().start, KeyError::LimitsNotATable)),
                (name, value) => {
                    refused.extend(self.set_key(name, value).err().map(|why| (key.span().start, why)));
                }
            }
        }
        refused
    }

    fn set_key(&mut self, name: &str, value: &DeValue<'_>) -> Result<(), KeyError> {
        let key = KEYS.iter().find(|key| key.name == name);
        let known = || KEYS.iter().map(|key| key.name).collect();
        key.ok_or_else(|| KeyError::UnknownKey { key: name.to_owned(), known: known() })?.set(self, value)
    }

    fn set_limit(
        &mut self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), KeyError> {
        let name = name.get_ref().as_ref();
        let limit = LIMIT_KEYS.iter().find(|limit| limit.name == name);
        let known = || LIMIT_KEYS.iter().map(|limit| limit.name).collect();
        let limit = limit.ok_or_else(|| KeyError::UnknownLimit { key: name.to_owned(), known: known() })?;
        let number = unsigned(value.get_ref()).filter(|number| (limit.min..=limit.max).contains(number));
        let outside = || KeyError::NotInRange { key: limit.name, min: limit.min, max: limit.max };
        (limit.set)(self, number.ok_or_else(outside)?);
        Ok(())
    }
}

fn syntax_fault(file: &str, text: &str, error: &toml::de::Error) -> FileFault {
    FileFault::at_offset(file, text, error.span().map_or(0, |span| span.start), error.message())
}
