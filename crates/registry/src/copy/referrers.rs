//! What belongs to an image and stands beside it: manifests that name it as their subject, and what cosign keeps under tags made
//! of its digest; and what belongs to those in turn. Start at [`find`].
//!
//! Never looks into a signature, and follows only who names the subject by himself: a list is a hint, which anybody who may push
//! can have written. Sources: distribution-spec "Listing Referrers", "Referrers Tag Schema"; cosign SIGNATURE_SPEC.md "Tag-based
//! Discovery".

use std::collections::BTreeSet;

use spec::Digest;
use spec::digest::Algorithm;
use spec::image::{Descriptor, Document, Manifest};

use super::graph::{Walk, document, parse};
use super::source::Source;
use crate::host::chain;
pub(super) use crate::repository::list_tag;
use crate::{Fetched, Kind, Progress, RegistryError};

/// Signatures of attestations of images: what is deeper is nobody's.
const DEEPEST_REFERRER: usize = 8;
/// What cosign writes behind a digest.
const COSIGN_SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];

/// A document beside an image, with its sort and its annotations in the descriptor.
#[derive(Clone, Debug)]
pub(super) struct Attachment {
    /// The document.
    pub(super) document: Fetched,
    /// What makes it belong.
    pub(super) tie: Tie,
}

/// How a document belongs to another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tie {
    /// It names it as its subject.
    Subject(Digest),
    /// It has a tag that is made of its digest.
    Tag(String),
}

/// Everything that belongs to the root and to what it leads to: what is nearer comes first, each with each of its ties once.
pub(super) fn find(
    source: &dyn Source,
    walk: &mut Walk,
    root: &Digest,
    progress: &Progress,
) -> Result<Vec<Attachment>, RegistryError> {
    let mut found: Vec<Attachment> = Vec::new();
    let mut known = BTreeSet::new();
    let mut level: Vec<Digest> = walk.digests().chain([root]).cloned().collect();
    for _ in 0..=DEEPEST_REFERRER {
        let mut next = Vec::new();
        for subject in &level {
            for attachment in beside(source, subject, progress)? {
                let digest = &attachment.document.descriptor.digest;
                if known.insert((digest.clone(), attachment.tie.clone())) {
                    next.extend(walk.attach(source, &attachment.document)?);
                    found.push(attachment);
                }
            }
        }
        if next.is_empty() {
            return Ok(found);
        }
        level = next;
    }
    let words = format!("referrers of referrers, deeper than {DEEPEST_REFERRER}");
    Err(RegistryError::Invalid(words))
}

/// What belongs to one document.
fn beside(
    source: &dyn Source,
    subject: &Digest,
    progress: &Progress,
) -> Result<Vec<Attachment>, RegistryError> {
    let mut found = Vec::new();
    for descriptor in source.referrers(subject)? {
        let fetched = document(source, &descriptor);
        let why = match fetched.and_then(|fetched| described(fetched, Some(subject))) {
            Ok(Some(document)) => {
                found.push(Attachment { document, tie: Tie::Subject(subject.clone()) });
                continue;
            }
            Ok(None) => format!("it does not name {subject} as its subject"),
            // It may have been deleted, or be junk from the beginning.
            Err(error) if is_of_the_list(&error) => chain(&error),
            Err(error) => return Err(error),
        };
        progress.notice(format!("referrer {} is left out: {why}", descriptor.digest));
    }
    for tag in cosign_tags(subject) {
        if let Some(fetched) = source.tagged(&tag)?
            && let Some(document) = described(fetched, None)?
        {
            found.push(Attachment { document, tie: Tie::Tag(tag) });
        }
    }
    Ok(found)
}

/// Whether the list is wrong, and not who was asked.
fn is_of_the_list(error: &RegistryError) -> bool {
    matches!(error.kind(), Kind::NotFound | Kind::Dishonest | Kind::Invalid)
}

/// The tags under which cosign keeps what belongs to a digest; with the digits of SHA-512 they would be longer than a tag may be.
fn cosign_tags(digest: &Digest) -> Vec<String> {
    match digest.algorithm() {
        Algorithm::Sha256 => {
            COSIGN_SUFFIXES.map(|suffix| format!("sha256-{}.{suffix}", digest.hex())).to_vec()
        }
        Algorithm::Sha512 => Vec::new(),
    }
}

/// A document with its sort and its annotations in its descriptor, as lists of referrers have them; nothing where it has another
/// subject than the one that is wanted.
fn described(
    mut fetched: Fetched,
    wanted: Option<&Digest>,
) -> Result<Option<Fetched>, RegistryError> {
    let (subject, kind, annotations) = match parse(&fetched)? {
        Document::Manifest(manifest) => {
            let Manifest { subject, artifact_type, config, annotations, .. } = *manifest;
            (subject, artifact_type.or(Some(config.media_type)), annotations)
        }
        Document::Index(index) => (index.subject, index.artifact_type, index.annotations),
    };
    if wanted.is_some() && subject_of(subject.as_ref()) != wanted {
        return Ok(None);
    }
    fetched.descriptor.artifact_type = kind;
    fetched.descriptor.annotations = annotations;
    Ok(Some(fetched))
}

fn subject_of(subject: Option<&Descriptor>) -> Option<&Digest> {
    subject.map(|subject| &subject.digest)
}

#[cfg(test)]
mod tests {
    use spec::digest::is_tag_of_digest;

    use super::*;

    #[test]
    fn tags_made_of_digests() {
        let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        assert!(is_tag_of_digest(&list_tag(&digest)));
        assert_eq!(cosign_tags(&digest).len(), 3);
        assert!(cosign_tags(&digest).iter().all(|tag| is_tag_of_digest(tag)));
        for name in ["1", "sha256-", "sha256-abc.sig", "docker.io/library/x:1"] {
            assert!(!is_tag_of_digest(name), "{name}");
        }
        let long: Digest = format!("sha512:{}", "b".repeat(128)).parse().unwrap();
        assert_eq!(list_tag(&long), format!("sha512-{}", "b".repeat(64)));
        assert!(cosign_tags(&long).is_empty());
    }
}
