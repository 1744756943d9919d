//! The gRPC services of a server, and their health status.

use std::sync::Arc;

use tonic::codec::CompressionEncoding::Gzip;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::HealthReporter;

use crate::engine::Engine;
use crate::grpc::activation::Activation;
use crate::grpc::disclosures::Disclosures;
use crate::grpc::import_stream::ImportStreams;
use crate::grpc::operations::OperationsHandler;
use crate::grpc::policy::PolicyHandler;
use crate::grpc::reconcile_list::ListStreams;
use crate::grpc::reconciliation::ReconciliationHandler;
use crate::grpc::reference::ReferenceHandler;
use crate::grpc::reporter::StoreReporter;
use crate::grpc::settlement::SettlementHandler;
use crate::pb;
use crate::pb::encoded::settlement_service_server::SettlementServiceServer;
use crate::pb::operations::operations_service_server::OperationsServiceServer;
use crate::pb::policy::policy_service_server::PolicyServiceServer;
use crate::pb::reference::reference_service_server::ReferenceServiceServer;
use crate::pb::settlement::reconciliation_service_server::ReconciliationServiceServer;
use crate::store::Store;

use super::dispatch::Dispatch;

/// The services and what they share.
pub(super) struct Services<S> {
    pub(super) settlements: SettlementHandler<S>,
    pub(super) reporter: Arc<StoreReporter<S>>,
    pub(super) activation: Arc<Activation<S>>,
    pub(super) operations: OperationsHandler<S>,
    pub(super) engine: Arc<Engine<S>>,
    pub(super) disclosures: Arc<Disclosures>,
    pub(super) imports: ImportStreams,
    pub(super) reconciliations: ListStreams,
}

impl<S: Store> Services<S> {
    /// Reports every service as serving.
    pub(super) async fn set_serving(health: &HealthReporter) {
        health.set_service_status("", ServingStatus::Serving).await;
        health.set_serving::<SettlementServiceServer<SettlementHandler<S>>>().await;
        health.set_serving::<ReconciliationServiceServer<ReconciliationHandler<S>>>().await;
        health.set_serving::<ReferenceServiceServer<ReferenceHandler<S>>>().await;
        health.set_serving::<PolicyServiceServer<PolicyHandler<S>>>().await;
        health.set_serving::<OperationsServiceServer<OperationsHandler<S>>>().await;
    }

    /// Reports every service, and the server as a whole, as not serving.
    pub(super) async fn set_not_serving(health: &HealthReporter) {
        health.set_service_status("", ServingStatus::NotServing).await;
        health.set_not_serving::<SettlementServiceServer<SettlementHandler<S>>>().await;
        health.set_not_serving::<ReconciliationServiceServer<ReconciliationHandler<S>>>().await;
        health.set_not_serving::<ReferenceServiceServer<ReferenceHandler<S>>>().await;
        health.set_not_serving::<PolicyServiceServer<PolicyHandler<S>>>().await;
        health.set_not_serving::<OperationsServiceServer<OperationsHandler<S>>>().await;
    }

    /// All services, health and reflection. `message_bytes` is the largest message that is decoded, also of
    /// those that arrive compressed.
    pub(super) fn dispatch(
        self,
        health: HealthServer<impl Health>,
        message_bytes: usize,
    ) -> Dispatch<SettlementServiceServer<SettlementHandler<S>>> {
        let Services { settlements, reporter, activation, operations, engine, disclosures, imports, reconciliations } =
            self;
        let reconciliations =
            ReconciliationHandler::new(Arc::clone(&engine), Arc::clone(&disclosures), reconciliations);
        let references = ReferenceHandler::new(Arc::clone(&engine), Arc::clone(&disclosures), imports);
        let policies = PolicyHandler::new(engine, activation, reporter);
        let settlements =
            SettlementServiceServer::new(settlements).accept_compressed(Gzip).max_decoding_message_size(message_bytes);
        let routes = Routes::new(health)
            .add_service(
                ReconciliationServiceServer::new(reconciliations)
                    .accept_compressed(Gzip)
                    .max_decoding_message_size(message_bytes),
            )
            .add_service(
                ReferenceServiceServer::new(references)
                    .accept_compressed(Gzip)
                    .max_decoding_message_size(message_bytes),
            )
            .add_service(
                PolicyServiceServer::new(policies).accept_compressed(Gzip).max_decoding_message_size(message_bytes),
            )
            .add_service(
                OperationsServiceServer::new(operations)
                    .accept_compressed(Gzip)
                    .max_decoding_message_size(message_bytes),
            );
        Dispatch::new(settlements, add_reflection(routes))
    }
}

/// Adds reflection. The descriptors come from this program's own build, so they always decode; if they did not, the
/// services would work without reflection.
fn add_reflection(mut routes: Routes) -> Routes {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    if let Ok(v1) = reflection().build_v1() {
        routes = routes.add_service(v1);
    }
    if let Ok(v1alpha) = reflection().build_v1alpha() {
        routes = routes.add_service(v1alpha);
    }
    routes
}
