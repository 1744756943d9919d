//! TLS: what the server shows, and whom it believes. The files are read anew while serving; a set of them that does
//! not fit together changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::access::callers;

/// Where the server's certificate, its key, and the authority of callers stand, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and behind it those that lead to its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authority that the certificates of callers must come from; without it callers need none.
    pub client_ca: Option<PathBuf>,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One cannot be read, or holds nothing of the kind.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: pem::Error,
    },
    /// They do not fit together.
    #[error("{certificate}: {why}")]
    Unfit {
        /// The file of the certificate.
        certificate: PathBuf,
        /// Why.
        why: String,
    },
}

/// The TLS that new connections get.
pub struct Tls {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
    read: ArcSwap<Vec<u8>>,
}

impl Tls {
    /// As the files say.
    ///
    /// # Errors
    /// If they cannot be used.
    pub fn open(files: TlsFiles) -> Result<Tls, TlsError> {
        let (config, read) = (ArcSwap::from_pointee(config(&files)?), ArcSwap::from_pointee(bytes(&files)));
        Ok(Tls { files, config, read })
    }

    /// What a connection that begins now gets.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// Reads the files anew, if they changed; tells whether they did. Connections that stand are not touched.
    ///
    /// # Errors
    /// If they cannot be used: then what was in use stays, and this is told once until they change again.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let read = bytes(&self.files);
        if **self.read.load() == read {
            return Ok(false);
        }
        self.read.store(Arc::new(read));
        self.config.store(Arc::new(config(&self.files)?));
        Ok(true)
    }
}

/// The bytes of all files, for a comparison; what cannot be read is told where it is used.
fn bytes(files: &TlsFiles) -> Vec<u8> {
    let all = [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()];
    all.into_iter().flatten().flat_map(|path| std::fs::read(path).unwrap_or_default()).collect()
}

fn config(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let unfit = |why: String| TlsError::Unfit { certificate: files.certificate.clone(), why };
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(error.to_string()))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(path)?), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| unfit(error.to_string()))?)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(of(&files.key))?;
    let config = builder.with_single_cert(certificates(&files.certificate)?, key);
    let mut config = config.map_err(|error| unfit(error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).map_err(of(path))?;
    let certificates: Vec<_> = read.collect::<Result<_, _>>().map_err(of(path))?;
    if certificates.is_empty() { Err(of(path)(pem::Error::NoItemsFound)) } else { Ok(certificates) }
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let added = roots.add(certificate);
        added.map_err(|error| TlsError::Unfit { certificate: path.to_owned(), why: error.to_string() })?;
    }
    Ok(roots)
}

fn of(path: &Path) -> impl Fn(pem::Error) -> TlsError + '_ {
    |why| TlsError::File { path: path.to_owned(), why }
}

/// The URI and DNS names that a certificate carries; of one that cannot be read none.
pub fn identities(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else { return Vec::new() };
    let names = certificate.valid_uri_names().chain(certificate.valid_dns_names());
    names.map(callers::normalized_identity).collect()
}
