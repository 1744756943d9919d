//! Reload while serving: certificates, callers, access log and policies.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::domain::file_faults::FileFaults;
use crate::grpc::activation::Activation;
use crate::grpc::authorize::Authorizer;
use crate::grpc::disclosures::Disclosures;
use crate::store::Store;
use crate::telemetry::LIFE;

use super::access_setup::LoadCallers;
use super::service_manager;
use super::tls::Tls;

/// The interval at which certificates and callers are checked for changes, without a reload request.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Reloads certificates, callers, access log and policies while the server serves.
pub struct ReloadTask<S> {
    /// The TLS of new connections.
    pub tls: Option<Arc<Tls>>,
    /// Reads the callers file.
    pub load_callers: Option<LoadCallers>,
    /// Receives the callers that were read.
    pub authorizer: Arc<Authorizer>,
    /// Holds the access log.
    pub disclosures: Arc<Disclosures>,
    /// Reloads the policies; `None` if the server has no directory of policies.
    pub policies: Option<Arc<Activation<S>>>,
}

impl<S: Store> ReloadTask<S> {
    /// Checks the files at an interval, and all of them upon each request; never ends. A request also reopens the
    /// access log and reloads the policies.
    pub async fn run(self, mut requests: mpsc::Receiver<()>) {
        let mut reported = FileFaults::default();
        loop {
            let requested = tokio::select! {
                Some(()) = requests.recv() => true,
                () = tokio::time::sleep(CHECK_INTERVAL) => false,
            };
            if requested {
                tracing::info!(target: LIFE, "reloading: a signal asked for it");
                service_manager::reloading();
                self.disclosures.reopen_log();
                reported = FileFaults::default();
                self.reload_policies().await;
            }
            self.reload_certificates();
            self.reload_callers(&mut reported);
            if requested {
                service_manager::ready();
            }
        }
    }

    fn reload_certificates(&self) {
        let Some(tls) = &self.tls else { return };
        match tls.reload() {
            Ok(true) => tracing::info!(target: LIFE, "certificates reloaded"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "certificates refused; the previous ones stay in use"),
        }
    }

    /// `reported` holds the faults of the last check, so that the same faults are logged once and not at every check.
    fn reload_callers(&self, reported: &mut FileFaults) {
        let Some(load) = &self.load_callers else { return };
        match load() {
            Ok(callers) => {
                let callers = callers.with_allowances_of(&self.authorizer.callers.load());
                *reported = FileFaults::default();
                if callers != **self.authorizer.callers.load() {
                    tracing::info!(target: LIFE, count = callers.count(), "callers reloaded");
                    self.authorizer.callers.store(Arc::new(callers));
                }
            }
            Err(faults) if faults != *reported => {
                tracing::error!(%faults, "callers file refused; the previous callers stay known");
                *reported = faults;
            }
            Err(_) => {}
        }
    }

    async fn reload_policies(&self) {
        let Some(policies) = &self.policies else { return };
        if let Err(refusal) = policies.activate(false, &[], "").await {
            tracing::error!(%refusal, "policies refused; the previous book stays in use");
        }
    }
}
