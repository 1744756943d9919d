//! Shows a configuration: as a file with a comment for each key, and as lists of keys and values.

use super::Config;
use super::keys::KEYS;
use super::layers::{Layered, Origins};
use super::limits::LIMIT_KEYS;

impl Layered {
    /// The complete configuration as the text of a file, each key below a comment with its meaning, bounds and the origin
    /// of its value.
    pub fn to_toml(&self) -> String {
        self.config.text(Some(&self.origins))
    }
}

impl Config {
    /// The complete configuration as the text of a file, each key below a comment with its meaning and bounds.
    pub fn to_toml(&self) -> String {
        self.text(None)
    }

    fn text(&self, origins: Option<&Origins>) -> String {
        let origin = |key: &str| origins.map_or_else(String::new, |origins| format!("# Origin: {}\n", origins.of(key)));
        let mut text = String::new();
        for (key, (_, value)) in KEYS.iter().zip(self.key_values()) {
            let line = match value {
                Some(value) => format!("{} = {value}", key.name),
                None => format!("# {} = {}", key.name, key.example()),
            };
            text += &format!("# {}\n{}{line}\n\n", key.about, origin(key.name));
        }
        text += "[limits]\n";
        for limit in LIMIT_KEYS {
            let (min, max, value) = (limit.min, limit.max, (limit.get)(self));
            let origin = origin(&format!("limits.{}", limit.name));
            text += &format!("# {} Range: {min} to {max}.\n{origin}{} = {value}\n", limit.about, limit.name);
        }
        text
    }

    /// Each key with its value, if it has one; without the limits.
    pub(crate) fn key_values(&self) -> impl Iterator<Item = (&'static str, Option<toml::Value>)> {
        let mut config = self.clone();
        KEYS.iter().map(move |key| (key.name, key.get(&mut config)))
    }

    /// Each limit with its value.
    pub fn limit_values(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        LIMIT_KEYS.iter().map(|limit| (limit.name, (limit.get)(self)))
    }
}
