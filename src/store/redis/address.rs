//! The address of a Redis: `redis://`, `redis-sentinel://` or `redis-cluster://`, with an `s` after `redis` for TLS.
//!
//! ```text
//! redis[s]://[USER@]HOST[:PORT][/DATABASE]
//! redis[s]-sentinel://[USER@]HOST[:PORT],…/NAME-OF-THE-PRIMARY
//! redis[s]-cluster://[USER@]HOST[:PORT],…
//! ```
//!
//! Parameters after a `?`: `prefix=` (the prefix of every key), `password_file=` (a file with the password), `ca=` (a file
//! with the certificates to trust instead of the system's). The password itself is refused here: an address stands in process
//! lists, environments and shown configurations. Parsing does not connect.

use std::path::PathBuf;

/// The default port of Redis.
const PORT: u16 = 6379;

/// The default port of a sentinel.
const SENTINEL_PORT: u16 = 26379;

/// The default prefix.
const PREFIX: &str = "onestop";

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    /// A host name or an IP address.
    pub name: String,
    /// The port.
    pub port: u16,
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// How the servers are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One server, with or without replicas.
    Single(Host),
    /// A primary that the sentinels name.
    Sentinel(Vec<Host>, String),
    /// A Cluster that any of these knows.
    Cluster(Vec<Host>),
}

/// A parsed address.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// How the servers are found.
    pub layout: Layout,
    /// Whether connections use TLS.
    pub tls: bool,
    /// The user; `None` for the default user.
    pub user: Option<String>,
    /// The file that holds the password.
    pub password_file: Option<PathBuf>,
    /// The file with the certificates to trust.
    pub ca: Option<PathBuf>,
    /// The database number; 0 unless the layout is a single server.
    pub database: i64,
    /// The prefix of every key.
    pub prefix: String,
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// It starts with another scheme.
    #[error("does not start with redis://, redis-sentinel:// or redis-cluster://, nor with rediss for TLS")]
    Scheme,
    /// It contains no host.
    #[error("contains no host")]
    NoHost,
    /// The port is not a number up to 65535.
    #[error("`{0}` is not a port")]
    Port(String),
    /// The scheme is of a single server, and several hosts are given.
    #[error("contains several hosts: is it redis-cluster:// or redis-sentinel://?")]
    SeveralHosts,
    /// The path of a single server is not a database number.
    #[error("has no database number after the `/`")]
    Database,
    /// A sentinel address does not name the primary.
    #[error("does not name the primary; it must end in /NAME")]
    NoPrimary,
    /// A Cluster address has a path.
    #[error("has a path, but a Cluster has only one database")]
    ClusterDatabase,
    /// The prefix is empty or contains characters that are not allowed.
    #[error("has a prefix that is empty, or contains other than visible ASCII characters without `{{`")]
    Prefix,
    /// It contains a password.
    #[error("contains a password, which others could read: write it to a file, and name that with ?password_file=")]
    Password,
    /// A percent escape is invalid.
    #[error("has a `%` without two hexadecimal digits after it, or one that makes no UTF-8")]
    Escape,
    /// A parameter is unknown.
    #[error("has an unknown parameter `{0}`; prefix, password_file and ca are known")]
    UnknownParameter(String),
}

/// Without the user, so that no log contains it.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Without the user.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hosts = |hosts: &[Host]| hosts.iter().map(Host::to_string).collect::<Vec<_>>().join(",");
        let scheme = if self.tls { "rediss" } else { "redis" };
        match &self.layout {
            Layout::Single(host) => write!(f, "{scheme}://{host}/{}", self.database),
            Layout::Sentinel(all, name) => write!(f, "{scheme}-sentinel://{}/{name}", hosts(all)),
            Layout::Cluster(all) => write!(f, "{scheme}-cluster://{}", hosts(all)),
        }
    }
}

impl Address {
    /// Whether a text is meant as a Redis address: it starts with a scheme that starts with `redis`.
    pub fn has_redis_scheme(text: &str) -> bool {
        text.split_once("://").is_some_and(|(scheme, _)| scheme.starts_with("redis"))
    }

