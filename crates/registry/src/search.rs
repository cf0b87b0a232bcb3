//! Looking for images by words, in the old API that Docker Hub and a few others keep.
//!
//! Start at [`crate::Client::search`]. Source: Docker Registry HTTP API V1, "Search".

use std::sync::Arc;

use serde::Deserialize;
use ureq::http::Method;

use crate::RegistryError;
use crate::address::percent_encode;
use crate::endpoint::plan;
use crate::host::{Ask, Host, Shared, Target, failure_of};
use crate::http::Failure;

/// Bytes of an answer.
const MOST_BYTES: u64 = 4 << 20;

/// An image that was found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SearchResult {
    /// As it can be pulled from that registry.
    pub name: String,
    /// In its owner's words; one line.
    #[serde(default, deserialize_with = "line")]
    pub description: String,
    /// People who marked it.
    #[serde(default, rename = "star_count")]
    pub stars: u64,
    /// Whether Docker looks after it.
    #[serde(default, rename = "is_official")]
    pub official: bool,
    /// Whether it is built from a public repository.
    #[serde(default, rename = "is_automated")]
    pub automated: bool,
}

/// Which of the images found are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct SearchFilter {
    /// At least so many.
    pub stars: u64,
    /// Only those that are, or are not.
    pub official: Option<bool>,
    /// Only those that are, or are not.
    pub automated: Option<bool>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    results: Vec<SearchResult>,
}

fn line<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(crate::words::clean(&text.unwrap_or_default()))
}

impl SearchFilter {
    /// Adds a condition: `stars=NUMBER`, `is-official=true` or `is-automated=true`.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn add(&mut self, text: &str) -> Result<(), RegistryError> {
        let wrong = |why: &str| RegistryError::Invalid(format!("invalid filter {text:?}: {why}"));
        let (name, value) =
            text.split_once('=').ok_or_else(|| wrong("it is not of the form NAME=VALUE"))?;
        let truth = || match value {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(wrong("the value is neither true nor false")),
        };
        match name {
            "stars" => {
                self.stars = value.parse().map_err(|_bad| wrong("the value is no number"))?;
            }
            "is-official" => self.official = Some(truth()?),
            "is-automated" => self.automated = Some(truth()?),
            _ => return Err(wrong("there are stars, is-official and is-automated")),
        }
        Ok(())
    }

    fn fits(&self, found: &SearchResult) -> bool {
        found.stars >= self.stars
            && self.official.is_none_or(|wanted| wanted == found.official)
            && self.automated.is_none_or(|wanted| wanted == found.automated)
    }
}

/// `term` may begin with a registry, as a reference does.
pub(crate) fn search(
    shared: &Arc<Shared>,
    term: &str,
    limit: u32,
    filter: &SearchFilter,
) -> Result<Vec<SearchResult>, RegistryError> {
    let (registry, term) = match term.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
        _ => ("docker.io", term),
    };
    let words = format!("search {registry} for {term:?}");
    let mut endpoint = plan(&shared.settings.rules, registry, "search")
        .map_err(|why| RegistryError::Invalid(format!("{words}: {why}")))?
        .origin;
    if endpoint.registry == "docker.io" {
        "index.docker.io".clone_into(&mut endpoint.host);
    }
    "/v1".clone_into(&mut endpoint.root);
    let host = Host::new(endpoint, Arc::clone(shared));
    let path = format!("/search?q={}&n={limit}", percent_encode(term));
    let mut ask = Ask::new(&words, Method::GET, Target::Api(path));
    ask.tries = shared.settings.limits.tries;
    let mut found: Found = host.ask(&ask, |answer| {
        if answer.status != 200 {
            return Err(failure_of(answer, host.name()));
        }
        serde_json::from_slice(&answer.read(MOST_BYTES)?)
            .map_err(|bad| Failure::Dishonest(format!("{registry} answers with no list: {bad}")))
    })?;
    found.results.retain(|one| filter.fits(one));
    found.results.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    for one in &mut found.results {
        one.name = crate::words::clean(&one.name);
    }
    Ok(found.results)
}
