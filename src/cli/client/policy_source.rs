//! `onestop policy show`: where the policy comes from. A directory or the shipped book has policies by id; a server and a
//! store also keep every policy that was ever in use, by the digest that settlements name.

use std::path::PathBuf;

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::json::bytes_from_hex;
use crate::cli::output::policy_terms::{PolicyTermsOptions, ShownPolicy, print_policy_terms};
use crate::cli::output::refusal_text::in_language;
use crate::cli::output::statement::{BookWords, Lang};
use crate::domain::ids::Digest;
use crate::domain::policy::Policy;
use crate::domain::vocabulary::Vocabulary;
use crate::pb::policy as pb;
use crate::policy::{Book, nearest, vocabulary_of_kept};
use crate::server::run::load_book;
use crate::server::store_location::{SecretAndArchivePaths, StoreLocation, StoreTask};
use crate::store::Store;

use super::address::TlsOptions;
use super::connection::Client;

/// The policy, and where it is.
#[derive(clap::Args, Debug)]
pub(crate) struct PolicySourceOptions {
    /// The id of the policy, or its digest
    policy: String,
    /// A directory of policy files, instead of the shipped policies
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "store"])]
    policies: Option<PathBuf>,
    /// The policy that this server uses, or by its digest one that it ever used
    #[arg(long, value_name = "URL", conflicts_with = "store")]
    server: Option<String>,
    #[command(flatten)]
    tls: TlsOptions,
    /// A policy that was ever used with this store: a directory, which no server has open, or a Redis
    #[arg(long, value_name = "DIR|URL")]
    store: Option<PathBuf>,
    /// The file with the secret of a store on Redis
    #[arg(long, value_name = "FILE", requires = "store")]
    secret: Option<PathBuf>,
    /// The archive of a store on Redis
    #[arg(long, value_name = "DIR", requires = "store")]
    archive: Option<PathBuf>,
}

/// Prints the terms of the policy.
///
/// # Errors
/// If there is no such policy, or its source cannot be read.
pub(crate) async fn show(source: &PolicySourceOptions, options: &PolicyTermsOptions, json: bool) -> CommandResult {
    let lang = options.lang();
    match (&source.server, &source.store) {
        (Some(server), _) => show_of_server(source, server, options, json).await,
        (None, Some(store)) => {
            let paths = SecretAndArchivePaths { secret: source.secret.as_deref(), archive: source.archive.as_deref() };
            let task = FindPolicy { wanted: &source.policy, lang };
            let (policy, vocabulary) = StoreLocation::parse(store)?.open_existing(paths, task).await??;
            print_policy_terms(&shown(&policy, &vocabulary, lang), options, json)
        }
        (None, None) => {
            let book = load_book(source.policies.as_deref()).map_err(|faults| lang.faults(faults))?;
            let digest = digest(&source.policy);
            let found = book
                .policies()
                .iter()
                .find(|policy| *policy.reference.id == *source.policy || Some(policy.reference.digest) == digest);
            let policy = found.ok_or_else(|| unknown_policy(&book, &source.policy, lang))?;
            print_policy_terms(&shown(policy, book.vocabulary(), lang), options, json)
        }
    }
}

fn shown<'a>(policy: &'a Policy, vocabulary: &Vocabulary, lang: Lang) -> ShownPolicy<'a> {
    ShownPolicy {
        policy,
        levels: vocabulary.levels.iter().map(|(level, _)| level.clone()).collect(),
        categories: vocabulary.categories.iter().map(|(category, _)| category.clone()).collect(),
        words: BookWords::of_vocabulary(lang, vocabulary),
    }
}

/// The digest that a text writes, if it writes one.
fn digest(text: &str) -> Option<Digest> {
    bytes_from_hex::<32>(text).map(Digest)
}

fn unknown_policy(book: &Book, id: &str, lang: Lang) -> CommandError {
    let meant = nearest(id, book.policies().iter().map(|policy| &*policy.reference.id));
    CommandError::Usage(match (lang, meant) {
        (Lang::En, Some(meant)) => format!("the book has no policy `{id}`; `{meant}` is meant?"),
        (Lang::En, None) => format!("the book has no policy `{id}`"),
        (Lang::Zh, Some(meant)) => format!("汇编中没有政策 `{id}`；是否应为 `{meant}`？"),
        (Lang::Zh, None) => format!("汇编中没有政策 `{id}`"),
    })
}

