//! What points at a manifest: signatures, lists of contents.
//!
//! Never reads what it finds. Start at [`Repository::referrers`]; [`Repository::put_referrer`] brings one. Source: distribution-spec, "Listing Referrers" and "Referrers Tag
//! Schema".

use std::collections::BTreeMap;

use spec::Digest;
use spec::image::{Descriptor, Index, media_type};
use ureq::http::Method;

use super::pages::{MOST_PAGE_BYTES, MOST_PAGES, next_page, parse};
use super::{Fetched, Pointer, Repository};
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

    /// Puts a manifest that has this subject. Where the registry has no API for it, the tag that stands in for it lists it
    /// afterwards, with the sort and the annotations that its descriptor has.
    ///
    /// # Errors
    /// [`RegistryError`]. Two who put referrers of one subject at one moment may lose one of them from that list, which the
    /// specification cannot prevent.
    pub fn put_referrer(&self, subject: &Digest, referrer: &Fetched) -> Result<(), RegistryError> {
        let Descriptor { media_type, digest, .. } = &referrer.descriptor;
        let (_, is_noted) = self.put(Pointer::Digest(digest), media_type, &referrer.bytes)?;
        if is_noted {
            return Ok(());
        }
        let mut index = self.list(subject)?.unwrap_or_else(|| Index {
            schema_version: 2,
            media_type: Some(media_type::OCI_INDEX.to_owned()),
            artifact_type: None,
            manifests: Vec::new(),
            subject: None,
            annotations: BTreeMap::new(),
        });
        if index.manifests.iter().any(|known| known.digest == *digest) {
            return Ok(());
        }
        index.manifests.push(referrer.descriptor.clone());
        let bytes = serde_json::to_vec(&index).map_err(|bad| {
            RegistryError::Invalid(format!("list referrers of {}@{subject}: {bad}", self.name()))
        })?;
        let tag = list_tag(subject);
        self.put_manifest(Pointer::Tag(&tag), media_type::OCI_INDEX, &bytes).map(drop)
    }

    fn tagged(&self, subject: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        Ok(self.list(subject)?.map(|index| index.manifests).unwrap_or_default())
    }

    /// What the tag lists that stands in for the API; nothing where it is not there.
    fn list(&self, subject: &Digest) -> Result<Option<Index>, RegistryError> {
        let tag = list_tag(subject);
        match self.manifest(Pointer::Tag(&tag)) {
            Ok(fetched) => {
                let what = format!("list referrers of {}@{subject}", self.name());
                let index = serde_json::from_slice(&fetched.bytes).map_err(|bad| {
                    RegistryError::Dishonest { what, why: format!("tag {tag} is no index: {bad}") }
                })?;
                Ok(Some(index))
            }
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The tag that stands in for the API.
pub(crate) fn list_tag(subject: &Digest) -> String {
    let digits = subject.hex().get(..MOST_TAG_DIGITS).unwrap_or(subject.hex());
    format!("{}-{digits}", subject.algorithm().name())
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
