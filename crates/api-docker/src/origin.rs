//! Requests from pages in browsers, which carry the certificate of whoever looks at the page: they are refused over TCP. A browser says where a page is
//! from (the Origin header, and those that begin with Sec-Fetch), other clients say nothing. Source: RFC 6454, section 7; Fetch Metadata, w3.org.

use hyper::StatusCode;
use hyper::header::{HOST, HeaderMap, ORIGIN};

use crate::failure::Failure;

/// Refuses a request that a browser makes for a page, or that names no host.
///
/// # Errors
/// 403 for the one, 400 for the other.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Failure> {
    let from_a_page = headers.contains_key(ORIGIN)
        || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"));
    if from_a_page {
        return Err(Failure {
            status: StatusCode::FORBIDDEN,
            message: "requests of pages in browsers are not answered".to_owned(),
        });
    }
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if !host.is_empty() => Ok(()),
        _ => Err(Failure::bad("a request names its host once")),
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn pages_in_browsers_are_refused() {
        let with = |names: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for name in names {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static("x"));
            }
            check(&headers).map_err(|failure| failure.status.as_u16())
        };
        assert_eq!(with(&["host"]), Ok(()));
        assert_eq!(with(&["host", "origin"]), Err(403));
        assert_eq!(with(&["host", "sec-fetch-site"]), Err(403));
        assert_eq!(with(&[]), Err(400));
        assert_eq!(with(&["host", "host"]), Err(400));
    }
}
