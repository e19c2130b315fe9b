//! Implements a minimal HTTP client: one kept connection, and replies with a Content-Length.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Result;

pub(crate) const TOKEN: &str = "bench-token-0123456789";

pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> Result<Self> {
        let host = address.trim_start_matches("http://");
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Returns the address of the server.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.stream.get_ref().peer_addr()?)
    }

    /// Sends a request and returns the body of the reply. Fails when the reply is no success.
    pub(crate) fn ask(&mut self, request: &str) -> Result<Vec<u8>> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 2") {
            return Err(format!("{request:?} was answered with {line:?}").into());
        }
        let mut len = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                len = value.parse()?;
            }
        }
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-Atlas-Token: {TOKEN}\r\n\r\n")
}

pub(crate) fn post(path: &str, json: &str) -> String {
    let len = json.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nX-Atlas-Token: {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n{json}"
    )
}
