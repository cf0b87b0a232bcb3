//! Whether an image of a registry may be used: what the policy demands of it, and whether that holds.
//!
//! It stands between [`crate::resolve`] and [`crate::fetch`]: what is looked at is the digest that the name was resolved to, and
//! that digest, not the name, is what is fetched afterwards. Signatures are verified by given keys and nothing else: no certificate,
//! no transparency log, no clock, so it works wherever the registry is reached. Whatever goes wrong, the answer is no.
//! Never prints, never pulls, never writes. Start at [`admit`].
//!
//! | file | its part |
//! |---|---|
//! | `policy.rs` | the files, and what they say of a name |
//! | `examine.rs` | finds signatures at a registry: by tag, by referrer |
//! | `signature.rs` | what one signature says, and whose it is |
//! | `key.rs` | public keys |
//!
//! Sources: cosign SIGNATURE_SPEC.md, distribution-spec 1.1 "Listing Referrers".

use std::borrow::Cow;

use spec::image::{Descriptor, Platform};
use spec::{Digest, Reference};

use crate::{Client, Found, RegistryError, Resolution};

mod examine;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod identity;
mod key;
mod pattern;
mod policy;
mod signature;

pub use examine::{Looked, SignatureForm, Verified};
pub use identity::Identity;
pub use key::{KeyError, KeyFile, PublicKey};
pub use pattern::Pattern;
pub use policy::{
    Demand, KeySource, Policy, PolicyError, PolicyFiles, Require, Ruling, Signed, repository_of,
};
pub use signature::Flaw;

use examine::Examination;

/// That an image may be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Who says so: `policy rule "production"`, `no policy`.
    pub by: String,
    /// Digest of what may be used: that of the resolution that was looked at.
    pub root: Digest,
    /// The digest that stands in the policy's list, where it has one.
    pub listed: Option<Digest>,
    /// The signatures that were demanded, and found valid.
    pub signatures: Vec<Verified>,
}

/// Why there is no admission.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// The policy says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nobody knows: the registry does not answer as it should.
    #[error("look for signatures of {image}")]
    Look {
        /// Which image.
        image: String,
        /// What happened.
        #[source]
        cause: RegistryError,
    },
}

/// That an image must not be used.
#[derive(Debug, thiserror::Error)]
#[error("{by} refuses {image}")]
pub struct Refusal {
    /// Who says so: `policy rule "production"`.
    pub by: String,
    /// The image, as it was asked for.
    pub image: String,
    /// Why.
    #[source]
    pub why: RefusalCause,
}

/// Why an image must not be used.
#[derive(Debug, thiserror::Error)]
pub enum RefusalCause {
    /// Whatever it is.
    #[error("no image of that name may be used")]
    Never,
    /// It is another one than those listed.
    #[error("{digest} is not in its list")]
    Digest {
        /// What the name points at.
        digest: Digest,
    },
    /// Nobody here can say.
    #[error("{0}")]
    Unsupported(String),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Two files hold the same key where each has to sign.
    #[error("{one} and {other} hold the same key, and each has to sign")]
    SameKey {
        /// One file.
        one: String,
        /// The other.
        other: String,
    },
    /// It is not signed as it should be.
    #[error("no valid signature by {} ({})", missing.join(", "), examine::summary(looked))]
    Unsigned {
        /// The files of keys: those that would have been enough, or that are missing.
        missing: Vec<String>,
        /// Every signature that was looked at and did not count.
        looked: Vec<Looked>,
    },
    /// The policy itself.
    #[error(transparent)]
    Policy(PolicyError),
}

/// What a name points at as its registry says, whatever is here: what [`crate::resolve`] gives where nothing is. For verification
/// without a pull.
///
/// # Errors
/// As [`crate::resolve`].
pub fn look_up(
    client: &Client,
    reference: &Reference,
    platform: &Platform,
) -> Result<Resolution, RegistryError> {
    let repository = client.repository(reference);
    let (root, remote) = crate::pull::lead(&repository, reference, platform)?;
    let (reference, found) = (reference.clone(), Found::There(Box::new(remote)));
    let platform = Some(platform.clone());
    Ok(Resolution { reference, repository, root, platform, found })
}

