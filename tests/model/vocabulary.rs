//! The words of a book that the arithmetic depends on: visits, classes, pools and diseases.

use std::collections::BTreeMap;

use toml::{Table, Value};

pub struct Vocabulary {
    pub visits: BTreeMap<String, Visit>,
    pub classes: BTreeMap<String, Class>,
    /// All pools: those of the file, and the two that the program fills.
    pub pools: Vec<String>,
    /// The prefixes of the codes of every disease.
    pub diseases: BTreeMap<String, Vec<String>>,
}

pub struct Visit {
    pub counts_admission: bool,
    /// The approval without which the visit is refused.
    pub needs: Option<String>,
}

pub struct Class {
    pub pool: String,
    pub first_share: bool,
    pub ceiling: bool,
}

impl Vocabulary {
    pub fn read(table: &Table) -> Vocabulary {
        let mut pools: Vec<String> = section(table, "pool").keys().cloned().collect();
        for own in ["over_limit", "preliminary_self_pay"] {
            pools.retain(|pool| pool != own);
            pools.push(own.to_owned());
        }
        Vocabulary {
            visits: words(table, "visit", read_visit),
            classes: words(table, "class", read_class),
            pools,
            diseases: words(table, "disease", |disease| {
                let codes = disease["codes"].as_array().expect("codes");
                codes.iter().map(|code| code.as_str().expect("a code").to_owned()).collect()
            }),
        }
    }

    /// The diseases of a diagnosis.
    pub fn diseases_of<'a>(&'a self, diagnosis: Option<&str>) -> Vec<&'a str> {
        let begins =
            |codes: &[String]| diagnosis.is_some_and(|code| codes.iter().any(|prefix| code.starts_with(prefix)));
        self.diseases.iter().filter(|(_, codes)| begins(codes)).map(|(word, _)| word.as_str()).collect()
    }
}

fn section(table: &Table, name: &str) -> Table {
    table.get(name).and_then(Value::as_table).cloned().unwrap_or_default()
}

fn words<T>(table: &Table, name: &str, read: impl Fn(&Table) -> T) -> BTreeMap<String, T> {
    let entry = |(word, value): (&String, &Value)| (word.clone(), read(value.as_table().expect("a table")));
    section(table, name).iter().map(entry).collect()
}

fn read_visit(visit: &Table) -> Visit {
    Visit {
        counts_admission: flag(visit, "counts_admission", false),
        needs: visit.get("needs").map(|kind| kind.as_str().expect("an approval").to_owned()),
    }
}

fn read_class(class: &Table) -> Class {
    Class {
        pool: class["pool"].as_str().expect("a pool").to_owned(),
        first_share: flag(class, "first_share", false),
        ceiling: flag(class, "ceiling", true),
    }
}

fn flag(table: &Table, key: &str, default: bool) -> bool {
    table.get(key).map_or(default, |value| value.as_bool().expect("true or false"))
}
