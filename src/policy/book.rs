//! The book: all policies in use, and which of them governs a claim.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::domain::day::Day;
use crate::domain::facts::Region;
use crate::domain::ids::Digest;
use crate::domain::policy::Policy;

use super::document::Document;
use super::document_reader::read_document;
use super::drawn_layers::draw_layers;
use super::resolution::resolve_policy;
use super::rule::PolicyRule;
use crate::domain::file_fault::FileFault;

/// A checked set of policies.
#[derive(Clone, Debug, Default)]
pub struct Book {
    policies: Vec<Arc<Policy>>,
    rules: Vec<Arc<PolicyRule>>,
}

impl Book {
    /// The book of some files, as pairs of name and text.
    ///
    /// # Errors
    /// Every fault of every file, in the order of files and lines.
    pub fn from_texts<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Book, Vec<FileFault>> {
        let mut faults = Vec::new();
        let (mut documents, mut complete) = (Vec::new(), true);
        for (file, text) in files {
            let (document, found) = read_document(file, text);
            faults.extend(found);
            complete &= document.is_some();
            documents.extend(document);
        }
        faults.extend(conflicts(&documents));
        let (rules, found) = draw_layers(&documents, complete);
        faults.extend(found);
        if faults.is_empty() { Book::from_rules(rules, &documents).or_else(sorted) } else { sorted(faults) }
    }

    /// The book of every `*.toml` in a directory.
    ///
    /// # Errors
    /// Every file that cannot be read, and every fault of every file.
    pub fn from_dir(dir: &Path) -> Result<Book, Vec<FileFault>> {
        let fault = |path: &Path, message: String| FileFault::new(path.display().to_string(), 1, message);
        let unreadable = |path: &Path, error: std::io::Error| fault(path, format!("cannot be read: {error}"));
        let mut texts = BTreeMap::new();
        let mut faults = Vec::new();
        for file in std::fs::read_dir(dir).map_err(|e| vec![unreadable(dir, e)])? {
            let path = file.map_err(|e| vec![unreadable(dir, e)])?.path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                match std::fs::read_to_string(&path) {
                    Ok(text) => drop(texts.insert(path.display().to_string(), text)),
                    Err(error) => faults.push(unreadable(&path, error)),
                }
            }
        }
        if texts.is_empty() && faults.is_empty() {
            return Err(vec![fault(dir, "holds no policy file (*.toml)".to_owned())]);
        }
        let book = Book::from_texts(texts.iter().map(|(file, text)| (file.as_str(), text.as_str())));
        if faults.is_empty() { book } else { sorted([faults, book.err().unwrap_or_default()].concat()) }
    }

    fn from_rules(rules: Vec<PolicyRule>, documents: &[Document]) -> Result<Book, Vec<FileFault>> {
        let mut book = Book::default();
        let mut faults = Vec::new();
        for (rule, document) in rules.into_iter().zip(documents) {
            match resolve_policy(&rule) {
                Ok(policy) => book.add(policy, rule),
                Err(inexact) => {
                    let layer = rule.layers.iter().position(|layer| layer.id == inexact.0);
                    let line = layer.map_or(1, |at| document.layers[at].line);
                    faults.push(FileFault::new(&document.file, line, inexact.to_string()));
                }
            }
        }
        if faults.is_empty() { Ok(book) } else { Err(faults) }
    }

    fn add(&mut self, policy: Policy, rule: PolicyRule) {
        self.policies.push(Arc::new(policy));
        self.rules.push(Arc::new(rule));
    }

    /// The policies, in the order of their files.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// The policy with this id, and the rules it was resolved from.
    pub fn get(&self, id: &str) -> Option<(&Arc<Policy>, &Arc<PolicyRule>)> {
        let index = self.policies.iter().position(|policy| &*policy.reference.id == id)?;
        Some((&self.policies[index], &self.rules[index]))
    }

    /// The rules of all policies, in the order of their files.
    pub fn rules(&self) -> &[Arc<PolicyRule>] {
        &self.rules
    }

    /// One digest over all policies.
    pub fn digest(&self) -> Digest {
        let each: Vec<u8> = self.policies.iter().flat_map(|policy| policy.reference.digest.0).collect();
        Digest::of(&each)
    }

    /// The policy that governs a claim: in force on the day that its `benefit_year` names, with the longest
    /// prefix of the insured region.
    pub fn governing(&self, insurance: &str, region: &Region, admitted: Day, discharged: Day) -> Option<&Arc<Policy>> {
        let in_force = self.policies.iter().filter(|policy| {
            &*policy.insurance == insurance && policy.in_force.contains(policy.policy_day(admitted, discharged))
        });
        let prefix = |policy: &Policy| {
            let named = policy.regions.iter().filter(|prefix| region.as_str().starts_with(&***prefix));
            named.map(|prefix| prefix.len()).max()
        };
        in_force.filter_map(|policy| Some((prefix(policy)?, policy))).max_by_key(|(length, _)| *length).map(|(_, p)| p)
    }
}

fn sorted(mut faults: Vec<FileFault>) -> Result<Book, Vec<FileFault>> {
    faults.sort();
    faults.dedup();
    Err(faults)
}

/// Two files with one id, or that govern one region on a common day or by different days.
fn conflicts(documents: &[Document]) -> Vec<FileFault> {
    let mut faults = Vec::new();
    for (at, later) in documents.iter().enumerate() {
        for earlier in documents[..at].iter().filter(|earlier| earlier.sound && later.sound) {
            faults.extend(conflicts_between(earlier, later));
        }
    }
    faults
}

fn conflicts_between(earlier: &Document, later: &Document) -> Vec<FileFault> {
    let mut faults = Vec::new();
    let mut fault = |line, message| faults.push(FileFault::new(&later.file, line, message));
    let file = &earlier.file;
    if earlier.id == later.id {
        fault(later.id_line, format!("has the id `{}`, as has {file}", later.id));
    }
    let insurance = &later.insurance;
    let known: HashSet<&String> = earlier.regions.iter().collect();
    let common = later.regions.iter().filter(|region| known.contains(region));
    for region in common.filter(|_| earlier.insurance == *insurance) {
        if earlier.benefit_year != later.benefit_year {
            let (own, other) = (later.benefit_year, earlier.benefit_year);
            fault(later.regions_line, format!("judges region {region} by {own}, {file} by {other}"));
        }
        if earlier.in_force.overlaps(&later.in_force) {
            fault(
                later.regions_line,
                format!("governs {insurance} in region {region} on days that {file} governs too"),
            );
        }
    }
    faults
}
