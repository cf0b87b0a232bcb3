//! Lists that come page by page, and the list of tags.
//!
//! Never follows a link to another host, nor without end. Start at [`next_page`]. Sources: distribution-spec, "Listing Tags"; RFC 8288.

use serde::Deserialize;
use ureq::http::Method;

use super::Repository;
use crate::RegistryError;
use crate::address::Address;
use crate::host::{Ask, Target, failure_of};
use crate::http::Failure;

/// Bytes of one page.
pub(super) const MOST_PAGE_BYTES: u64 = 4 << 20;
/// Pages of one list.
pub(super) const MOST_PAGES: usize = 1000;
/// Tags that are asked for at a time.
const TAGS_PER_PAGE: u32 = 1000;

#[derive(Deserialize)]
struct TagList {
    /// Servers exist that say `null` of none.
    tags: Option<Vec<String>>,
}

impl Repository {
    /// Every tag, page by page.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub fn tags(&self) -> Result<Vec<String>, RegistryError> {
        let words = format!("list tags of {}", self.name());
        self.read(false, |host, tries| {
            let path = format!("/{}/tags/list?n={TAGS_PER_PAGE}", host.endpoint.path);
            let mut target = Target::Api(path);
            let mut tags = Vec::new();
            for _ in 0..MOST_PAGES {
                let ask = Ask::new(&words, Method::GET, target);
                let (page, next) = host.ask(&Self::pull(host, ask, tries), |answer| {
                    if answer.status != 200 {
                        return Err(failure_of(answer, host.name()));
                    }
                    let next = next_page(answer.field("link"), &answer.address)?;
                    let page: TagList = parse(&answer.read(MOST_PAGE_BYTES)?, host.name())?;
                    Ok((page, next))
                })?;
                tags.extend(page.tags.unwrap_or_default());
                let Some(next) = next else { return Ok(tags) };
                target = Target::At(next);
            }
            let why = format!("{} has more than {MOST_PAGES} pages", host.name());
            Err(RegistryError::Dishonest { what: words.clone(), why })
        })
    }
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(
    bytes: &[u8],
    host: &str,
) -> Result<T, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|bad| Failure::Dishonest(format!("{host} answers with no list: {bad}")))
}

/// Where the field `Link` says that the next page is.
pub(super) fn next_page(link: Option<&str>, from: &Address) -> Result<Option<Address>, Failure> {
    let Some(target) = link.and_then(next_link) else { return Ok(None) };
    let host = &from.origin.host;
    let next = from
        .join(target)
        .map_err(|bad| Failure::Dishonest(format!("the next page that {host} names {bad}")))?;
    if next.origin != from.origin {
        return Err(Failure::Dishonest(format!("{host} names a next page elsewhere ({next})")));
    }
    Ok(Some(next))
}

/// `<TARGET>; rel="next"`, among other links.
fn next_link(field: &str) -> Option<&str> {
    let mut rest = field;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let end = after.find('<').unwrap_or(after.len());
        let parameters = after[..end].to_ascii_lowercase();
        let mut each = parameters.split([';', ',']).map(str::trim);
        if each.any(|one| matches!(one, "rel=next" | "rel=\"next\"")) {
            return Some(target);
        }
        rest = &after[end..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links() {
        assert_eq!(next_link(r#"</v2/a?n=1>; rel="next""#), Some("/v2/a?n=1"));
        assert_eq!(next_link(r#"<a>; rel=prev, <b>; title=x; rel=next"#), Some("b"));
        assert_eq!(next_link("<a>; rel=prev"), None);
        let here = Address::parse("https://a/v2/x").unwrap();
        assert!(next_page(Some("<https://b/x>; rel=next"), &here).is_err());
        assert_eq!(next_page(None, &here).unwrap(), None);
    }
}