async fn show_of_server(
    source: &PolicySourceOptions,
    server: &str,
    options: &PolicyTermsOptions,
    json: bool,
) -> CommandResult {
    let lang = options.lang();
    let mut client = Client::over(source.tls.connect(server).await?);
    let request = match digest(&source.policy) {
        Some(Digest(digest)) => pb::GetPolicyRequest { policy_digest: digest.to_vec(), ..Default::default() },
        None => pb::GetPolicyRequest { policy_id: source.policy.clone(), ..Default::default() },
    };
    let found = client.policies.get_policy(request).await.map_err(|status| in_language(status, lang))?.into_inner();
    let policy = <[u8; 32]>::try_from(found.policy_digest).ok().map(Digest);
    let policy = policy.and_then(|digest| Policy::from_kept(&found.canonical_json, digest));
    let policy = policy.ok_or_else(|| unreadable_policy_error(lang))?;
    let words = client.policies.get_vocabulary(pb::GetVocabularyRequest::default()).await;
    let words = words.map_err(|status| in_language(status, lang))?.into_inner().words;
    let of_section =
        |section: &'static str| words.iter().filter(move |word| word.section == section).map(|word| word.word.clone());
    let shown = ShownPolicy {
        policy: &policy,
        levels: of_section("level").map(Into::into).collect(),
        categories: of_section("category").map(Into::into).collect(),
        words: BookWords::of_messages(lang, &words),
    };
    print_policy_terms(&shown, options, json)
}

fn unreadable_policy_error(lang: Lang) -> CommandError {
    let message = lang.choose(
        "该政策的文本与摘要不符，或为更新版本的格式",
        "the text of the policy is not that of its digest, or of a newer form",
    );
    CommandError::Usage(message.to_owned())
}

/// Finds a policy that was ever in use, with the vocabulary that is in use.
struct FindPolicy<'a> {
    /// Its id or its digest.
    wanted: &'a str,
    lang: Lang,
}

impl StoreTask for FindPolicy<'_> {
    type Output = Result<(Policy, Vocabulary), CommandError>;

    async fn run<S: Store>(self, store: S) -> Self::Output {
        let digests = match digest(self.wanted) {
            Some(digest) => vec![digest],
            None => store.policy_digests().await?,
        };
        let mut found = Vec::new();
        for digest in digests {
            let policy = store.policy(digest).await?.and_then(|text| Policy::from_kept(&text, digest));
            found.extend(policy.filter(|policy| policy.reference.digest == digest && self.is_wanted(policy)));
        }
        Ok((self.only(found)?, vocabulary_in_use(&store).await?))
    }
}

impl FindPolicy<'_> {
    fn is_wanted(&self, policy: &Policy) -> bool {
        *policy.reference.id == *self.wanted || digest(self.wanted) == Some(policy.reference.digest)
    }

    /// The policy that was found, if it is the only one.
    fn only(&self, mut found: Vec<Policy>) -> Result<Policy, CommandError> {
        let digests: Vec<_> = found.iter().map(|policy| policy.reference.digest.to_string()).collect();
        let (id, digests) = (self.wanted, digests.join(", "));
        match (found.pop(), found.is_empty(), self.lang) {
            (Some(policy), true, _) => Ok(policy),
            (None, _, Lang::En) => Err(CommandError::Usage(format!("the store has no policy `{id}`"))),
            (None, _, Lang::Zh) => Err(CommandError::Usage(format!("存储中没有政策 `{id}`"))),
            (Some(_), false, Lang::En) => Err(CommandError::Usage(format!(
                "several versions of `{id}` were in use; name one by its digest: {digests}"
            ))),
            (Some(_), false, Lang::Zh) => {
                Err(CommandError::Usage(format!("`{id}` 先后有几个版本，请以摘要指定其一：{digests}")))
            }
        }
    }
}

/// The vocabulary of the book in use; of a store that has none yet, the shipped one.
async fn vocabulary_in_use<S: Store>(store: &S) -> Result<Vocabulary, CommandError> {
    if let Some(digest) = store.administration().await?.book
        && let Some(vocabulary) = store.policy(digest).await?.and_then(|text| vocabulary_of_kept(&text, digest))
    {
        return Ok(vocabulary);
    }
    Ok(load_book(None)?.vocabulary().as_ref().clone())
}