/// Asks a policy whether an image may be used, and fetches the signatures that it demands: those of what the name points at, or of
/// the manifest that an index leads to on this machine. cosign signs either.
///
/// # Errors
/// [`AdmitError`]. Without an [`Admission`] nothing of the image may be fetched.
pub fn admit(
    policy: &Policy,
    client: &Client,
    resolution: &Resolution,
) -> Result<Admission, AdmitError> {
    let reference = &resolution.reference;
    let refusal = |by: &str, why| Refusal { by: by.to_owned(), image: reference.to_string(), why };
    let look = |cause| AdmitError::Look { image: reference.to_string(), cause };
    let ruling = policy.ruling(reference).map_err(|cause| {
        refusal("a policy that cannot be used", RefusalCause::Policy(cause.clone()))
    })?;
    let mut admission = Admission {
        by: ruling.by,
        root: resolution.root.clone(),
        listed: None,
        signatures: Vec::new(),
    };
    for demand in ruling.demands {
        let refused = match demand {
            Demand::Nothing => continue,
            Demand::Never => RefusalCause::Never,
            Demand::Unsupported(words) => RefusalCause::Unsupported(words.clone()),
            Demand::Digests(digests) => match listed(digests, resolution).map_err(look)? {
                Some(digest) => {
                    admission.listed = Some(digest);
                    continue;
                }
                None => RefusalCause::Digest { digest: resolution.root.clone() },
            },
            Demand::Signed(signed) => {
                match signatures(signed, client, resolution).map_err(look)? {
                    Ok(valid) => {
                        admission.signatures.extend(valid);
                        continue;
                    }
                    Err(why) => why,
                }
            }
        };
        return Err(refusal(&admission.by, refused).into());
    }
    Ok(admission)
}

/// Which of these digests the image has.
fn listed(digests: &[Digest], resolution: &Resolution) -> Result<Option<Digest>, RegistryError> {
    if digests.contains(&resolution.root) {
        return Ok(Some(resolution.root.clone()));
    }
    let documents = documents(resolution)?;
    let found = documents.iter().find(|(descriptor, _)| digests.contains(&descriptor.digest));
    Ok(found.map(|(descriptor, _)| descriptor.digest.clone()))
}

/// The signatures that satisfy a demand, or why there are not enough.
fn signatures(
    signed: &Signed,
    client: &Client,
    resolution: &Resolution,
) -> Result<Result<Vec<Verified>, RefusalCause>, RegistryError> {
    let files = match key_files(signed) {
        Ok(files) => files,
        Err(why) => return Ok(Err(why)),
    };
    let place = match &signed.signatures_in {
        Some(place) => client.repository(place),
        None => resolution.repository.clone(),
    };
    let documents = documents(resolution)?;
    let mut examination = Examination::new(place, &files, signed, &resolution.reference);
    for (descriptor, bytes) in documents.iter() {
        if !examination.is_satisfied() {
            examination.examine(&descriptor.digest, bytes)?;
        }
    }
    Ok(examination.outcome())
}

fn key_files(signed: &Signed) -> Result<Vec<KeyFile>, RefusalCause> {
    let files: Vec<KeyFile> =
        signed.keys.iter().map(KeySource::read).collect::<Result<_, KeyError>>()?;
    if signed.require == Require::All {
        // One signature would be two. DSSE protocol, "Multi-signature Verification": unique keys.
        for (at, file) in files.iter().enumerate() {
            let shares = |other: &&KeyFile| other.keys.iter().any(|key| file.keys.contains(key));
            if let Some(other) = files[..at].iter().find(shares) {
                let (one, other) = (other.name.clone(), file.name.clone());
                return Err(RefusalCause::SameKey { one, other });
            }
        }
    }
    Ok(files)
}

/// Each with what it is said to be.
type Documents<'a> = Cow<'a, [(Descriptor, Vec<u8>)]>;

/// What leads from the name to the image, byte for byte: indexes, the outermost first, and the manifest. A signature of any of them
/// is one of the image, for each holds the digest of the next.
fn documents(resolution: &Resolution) -> Result<Documents<'_>, RegistryError> {
    let documents = match &resolution.found {
        Found::There(remote) => Cow::Borrowed(&remote.documents[..]),
        Found::Here(image) => {
            let (root, config) = (&resolution.root, &image.config);
            let platform = Platform {
                architecture: config.architecture.clone(),
                os: config.os.clone(),
                variant: config.variant.clone(),
                ..Platform::default()
            };
            let pinned = format!("{}@{root}", resolution.reference.repository());
            let pinned: Reference =
                pinned.parse().map_err(|bad: spec::reference::BadReference| {
                    RegistryError::Invalid(bad.to_string())
                })?;
            let (_, remote) = crate::pull::lead(&resolution.repository, &pinned, &platform)?;
            let mut documents = remote.documents;
            // The store knows that the root leads to the image; what lies between counts where it does so still.
            if remote.manifest.config.digest.to_string() != image.id.to_string() {
                documents.truncate(1);
            }
            Cow::Owned(documents)
        }
    };
    match documents.first() {
        Some((first, _)) if first.digest == resolution.root => Ok(documents),
        _ => Err(RegistryError::Dishonest {
            what: format!("read {}", resolution.root),
            why: "another document came".to_owned(),
        }),
    }
}
