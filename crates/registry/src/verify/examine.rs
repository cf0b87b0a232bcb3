//! Signatures of one image at a registry: found, fetched, looked at, until enough of them are valid.
//!
//! They lie in three places: under a tag that is made of the digest (every registry), and among the referrers, as the same payloads
//! or as bundles. What is broken is noted and passed over, so that junk beside a valid signature changes nothing; a registry that
//! does not answer, or that refuses, ends the search. A signature that is looked at twice costs twice: there are limits.
//! Sources: cosign SIGNATURE_SPEC.md "Tag-based Discovery", BUNDLE_SPEC.md "Retrieval".

use spec::digest::Algorithm;
use spec::image::{Descriptor, Document, Manifest};
use spec::{Digest, Reference};

use super::key::KeyFile;
use super::signature::{self, BUNDLE, Flaw, Target};
use super::{RefusalCause, Require, Signed};
use crate::{Fetched, Kind, Pointer, RegistryError, Repository};

/// Signatures that are looked at for one demand; as many referrers are followed for each document.
const MOST_SIGNATURES: usize = 64;
/// cosign's payloads have 250 bytes; a bundle with its certificate and log entry has ten thousand.
const MOST_BYTES: u64 = 1 << 20;
/// Of layers that are payloads.
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Of referrers whose layers are payloads.
const SIGNATURES: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
/// The annotation that carries the signature over a payload.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// Flaws that a refusal shows.
const MOST_SHOWN: usize = 3;

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureForm {
    /// cosign's payload, with the signature beside it.
    SimpleSigning,
    /// A sigstore bundle.
    Bundle,
}

/// A valid signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The file of the key that made it.
    pub key: String,
    /// What is signed.
    pub digest: Digest,
    /// How it is written.
    pub form: SignatureForm,
    /// Where it was found: `registry.example.org/app, tag sha256-….sig`.
    pub place: String,
}

/// A signature that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Where it was found.
    pub place: String,
    /// Why it does not.
    pub flaw: Flaw,
}

/// What was found so far.
#[derive(Debug)]
pub(super) struct Examination<'a> {
    repository: Repository,
    files: &'a [KeyFile],
    signed: &'a Signed,
    reference: &'a Reference,
    valid: Vec<Verified>,
    /// By file: whether a signature of it was found.
    has_signed: Vec<bool>,
    looked: Vec<Looked>,
    count: usize,
}

impl<'a> Examination<'a> {
    pub(super) fn new(
        repository: Repository,
        files: &'a [KeyFile],
        signed: &'a Signed,
        reference: &'a Reference,
    ) -> Self {
        let has_signed = vec![false; files.len()];
        let (valid, looked) = (Vec::new(), Vec::new());
        Self { repository, files, signed, reference, valid, has_signed, looked, count: 0 }
    }

    /// Whether enough valid signatures were found.
    pub(super) fn is_satisfied(&self) -> bool {
        let mut signed = self.has_signed.iter();
        match self.signed.require {
            Require::Any => signed.any(|has_signed| *has_signed),
            Require::All => !self.files.is_empty() && signed.all(|has_signed| *has_signed),
        }
    }

    /// The signatures that count, or which are missing.
    pub(super) fn outcome(self) -> Result<Vec<Verified>, RefusalCause> {
        if self.is_satisfied() {
            return Ok(self.valid);
        }
        let named = self.files.iter().zip(&self.has_signed);
        let missing =
            named.filter(|(_, has_signed)| !**has_signed).map(|(file, _)| file.name.clone());
        Err(RefusalCause::Unsigned { missing: missing.collect(), looked: self.looked })
    }

    /// Looks for signatures of one document.
    pub(super) fn examine(
        &mut self,
        digest: &Digest,
        document: &[u8],
    ) -> Result<(), RegistryError> {
        let (reference, identity) = (self.reference, &self.signed.identity);
        let target = Target { reference, digest, document, identity };
        self.by_tag(target)?;
        if self.is_satisfied() {
            return Ok(());
        }
        self.by_referrers(target)
    }

    fn by_tag(&mut self, target: Target<'_>) -> Result<(), RegistryError> {
        // With the digits of SHA-512 it would be longer than a tag may be.
        if target.digest.algorithm() != Algorithm::Sha256 {
            return Ok(());
        }
        let tag = format!("sha256-{}.sig", target.digest.hex());
        let place = format!("tag sha256-{}….sig", target.digest.short());
        match self.repository.manifest(Pointer::Tag(&tag)) {
            Ok(fetched) => self.payloads(&place, &fetched, target),
            Err(error) if error.kind() == Kind::NotFound => Ok(()),
            Err(error) => self.pass_over(&place, error),
        }
    }

