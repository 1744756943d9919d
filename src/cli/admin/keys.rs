//! `onestop keys dev`: an authority of this machine's own and certificates for a server and a caller of every role,
//! with the configuration that goes with them. To try with; a real authority makes the real ones.

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
use crate::say;

use crate::cli::exit::{Ended, Failure};

/// How long the certificates hold.
const VALID: Duration = Duration::from_secs(365 * 24 * 3_600);

/// What is made.
#[derive(Subcommand, Debug)]
pub enum Action {
    /// Make an authority, certificates for a server and a caller of every role, and their configuration; to try with
    Dev {
        /// An empty or missing directory
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// The hospital of the caller `hospital`, and the first of `gateway`
        #[arg(long, value_name = "ID", default_value = "H3701001")]
        hospital: String,
        /// Further hospitals of `gateway`
        #[arg(long, value_name = "ID", default_values = ["H3701002", "H3701003"])]
        further: Vec<String>,
        /// Names and addresses that the server is reached by
        #[arg(long, value_name = "NAME", default_values = ["localhost", "127.0.0.1", "::1"])]
        host: Vec<String>,
    },
}

/// Makes them.
///
/// # Errors
/// Exit 1 if the directory is not empty, 2 if it cannot be written.
pub fn run(action: &Action) -> Ended {
    let Action::Dev { directory, hospital, further, host } = action;
    let place = KeyDirectory::made(directory)?;
    let authority = authority()?;
    place.write("ca.pem", &authority.pem(), 0o644)?;
    let hosts = host.iter().map(|name| named(name)).collect::<Result<_, _>>()?;
    place.issue(&authority, "server", hosts, ExtendedKeyUsagePurpose::ServerAuth)?;
    let mut callers = String::new();
    for role in Role::ASSIGNABLE {
        let (name, identity) = (role.as_str(), format!("onestop:{}", role.as_str()));
        let uri = SanType::URI(identity.clone().try_into().map_err(unmade)?);
        place.issue(&authority, name, vec![uri], ExtendedKeyUsagePurpose::ClientAuth)?;
        let hospitals: Vec<&str> = match role {
            Role::Hospital => vec![hospital],
            Role::Gateway => std::iter::once(hospital).chain(further).map(String::as_str).collect(),
            _ => Vec::new(),
        };
        callers += &caller(name, &identity, &hospitals);
    }
    place.write("callers.toml", &callers, 0o644)?;
    place.write("onestop.toml", &place.configuration(), 0o644)?;
    place.tell();
    Ok(())
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Result<Authority, Failure> {
    let mut params = params("onestop dev authority", Vec::new());
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(unmade)?).map_err(unmade)
}

fn params(name: &str, names: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = names;
    // A clock that is a little behind believes it too.
    params.not_before = (SystemTime::now() - Duration::from_secs(3_600)).into();
    params.not_after = (SystemTime::now() + VALID).into();
    params
}

fn named(name: &str) -> Result<SanType, Failure> {
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(name.to_owned().try_into().map_err(unmade)?)),
    }
}

fn unmade(error: rcgen::Error) -> Failure {
    Failure::Usage(format!("a certificate cannot be made: {error}"))
}

fn caller(name: &str, identity: &str, hospitals: &[&str]) -> String {
    let mut text = format!("[[caller]]\nname = \"{name}\"\nidentity = \"{identity}\"\nrole = \"{name}\"\n");
    if !hospitals.is_empty() {
        text += &format!("hospitals = {}\n", toml::Value::from(hospitals.to_vec()));
    }
    text + "\n"
}

/// The directory that all of it goes into.
struct KeyDirectory(PathBuf);

impl KeyDirectory {
    fn made(directory: &Path) -> Result<KeyDirectory, Failure> {
        let failed = |error: std::io::Error| Failure::Usage(format!("{}: {error}", directory.display()));
        std::fs::create_dir_all(directory).map_err(failed)?;
        if std::fs::read_dir(directory).map_err(failed)?.next().is_some() {
            return Err(Failure::Refused(format!("{} is not empty; no key is replaced", directory.display())));
        }
        Ok(KeyDirectory(directory.canonicalize().map_err(failed)?))
    }

    fn write(&self, file: &str, text: &str, mode: u32) -> Ended {
        let path = self.0.join(file);
        let failed = |error: std::io::Error| Failure::Usage(format!("{}: {error}", path.display()));
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(&path).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)
    }

    /// A certificate of the authority with these names, and its key, which its owner alone can read.
    fn issue(&self, authority: &Authority, name: &str, names: Vec<SanType>, usage: ExtendedKeyUsagePurpose) -> Ended {
        let key = KeyPair::generate().map_err(unmade)?;
        let mut params = params(name, names);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, authority).map_err(unmade)?;
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

    fn tell(&self) {
        let place = self.0.display();
        say!(
            "An authority, a server and a caller of every role, valid for a year, in {place}. The authority's own key"
        );
        say!("is not kept: nobody can make more of them. Serve, and call as one of the callers:\n");
        say!("onestop serve --config {place}/onestop.toml");
        say!("export ONESTOP_SERVER=https://localhost:50051 ONESTOP_CA={place}/ca.pem");
        say!("ONESTOP_CERTIFICATE={place}/registrar.pem ONESTOP_KEY={place}/registrar.key onestop import deploy/demo");
        say!("ONESTOP_CERTIFICATE={place}/hospital.pem ONESTOP_KEY={place}/hospital.key onestop settle FILE");
    }
}
