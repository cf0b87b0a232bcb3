//! Manifests and indexes: what a name points at, and the bytes, whose digest is checked three ways.
//!
//! Never reads a document. Start at [`Repository::manifest`]. Source: distribution-spec, "Pulling manifests", "Pushing Manifests".

use spec::Digest;
use spec::digest::Algorithm;
use spec::image::{Descriptor, media_type};
use ureq::http::{HeaderValue, Method, header};

use super::{Fetched, Pointer, Repository};
use crate::host::{Ask, Host, Target, failure_of};
use crate::http::{Answer, Failure};
use crate::{Kind, RegistryError, checksum};

/// Bytes of a manifest. Registries are asked to take 4 MiB: distribution-spec, "Pushing Manifests".
const MOST_BYTES: u64 = 4 << 20;
const DIGEST_FIELD: &str = "docker-content-digest";
/// distribution-spec, "Pushing Manifests with Subject".
const SUBJECT_FIELD: &str = "oci-subject";

impl Repository {
    /// What a name points at, without fetching it (HEAD); nothing when there is no such manifest, or the registry does not say its
    /// digest.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub fn resolve(&self, what: Pointer<'_>) -> Result<Option<Descriptor>, RegistryError> {
        let words = format!("resolve {}{}", self.name(), what.suffix());
        let found = self.read(matches!(what, Pointer::Digest(_)), |host, tries| {
            let ask = Self::pull(host, manifest_ask(&words, Method::HEAD, host, what), tries);
            host.ask(&ask, |answer| match answer.status {
                200 => described(&answer, what),
                _ => Err(failure_of(answer, host.name())),
            })
        });
        match found {
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            other => other,
        }
    }

    /// Fetches a manifest or an index.
    ///
    /// # Errors
    /// `Kind::NotFound`; `Kind::Dishonest` when its digest is not what was asked for, or what the registry said.
    pub fn manifest(&self, what: Pointer<'_>) -> Result<Fetched, RegistryError> {
        let words = format!("get manifest {}{}", self.name(), what.suffix());
        self.read(matches!(what, Pointer::Digest(_)), |host, tries| {
            let ask = Self::pull(host, manifest_ask(&words, Method::GET, host, what), tries);
            host.ask(&ask, |answer| match answer.status {
                200 => fetched(answer, what),
                _ => Err(failure_of(answer, host.name())),
            })
        })
    }

    /// Puts a manifest or an index under a tag or its digest.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub fn put_manifest(
        &self,
        what: Pointer<'_>,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Digest, RegistryError> {
        self.put(what, media_type, bytes).map(|(digest, _)| digest)
    }

    /// Puts a manifest or an index; whether the registry says that it has noted its subject (`OCI-Subject`).
    pub(super) fn put(
        &self,
        what: Pointer<'_>,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<(Digest, bool), RegistryError> {
        let words = format!("put manifest {}{}", self.name(), what.suffix());
        let algorithm = match what {
            Pointer::Digest(digest) => digest.algorithm(),
            Pointer::Tag(_) => Algorithm::Sha256,
        };
        let digest = checksum::of(algorithm, bytes);
        if let Pointer::Digest(wanted) = what
            && *wanted != digest
        {
            return Err(RegistryError::Invalid(format!("{words}: the bytes have digest {digest}")));
        }
        let kind = HeaderValue::from_str(media_type).map_err(|_bad| {
            RegistryError::Invalid(format!("{words}: media type {media_type:?} is none"))
        })?;
        let host = self.origin()?;
        let ask = Ask::new(&words, Method::PUT, target(host, what));
        let ask = Self::push(host, Ask { body: bytes, ..ask }.header(header::CONTENT_TYPE, kind));
        host.ask(&ask, |answer| {
            if !matches!(answer.status, 200..=202) {
                return Err(failure_of(answer, host.name()));
            }
            let is_noted = answer.field(SUBJECT_FIELD).is_some();
            match said_digest(&answer)? {
                // A registry may name it by an algorithm of its own choice.
                Some(said) if said.algorithm() == algorithm && said != digest => Err(
                    Failure::Dishonest(format!("{} took it for {said}, not {digest}", host.name())),
                ),
                _ => Ok((digest.clone(), is_noted)),
            }
        })
    }
}

fn target(host: &Host, what: Pointer<'_>) -> Target {
    Target::Api(format!("/{}/manifests/{}", host.endpoint.path, what.in_path()))
}

fn manifest_ask<'a>(words: &'a str, method: Method, host: &Host, what: Pointer<'_>) -> Ask<'a> {
    let mut ask = Ask::new(words, method, target(host, what));
    // One field for each: servers exist that read only the first of a list.
    for accepted in [
        media_type::OCI_INDEX,
        media_type::OCI_MANIFEST,
        media_type::DOCKER_LIST,
        media_type::DOCKER_MANIFEST,
    ] {
        ask = ask.header(header::ACCEPT, HeaderValue::from_static(accepted));
    }
    ask
}

/// The media type without its parameters.
fn kind_of(answer: &Answer) -> String {
    let field = answer.field("content-type").unwrap_or_default();
    field.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn said_digest(answer: &Answer) -> Result<Option<Digest>, Failure> {
    let parse = |text: &str| {
        text.parse::<Digest>().map_err(|_bad| {
            let text = crate::words::clean(text);
            Failure::Dishonest(format!("the answer names the digest {text:?}, which is none"))
        })
    };
    answer.field(DIGEST_FIELD).map(parse).transpose()
}

fn described(answer: &Answer, what: Pointer<'_>) -> Result<Option<Descriptor>, Failure> {
    let said = said_digest(answer)?;
    let digest = match (what, said) {
        (Pointer::Digest(wanted), Some(said)) => {
            check_same(wanted, &said)?;
            wanted.clone()
        }
        (Pointer::Digest(wanted), None) => wanted.clone(),
        (Pointer::Tag(_), Some(said)) => said,
        (Pointer::Tag(_), None) => return Ok(None),
    };
    let Some(size) = answer.length() else { return Ok(None) };
    if size > MOST_BYTES {
        let why = format!("the manifest has {size} bytes, and {MOST_BYTES} are allowed");
        return Err(Failure::Dishonest(why));
    }
    Ok(Some(Descriptor::new(&kind_of(answer), digest, size)))
}

fn fetched(answer: Answer, what: Pointer<'_>) -> Result<Fetched, Failure> {
    let said = said_digest(&answer)?;
    let kind = kind_of(&answer);
    let bytes = answer.read(MOST_BYTES)?;
    let algorithm = match (what, &said) {
        (Pointer::Digest(wanted), _) => wanted.algorithm(),
        (Pointer::Tag(_), Some(said)) => said.algorithm(),
        (Pointer::Tag(_), None) => Algorithm::Sha256,
    };
    let digest = checksum::of(algorithm, &bytes);
    if let Some(said) = said {
        let own = checksum::of(said.algorithm(), &bytes);
        if own != said {
            return Err(Failure::Dishonest(format!(
                "the answer names {said}, its bytes have {own}"
            )));
        }
    }
    if let Pointer::Digest(wanted) = what
        && digest != *wanted
    {
        return Err(Failure::Dishonest(format!("the bytes that came have digest {digest}")));
    }
    let descriptor = Descriptor::new(&kind, digest, bytes.len() as u64);
    Ok(Fetched { descriptor, bytes })
}

fn check_same(wanted: &Digest, said: &Digest) -> Result<(), Failure> {
    if wanted.algorithm() == said.algorithm() && wanted != said {
        return Err(Failure::Dishonest(format!("the answer is about {said}")));
    }
    Ok(())
}
