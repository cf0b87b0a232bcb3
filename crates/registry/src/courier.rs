//! Documents that are sent to one address: what a machine tells of itself to whoever gathers that.
//!
//! Knows proxies, certificates and limits of patience as requests to registries do; asks once. Start at [`Courier::send`].

use ureq::http::{HeaderName, HeaderValue, Method, header};

use crate::address::Address;
use crate::host::failure_of;
use crate::hosts::TlsRule;
use crate::http::{Failure, Http, Request, Trust};
use crate::{RegistryError, Settings};

/// Bytes of an answer that is expected to say nothing.
const MOST_BYTES: u64 = 64 << 10;

/// Sends documents to one address.
#[derive(Debug)]
pub struct Courier {
    http: Http,
    address: Address,
    /// They may hold a password.
    secrets: Vec<(HeaderName, HeaderValue)>,
}

impl Courier {
    /// One for an address of `http` or `https`, with fields of a header that it alone is shown.
    ///
    /// # Errors
    /// When the address or a field is none.
    pub fn new(
        settings: &Settings,
        address: &str,
        fields: &[(String, String)],
    ) -> Result<Self, RegistryError> {
        let invalid = |text: &str, why: String| RegistryError::Invalid(format!("{text:?} {why}"));
        let address = Address::parse(address).map_err(|bad| invalid(address, bad.to_string()))?;
        let secret = |(name, value): &(String, String)| {
            let named = HeaderName::try_from(name.as_str());
            let named = named.map_err(|_bad| invalid(name, "is no header's name".to_owned()))?;
            let value = HeaderValue::try_from(value.as_str());
            let value = value.map_err(|_bad| invalid(name, "has no header's value".to_owned()))?;
            Ok((named, value))
        };
        let secrets = fields.iter().map(secret).collect::<Result<_, RegistryError>>()?;
        Ok(Self { http: Http::new(settings), address, secrets })
    }

    /// Posts a document of that media type.
    ///
    /// # Errors
    /// When it does not arrive, or is answered with another code than one of success.
    pub fn send(&self, kind: &str, body: &[u8]) -> Result<(), RegistryError> {
        let what = format!("send to {}", self.address);
        self.try_to_send(kind, body).map_err(|failure| failure.into_error(&what))
    }

    fn try_to_send(&self, kind: &str, body: &[u8]) -> Result<(), Failure> {
        let kind = HeaderValue::try_from(kind)
            .map_err(|bad| Failure::Invalid(format!("media type {kind:?}: {bad}")))?;
        let request = Request {
            method: Method::POST,
            address: self.address.clone(),
            headers: vec![(header::CONTENT_TYPE, kind)],
            secrets: self.secrets.clone(),
            body,
            is_slow: false,
        };
        let answer = self.http.exchange(&request, &Trust::new(&TlsRule::default(), true, false))?;
        if !(200..300).contains(&answer.status) {
            return Err(failure_of(answer, &self.address.origin.authority()));
        }
        answer.read(MOST_BYTES).map(drop)
    }
}
