//! A file from an address that somebody gave. Start at [`Client::download`].

use std::io::Read;
use std::time::Duration;

use ureq::http::Method;

use crate::address::Address;
use crate::hosts::TlsRule;
use crate::http::{NetworkError, Request, Trust};
use crate::{Client, RegistryError};

/// Bytes of a file as they come.
pub struct Download {
    reader: ureq::BodyReader<'static>,
    /// How many there are, where the server says so.
    pub length: Option<u64>,
    host: String,
    idle: Duration,
}

impl Client {
    /// Gets a file by `http://` or `https://`; redirects are followed.
    ///
    /// # Errors
    /// When the address is none, or its host does not give the file.
    pub fn download(&self, url: &str) -> Result<Download, RegistryError> {
        let what = format!("get {url}");
        let address = Address::parse(url)
            .map_err(|bad| RegistryError::Invalid(format!("{what}: the address {bad}")))?;
        let (method, headers, secrets) = (Method::GET, Vec::new(), Vec::new());
        let request = Request { method, address, headers, secrets, body: &[], is_slow: false };
        let trust = Trust::new(&TlsRule::default(), true, false);
        let answer = self.http().exchange(&request, &trust);
        let answer = answer.map_err(|failure| failure.into_error(&what))?;
        let host = answer.address.origin.authority();
        if answer.status != 200 {
            let status = answer.status;
            return Err(RegistryError::Status {
                what,
                registry: host,
                status,
                words: String::new(),
            });
        }
        Ok(Download {
            length: answer.length(),
            idle: answer.idle,
            reader: answer.body.into_with_config().limit(u64::MAX).reader(),
            host,
        })
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer);
        read.map_err(|error| NetworkError::of_read(error, &self.host, self.idle).into_io())
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("host", &self.host).finish_non_exhaustive()
    }
}
