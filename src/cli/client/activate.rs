//! `onestop policy activate`, and `policy list` of a server: the law that is in use, and its change.

use serde_json::json;

use crate::domain::day::{Day, Interval};
use crate::grpc::pb::policy as pb;
use crate::say;

use super::address::Server;
use super::connection::{self as client, Client};
use crate::cli::exit::{Ended, Failure};
use crate::cli::output::json::hex;

/// Has a server read its policy files anew.
///
/// # Errors
/// Exit 1 with every fault, 3 if the server is lost.
pub async fn run(server: &Server, dry_run: bool, expect: Option<&str>, json: bool) -> Ended {
    let expected_digest = expect.map_or_else(|| Ok(Vec::new()), unhex)?;
    let mut client = server.connect().await?;
    let request = pb::ActivatePoliciesRequest { dry_run, expected_digest };
    let answer = client.policies.activate_policies(request).await.map_err(|status| client::failure(&status))?;
    let answer = answer.into_inner();
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
    for (what, ids) in [("added", &answer.added), ("changed", &answer.changed), ("REMOVED", &answer.removed)] {
        if !ids.is_empty() {
            say!("{what}: {}", ids.join(", "));
        }
    }
    match (old == new, dry_run) {
        (true, _) => say!("the book in use is the same: {old}"),
        (false, true) => say!("would replace book {old} by {new}; nothing was changed"),
        (false, false) => say!("book {new} is in use, in place of {old}"),
    }
    Ok(())
}

/// Lists the policies that a server has in use.
///
/// # Errors
/// Exit 3 if the server is lost.
pub async fn list(mut client: Client, json: bool) -> Ended {
    let mut request = pb::ListPoliciesRequest::default();
    loop {
        let page = client.policies.list_policies(request.clone()).await.map_err(|status| client::failure(&status))?;
        let page = page.into_inner();
        for policy in &page.policies {
            let in_force = interval(policy).to_string();
            let (id, digest) = (&policy.policy_id, hex(&policy.policy_digest));
            if json {
                say!(
                    "{}",
                    json!({
                        "id": id, "digest": digest, "title": policy.title, "insurance": policy.insurance,
                        "regions": policy.regions, "in_force": in_force, "benefit_year": policy.benefit_year,
                        "layers": policy.layers,
                    })
                );
            } else {
                let regions = policy.regions.join(" ");
                say!("{id} {}: {regions}, {in_force}, by {}; {}", policy.insurance, policy.benefit_year, policy.title);
            }
        }
        if page.next_page_token.is_empty() {
            if !json {
                say!("digest of the book {}", hex(&page.book_digest));
            }
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

fn interval(policy: &pb::PolicySummary) -> Interval {
    let day = |day: Option<pb::Date>| day.and_then(|day| Day::new(day.year, day.month, day.day).ok());
    Interval { from: day(policy.in_force_from), until: day(policy.in_force_until) }
}

fn unhex(text: &str) -> Result<Vec<u8>, Failure> {
    let wrong = || Failure::Usage("--expect is not a digest of 64 hexadecimal digits".to_owned());
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    let pairs = (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16));
    pairs.collect::<Result<_, _>>().map_err(|_| wrong())
}
