//! `onestop policy activate` and `onestop policy list --server`: the policy book that a server uses, and its change.

use serde_json::json;

use crate::cli::admin::policy::benefit_year_text;
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::json::{bytes_from_hex, hex};
use crate::cli::output::policy_figures::days_text;
use crate::cli::output::statement::Lang;
use crate::domain::day::{Day, Interval};
use crate::pb::Date;
use crate::pb::policy as pb;
use crate::say;

use super::address::{ServerOptions, TlsOptions};
use super::connection::Client;
use super::refused_policies::refused_policies;

/// Makes a server reload its policy files. `expect` is the digest that the files must have.
///
/// # Errors
/// If `expect` is not a digest, or the call failed.
pub(crate) async fn run(
    server: &ServerOptions,
    dry_run: bool,
    expect: Option<&str>,
    (lang, json): (Lang, bool),
) -> CommandResult {
    let expected_digest = expect.map_or_else(|| Ok(Vec::new()), parse_digest)?;
    let mut client = Client::connect_to(server).await?;
    let request = pb::ActivatePoliciesRequest { dry_run, expected_digest };
    let answer = client.policies.activate_policies(request).await;
    let answer = answer.map_err(|status| refused_policies(status, lang))?.into_inner();
    let (old, new) = (hex(&answer.old_book_digest), hex(&answer.new_book_digest));
    if json {
        say!(
            "{}",
            json!({
                "old": old, "new": new, "added": answer.added, "changed": answer.changed,
                "removed": answer.removed, "dry_run": dry_run,
            })
        );
        return Ok(());
    }
    let changes = [
        (lang.choose("新增", "added"), &answer.added),
        (lang.choose("变更", "changed"), &answer.changed),
        (lang.choose("删除", "REMOVED"), &answer.removed),
    ];
    for (change, ids) in changes.into_iter().filter(|(_, ids)| !ids.is_empty()) {
        say!("{change}: {}", ids.join(", "));
    }
    match (old == new, dry_run, lang) {
        (true, _, Lang::En) => say!("no change: book {old} stays in use"),
        (true, _, Lang::Zh) => say!("没有变化：继续使用汇编 {old}"),
        (false, true, Lang::En) => say!("would replace book {old} by {new}; nothing was changed"),
        (false, true, Lang::Zh) => say!("将以汇编 {new} 替换 {old}；目前未作任何更改"),
        (false, false, Lang::En) => say!("book {new} is in use and replaces {old}"),
        (false, false, Lang::Zh) => say!("已启用汇编 {new}，替换 {old}"),
    }
    Ok(())
}

/// Lists the policies that a server uses.
///
/// # Errors
/// If a call failed.
pub(crate) async fn list(server: &str, tls: &TlsOptions, (lang, json): (Lang, bool)) -> CommandResult {
    let mut client = Client::over(tls.connect(server).await?);
    let mut request = pb::ListPoliciesRequest::default();
    loop {
        let page = client.policies.list_policies(request.clone()).await?.into_inner();
        for policy in &page.policies {
            let in_force = interval(policy).to_string();
            let (id, digest) = (&policy.policy_id, hex(&policy.policy_digest));
            if json {
                say!(
                    "{}",
                    json!({
                        "id": id, "digest": digest, "title": policy.title, "insurance": policy.insurance,
                        "regions": policy.regions, "in_force": in_force, "benefit_year": policy.benefit_year().word(),
                        "layers": policy.layers,
                    })
                );
            } else {
                let (regions, insurance) = (policy.regions.join(" "), &policy.insurance);
                let (year, title) = (policy.benefit_year().word(), &policy.title);
                let days = days_text(interval(policy), lang);
                match lang {
                    Lang::En => say!("{id} {insurance}: {regions}, {days}, by {year}; {title}"),
                    Lang::Zh => {
                        let year = benefit_year_text(year, lang);
                        say!("{id} {insurance}：{regions}，{days}，待遇年度按{year}；{title}");
                    }
                }
            }
        }
        if page.next_page_token.is_empty() {
            if !json {
                say!("{} {}", lang.choose("汇编摘要", "digest of the book"), hex(&page.book_digest));
            }
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

fn interval(policy: &pb::PolicySummary) -> Interval {
    let day = |day: Option<Date>| day.and_then(|day| Day::new(day.year, day.month, day.day).ok());
    Interval { from: day(policy.in_force_from), until: day(policy.in_force_until) }
}

fn parse_digest(text: &str) -> Result<Vec<u8>, CommandError> {
    let invalid = || CommandError::Usage("--expect is not a digest of 64 hexadecimal digits".to_owned());
    bytes_from_hex::<32>(text).map(Vec::from).ok_or_else(invalid)
}
