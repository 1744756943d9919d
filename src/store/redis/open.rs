//! What a connection is made with: the settings of a store on Redis, its login and its certificates, read once.

use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    TlsCertificates,
};

use super::OpenError;
use super::address::{Address, Host};
use crate::store::archive::ArchiveIdentity;

/// How a store on Redis behaves.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// How long a call may take, with all its attempts.
    pub patience: Duration,
    /// The most calls that wait for one server.
    pub in_flight: usize,
    /// Whether a Redis that could lose what was answered is taken all the same.
    pub accept_volatile: bool,
    /// How many replicas must have a commit before it is answered.
    pub replicas: usize,
    /// The archive at hand; a store some of whose entries are in another is refused.
    pub archive: Option<ArchiveIdentity>,
}

impl Default for RedisSettings {
    fn default() -> Self {
        RedisSettings {
            patience: Duration::from_secs(2),
            in_flight: 1_024,
            accept_volatile: false,
            replicas: 0,
            archive: None,
        }
    }
}

/// A reply that is this many times later than anybody waits for it is given up, and its place is free.
const GIVEN_UP: u32 = 5;

/// Makes connections.
pub struct Opener {
    /// How the store behaves.
    pub settings: RedisSettings,
    login: RedisConnectionInfo,
    tls: Option<TlsCertificates>,
}

impl Opener {
    /// What is needed for this address.
    ///
    /// # Errors
    /// If a file that it names cannot be read.
    pub fn new(address: &Address, settings: RedisSettings) -> Result<Opener, OpenError> {
        let read = |path: &std::path::PathBuf| {
            std::fs::read(path).map_err(|error| OpenError::File { path: path.clone(), why: error.to_string() })
        };
        let password = match &address.password_file {
            Some(path) => Some(String::from_utf8_lossy(&read(path)?).trim_end().to_owned()),
            None => address.password.clone(),
        };
        let mut login = RedisConnectionInfo::default().set_db(address.database).set_protocol(ProtocolVersion::RESP2);
        if let Some(user) = &address.user {
            login = login.set_username(user);
        }
        if let Some(password) = &password {
            login = login.set_password(password);
        }
        let root_cert = address.ca.as_ref().map(read).transpose()?;
        if address.tls {
            // Where another part of the program chose already, it chose the same.
            let _chosen = rustls::crypto::ring::default_provider().install_default();
        }
        let tls = address.tls.then_some(TlsCertificates { client_tls: None, root_cert });
        Ok(Opener { settings, login, tls })
    }

    /// A client of a server.
    ///
    /// # Errors
    /// If the certificates are none.
    pub fn client(&self, host: &Host) -> Result<Client, OpenError> {
        self.client_as(&self.login, host)
    }

    /// A client of a sentinel, which knows no users of the servers that it watches.
    ///
    /// # Errors
    /// If the certificates are none.
    pub fn sentinel(&self, host: &Host) -> Result<Client, OpenError> {
        self.client_as(&RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP2), host)
    }

    fn client_as(&self, login: &RedisConnectionInfo, host: &Host) -> Result<Client, OpenError> {
        let Host { name, port } = host.clone();
        let address = match &self.tls {
            None => ConnectionAddr::Tcp(name, port),
            Some(_) => ConnectionAddr::TcpTls { host: name, port, insecure: false, tls_params: None },
        };
        let info = address.into_connection_info().map(|info| {
            info.set_redis_settings(login.clone()).set_tcp_settings(TcpSettings::default().set_nodelay(true))
        });
        let client = info.and_then(|info| match &self.tls {
            None => Client::open(info),
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
        });
        client.map_err(|error| OpenError::Failed(error.to_string()))
    }

    /// How connections behave.
    pub fn connections(&self) -> AsyncConnectionConfig {
        let patience = self.settings.patience;
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(patience / 2))
            .set_response_timeout(Some(patience * GIVEN_UP))
            .set_pipeline_buffer_size(self.settings.in_flight)
    }
}