    fn by_referrers(&mut self, target: Target<'_>) -> Result<(), RegistryError> {
        let referrers = match self.repository.referrers(target.digest, None) {
            Ok(referrers) => referrers,
            Err(error) if error.kind() == Kind::NotFound => return Ok(()),
            Err(error) => return self.pass_over("referrers", error),
        };
        let kind = |descriptor: &Descriptor| descriptor.artifact_type.clone().unwrap_or_default();
        let signs = |descriptor: &&Descriptor| {
            let kind = kind(descriptor);
            kind == SIGNATURES || kind.starts_with(BUNDLE)
        };
        for descriptor in referrers.iter().filter(signs).take(MOST_SIGNATURES) {
            let place = format!("referrer {}", descriptor.digest.short());
            match self.repository.manifest(Pointer::Digest(&descriptor.digest)) {
                Ok(fetched) if kind(descriptor) == SIGNATURES => {
                    self.payloads(&place, &fetched, target)?;
                }
                Ok(fetched) => self.bundles(&place, &fetched, target)?,
                Err(error) => self.pass_over(&place, error)?,
            }
            if self.is_satisfied() {
                break;
            }
        }
        Ok(())
    }

    /// The layers of a manifest that are payloads of cosign's.
    fn payloads(
        &mut self,
        place: &str,
        fetched: &Fetched,
        target: Target<'_>,
    ) -> Result<(), RegistryError> {
        let Some(manifest) = self.manifest(place, fetched) else { return Ok(()) };
        for layer in manifest.layers.iter().filter(|layer| layer.media_type == SIMPLE_SIGNING) {
            let Some(payload) = self.blob(place, layer)? else { continue };
            let checked = match layer.annotations.get(SIGNATURE) {
                Some(signature) => signature::check_simple(&payload, signature, self.files, target),
                None => Err(Flaw::Missing),
            };
            self.note(place, SignatureForm::SimpleSigning, target.digest, checked);
        }
        Ok(())
    }

    /// The layers of a manifest that are bundles.
    fn bundles(
        &mut self,
        place: &str,
        fetched: &Fetched,
        target: Target<'_>,
    ) -> Result<(), RegistryError> {
        let Some(manifest) = self.manifest(place, fetched) else { return Ok(()) };
        for layer in manifest.layers.iter().filter(|layer| layer.media_type.starts_with(BUNDLE)) {
            let Some(bundle) = self.blob(place, layer)? else { continue };
            let checked = signature::check_bundle(&bundle, self.files, target);
            self.note(place, SignatureForm::Bundle, target.digest, checked);
        }
        Ok(())
    }

    fn manifest(&mut self, place: &str, fetched: &Fetched) -> Option<Manifest> {
        let why = match Document::parse(&fetched.bytes, &fetched.descriptor.media_type) {
            Ok(Document::Manifest(manifest)) => return Some(*manifest),
            Ok(Document::Index(_)) => "it is an index".to_owned(),
            Err(cause) => cause.to_string(),
        };
        self.flawed(place, Flaw::Unreadable(why));
        None
    }

    /// What a layer holds; nothing where it is not looked at.
    fn blob(&mut self, place: &str, layer: &Descriptor) -> Result<Option<Vec<u8>>, RegistryError> {
        if self.count >= MOST_SIGNATURES || self.is_satisfied() {
            return Ok(None);
        }
        self.count += 1;
        if layer.size > MOST_BYTES {
            let why = format!("it has {} bytes; {MOST_BYTES} are the most", layer.size);
            self.flawed(place, Flaw::Unreadable(why));
            return Ok(None);
        }
        match self.repository.small_blob(layer, MOST_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) => self.pass_over(place, error).map(|()| None),
        }
    }

    /// What is not there, or not what it should be, is no signature; whoever cannot be asked has not answered.
    fn pass_over(&mut self, place: &str, error: RegistryError) -> Result<(), RegistryError> {
        if !matches!(error.kind(), Kind::NotFound | Kind::Dishonest | Kind::Invalid) {
            return Err(error);
        }
        self.flawed(place, Flaw::Unreadable(error.to_string()));
        Ok(())
    }

    fn note(
        &mut self,
        place: &str,
        form: SignatureForm,
        digest: &Digest,
        checked: Result<usize, Flaw>,
    ) {
        match checked {
            Ok(by) => {
                self.has_signed[by] = true;
                let (key, digest) = (self.files[by].name.clone(), digest.clone());
                let place = format!("{}, {place}", self.repository.name());
                self.valid.push(Verified { key, digest, form, place });
            }
            Err(flaw) => self.flawed(place, flaw),
        }
    }

    fn flawed(&mut self, place: &str, flaw: Flaw) {
        self.looked.push(Looked { place: place.to_owned(), flaw });
    }
}

/// The signatures that do not count, in one line.
pub(super) fn summary(looked: &[Looked]) -> String {
    let shown: Vec<String> = looked
        .iter()
        .take(MOST_SHOWN)
        .map(|looked| format!("{}: {}", looked.place, looked.flaw))
        .collect();
    let shown = shown.join("; ");
    match looked.len() {
        0 => "there is none".to_owned(),
        1 => format!("1 signature looked at: {shown}"),
        count if count > MOST_SHOWN => {
            let more = count - MOST_SHOWN;
            format!("{count} signatures looked at: {shown}; and {more} more")
        }
        count => format!("{count} signatures looked at: {shown}"),
    }
}
