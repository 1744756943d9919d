//! A client of the services: one method for each call.

mod claims;
mod operations;
mod reads;
mod tables;

use std::time::Duration;

use tonic::Request;

use crate::cli::error::client::ClientError;
use crate::pb::operations::operations_service_client::OperationsServiceClient;
use crate::pb::policy::policy_service_client::PolicyServiceClient;
use crate::pb::reference::reference_service_client::ReferenceServiceClient;
use crate::pb::settlement::reconciliation_service_client::ReconciliationServiceClient;
use crate::pb::settlement::settlement_service_client::SettlementServiceClient;

use super::address::{ServerOptions, TlsOptions};
use super::traced_channel::TracedChannel;

/// How long a call may take before it fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// A connection to a server.
#[derive(Clone)]
pub struct Client {
    settlements: SettlementServiceClient<TracedChannel>,
    reconciliations: ReconciliationServiceClient<TracedChannel>,
    references: ReferenceServiceClient<TracedChannel>,
    operations: OperationsServiceClient<TracedChannel>,
    /// The service of policies.
    pub policies: PolicyServiceClient<TracedChannel>,
}

impl Client {
    /// Connects to the server at this URL, without TLS.
    ///
    /// # Errors
    /// If the URL cannot be used, or no server answers.
    pub async fn connect(url: &str) -> Result<Client, ClientError> {
        Ok(Client::over(TlsOptions::default().connect(url).await?))
    }

    /// Connects to the server that the command line names.
    ///
    /// # Errors
    /// If the URL or a file cannot be used, or no server answers.
    pub(crate) async fn connect_to(options: &ServerOptions) -> Result<Client, ClientError> {
        Ok(Client::over(options.tls.connect(&options.server).await?))
    }

    /// A client over an open channel.
    pub fn over(channel: impl Into<TracedChannel>) -> Client {
        let channel = channel.into();
        Client {
            settlements: SettlementServiceClient::new(channel.clone()),
            reconciliations: ReconciliationServiceClient::new(channel.clone()),
            references: ReferenceServiceClient::new(channel.clone()),
            operations: OperationsServiceClient::new(channel.clone()),
            policies: PolicyServiceClient::new(channel),
        }
    }
}

fn with_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}
