//! The book: all policies in use, their vocabulary, and which of them governs a claim.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::domain::canonical_text::{CanonicalText, NoCanonicalText};
use crate::domain::day::Day;
use crate::domain::facts::Region;
use crate::domain::file_fault::{FaultText, FileFault};
use crate::domain::file_faults::FileFaults;
use crate::domain::ids::{CanonicalDigest, Digest};
use crate::domain::policy::Policy;
use crate::domain::rule::PolicyRule;
use crate::domain::vocabulary::Vocabulary;

use super::book_checks::{conflicts, disagreements};
use super::document::Document;
use super::document_reader::read_document;
use super::drawn_layers::{DrawnPolicy, draw_layers};
use super::exactness::{InexactLayer, MAX_TAGS, check_exactness};
use super::remarks::{misnamed_file, remarks};
use super::shipped_vocabulary::{VOCABULARY, shipped_vocabulary};
use super::vocabulary_file::VocabularyFile;
use super::vocabulary_reader::{FILE_NAME, read_vocabulary};
use super::warnings::warnings;

/// A checked set of policies.
#[derive(Clone, Debug)]
pub struct Book {
    vocabulary: Arc<Vocabulary>,
    vocabulary_text: CanonicalText,
    vocabulary_file: VocabularyFile,
    policies: Vec<Arc<Policy>>,
    warnings: Vec<FileFault>,
    remarks: Vec<FileFault>,
    digest: Digest,
}

/// A file of a book: its name and its text.
type File<'a> = (&'a str, &'a str);

impl Book {
    /// A book without a policy, with the words of the shipped vocabulary.
    ///
    /// # Errors
    /// If the vocabulary has no canonical text.
    pub fn without_policies() -> Result<Book, NoCanonicalText> {
        Book::new(shipped_vocabulary().0.unwrap_or_default(), Vec::new())
    }

    fn new(vocabulary: Arc<Vocabulary>, policies: Vec<Arc<Policy>>) -> Result<Book, NoCanonicalText> {
        let vocabulary_text = vocabulary.canonical()?;
        let digest = digest_of_parts(digests_by_id(&policies), vocabulary_text.digest);
        let (vocabulary_file, warnings, remarks) = Default::default();
        Ok(Book { vocabulary, vocabulary_text, vocabulary_file, policies, warnings, remarks, digest })
    }