    /// Parses an address.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(text: &str) -> Result<Address, AddressFault> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressFault::Scheme)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (login, target) = rest.rsplit_once('@').map_or((None, rest), |(login, target)| (Some(login), target));
        let (hosts, path) = target.split_once('/').unwrap_or((target, ""));
        let (kind, tls) = parse_scheme(scheme)?;
        let port = if kind == Kind::Sentinel { SENTINEL_PORT } else { PORT };
        let hosts = hosts.split(',').map(|text| parse_host(text, port)).collect::<Result<Vec<_>, _>>()?;
        let (layout, database) = build_layout(kind, hosts, path)?;
        let user = login.map(parse_user).transpose()?.flatten();
        let prefix = PREFIX.to_owned();
        let mut address = Address { layout, tls, user, password_file: None, ca: None, database, prefix };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            address.set_parameter(pair)?;
        }
        Ok(address)
    }

    fn set_parameter(&mut self, pair: &str) -> Result<(), AddressFault> {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decoded(value)?;
        match key {
            "password_file" => self.password_file = Some(value.into()),
            "ca" => self.ca = Some(value.into()),
            // A brace would change the hash slot of the keys.
            "prefix" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'{') => {
                self.prefix = value;
            }
            "prefix" => {
                return Err(AddressFault::Prefix);
            }
            _ => return Err(AddressFault::UnknownParameter(key.to_owned())),
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Single,
    Sentinel,
    Cluster,
}

fn parse_scheme(scheme: &str) -> Result<(Kind, bool), AddressFault> {
    let rest = scheme.strip_prefix("redis").ok_or(AddressFault::Scheme)?;
    let (tls, rest) = rest.strip_prefix('s').map_or((false, rest), |rest| (true, rest));
    match rest {
        "" => Ok((Kind::Single, tls)),
        "-sentinel" => Ok((Kind::Sentinel, tls)),
        "-cluster" => Ok((Kind::Cluster, tls)),
        _ => Err(AddressFault::Scheme),
    }
}

fn build_layout(kind: Kind, mut hosts: Vec<Host>, path: &str) -> Result<(Layout, i64), AddressFault> {
    match kind {
        Kind::Single if hosts.len() > 1 => Err(AddressFault::SeveralHosts),
        Kind::Single => {
            let database = if path.is_empty() { Some(0) } else { path.parse().ok().filter(|number| *number >= 0) };
            let database = database.ok_or(AddressFault::Database)?;
            Ok((Layout::Single(hosts.swap_remove(0)), database))
        }
        Kind::Sentinel if path.is_empty() => Err(AddressFault::NoPrimary),
        Kind::Sentinel => Ok((Layout::Sentinel(hosts, percent_decoded(path)?), 0)),
        Kind::Cluster if !path.is_empty() => Err(AddressFault::ClusterDatabase),
        Kind::Cluster => Ok((Layout::Cluster(hosts), 0)),
    }
}

/// Parses a host: `name`, `name:port`, `[::1]` or `[::1]:port`.
pub fn parse_host(text: &str, default_port: u16) -> Result<Host, AddressFault> {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, rest)) => (name, rest.strip_prefix(':')),
        None => text.rsplit_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    if name.is_empty() {
        return Err(AddressFault::NoHost);
    }
    let port = port.map_or(Ok(default_port), |port| port.parse().map_err(|_| AddressFault::Port(port.to_owned())))?;
    Ok(Host { name: name.to_owned(), port })
}

/// Parses what stands before the `@`: a user, or nothing for the default user.
fn parse_user(login: &str) -> Result<Option<String>, AddressFault> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    if !password.is_empty() {
        return Err(AddressFault::Password);
    }
    Ok(Some(percent_decoded(user)?).filter(|user| !user.is_empty()))
}

/// Decodes percent escapes: `%40` is `@`.
fn percent_decoded(text: &str) -> Result<String, AddressFault> {
    let invalid = AddressFault::Escape;
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or_else(|| invalid.clone())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| invalid.clone())?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| invalid)
}
