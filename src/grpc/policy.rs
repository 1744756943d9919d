//! `PolicyService` over an engine.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use tracing::Instrument;

use crate::domain::fault::FaultReason;
use crate::domain::ids::Digest;
use crate::domain::policy::Policy;
use crate::engine::{Engine, EngineError};
use crate::pb::policy as pb;
use crate::pb::policy::policy_service_server::PolicyService;
use crate::store::Store;

use super::activation::{Activation, BookChange};
use super::authorize::Permitted;
use super::error::CallError;
use super::impact::ImpactParts;
use super::page::{self, PageTokens};
use super::reporter::{StoreReporter, report_deadline};
use super::to_proto::{date, digest};
use super::vocabulary;

/// How many policies a page holds if nothing is asked for, and at the most.
const PAGE: (usize, usize) = (100, 1_000);

/// The service.
pub struct PolicyHandler<S> {
    engine: Arc<Engine<S>>,
    activation: Arc<Activation<S>>,
    page_tokens: PageTokens,
    reporter: Arc<StoreReporter<S>>,
}

impl<S: Store> PolicyHandler<S> {
    /// The service over this engine.
    pub fn new(engine: Arc<Engine<S>>, activation: Arc<Activation<S>>, reporter: Arc<StoreReporter<S>>) -> Self {
        let page_tokens = PageTokens::new(engine.store());
        PolicyHandler { engine, activation, page_tokens, reporter }
    }
}

#[tonic::async_trait]
impl<S: Store> PolicyService for PolicyHandler<S> {
    async fn get_policy(
        &self,
        request: Request<pb::GetPolicyRequest>,
    ) -> Result<Response<pb::GetPolicyResponse>, Status> {
        let pb::GetPolicyRequest { policy_id, policy_digest } = request.into_inner();
        let found = match (policy_id.as_str(), policy_digest.as_slice()) {
            (id, []) => self.engine.book().get(id).map(|policy| policy_response(policy)),
            ("", digest) => self.policy_by_digest(digest).await?,
            _ => {
                let message = "is given beside policy_digest; a policy is read by its id or by its digest";
                return Err(CallError::invalid_field("policy_id", FaultReason::MustBeEmpty, message).into());
            }
        };
        Ok(Response::new(found.ok_or(CallError::from(EngineError::NotFound))?))
    }

    async fn list_policies(
        &self,
        request: Request<pb::ListPoliciesRequest>,
    ) -> Result<Response<pb::ListPoliciesResponse>, Status> {
        let permitted = Permitted::from_message(&request)?;
        Ok(Response::new(self.handle_list_policies(&permitted, &request.into_inner())?))
    }

    async fn get_vocabulary(
        &self,
        request: Request<pb::GetVocabularyRequest>,
    ) -> Result<Response<pb::GetVocabularyResponse>, Status> {
        Ok(Response::new(self.handle_get_vocabulary(&request.into_inner().book_digest).await?))
    }

    async fn find_dropped_words(
        &self,
        request: Request<pb::FindDroppedWordsRequest>,
    ) -> Result<Response<pb::FindDroppedWordsResponse>, Status> {
        let kept = vocabulary::kept_words(request.into_inner())?;
        let dropped = self.engine.dropped_words(&kept).await.map_err(CallError::from)?;
        Ok(Response::new(vocabulary::dropped_words_response(dropped)))
    }

    type AssessImpactStream = ImpactParts;

    async fn assess_impact(&self, request: Request<pb::AssessImpactRequest>) -> Result<Response<ImpactParts>, Status> {
        let (permitted, deadline) = (Permitted::from_message(&request)?, report_deadline(&request));
        let reporter = Arc::clone(&self.reporter);
        Ok(Response::new(reporter.assess_impact(permitted, deadline, request.into_inner()).await?))
    }