    /// The book of some files, as pairs of name and text. One of them may be a `vocabulary.toml`; without one, the words
    /// are those of the shipped vocabulary.
    ///
    /// # Errors
    /// Every fault of every file, in the order of files and lines.
    pub fn from_texts<'a>(files: impl IntoIterator<Item = File<'a>>) -> Result<Book, FileFaults> {
        let is_vocabulary = |file: &File<'_>| Path::new(file.0).file_name().is_some_and(|name| name == FILE_NAME);
        let (own, files): (Vec<File<'_>>, Vec<File<'_>>) = files.into_iter().partition(is_vocabulary);
        let (name, text) = own.first().copied().unwrap_or(VOCABULARY);
        let (vocabulary, mut faults) = match own.first() {
            Some(_) => read_own_vocabulary(name, text),
            None => shipped_vocabulary(),
        };
        faults.extend(own.iter().skip(1).map(|(file, _)| second_vocabulary(file)));
        let Some(vocabulary) = vocabulary else { return sorted(faults) };
        let (mut documents, mut complete) = (Vec::new(), true);
        for (file, policy_text) in files {
            let (document, found) = read_document(file, policy_text, &vocabulary);
            faults.extend(found);
            complete &= document.is_some();
            documents.extend(document);
        }
        faults.extend(conflicts(&documents));
        let (policies, found) = draw_layers(&documents, &vocabulary.meanings(), complete);
        faults.extend(found);
        faults.extend(disagreements(&documents, &policies));
        if faults.is_empty() {
            faults.extend(inexact_layers(&documents, &policies, &vocabulary));
        }
        if !faults.is_empty() {
            return sorted(faults);
        }
        let (warnings, remarks) = (warnings(&documents, &policies), remarks(&documents, &vocabulary));
        let policies = canonical_policies(&documents, policies)?;
        let vocabulary_file = VocabularyFile::new(name, text);
        let book =
            Book::new(vocabulary, policies).map_err(|error| FileFaults::from(no_canonical_text(name, &error)))?;
        Ok(Book { vocabulary_file, warnings, remarks, ..book })
    }

    /// The book of every `*.toml` in a directory.
    ///
    /// # Errors
    /// Every file that cannot be read, and every fault of every file.
    pub fn from_dir(dir: &Path) -> Result<Book, FileFaults> {
        let fault = |path: &Path, text: FaultText| FileFault::bilingual(path.display().to_string(), 1, text);
        let unreadable = |path: &Path, error: std::io::Error| {
            fault(
                path,
                FaultText::new(
                    format!("cannot be read: {error}"),
                    format!("无法读取：{}", io_error_in_chinese(&error)),
                ),
            )
        };
        let mut texts = BTreeMap::new();
        let (mut faults, mut misnamed) = (Vec::new(), Vec::new());
        for file in std::fs::read_dir(dir).map_err(|e| unreadable(dir, e))? {
            let path = file.map_err(|e| unreadable(dir, e))?.path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                let file = path.display().to_string();
                let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, error));
                match bytes.and_then(|bytes| FileFault::utf8_text(&file, bytes)) {
                    Ok(text) => drop(texts.insert(file, text)),
                    Err(fault) => faults.push(fault),
                }
            } else {
                misnamed.extend(misnamed_file(&path));
            }
        }
        if texts.is_empty() && faults.is_empty() {
            let text = FaultText::new("holds no policy file (*.toml)", "没有政策文件（*.toml）");
            return Err(fault(dir, text).into());
        }
        let book = Book::from_texts(texts.iter().map(|(file, text)| (file.as_str(), text.as_str())));
        if faults.is_empty() {
            return book.map(|book| book.with_remarks(misnamed));
        }
        faults.extend(book.err().unwrap_or_default());
        sorted(faults)
    }

    /// The book with more remarks.
    fn with_remarks(mut self, more: Vec<FileFault>) -> Book {
        self.remarks.extend(more);
        self.remarks.sort();
        self
    }

    /// The words of the book.
    pub fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    /// The canonical text of the words.
    pub(super) fn vocabulary_text(&self) -> &CanonicalText {
        &self.vocabulary_text
    }

    /// The file of the vocabulary, and the lines of its sections.
    pub fn vocabulary_file(&self) -> &VocabularyFile {
        &self.vocabulary_file
    }

    /// The digests of the policies, in the order of their ids.
    pub(super) fn policy_digests(&self) -> impl Iterator<Item = Digest> {
        digests_by_id(&self.policies)
    }

    /// What is probably not meant, though it is in order.
    pub fn warnings(&self) -> &[FileFault] {
        &self.warnings
    }

    /// What is in order and often a slip; a strict check accepts it.
    pub fn remarks(&self) -> &[FileFault] {
        &self.remarks
    }

    /// The policies, in the order of their files.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// The policy with this id.
    pub fn get(&self, id: &str) -> Option<&Arc<Policy>> {
        self.policies.iter().find(|policy| &*policy.reference.id == id)
    }

    /// The rules of all policies, in the order of their files.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<PolicyRule>> {
        self.policies.iter().map(|policy| &policy.rule)
    }

    /// One digest over all policies and the whole vocabulary with its names; the order of the files is not part of it.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The policy that governs a claim: in force on the day that its `benefit_year` names, with the longest
    /// prefix of the insured region.
    pub fn governing(&self, insurance: &str, region: &Region, admitted: Day, discharged: Day) -> Option<&Arc<Policy>> {
        let in_force = self.policies.iter().filter(|policy| {
            let day = policy.policy_day(admitted, discharged);
            &*policy.rule.insurance == insurance && policy.rule.in_force.contains(day)
        });
        let prefix = |policy: &Policy| {
            let named = policy.rule.regions.iter().filter(|prefix| region.as_str().starts_with(&***prefix));
            named.map(|prefix| prefix.len()).max()
        };
        in_force.filter_map(|policy| Some((prefix(policy)?, policy))).max_by_key(|(length, _)| *length).map(|(_, p)| p)
    }
}

