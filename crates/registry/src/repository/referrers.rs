//! What points at a manifest: signatures, lists of contents.
//!
//! Never reads what it finds. Start at [`Repository::referrers`]. Source: distribution-spec, "Listing Referrers" and "Referrers Tag
//! Schema".

use spec::Digest;
use spec::image::{Descriptor, Index};
use ureq::http::Method;

use super::pages::{MOST_PAGE_BYTES, MOST_PAGES, next_page, parse};
use super::{Pointer, Repository};
use crate::address::percent_encode;
use crate::host::{Ask, Host, Target, failure_of};
use crate::{Kind, RegistryError};

/// Characters of a digest in the tag that stands in for the API.
const MOST_TAG_DIGITS: usize = 64;

impl Repository {
    /// What points at a manifest as its subject: by the referrers API, else by the tag that stands in for it.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let words = format!("list referrers of {}@{subject}", self.name());
        let found =
            self.read(true, |host, tries| pages(host, &words, subject, artifact_type, tries));
        let mut found = match found {
            Err(error) if error.kind() == Kind::NotFound => self.tagged(subject)?,
            other => other?,
        };
        // Whether the server did it (`OCI-Filters-Applied`) or not.
        if let Some(wanted) = artifact_type {
            found.retain(|descriptor| descriptor.artifact_type.as_deref() == Some(wanted));
        }
        Ok(found)
    }

    fn tagged(&self, subject: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        let digits = subject.hex().get(..MOST_TAG_DIGITS).unwrap_or(subject.hex());
        let tag = format!("{}-{digits}", subject.algorithm().name());
        match self.manifest(Pointer::Tag(&tag)) {
            Ok(fetched) => {
                let what = format!("list referrers of {}@{subject}", self.name());
                let index: Index = serde_json::from_slice(&fetched.bytes).map_err(|bad| {
                    RegistryError::Dishonest { what, why: format!("tag {tag} is no index: {bad}") }
                })?;
                Ok(index.manifests)
            }
            Err(error) if error.kind() == Kind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

fn pages(
    host: &Host,
    words: &str,
    subject: &Digest,
    artifact_type: Option<&str>,
    tries: u32,
) -> Result<Vec<Descriptor>, RegistryError> {
    let filter = artifact_type.map(|kind| format!("?artifactType={}", percent_encode(kind)));
    let filter = filter.unwrap_or_default();
    let mut target = Target::Api(format!("/{}/referrers/{subject}{filter}", host.endpoint.path));
    let mut found = Vec::new();
    for _ in 0..MOST_PAGES {
        let ask = Ask::new(words, Method::GET, target);
        let (page, next) = host.ask(&Repository::pull(host, ask, tries), |answer| {
            if answer.status != 200 {
                return Err(failure_of(answer, host.name()));
            }
            let next = next_page(answer.field("link"), &answer.address)?;
            let page: Index = parse(&answer.read(MOST_PAGE_BYTES)?, host.name())?;
            Ok((page, next))
        })?;
        found.extend(page.manifests);
        let Some(next) = next else { return Ok(found) };
        target = Target::At(next);
    }
    let why = format!("{} has more than {MOST_PAGES} pages", host.name());
    Err(RegistryError::Dishonest { what: words.to_owned(), why })
}
