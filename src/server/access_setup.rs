//! The door: how connections come in, who is known, and where reads are noted; with what it takes to change that
//! while serving.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::access::Callers;
use crate::access::log::AccessLog;
use crate::domain::file_fault::FileFault;
use crate::store::Store;

use super::tls::Tls;
use crate::grpc::activation::Activation;
use crate::grpc::authorize::Authorizer;
use crate::grpc::reads::Reads;

/// How often certificates and callers are looked at: a file put in place holds without anybody asking.
const LOOK: Duration = Duration::from_secs(10);

/// Reads the callers anew, or says every fault, a line each.
pub type LoadCallers = Arc<dyn Fn() -> Result<Callers, Vec<FileFault>> + Send + Sync>;

/// What a server has at its door.
pub struct AccessSetup {
    /// What connections get; without it they are plain.
    pub tls: Option<Arc<Tls>>,
    /// Who is known.
    pub callers: Callers,
    /// Reads who is known anew; none where nobody is asked.
    pub read_callers: Option<LoadCallers>,
    /// Where reads of persons are noted.
    pub log: AccessLog,
}

impl AccessSetup {
    /// An open one: plain connections, nobody asked, nothing noted. For servers that a command runs for itself.
    pub fn open() -> AccessSetup {
        AccessSetup { tls: None, callers: Callers::open(), read_callers: None, log: AccessLog::Disabled }
    }
}

/// Whoever keeps the door while the server serves.
pub struct ReloadTask {
    /// What connections get.
    pub tls: Option<Arc<Tls>>,
    /// Reads who is known anew.
    pub read_callers: Option<LoadCallers>,
    /// What the gate goes by.
    pub rules: Arc<Authorizer>,
    /// Whose log is opened anew.
    pub reads: Arc<Reads>,
}

impl ReloadTask {
    /// Looks at the files now and then, and when asked; never ends. When asked, the log is opened anew too, and
    /// the law read anew where it has files.
    pub async fn keep<S: Store>(self, mut asked: mpsc::Receiver<()>, law: Option<Arc<Activation<S>>>) {
        let mut last = Vec::new();
        loop {
            let look = tokio::select! {
                Some(()) = asked.recv() => false,
                () = tokio::time::sleep(LOOK) => true,
            };
            if !look {
                self.reads.reopen();
                last.clear();
                apply(law.as_deref()).await;
            }
            self.certificates();
            self.callers(&mut last);
        }
    }

    fn certificates(&self) {
        let Some(tls) = &self.tls else { return };
        match tls.reload() {
            Ok(true) => tracing::warn!("new certificates are in use"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the certificates are refused; those before stay in use"),
        }
    }

    /// `last` is what was wrong at the last look: told once, not every ten seconds.
    fn callers(&self, last: &mut Vec<FileFault>) {
        let Some(read) = &self.read_callers else { return };
        match read() {
            Ok(callers) => {
                let callers = callers.with_allowances_of(&self.rules.callers.load());
                last.clear();
                if callers != **self.rules.callers.load() {
                    tracing::warn!(count = callers.count(), "other callers are known");
                    self.rules.callers.store(Arc::new(callers));
                }
            }
            Err(faults) if faults != *last => {
                let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
                tracing::error!(faults = %lines.join("; "), "the callers are refused; those before stay known");
                *last = faults;
            }
            Err(_) => {}
        }
    }
}

/// What is refused is logged, and the law in use stays.
async fn apply<S: Store>(law: Option<&Activation<S>>) {
    let Some(law) = law else { return };
    if let Err(refusal) = law.activate(false, &[]).await {
        tracing::error!(%refusal, "the policies are refused; the book in use stays");
    }
}
