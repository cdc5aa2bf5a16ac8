//! A small blocking HTTP/1.1 client. Lives here: one connection, its requests and
//! replies, read as cheaply as a load generator must. Never: TLS, redirects, or
//! anything that knows what an image is.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// A reply's head larger than this is an error.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// How long a server may be silent. A peer's first list after a bulk fill takes tens of seconds.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// Where a service listens: `http://host:port/prefix`, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    address: SocketAddr,
    authority: String,
    prefix: String,
}

impl Endpoint {
    /// Takes a URL of the scheme `http` apart and resolves its host.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let bad = || Error::new(ErrorKind::InvalidInput, format!("{url}: wanted http://HOST:PORT[/PATH]"));
        let rest = url.strip_prefix("http://").ok_or_else(bad)?;
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let address = authority.to_socket_addrs()?.next().ok_or_else(bad)?;
        Ok(Self { address, authority: authority.into(), prefix: prefix.trim_end_matches('/').into() })
    }

    /// The value of the header `Host`.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// The bytes of a request without a body, or of one's head when `headers` announce a body.
    pub(super) fn request(&self, method: &str, path: &str, token: &str, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut head =
            format!("{method} {}{path} HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\n", self.prefix, self.authority);
        if !token.is_empty() {
            head.push_str(&format!("X-Auth-Token: {token}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// The bytes of a request that carries `body`.
    pub(super) fn request_with(&self, method: &str, path: &str, token: &str, kind: &str, body: &str) -> Vec<u8> {
        let length = body.len().to_string();
        let mut bytes = self.request(method, path, token, &[("Content-Type", kind), ("Content-Length", &length)]);
        bytes.extend_from_slice(body.as_bytes());
        bytes
    }
}

/// Status and headers of a reply.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    /// A header's value; `name` in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    fn says(&self, name: &str, word: &str) -> bool {
        self.header(name).is_some_and(|value| value.to_ascii_lowercase().contains(word))
    }

    fn length(&self) -> Option<usize> {
        self.header("content-length").and_then(|value| value.parse().ok())
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let bad = |why: &str| Error::new(ErrorKind::InvalidData, format!("{why} in a reply's head"));
        let text = std::str::from_utf8(bytes).map_err(|_| bad("bytes that are no text"))?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Self { status: status.ok_or_else(|| bad("no status"))?, headers })
    }
}

/// One connection, opened when it is needed and again when the server closed it.
pub(super) struct Connection {
    endpoint: Endpoint,
    stream: Option<TcpStream>,
    /// What was received and not yet consumed.
    pending: Vec<u8>,
    scratch: Vec<u8>,
}

