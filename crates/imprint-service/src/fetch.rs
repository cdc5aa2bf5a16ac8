//! Fetching bytes from a URL that a user named. The one way out of Imprint, so the one place with the rules: which
//! schemes, ports and addresses, checked when asked and again at every connection and redirect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode, Url, header};

use crate::error::{Error, Field};

/// Most redirects that are followed.
const REDIRECTS_MAX: usize = 3;
/// Longest wait for a connection, and for the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest URL.
const URL_BYTES_MAX: usize = 2048;

/// What may be fetched.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// Ports.
    pub(crate) ports: Vec<u16>,
    /// Hosts that are fetched from on any port, wherever they are.
    pub(crate) trusted_hosts: Vec<String>,
    /// Scheme, host and port of the one service that this fetch is for, because the operator named it.
    pub(crate) trusted_origin: Option<String>,
}

impl Rules {
    /// The same rules, but for scheme, host and port of `url`, which the operator named.
    pub(crate) fn trusting(mut self, url: &str) -> Self {
        self.trusted_origin = Url::parse(url).ok().map(|url| url.origin().ascii_serialization());
        self
    }

    /// Accepts a URL as far as its text tells.
    ///
    /// # Errors
    /// [`Error::Invalid`] of [`Field::Source`]; the text does not tell more than that the URL is refused.
    pub(crate) fn accept(&self, text: &str) -> Result<Url, Error> {
        let refuse =
            || Error::invalid(Field::Source, format!("URI for web-download does not pass filtering: {}", clip(text)));
        if text.len() > URL_BYTES_MAX {
            return Err(refuse());
        }
        let url = Url::parse(text).map_err(|_| refuse())?;
        let host = url.host_str().ok_or_else(refuse)?;
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(refuse());
        }
        // a number that the parser had to rewrite is a disguise: 2130706433, 0x7f.1, 0177.0.0.1
        if !text.to_ascii_lowercase().contains(host) {
            return Err(refuse());
        }
        if self.trusts(&url) {
            return Ok(url);
        }
        if !url.port_or_known_default().is_some_and(|port| self.ports.contains(&port)) {
            return Err(refuse());
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let literal = bare.parse::<IpAddr>().ok();
        if literal.is_some_and(|address| !may_connect(address)) || host.eq_ignore_ascii_case("localhost") {
            return Err(refuse());
        }
        Ok(url)
    }

    /// Addresses to connect to for this URL; every one of them is allowed.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, Error> {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return Err(failed()) };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<SocketAddr> =
            tokio::net::lookup_host((bare, port)).await.map_err(|_| failed())?.take(16).collect();
        if !self.trusts(url) && found.iter().any(|address| !may_connect(address.ip())) {
            return Err(failed());
        }
        Ok(found)
    }

    fn trusts(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        self.trusted_hosts.iter().any(|trusted| trusted.eq_ignore_ascii_case(host))
            || self.trusted_origin.as_ref().is_some_and(|origin| *origin == url.origin().ascii_serialization())
    }

    /// Gets what is behind a URL, following few redirects, each under the same rules.
    ///
    /// # Errors
    /// [`Error::Incomplete`], the same whether the host refused, closed or was slow.
    pub(crate) async fn get(&self, url: Url, token: Option<&str>) -> Result<Response, Error> {
        let (mut url, origin) = (url.clone(), url.origin());
        for _ in 0..=REDIRECTS_MAX {
            let token = token.filter(|_| url.origin() == origin);
            let response = self.get_once(&url, token).await?;
            if !response.status().is_redirection() {
                return if response.status() == StatusCode::OK { Ok(response) } else { Err(failed()) };
            }
            let target = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let next = target.and_then(|target| url.join(target).ok()).ok_or_else(failed)?;
            if next.scheme() != url.scheme() {
                return Err(failed());
            }
            url = self.accept(next.as_str()).map_err(|_| failed())?;
        }
        Err(failed())
    }

    async fn get_once(&self, url: &Url, token: Option<&str>) -> Result<Response, Error> {
        let addresses = self.addresses(url).await?;
        let host = url.host_str().unwrap_or_default();
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(PATIENCE)
            .read_timeout(PATIENCE)
            .resolve_to_addrs(host, &addresses)
            .build()
            .map_err(Error::internal)?;
        let mut request = client.get(url.clone());
        if let Some(token) = token {
            request = request.header("X-Auth-Token", token);
        }
        request.send().await.map_err(|_| failed())
    }
}

