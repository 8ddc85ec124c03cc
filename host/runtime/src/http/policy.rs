//! Where outgoing HTTP may go: owns host patterns, the judgement of a URL and that of an address. Pure: never resolves or connects.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// A host that may be spoken to: `example.com`, `*.example.com` (subdomains only), either with `:port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    host: Host,
    wildcard: bool,
    port: Option<u16>,
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = |why: &str| {
            format!("`{text}` is not a host: {why}; write `example.com` or `*.example.com`")
        };
        let (wildcard, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.contains(['*', '/', '@', '?', '#', '\\']) || rest.contains(char::is_whitespace) {
            return Err(invalid("it may hold a name and a port only"));
        }
        // A colon within brackets belongs to an IPv6 address.
        let (name, port) = match rest.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => {
                let port = port
                    .parse()
                    .ok()
                    .filter(|port| *port != 0)
                    .ok_or_else(|| invalid("the port is not a number"))?;
                (name, Some(port))
            }
            _ => (rest, None),
        };
        let host = Host::parse(name).map_err(|error| invalid(&error.to_string()))?;
        let host = without_dot(host).ok_or_else(|| invalid("the name is empty"))?;
        match &host {
            Host::Domain(name) if wildcard && !name.contains('.') => {
                return Err(invalid("a wildcard needs a domain of at least two labels"));
            }
            Host::Ipv4(_) | Host::Ipv6(_) if wildcard => {
                return Err(invalid("an address has no subdomains"));
            }
            _ => {}
        }
        Ok(Self {
            host,
            wildcard,
            port,
        })
    }
}

impl TryFrom<String> for HostPattern {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.wildcard { "*." } else { "" }, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl HostPattern {
    /// Whether it stands for subdomains.
    pub fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Whether it is an address instead of a name.
    pub fn is_address(&self) -> bool {
        !matches!(self.host, Host::Domain(_))
    }

    /// Whether a URL that [`Policy::check_url`] normalised goes there. Without a port of its own: the scheme's usual one only.
    pub fn matches(&self, url: &Url) -> bool {
        let port_fits = match self.port {
            Some(port) => url.port_or_known_default() == Some(port),
            None => url.port().is_none(),
        };
        port_fits
            && url
                .host()
                .is_some_and(|host| self.matches_host(&host.to_owned()))
    }

    /// Whether everything that `other` allows is allowed by this one.
    pub fn covers(&self, other: &Self) -> bool {
        self.port.unwrap_or(443) == other.port.unwrap_or(443)
            && if other.wildcard {
                self.wildcard && (self.host == other.host || self.matches_host(&other.host))
            } else {
                self.matches_host(&other.host)
            }
    }

    fn matches_host(&self, host: &Host) -> bool {
        match (&self.host, host) {
            (Host::Domain(domain), Host::Domain(name)) if self.wildcard => name
                .strip_suffix(domain.as_str())
                .is_some_and(|label| label.len() > 1 && label.ends_with('.')),
            (ours, theirs) => !self.wildcard && ours == theirs,
        }
    }
}

/// The same host without the dot that marks an absolute name.
fn without_dot(host: Host) -> Option<Host> {
    match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name).to_owned();
            (!name.is_empty() && name.split('.').all(|label| !label.is_empty()))
                .then_some(Host::Domain(name))
        }
        address => Some(address),
    }
}

/// Why a URL or an address was refused. The text says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("`{0}` is not a URL")]
    Url(String),
    #[error("only https is allowed, not `{0}`")]
    Scheme(String),
    #[error("a URL may not hold a user name or password; put the credential in a header")]
    UserInfo,
    #[error("`{0}` is an address; only named hosts are allowed")]
    AddressLiteral(IpAddr),
    #[error(
        "port {port} of `{host}` is not allowed; if the plugin needs it, add \"{host}:{port}\" to `hosts` under [http] in plugin.toml"
    )]
    Port { host: String, port: u16 },
    #[error(
        "`{0}` is not a host that this plugin may speak to; if it needs to, add \"{0}\" to `hosts` under [http] in plugin.toml"
    )]
    Host(String),
    #[error("the operator of this server does not allow `{0}`")]
    Operator(String),
    #[error("the host's address {address} is refused: {reason}")]
    Address {
        address: IpAddr,
        reason: &'static str,
    },
    #[error("the host has no address")]
    NoAddress,
}

/// Manifest ∩ grant ∩ operator, for one plugin in one workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The hosts of the manifest that were granted.
    pub granted: Vec<HostPattern>,
    /// What the operator allows to any plugin; none: every host.
    pub operator: Option<Vec<HostPattern>>,
    /// Plain http as well. For development only; secrets still go over https only.
    pub allow_http: bool,
    /// Addresses of private networks and of this machine, as names or as literals. For development only.
    pub allow_private: bool,
}

