//! `onestop keys dev`: creates a certificate authority, certificates for a server and a caller of every role, and the
//! configuration that uses them. They are for tests; in production an existing authority issues certificates.

use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Subcommand;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};

use crate::access::Role;
use crate::cli::error::keys::KeysError;
use crate::say;

/// How long the certificates are valid.
const VALIDITY: Duration = Duration::from_secs(365 * 24 * 3_600);

/// How far certificates are valid into the past, for a clock that is behind.
const BACKDATE: Duration = Duration::from_secs(3_600);

/// A command that creates certificates.
#[derive(Subcommand, Debug)]
pub(crate) enum KeysCommand {
    /// Create an authority, certificates for a server and a caller of every role, and their configuration, for tests
    Dev {
        /// An empty or missing directory
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// The hospital of the caller `hospital`, and the first of `gateway`
        #[arg(long, value_name = "ID", default_value = "H3701001")]
        hospital: String,
        /// More hospitals of `gateway`
        #[arg(long, value_name = "ID", default_values = ["H3701002", "H3701003"])]
        further: Vec<String>,
        /// Names and addresses of the server
        #[arg(long, value_name = "NAME", default_values = ["localhost", "127.0.0.1", "::1"])]
        host: Vec<String>,
    },
}

/// Creates certificates and their configuration.
///
/// # Errors
/// If the directory is not empty, or cannot be written.
pub(crate) fn run(command: &KeysCommand) -> Result<(), KeysError> {
    let KeysCommand::Dev { directory, hospital, further, host } = command;
    let key_directory = KeyDirectory::create(directory)?;
    let authority = create_authority()?;
    key_directory.write("ca.pem", &authority.pem(), 0o644)?;
    let hosts = host.iter().map(|name| subject_name(name)).collect::<Result<_, _>>()?;
    key_directory.issue(&authority, "server", hosts, ExtendedKeyUsagePurpose::ServerAuth)?;
    let mut callers = String::new();
    for role in Role::ASSIGNABLE {
        let (name, identity) = (role.as_str(), format!("onestop:{}", role.as_str()));
        let uri = SanType::URI(identity.clone().try_into()?);
        key_directory.issue(&authority, name, vec![uri], ExtendedKeyUsagePurpose::ClientAuth)?;
        let hospitals: Vec<&str> = match role {
            Role::Hospital => vec![hospital],
            Role::Gateway => std::iter::once(hospital).chain(further).map(String::as_str).collect(),
            _ => Vec::new(),
        };
        callers += &caller_entry(name, &identity, &hospitals);
    }
    key_directory.write("callers.toml", &callers, 0o644)?;
    key_directory.write("onestop.toml", &key_directory.configuration(), 0o644)?;
    key_directory.print();
    Ok(())
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn create_authority() -> Result<Authority, KeysError> {
    let mut params = certificate_params("onestop dev authority", Vec::new());
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn certificate_params(name: &str, names: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = names;
    params.not_before = (SystemTime::now() - BACKDATE).into();
    params.not_after = (SystemTime::now() + VALIDITY).into();
    params
}

fn subject_name(name: &str) -> Result<SanType, KeysError> {
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(name.to_owned().try_into()?)),
    }
}

fn caller_entry(name: &str, identity: &str, hospitals: &[&str]) -> String {
    let mut text = format!("[[caller]]\nname = \"{name}\"\nidentity = \"{identity}\"\nrole = \"{name}\"\n");
    if !hospitals.is_empty() {
        text += &format!("hospitals = {}\n", toml::Value::from(hospitals.to_vec()));
    }
    text + "\n"
}

/// The directory of the created files.
struct KeyDirectory(PathBuf);

impl KeyDirectory {
    fn create(directory: &Path) -> Result<KeyDirectory, KeysError> {
        let failed = |error| KeysError::Write { path: directory.to_owned(), error };
        std::fs::create_dir_all(directory).map_err(failed)?;
        if std::fs::read_dir(directory).map_err(failed)?.next().is_some() {
            return Err(KeysError::NotEmpty(directory.to_owned()));
        }
        Ok(KeyDirectory(directory.canonicalize().map_err(failed)?))
    }

    fn write(&self, file: &str, text: &str, mode: u32) -> Result<(), KeysError> {
        let path = self.0.join(file);
        let failed = |error| KeysError::Write { path: path.clone(), error };
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(&path).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)
    }

    /// Issues a certificate with these names, and writes it with its key, which only the owner can read.
    fn issue(
        &self,
        authority: &Authority,
        name: &str,
        names: Vec<SanType>,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<(), KeysError> {
        let key = KeyPair::generate()?;
        let mut params = certificate_params(name, names);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, authority)?;
        self.write(&format!("{name}.pem"), &certificate.pem(), 0o644)?;
        self.write(&format!("{name}.key"), &key.serialize_pem(), 0o600)
    }

    fn configuration(&self) -> String {
        let path = |file: &str| toml::Value::from(self.0.join(file).display().to_string());
        format!(
            "tls_certificate = {}\ntls_key = {}\ntls_client_ca = {}\ncallers = {}\noperations = \"127.0.0.1:9090\"\n",
            path("server.pem"),
            path("server.key"),
            path("ca.pem"),
            path("callers.toml")
        )
    }

    fn print(&self) {
        let dir = self.0.display();
        say!(
            "Created certificates for a server and a caller of every role, valid for a year, in {dir}. The authority's key"
        );
        say!("is not stored, so it can issue no more. Serve, and call as one of the callers:");
        say!("");
        say!("onestop init --store {dir}/store");
        say!("onestop serve --config {dir}/onestop.toml");
        say!("export ONESTOP_SERVER=https://localhost:50051 ONESTOP_CA={dir}/ca.pem");
        say!("ONESTOP_CERTIFICATE={dir}/registrar.pem ONESTOP_KEY={dir}/registrar.key onestop import deploy/demo");
        say!("ONESTOP_CERTIFICATE={dir}/hospital.pem ONESTOP_KEY={dir}/hospital.key onestop settle FILE");
    }
}