/// The one answer to every way a fetch can fail: nothing to learn about the network from it.
pub(crate) fn failed() -> Error {
    Error::Incomplete("the source could not be fetched".to_owned())
}

/// Whether a user may make us connect there. Private ranges are allowed: an installation's own mirrors live there.
fn may_connect(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.octets()[0] == 0
                || is_metadata_range(v4))
        }
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => may_connect(IpAddr::V4(v4)),
            None => {
                let metadata = v6.segments()[..2] == [0xfd00, 0x0ec2];
                let site_local = v6.segments()[0] & 0xffc0 == 0xfec0;
                !(v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || v6.is_unicast_link_local()
                    || metadata
                    || site_local)
            }
        },
    }
}

/// Ranges that clouds keep for what a machine may ask about itself: 100.64.0.0/10 and 192.0.0.0/24.
fn is_metadata_range(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    (a == 100 && b & 0xc0 == 64) || [a, b, c] == [192, 0, 0]
}

/// The IPv4 address inside a mapped, compatible, translated, NAT64 or 6to4 one.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = v6.segments();
    let (high, low) = match [a, b, c, d, e, f] {
        [0x2002, ..] => (b, c),
        // ::1 and :: are themselves
        [0, 0, 0, 0, 0, 0] if high == 0 => return None,
        [0, 0, 0, 0, 0, 0 | 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, ..] => (high, low),
        _ => return None,
    };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}

fn clip(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules { ports: vec![80, 443], trusted_hosts: vec!["mirror.test".to_owned()], trusted_origin: None }
    }

    #[test]
    fn disguised_and_inner_addresses_are_refused() {
        for bad in [
            "file:///etc/passwd",
            "ftp://example.com/x",
            "http://127.0.0.1/x",
            "http://localhost/x",
            "http://2130706433/x",
            "http://0x7f000001/x",
            "http://017700000001/x",
            "http://0177.0.0.01/x",
            "http://127.1/x",
            "http://169.254.169.254/latest/meta-data",
            "http://[::1]/x",
            "http://[::ffff:127.0.0.1]/x",
            "http://[64:ff9b::7f00:1]/x",
            "http://[2002:7f00:1::]/x",
            "http://[::ffff:0:7f00:1]/x",
            "http://[fd00:ec2::254]/x",
            "http://100.100.100.200/x",
            "http://192.0.0.192/x",
            "http://0.0.0.0/x",
            "http://example.com:22/x",
            "http://user:secret@example.com/x",
            "not a url",
            "",
        ] {
            assert!(matches!(rules().accept(bad), Err(Error::Invalid { .. })), "{bad}");
        }
    }

    #[test]
    fn trust_in_one_service_is_no_trust_in_its_neighbours() {
        let rules = rules().trusting("http://127.0.0.1:9292/v2");
        assert!(rules.accept("http://127.0.0.1:9292/v2/images").is_ok());
        assert!(rules.accept("http://127.0.0.1:6379/").is_err());
        assert!(rules.accept("https://127.0.0.1:9292/").is_err());
    }

    #[test]
    fn ordinary_private_and_trusted_hosts_are_accepted() {
        for good in
            ["http://example.com/a.img", "https://10.0.0.1/a", "http://[2001:db8::1]/a", "http://mirror.test:8080/a"]
        {
            assert!(rules().accept(good).is_ok(), "{good}");
        }
    }
}
