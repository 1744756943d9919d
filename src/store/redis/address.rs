//! Where a Redis is: `redis://`, `redis-sentinel://` or `redis-cluster://`, with an `s` after `redis` for TLS.
//!
//! ```text
//! redis[s]://[USER:PASSWORD@]HOST[:PORT][/DATABASE]
//! redis[s]-sentinel://[USER:PASSWORD@]HOST[:PORT],…/NAME-OF-THE-PRIMARY
//! redis[s]-cluster://[USER:PASSWORD@]HOST[:PORT],…
//! ```
//!
//! Behind a `?`: `prefix=` (what every key begins with), `password_file=` (a file with the password, which then stands
//! in no list of processes), `ca=` (a file with the certificates to trust in place of the system's). It does not
//! connect.

use std::path::PathBuf;

/// Where Redis usually listens, and where a sentinel does.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// What keys begin with if nothing else is said.
const PREFIX: &str = "onestop";

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    /// A name or an address.
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

/// An address, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// How the servers are found.
    pub layout: Layout,
    /// Whether they are spoken to over TLS.
    pub tls: bool,
    /// The user; the default one if none is named.
    pub user: Option<String>,
    /// The password, if it stands in the address.
    pub password: Option<String>,
    /// The file that holds the password.
    pub password_file: Option<PathBuf>,
    /// The file with the certificates to trust.
    pub ca: Option<PathBuf>,
    /// The number of the database; 0 but on a single server.
    pub database: i64,
    /// What every key begins with.
    pub prefix: String,
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// It begins with something else.
    #[error("does not begin with redis://, redis-sentinel:// or redis-cluster://, nor with rediss for TLS")]
    Scheme,
    /// It names no host.
    #[error("names no host")]
    NoHost,
    /// What follows the colon is no port.
    #[error("`{0}` is no port")]
    Port(String),
    /// A part is not what it should be.
    #[error("{0}")]
    Part(&'static str),
    /// Behind the question mark stands something unknown.
    #[error("`{0}` is not known behind the `?`; prefix, password_file and ca are")]
    Unknown(String),
}

/// The password stands in no log.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The address without user and password.
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
    /// Whether a text means a Redis: it begins with `redis` and has a scheme's end.
    pub fn is_meant(text: &str) -> bool {
        text.split_once("://").is_some_and(|(scheme, _)| scheme.starts_with("redis"))
    }

    /// The address that a text is.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(text: &str) -> Result<Address, AddressFault> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressFault::Scheme)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
        let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
        let (kind, tls) = kind(scheme)?;
        let port = if kind == Kind::Sentinel { SENTINEL_PORT } else { PORT };
        let hosts = hosts.split(',').map(|text| host(text, port)).collect::<Result<Vec<_>, _>>()?;
        let (layout, database) = layout(kind, hosts, path)?;
        let (user, password) = login.map(user_and_password).transpose()?.unwrap_or_default();
        let prefix = PREFIX.to_owned();
        let mut address = Address { layout, tls, user, password, password_file: None, ca: None, database, prefix };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            address.put(pair)?;
        }
        Ok(address)
    }

    fn put(&mut self, pair: &str) -> Result<(), AddressFault> {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value)?;
        match key {
            "password_file" => self.password_file = Some(value.into()),
            "ca" => self.ca = Some(value.into()),
            // A brace would name another hash slot than the shard's.
            "prefix" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'{') => {
                self.prefix = value;
            }
            "prefix" => {
                return Err(AddressFault::Part("the prefix is empty, or has other than visible letters without `{`"));
            }
            _ => return Err(AddressFault::Unknown(key.to_owned())),
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

fn kind(scheme: &str) -> Result<(Kind, bool), AddressFault> {
    let rest = scheme.strip_prefix("redis").ok_or(AddressFault::Scheme)?;
    let (tls, rest) = rest.strip_prefix('s').map_or((false, rest), |rest| (true, rest));
    match rest {
        "" => Ok((Kind::Single, tls)),
        "-sentinel" => Ok((Kind::Sentinel, tls)),
        "-cluster" => Ok((Kind::Cluster, tls)),
        _ => Err(AddressFault::Scheme),
    }
}

fn layout(kind: Kind, mut hosts: Vec<Host>, path: &str) -> Result<(Layout, i64), AddressFault> {
    match kind {
        Kind::Single if hosts.len() > 1 => {
            Err(AddressFault::Part("names several hosts: is it redis-cluster:// or redis-sentinel://?"))
        }
        Kind::Single => {
            let database = if path.is_empty() { Some(0) } else { path.parse().ok().filter(|number| *number >= 0) };
            let database = database.ok_or(AddressFault::Part("what follows the `/` is no number of a database"))?;
            Ok((Layout::Single(hosts.swap_remove(0)), database))
        }
        Kind::Sentinel if path.is_empty() => Err(AddressFault::Part("names no primary: …/NAME")),
        Kind::Sentinel => Ok((Layout::Sentinel(hosts, decoded(path)?), 0)),
        Kind::Cluster if !path.is_empty() => Err(AddressFault::Part("a Cluster has one database only")),
        Kind::Cluster => Ok((Layout::Cluster(hosts), 0)),
    }
}

/// A host as `name`, `name:port`, `[::1]` or `[::1]:port`.
pub fn host(text: &str, usual: u16) -> Result<Host, AddressFault> {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, rest)) => (name, rest.strip_prefix(':')),
        None => text.rsplit_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    if name.is_empty() {
        return Err(AddressFault::NoHost);
    }
    let port = port.map_or(Ok(usual), |port| port.parse().map_err(|_| AddressFault::Port(port.to_owned())))?;
    Ok(Host { name: name.to_owned(), port })
}

fn user_and_password(login: &str) -> Result<(Option<String>, Option<String>), AddressFault> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let told = |text: &str| Ok(Some(decoded(text)?).filter(|text| !text.is_empty()));
    Ok((told(user)?, told(password)?))
}

/// A text in which `%40` stands for `@`, and so on.
fn decoded(text: &str) -> Result<String, AddressFault> {
    let wrong = AddressFault::Part("has a `%` that no two hexadecimal digits follow, or that makes no UTF-8");
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or_else(|| wrong.clone())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong.clone())?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| wrong)
}