impl Connection {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        Self { endpoint: endpoint.clone(), stream: None, pending: Vec::new(), scratch: vec![0; 1 << 18] }
    }

    /// Sends a whole request and reads the whole reply.
    pub(super) fn call(&mut self, request: &[u8]) -> Result<(Head, Vec<u8>)> {
        let head = self.ask(request)?;
        let body = self.read_body(&head)?;
        Ok((head, body))
    }

    /// Sends a whole request and reads the head of the reply. A kept connection that the
    /// server closed meanwhile is opened anew once, as every client does.
    pub(super) fn ask(&mut self, request: &[u8]) -> Result<Head> {
        if self.stream.is_some() {
            if let Ok(head) = self.ask_once(request) {
                return Ok(head);
            }
            self.stream = None;
        }
        self.ask_once(request)
    }

    fn ask_once(&mut self, request: &[u8]) -> Result<Head> {
        self.stream()?.write_all(request)?;
        self.read_head()
    }

    /// The socket, for bodies that are sent in pieces.
    pub(super) fn stream(&mut self) -> Result<&mut TcpStream> {
        if self.stream.is_none() {
            let stream = TcpStream::connect_timeout(&self.endpoint.address, Duration::from_secs(10))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(SILENCE_MAX))?;
            stream.set_write_timeout(Some(SILENCE_MAX))?;
            self.pending.clear();
            self.stream = Some(stream);
        }
        self.stream.as_mut().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// Reads more into `pending`; an error at the end of the stream.
    fn fill(&mut self) -> Result<()> {
        let stream = self.stream.as_mut().ok_or(ErrorKind::NotConnected)?;
        match stream.read(&mut self.scratch)? {
            0 => Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")),
            n => {
                self.pending.extend_from_slice(&self.scratch[..n]);
                Ok(())
            }
        }
    }

    /// Reads up to the blank line.
    pub(super) fn read_head(&mut self) -> Result<Head> {
        loop {
            if let Some(end) = find(&self.pending, b"\r\n\r\n") {
                let head = Head::parse(&self.pending[..end])?;
                self.pending.drain(..end + 4);
                if head.status != 100 {
                    return Ok(head);
                }
            } else if self.pending.len() > HEAD_BYTES_MAX {
                return Err(Error::new(ErrorKind::InvalidData, "a reply's head without an end"));
            } else {
                self.fill()?;
            }
        }
    }

    /// Reads a body that fits in memory, and closes where the server says it does.
    pub(super) fn read_body(&mut self, head: &Head) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        self.read_body_with(head, |piece| {
            body.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(body)
    }

    /// Hands a body's pieces to `sink` as they come; gives the count of its bytes.
    pub(super) fn read_body_with(&mut self, head: &Head, mut sink: impl FnMut(&[u8]) -> Result<()>) -> Result<u64> {
        let mut count = 0;
        let mut sink = |piece: &[u8]| {
            count += piece.len() as u64;
            sink(piece)
        };
        if matches!(head.status, 204 | 304) {
            // no body by definition
        } else if head.says("transfer-encoding", "chunked") {
            while let Some(size) = self.read_chunk_size()? {
                self.take(size, &mut sink)?;
                self.take(2, &mut |_| Ok(()))?;
            }
            self.take(2, &mut |_| Ok(()))?;
        } else if let Some(length) = head.length() {
            self.take(length, &mut sink)?;
        } else {
            self.take_rest(&mut sink)?;
        }
        if head.says("connection", "close") {
            self.stream = None;
        }
        Ok(count)
    }

    fn take(&mut self, mut wanted: usize, sink: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let ready = wanted.min(self.pending.len());
        if ready > 0 {
            sink(&self.pending[..ready])?;
            self.pending.drain(..ready);
            wanted -= ready;
        }
        while wanted > 0 {
            let room = wanted.min(self.scratch.len());
            let stream = self.stream.as_mut().ok_or(ErrorKind::NotConnected)?;
            let n = stream.read(&mut self.scratch[..room])?;
            if n == 0 {
                return Err(Error::new(ErrorKind::UnexpectedEof, format!("a body ended {wanted} bytes early")));
            }
            sink(&self.scratch[..n])?;
            wanted -= n;
        }
        Ok(())
    }

    fn take_rest(&mut self, sink: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        sink(&std::mem::take(&mut self.pending))?;
        if let Some(mut stream) = self.stream.take() {
            loop {
                match stream.read(&mut self.scratch)? {
                    0 => break,
                    n => sink(&self.scratch[..n])?,
                }
            }
        }
        Ok(())
    }

    /// The size of the next chunk, or nothing at the last one.
    fn read_chunk_size(&mut self) -> Result<Option<usize>> {
        let end = loop {
            match find(&self.pending, b"\r\n") {
                Some(end) => break end,
                None => self.fill()?,
            }
        };
        let size = std::str::from_utf8(&self.pending[..end])
            .ok()
            .and_then(|line| usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).ok())
            .ok_or_else(|| Error::new(ErrorKind::InvalidData, "a chunk without a size"))?;
        self.pending.drain(..end + 2);
        Ok((size > 0).then_some(size))
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::{Connection, Endpoint};
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Serves the given bytes, a connection each, and closes.
    fn serve(replies: Vec<&'static [u8]>) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v9/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for reply in replies {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).unwrap();
                stream.write_all(reply).unwrap();
            }
        });
        Endpoint::parse(&url).unwrap()
    }

    #[test]
    fn reads_every_way_a_body_can_end() {
        let endpoint = serve(vec![
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello",
        ]);
        let request = endpoint.request("GET", "/x", "", &[]);
        assert!(request.starts_with(b"GET /v9/x HTTP/1.1\r\n"));
        let mut connection = Connection::new(&endpoint);
        for _ in 0..3 {
            // the second and third calls also meet a kept connection that is closed by then
            let (head, body) = connection.call(&request).unwrap();
            assert_eq!((head.status, body.as_slice()), (200, b"hello".as_slice()));
        }
    }

    #[test]
    fn a_body_cut_short_is_an_error() {
        let endpoint = serve(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello"]);
        let mut connection = Connection::new(&endpoint);
        assert!(connection.call(&endpoint.request("GET", "/", "", &[])).is_err());
    }
}