impl Policy {
    /// Judges a URL as a guest wrote it and gives it back normalised: case, IDNA, dot segments, the trailing dot of the host, no fragment.
    ///
    /// # Errors
    /// The first reason to refuse it.
    pub fn check_url(&self, text: &str) -> Result<Url, Refusal> {
        let invalid = || Refusal::Url(text.chars().take(200).collect());
        // The standard has these stripped or repaired; whoever writes them means to confuse somebody.
        if text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
        {
            return Err(invalid());
        }
        let mut url = Url::parse(text).map_err(|_| invalid())?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            other => return Err(Refusal::Scheme(other.to_owned())),
        }
        if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
            return Err(Refusal::UserInfo);
        }
        url.set_fragment(None);
        match url.host().map(|host| host.to_owned()) {
            Some(Host::Ipv4(address)) if !self.allow_private => {
                return Err(Refusal::AddressLiteral(address.into()));
            }
            Some(Host::Ipv6(address)) if !self.allow_private => {
                return Err(Refusal::AddressLiteral(address.into()));
            }
            Some(Host::Domain(name)) => match without_dot(Host::Domain(name)) {
                Some(host) => url
                    .set_host(Some(&host.to_string()))
                    .map_err(|_| invalid())?,
                None => return Err(invalid()),
            },
            Some(_) => {}
            None => return Err(invalid()),
        }
        self.check_host(&url)?;
        Ok(url)
    }

    fn check_host(&self, url: &Url) -> Result<(), Refusal> {
        let name = url.host_str().unwrap_or_default().to_owned();
        if !self.granted.iter().any(|pattern| pattern.matches(url)) {
            let host = url.host().map(|host| host.to_owned());
            let other_port = host.is_some_and(|host| {
                self.granted
                    .iter()
                    .any(|pattern| pattern.matches_host(&host))
            });
            return Err(match url.port_or_known_default() {
                Some(port) if other_port => Refusal::Port { host: name, port },
                _ => Refusal::Host(name),
            });
        }
        match &self.operator {
            Some(allowed) if !allowed.iter().any(|pattern| pattern.matches(url)) => {
                Err(Refusal::Operator(name))
            }
            _ => Ok(()),
        }
    }
}

/// What stands between `//` and the path, as written: an empty user name leaves no trace in the parsed URL.
fn authority(text: &str) -> &str {
    let rest = text
        .split_once(':')
        .map_or("", |(_, rest)| rest)
        .trim_start_matches('/');
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// Picks the address to connect to out of one resolver's answer. **Every** address must be permitted: an attacker's name that answers with
/// a public and a private one is refused, whichever a connection would have tried first. The caller connects to this address and resolves
/// no more, so a name that answers differently the next time (rebinding) gains nothing.
///
/// # Errors
/// Why one of them is refused, or that there is none.
pub fn choose_address(addresses: &[IpAddr], allow_private: bool) -> Result<IpAddr, Refusal> {
    if !allow_private {
        addresses
            .iter()
            .try_for_each(|address| permitted_address(*address))?;
    }
    addresses.first().copied().ok_or(Refusal::NoAddress)
}

/// Refuses every address that is not an ordinary one of the public Internet.
///
/// # Errors
/// What kind of address it is.
pub fn permitted_address(address: IpAddr) -> Result<(), Refusal> {
    let reason = match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    };
    reason.map_or(Ok(()), |reason| Err(Refusal::Address { address, reason }))
}

/// The special-purpose registry (RFC 6890 and later) and the clouds' metadata services that have public addresses.
const SPECIAL_V4: [(Ipv4Addr, u32, &str); 18] = [
    (
        Ipv4Addr::new(0, 0, 0, 0),
        8,
        "unspecified, or of this network",
    ),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (
        Ipv4Addr::new(100, 64, 0, 0),
        10,
        "shared address space of a provider",
    ),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (
        Ipv4Addr::new(168, 63, 129, 16),
        32,
        "a cloud's metadata service",
    ),
    (
        Ipv4Addr::new(169, 254, 0, 0),
        16,
        "link-local (metadata services of clouds among them)",
    ),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "documentation"),
    (Ipv4Addr::new(192, 31, 196, 0), 24, "reserved for AS112"),
    (Ipv4Addr::new(192, 52, 193, 0), 24, "reserved for AMT"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "6to4 relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "benchmarking"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved or broadcast"),
];

/// Within `2000::/3`, the only range that is routed on the Internet, and the names of the others.
const SPECIAL_V6: [(Ipv6Addr, u32, &str); 15] = [
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0),
        96,
        "IPv4-mapped",
    ),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 96, "IPv4-compatible"),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, "NAT64"),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "NAT64"),
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        23,
        "reserved for protocols (Teredo, benchmarking)",
    ),
    (
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0),
        32,
        "documentation",
    ),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "6to4"),
    (
        Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0),
        20,
        "documentation",
    ),
    (
        Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0),
        7,
        "unique local (metadata services of clouds among them)",
    ),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "site-local"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),
    (
        Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0),
        48,
        "reserved for AS112",
    ),
];

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    SPECIAL_V4
        .iter()
        .find(|(net, length, _)| (bits ^ net.to_bits()) >> (32 - length) == 0)
        .map(|(_, _, reason)| *reason)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    let special = SPECIAL_V6
        .iter()
        .find(|(net, length, _)| (bits ^ net.to_bits()) >> (128 - length) == 0);
    match special {
        Some((_, _, reason)) => Some(reason),
        None if bits >> 125 != 1 => Some("not of the public Internet"),
        None => None,
    }
}

#[cfg(test)]
mod tests;
