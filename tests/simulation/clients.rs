//! Clients: each sends requests; without a response it repeats the request, reads its outcome or fences it.

use std::sync::{Arc, Mutex};

use onestop::domain::ids::Digest;
use onestop::engine::fence::Outcome;
use onestop::grpc::status::Reason;
use onestop::journal::content::split_digest;

use super::auditor::ClientRequest;
use super::calls::Response;
use super::scheduler::lock;
use super::servers::{SERVERS, Servers};
use super::workload::Workload;
use crate::support::random::Random;

/// How often a client calls before it reports a fault; without faults a call ends well before that.
const MAX_ATTEMPTS: usize = 200;

/// A client with its own random generator.
pub struct Client {
    pub servers: Arc<Servers>,
    pub workload: Arc<Mutex<Workload>>,
    pub random: Random,
}

impl Client {
    /// Sends this many requests, one after the other.
    pub async fn run(mut self, count: usize) {
        for _ in 0..count {
            let pause = self.random.below(30) as u64;
            self.servers.scheduler.sleep(pause).await;
            let request = lock(&self.workload).next_request(&mut self.random);
            self.call_until_final(request).await;
        }
    }

    /// Calls until the outcome of the request is known.
    pub async fn call_until_final(&mut self, request: ClientRequest) {
        let mut request = request;
        if self.random.one_in(4) {
            request = self.with_quote(request).await;
        }
        let commits = matches!(request, ClientRequest::Settle { .. } | ClientRequest::Reverse { .. });
        let mut next = request.clone();
        for _ in 0..MAX_ATTEMPTS {
            let response = self.call(next).await;
            if response.as_ref().is_some_and(|response| is_final(response, commits)) {
                return;
            }
            next = match self.random.below(10) {
                0..=1 if commits => follow_up(&request, true),
                2 if commits => follow_up(&request, false),
                _ => request.clone(),
            };
        }
        let auditor = &self.servers.auditor;
        lock(auditor).record(self.servers.scheduler.now(), Err("a client never received a final response".to_owned()));
    }

    async fn call(&mut self, request: ClientRequest) -> Option<Response> {
        let which = self.random.below(SERVERS);
        let response = self.servers.call(which, request).await;
        if response.is_none() {
            let pause = self.random.below(40) as u64;
            self.servers.scheduler.sleep(pause).await;
        }
        response
    }

    /// A settle request with the digest of a quote, if the quote succeeds; other requests unchanged.
    async fn with_quote(&mut self, request: ClientRequest) -> ClientRequest {
        let ClientRequest::Settle { claim, request_id, .. } = request else { return request };
        let began = self.servers.scheduler.now();
        let quoted = self.call(ClientRequest::Quote { claim: claim.clone() }).await;
        let quote: Option<(Digest, u64)> = match quoted {
            Some(Response::Quoted(split)) => Some((split_digest(&split), began)),
            _ => None,
        };
        ClientRequest::Settle { claim, request_id, quote }
    }
}

/// A read of the outcome of a request without a response, or a fence of it.
fn follow_up(request: &ClientRequest, read_outcome: bool) -> ClientRequest {
    let (hospital, person, request_id) = match request {
        ClientRequest::Settle { claim, request_id, .. } => (&claim.hospital_id, &claim.person_id, request_id),
        ClientRequest::Reverse { reversal, request_id } => (&reversal.hospital_id, &reversal.person_id, request_id),
        _ => return request.clone(),
    };
    let (hospital, person) = (hospital.as_str().to_owned(), person.as_str().to_owned());
    let request_id = request_id.clone();
    if read_outcome {
        ClientRequest::Outcome { hospital, person, request_id }
    } else {
        ClientRequest::Fence { hospital, person, request_id }
    }
}

/// Whether a response ends the calls for its request.
fn is_final(response: &Response, commits: bool) -> bool {
    match response {
        Response::Refused(refusal) => {
            !matches!(Reason::from(refusal), Reason::Conflict | Reason::StoreUnavailable | Reason::OutcomeUnknown)
        }
        Response::Outcome(Outcome::NotSeen) => !commits,
        _ => true,
    }
}
