//! A document that a digest or a tag leads to: read strictly, because two readers that see two images in one are an attack.
//!
//! Source: image-spec manifest.md and image-index.md; CVE-2021-41190.

use serde_json::Value;

use super::{Descriptor, Index, Manifest, Platform, media_type};

/// What marks a signature or a list of contents that stands beside an image. BuildKit's attestation storage.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// An index or a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// Several manifests.
    Index(Box<Index>),
    /// One image, or an artifact.
    Manifest(Box<Manifest>),
}

/// Why a document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadDocument {
    /// It is no JSON, or fields are missing or of another type.
    #[error("read the document")]
    Json(#[from] serde_json::Error),
    /// It could be read as either.
    #[error("it is both a manifest and an index")]
    Both,
    /// It calls itself something else than what pointed at it.
    #[error("it calls itself {inside:?}, and what points at it says {outside:?}")]
    Type {
        /// In the document.
        inside: String,
        /// In the descriptor, or the registry's answer.
        outside: String,
    },
    /// A type that holds no image.
    #[error("its media type {0:?} is neither an image's nor an index's")]
    Unknown(String),
    /// Docker's first format, which is not content-addressed.
    #[error("it is of Docker's schema 1, which no registry should serve any more")]
    SchemaOne,
}

impl Document {
    /// Reads a document of which `outside` says what it is; an empty text where nothing was said.
    ///
    /// # Errors
    /// [`BadDocument`].
    pub fn parse(bytes: &[u8], outside: &str) -> Result<Self, BadDocument> {
        let value: Value = serde_json::from_slice(bytes)?;
        let is_index = value.get("manifests").is_some();
        let is_manifest = value.get("layers").is_some() || value.get("config").is_some();
        if is_index && is_manifest {
            return Err(BadDocument::Both);
        }
        if value.get("schemaVersion").and_then(Value::as_u64) == Some(1) {
            return Err(BadDocument::SchemaOne);
        }
        let inside = value.get("mediaType").and_then(Value::as_str).unwrap_or_default();
        // Some servers say only that it is JSON.
        let says_nothing = matches!(outside, "" | "application/json" | "application/octet-stream");
        if !says_nothing && !inside.is_empty() && inside != outside {
            let (inside, outside) = (inside.to_owned(), outside.to_owned());
            return Err(BadDocument::Type { inside, outside });
        }
        match if says_nothing { inside } else { outside } {
            media_type::OCI_INDEX | media_type::DOCKER_LIST => {
                Ok(Self::Index(serde_json::from_slice(bytes)?))
            }
            media_type::OCI_MANIFEST | media_type::DOCKER_MANIFEST => {
                Ok(Self::Manifest(serde_json::from_slice(bytes)?))
            }
            "" if is_index => Ok(Self::Index(serde_json::from_slice(bytes)?)),
            "" => Ok(Self::Manifest(serde_json::from_slice(bytes)?)),
            other => Err(BadDocument::Unknown(other.chars().take(120).collect())),
        }
    }
}

impl Descriptor {
    /// Whether it describes what stands beside an image: a signature, a list of contents.
    #[must_use]
    pub fn is_attestation(&self) -> bool {
        self.annotations.contains_key(REFERENCE_TYPE)
    }
}

impl Index {
    /// The images for a machine, the best first: those that name it, or name none.
    #[must_use]
    pub fn for_platform(&self, wanted: &Platform) -> Vec<&Descriptor> {
        let fit = |descriptor: &Descriptor| match &descriptor.platform {
            Some(platform) => wanted.fit(platform),
            None => Some(0),
        };
        let mut fitting: Vec<(u8, &Descriptor)> = self
            .manifests
            .iter()
            .filter(|descriptor| !descriptor.is_attestation())
            .filter_map(|descriptor| Some((fit(descriptor)?, descriptor)))
            .collect();
        // Of equals the first is meant.
        fitting.sort_by_key(|(fit, _)| std::cmp::Reverse(*fit));
        fitting.into_iter().map(|(_, descriptor)| descriptor).collect()
    }

    /// Every machine that it has an image for.
    pub fn platforms(&self) -> impl Iterator<Item = &Platform> {
        let images = self.manifests.iter().filter(|descriptor| !descriptor.is_attestation());
        images.filter_map(|descriptor| descriptor.platform.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_is_two_is_refused() {
        let both = br#"{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}"#;
        assert!(matches!(Document::parse(both, ""), Err(BadDocument::Both)));
        let index = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
        assert!(matches!(
            Document::parse(index, media_type::OCI_MANIFEST),
            Err(BadDocument::Type { .. })
        ));
        assert!(matches!(Document::parse(index, "application/json"), Ok(Document::Index(_))));
        assert!(matches!(Document::parse(index, "text/html"), Err(BadDocument::Type { .. })));
        let old = br#"{"schemaVersion":1,"fsLayers":[]}"#;
        assert!(matches!(Document::parse(old, ""), Err(BadDocument::SchemaOne)));
    }
}
