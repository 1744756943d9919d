//! `PolicyService` over an engine.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::domain::day::Day;
use crate::domain::ids::Digest;
use crate::domain::policy::Policy;
use crate::engine::{Engine, EngineError};
use crate::policy::Book;
use crate::policy::rule::PolicyRule;
use crate::store::Store;

use super::activation::{Activation, BookChange};
use super::error::CallError;
use super::page;
use super::pb::policy as pb;
use super::pb::policy::policy_service_server::PolicyService;
use super::to_proto::digest;

/// How many policies a page holds if nothing is asked for, and at the most.
const PAGE: (usize, usize) = (100, 1_000);

/// The service.
pub struct Policies<S> {
    engine: Arc<Engine<S>>,
    activation: Arc<Activation<S>>,
}

impl<S: Store> Policies<S> {
    /// The service over this engine.
    pub fn new(engine: Arc<Engine<S>>, activation: Arc<Activation<S>>) -> Self {
        Policies { engine, activation }
    }
}

#[tonic::async_trait]
impl<S: Store> PolicyService for Policies<S> {
    async fn get_policy(
        &self,
        request: Request<pb::GetPolicyRequest>,
    ) -> Result<Response<pb::GetPolicyResponse>, Status> {
        let pb::GetPolicyRequest { policy_id, policy_digest } = request.into_inner();
        let found = if policy_digest.is_empty() {
            self.engine.book().get(&policy_id).map(|(_, rule)| response(rule))
        } else {
            self.kept(&policy_digest).await?
        };
        Ok(Response::new(found.ok_or(CallError::from(EngineError::NotFound))?))
    }

    async fn list_policies(
        &self,
        request: Request<pb::ListPoliciesRequest>,
    ) -> Result<Response<pb::ListPoliciesResponse>, Status> {
        Ok(Response::new(list(&self.engine.book(), &request.into_inner())?))
    }

    async fn activate_policies(
        &self,
        request: Request<pb::ActivatePoliciesRequest>,
    ) -> Result<Response<pb::ActivatePoliciesResponse>, Status> {
        let pb::ActivatePoliciesRequest { dry_run, expected_digest } = request.into_inner();
        let changed = self.activation.activate(dry_run, &expected_digest).await;
        let BookChange { old, new, added, changed, removed } = changed?;
        Ok(Response::new(pb::ActivatePoliciesResponse {
            old_book_digest: digest(old),
            new_book_digest: digest(new),
            added,
            changed,
            removed,
            dry_run,
        }))
    }
}

impl<S: Store> Policies<S> {
    async fn kept(&self, digest: &[u8]) -> Result<Option<pb::GetPolicyResponse>, CallError> {
        let Ok(digest) = <[u8; 32]>::try_from(digest) else { return Ok(None) };
        Ok(self.engine.kept_policy(Digest(digest)).await?.map(|rule| response(&rule)))
    }
}

fn list(book: &Book, asked: &pb::ListPoliciesRequest) -> Result<pb::ListPoliciesResponse, CallError> {
    let list = ("policies", book.digest());
    let limit = page::size(asked.page_size, PAGE.0, PAGE.1)?;
    let from: u32 = page::place(&list, &asked.page_token)?.unwrap_or(0);
    let policies = book.policies().get(from as usize..).unwrap_or_default();
    let next = from.saturating_add(limit as u32);
    let next_page_token = if policies.len() > limit { page::token(&list, &next)? } else { String::new() };
    let policies = policies.iter().take(limit).map(|policy| summary(policy)).collect();
    Ok(pb::ListPoliciesResponse { policies, next_page_token, book_digest: digest(book.digest()) })
}

fn summary(policy: &Policy) -> pb::PolicySummary {
    let date = |day: Option<Day>| day.map(|day| pb::Date { year: day.year(), month: day.month(), day: day.day() });
    pb::PolicySummary {
        policy_id: policy.reference.id.to_string(),
        policy_digest: digest(policy.reference.digest),
        title: policy.title.to_string(),
        insurance: policy.insurance.to_string(),
        regions: policy.regions.iter().map(ToString::to_string).collect(),
        in_force_from: date(policy.in_force.from),
        in_force_until: date(policy.in_force.until),
        benefit_year: policy.benefit_year.to_string(),
        layers: policy.layers.len() as u32,
    }
}

fn response(rule: &PolicyRule) -> pb::GetPolicyResponse {
    pb::GetPolicyResponse {
        policy_id: rule.id.to_string(),
        policy_digest: rule.digest().0.to_vec(),
        canonical_json: rule.canonical(),
    }
}
