//! `PolicyService` over an engine.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::domain::ids::Digest;
use crate::domain::refusal::{Reason, Refusal};
use crate::engine::Engine;
use crate::policy::rule::PolicyRule;
use crate::store::Store;

use super::pb::policy as pb;
use super::pb::policy::policy_service_server::PolicyService;
use super::status;

/// The service.
pub struct Policies<S> {
    engine: Arc<Engine<S>>,
}

impl<S: Store> Policies<S> {
    /// The service over this engine.
    pub fn new(engine: Arc<Engine<S>>) -> Self {
        Policies { engine }
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
            self.kept(&policy_digest).await.map_err(|refusal| status::of(&refusal))?
        };
        let not_found = || status::of(&Refusal::because(Reason::NotFound));
        found.map(Response::new).ok_or_else(not_found)
    }
}

impl<S: Store> Policies<S> {
    async fn kept(&self, digest: &[u8]) -> Result<Option<pb::GetPolicyResponse>, Refusal> {
        let Ok(digest) = <[u8; 32]>::try_from(digest) else { return Ok(None) };
        Ok(self.engine.kept_policy(Digest(digest)).await?.map(|rule| response(&rule)))
    }
}

fn response(rule: &PolicyRule) -> pb::GetPolicyResponse {
    pb::GetPolicyResponse {
        policy_id: rule.id.to_string(),
        policy_digest: rule.digest().0.to_vec(),
        canonical_json: rule.canonical(),
    }
}
