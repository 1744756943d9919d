//! TLS: the server's certificate and the authority of callers. The files are reloaded while serving; files that do not
//! fit together leave the previous ones in use.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use crate::access::callers;
use crate::config::TlsFiles;

/// Why TLS files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or contains no item of its kind.
    #[error("cannot read {path} (`{key}`): {error}")]
    File {
        /// The key of the configuration that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        error: pem::Error,
    },
    /// The certificate does not fit its key or the protocol.
    #[error("cannot use {path} (`tls_certificate`) with its `tls_key`: {error}")]
    Certificate {
        /// The file of the certificate.
        path: PathBuf,
        /// The cause.
        error: rustls::Error,
    },
    /// A certificate of the authority of callers cannot be used.
    #[error("cannot use {path} (`tls_client_ca`): {error}")]
    Root {
        /// The file of the authority.
        path: PathBuf,
        /// The cause.
        error: rustls::Error,
    },
    /// The authority of callers cannot verify certificates.
    #[error("cannot use {path} (`tls_client_ca`): {error}")]
    ClientCa {
        /// The file of the authority.
        path: PathBuf,
        /// The cause.
        error: VerifierBuilderError,
    },
}

/// The TLS configuration of new connections.
pub struct Tls {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
    loaded_bytes: ArcSwap<Vec<u8>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// If they cannot be used.
    pub fn open(files: TlsFiles) -> Result<Tls, TlsError> {
        let loaded_bytes = ArcSwap::from_pointee(file_bytes(&files));
        let config = ArcSwap::from_pointee(server_config(&files)?);
        Ok(Tls { files, config, loaded_bytes })
    }

    /// The configuration for a new connection.
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// Reads the files again if they changed, and returns whether they did. Open connections keep theirs.
    ///
    /// # Errors
    /// If the files cannot be used: the previous configuration stays in use, and the error is returned once until the
    /// files change again.
    pub(super) fn reload(&self) -> Result<bool, TlsError> {
        let bytes = file_bytes(&self.files);
        if **self.loaded_bytes.load() == bytes {
            return Ok(false);
        }
        self.loaded_bytes.store(Arc::new(bytes));
        self.config.store(Arc::new(server_config(&self.files)?));
        Ok(true)
    }
}

/// The bytes of all files, to detect a change. A file that cannot be read counts as empty; `server_config` reports it.
fn file_bytes(files: &TlsFiles) -> Vec<u8> {
    let all = [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()];
    all.into_iter().flatten().flat_map(|path| std::fs::read(path).unwrap_or_default()).collect()
}

fn server_config(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let refused = |error| TlsError::Certificate { path: files.certificate.clone(), error };
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(refused)?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(read_roots(path)?), provider).build();
            let refused = |error| TlsError::ClientCa { path: path.clone(), error };
            builder.with_client_cert_verifier(verifier.map_err(refused)?)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(unreadable("tls_key", &files.key))?;
    let certificates = read_certificates("tls_certificate", &files.certificate)?;
    let mut config = builder.with_single_cert(certificates, key).map_err(refused)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn read_certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = unreadable(key, path);
    let items = CertificateDer::pem_file_iter(path).map_err(&unreadable)?;
    let certificates: Vec<_> = items.collect::<Result<_, _>>().map_err(&unreadable)?;
    if certificates.is_empty() { Err(unreadable(pem::Error::NoItemsFound)) } else { Ok(certificates) }
}

fn read_roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates("tls_client_ca", path)? {
        let added = roots.add(certificate);
        added.map_err(|error| TlsError::Root { path: path.to_owned(), error })?;
    }
    Ok(roots)
}

fn unreadable(key: &'static str, path: &Path) -> impl Fn(pem::Error) -> TlsError {
    move |error| TlsError::File { key, path: path.to_owned(), error }
}

/// The URI and DNS names in a certificate; none if it cannot be parsed.
pub(super) fn identities(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else { return Vec::new() };
    let names = certificate.valid_uri_names().chain(certificate.valid_dns_names());
    names.map(callers::normalized_identity).collect()
}