    async fn activate_policies(
        &self,
        request: Request<pb::ActivatePoliciesRequest>,
    ) -> Result<Response<pb::ActivatePoliciesResponse>, Status> {
        let permitted = Permitted::from_request(&request)?;
        let pb::ActivatePoliciesRequest { dry_run, expected_digest } = request.into_inner();
        // In a task of its own, so that a caller who goes away leaves no activation that is recorded and not applied.
        let activation = Arc::clone(&self.activation);
        let work = async move { activation.activate(dry_run, &expected_digest, &permitted.caller.name).await };
        let changed = tokio::spawn(work.in_current_span()).await;
        let changed = changed.map_err(|error| CallError::Internal(format!("the activation ended early: {error}")));
        let BookChange { old, new, added, changed, removed } = changed??;
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

impl<S: Store> PolicyHandler<S> {
    async fn policy_by_digest(&self, digest: &[u8]) -> Result<Option<pb::GetPolicyResponse>, CallError> {
        let Ok(digest) = <[u8; 32]>::try_from(digest) else { return Ok(None) };
        Ok(self.engine.stored_policy(Digest(digest)).await?.map(|policy| policy_response(&policy)))
    }

    async fn handle_get_vocabulary(&self, digest: &[u8]) -> Result<pb::GetVocabularyResponse, CallError> {
        let book = self.engine.book();
        if digest.is_empty() || digest == book.digest().0 {
            return Ok(vocabulary::vocabulary_response(book.digest(), book.vocabulary()));
        }
        let digest = Digest(<[u8; 32]>::try_from(digest).map_err(|_| CallError::from(EngineError::NotFound))?);
        let stored = self.engine.stored_vocabulary(digest).await?.ok_or(EngineError::NotFound)?;
        Ok(vocabulary::vocabulary_response(digest, &stored))
    }

    fn handle_list_policies(
        &self,
        permitted: &Permitted,
        request: &pb::ListPoliciesRequest,
    ) -> Result<pb::ListPoliciesResponse, CallError> {
        let book = self.engine.book();
        let limit = page::page_size(request.page_size, PAGE.0, PAGE.1)?;
        let tokens = self.page_tokens.for_list(permitted, &[&book.digest().to_string()]);
        let first: u64 = tokens.decode_position(&request.page_token)?.unwrap_or(0);
        let (policies, next) = slice_page(book.policies(), first, limit);
        Ok(pb::ListPoliciesResponse {
            policies: policies.iter().map(|policy| policy_summary(policy)).collect(),
            next_page_token: tokens.next_page_token(next.as_ref())?,
            book_digest: digest(book.digest()),
        })
    }
}

/// Up to `limit` items from the first one on, and the number of the next item if there is one.
fn slice_page<T>(items: &[T], first: u64, limit: usize) -> (&[T], Option<u64>) {
    let rest = usize::try_from(first).ok().and_then(|first| items.get(first..)).unwrap_or_default();
    let page = &rest[..rest.len().min(limit)];
    let next = first.checked_add(page.len() as u64).filter(|_| rest.len() > page.len());
    (page, next)
}

fn policy_summary(policy: &Policy) -> pb::PolicySummary {
    pb::PolicySummary {
        policy_id: policy.reference.id.to_string(),
        policy_digest: digest(policy.reference.digest),
        title: policy.rule.title.to_string(),
        insurance: policy.rule.insurance.to_string(),
        regions: policy.rule.regions.iter().map(ToString::to_string).collect(),
        in_force_from: policy.rule.in_force.from.map(date),
        in_force_until: policy.rule.in_force.until.map(date),
        benefit_year: pb::BenefitYear::from(policy.rule.benefit_year).into(),
        layers: policy.rule.layers.len() as u32,
    }
}

fn policy_response(policy: &Policy) -> pb::GetPolicyResponse {
    pb::GetPolicyResponse {
        policy_id: policy.reference.id.to_string(),
        policy_digest: digest(policy.reference.digest),
        canonical_json: policy.canonical.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_from_any_position_neither_overflows_nor_repeats_items() {
        let items = [1, 2, 3];
        assert_eq!(slice_page(&items, 0, 2), (&items[..2], Some(2)));
        assert_eq!(slice_page(&items, 2, 2), (&items[2..], None));
        assert_eq!(slice_page(&items, 1, 2), (&items[1..], None), "the last page is full");
        for first in [3, 4, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(slice_page(&items, first, usize::MAX), (&items[..0], None), "from {first}");
        }
    }
}
