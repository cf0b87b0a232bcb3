//! Digests of bytes that are at hand, or that come one after the other.
//!
//! Start at [`of`] or [`Hasher`]. Source: image-spec, descriptor.md, "Digests".

use sha2::{Sha256, Sha512};
use spec::Digest;
use spec::digest::Algorithm;

/// The digest of bytes, of the kind that is wanted.
pub(crate) fn of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    match algorithm {
        Algorithm::Sha256 => Digest::sha256(Sha256::digest(bytes).into()),
        Algorithm::Sha512 => Digest::sha512(Sha512::digest(bytes).into()),
    }
}

/// A digest in the making.
#[derive(Clone, Debug)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        use sha2::Digest as _;
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        use sha2::Digest as _;
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        use sha2::Digest as _;
        match self {
            Self::Sha256(hash) => Digest::sha256(hash.finalize().into()),
            Self::Sha512(hash) => Digest::sha512(hash.finalize().into()),
        }
    }
}