fn read_own_vocabulary(name: &str, text: &str) -> (Option<Arc<Vocabulary>>, Vec<FileFault>) {
    let (vocabulary, faults) = read_vocabulary(name, text);
    (vocabulary.map(Arc::new), faults)
}

/// The policies of these documents with their canonical texts.
fn canonical_policies(documents: &[Document], drawn: Vec<DrawnPolicy>) -> Result<Vec<Arc<Policy>>, FileFaults> {
    let policy = |(document, drawn): (&Document, DrawnPolicy)| {
        let policy = Policy::new(drawn.rule).map(Arc::new);
        policy.map_err(|error| FileFaults::from(no_canonical_text(&document.file, &error)))
    };
    documents.iter().zip(drawn).map(policy).collect()
}

fn no_canonical_text(file: &str, error: &NoCanonicalText) -> FileFault {
    FileFault::bilingual(file, 1, FaultText::new(error.to_string(), format!("无法写成规范文本：{error}")))
}

fn digests_by_id(policies: &[Arc<Policy>]) -> impl Iterator<Item = Digest> + use<> {
    let by_id: BTreeMap<_, _> =
        policies.iter().map(|policy| (policy.reference.id.clone(), policy.reference.digest)).collect();
    by_id.into_values()
}

/// The digest of a book with the vocabulary and the policies of these digests, in the order of the policies' ids.
pub(super) fn digest_of_parts(policies: impl Iterator<Item = Digest>, vocabulary: Digest) -> Digest {
    let form = CanonicalDigest::new("book/2").bytes(&vocabulary.0);
    policies.fold(form, |form, policy| form.bytes(&policy.0)).finish()
}

/// What the system says of a file that cannot be read, in Chinese where it is common.
pub(crate) fn io_error_in_chinese(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "没有这个文件或目录".to_owned(),
        std::io::ErrorKind::PermissionDenied => "没有读取的权限".to_owned(),
        _ => error.to_string(),
    }
}

fn second_vocabulary(file: &str) -> FileFault {
    FileFault::bilingual(file, 1, FaultText::new("the book has two vocabularies", "政策汇编有两份词汇表"))
}

fn sorted(mut faults: Vec<FileFault>) -> Result<Book, FileFaults> {
    faults.sort();
    faults.dedup();
    Err(faults.into())
}

/// Layers whose figures cannot be computed exactly in circumstances that can occur.
fn inexact_layers(documents: &[Document], policies: &[DrawnPolicy], vocabulary: &Vocabulary) -> Vec<FileFault> {
    let mut faults = Vec::new();
    for (document, policy) in documents.iter().zip(policies) {
        for layer in &policy.layers {
            let text = match check_exactness(&layer.rule, vocabulary) {
                Ok(()) => continue,
                Err(InexactLayer::Digits(inexact)) => FaultText::new(
                    inexact.to_string(),
                    format!("层 `{}` 的数值合计需要超过 20 位小数或 28 位数字", inexact.0),
                ),
                Err(InexactLayer::TooManyTags) => FaultText::new(
                    format!("the conditions of the layer name more than {MAX_TAGS} tags"),
                    format!("本层的条件涉及超过 {MAX_TAGS} 个医疗机构标记"),
                ),
                Err(InexactLayer::TooManySets) => FaultText::new(
                    "the `for` entries of the layer distinguish too many combinations of categories",
                    "本层的 `for` 条目区分的人员类别组合过多",
                ),
            };
            faults.push(FileFault::bilingual(&document.file, layer.line, text));
        }
    }
    faults
}
