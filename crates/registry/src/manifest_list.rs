//! Lists of manifests that people put together: what becomes a member, and how a list goes to its registry. Where lists are kept
//! is the caller's matter.
//!
//! Start at [`list_members`] and [`push_list`]. Sources: image-spec image-index.md; Docker, "docker manifest".

use std::collections::BTreeMap;

use serde::Deserialize;
use spec::image::{Descriptor, Document, Index, Manifest, Platform, media_type};
use spec::{Digest, Reference};
use store::ListMember;

use crate::{
    Client, Copy, Fetched, Place, Pointer, Policy, Progress, RegistryError, Repository, Selection,
    copy,
};

/// A configuration that is longer is none.
const MOST_CONFIG_BYTES: u64 = 8 << 20;

/// What a configuration says about the machine that it is for.
#[derive(Deserialize)]
struct Machine {
    #[serde(flatten)]
    platform: Platform,
}

/// What becomes of a reference in a list: its manifest with the platform that its configuration names; of an index everything
/// that is in it.
///
/// # Errors
/// [`RegistryError`]
pub fn list_members(
    client: &Client,
    reference: &Reference,
) -> Result<Vec<ListMember>, RegistryError> {
    let repository = client.repository(reference);
    let fetched = repository.manifest(pointer_of(reference))?;
    match parse(&fetched)? {
        Document::Manifest(manifest) => {
            let member = member(&repository, reference.clone(), fetched, &manifest)?;
            Ok(vec![member])
        }
        Document::Index(index) => {
            index.manifests.iter().map(|entry| entry_of(&repository, reference, entry)).collect()
        }
    }
}

/// What a name points at.
#[derive(Clone, Debug)]
pub struct Described {
    /// The manifest or the index.
    pub descriptor: Descriptor,
    /// The machines that it is for.
    pub platforms: Vec<Platform>,
}

/// Looks what a reference points at, without fetching it.
///
/// # Errors
/// [`RegistryError`]
pub fn describe(client: &Client, reference: &Reference) -> Result<Described, RegistryError> {
    let repository = client.repository(reference);
    let fetched = repository.manifest(pointer_of(reference))?;
    match parse(&fetched)? {
        Document::Manifest(manifest) => {
            let member = member(&repository, reference.clone(), fetched, &manifest)?;
            let mut descriptor = member.descriptor;
            let platforms = descriptor.platform.take().into_iter().collect();
            Ok(Described { descriptor, platforms })
        }
        Document::Index(index) => {
            let platforms = index.platforms().cloned().collect();
            Ok(Described { descriptor: fetched.descriptor, platforms })
        }
    }
}

fn pointer_of(reference: &Reference) -> Pointer<'_> {
    match (reference.digest(), reference.tag()) {
        (Some(digest), _) => Pointer::Digest(digest),
        (None, tag) => Pointer::Tag(tag.unwrap_or("latest")),
    }
}

fn parse(fetched: &Fetched) -> Result<Document, RegistryError> {
    let Descriptor { media_type, digest, .. } = &fetched.descriptor;
    Document::parse(&fetched.bytes, media_type)
        .map_err(|cause| RegistryError::Document { what: format!("read {digest}"), cause })
}

fn member(
    repository: &Repository,
    reference: Reference,
    fetched: Fetched,
    manifest: &Manifest,
) -> Result<ListMember, RegistryError> {
    let Fetched { mut descriptor, bytes } = fetched;
    if descriptor.media_type.is_empty() || descriptor.media_type == "application/json" {
        let own = manifest.media_type.as_deref();
        own.unwrap_or(media_type::OCI_MANIFEST).clone_into(&mut descriptor.media_type);
    }
    let config = repository.small_blob(&manifest.config, MOST_CONFIG_BYTES)?;
    // An artifact's configuration names no machine.
    let machine = serde_json::from_slice::<Machine>(&config).ok();
    descriptor.platform =
        machine.map(|machine| machine.platform).filter(|found| !found.os.is_empty());
    Ok(ListMember { reference, descriptor, content: bytes })
}

/// An entry of another index, as that one describes it.
fn entry_of(
    repository: &Repository,
    index: &Reference,
    entry: &Descriptor,
) -> Result<ListMember, RegistryError> {
    let fetched = repository.manifest(Pointer::Digest(&entry.digest))?;
    let name = format!("{}@{}", index.repository(), entry.digest);
    let reference = name.parse().map_err(|error: spec::reference::BadReference| {
        RegistryError::Invalid(error.to_string())
    })?;
    let descriptor = Descriptor { data: None, urls: Vec::new(), ..entry.clone() };
    Ok(ListMember { reference, descriptor, content: fetched.bytes })
}

/// The list as a document: Docker's where every member is Docker's, else an OCI index.
///
/// # Errors
/// [`RegistryError::Invalid`] when it is empty.
pub fn list_document(members: &[ListMember]) -> Result<Fetched, RegistryError> {
    if members.is_empty() {
        return Err(RegistryError::Invalid("the manifest list is empty".to_owned()));
    }
    let is_docker =
        |member: &ListMember| member.descriptor.media_type == media_type::DOCKER_MANIFEST;
    let kind =
        if members.iter().all(is_docker) { media_type::DOCKER_LIST } else { media_type::OCI_INDEX };
    let index = Index {
        schema_version: 2,
        media_type: Some(kind.to_owned()),
        artifact_type: None,
        manifests: members.iter().map(|member| member.descriptor.clone()).collect(),
        subject: None,
        annotations: BTreeMap::new(),
    };
    let bytes = serde_json::to_vec_pretty(&index);
    let bytes = bytes.map_err(|bad| RegistryError::Invalid(bad.to_string()))?;
    let digest = crate::checksum::of(spec::digest::Algorithm::Sha256, &bytes);
    Ok(Fetched { descriptor: Descriptor::new(kind, digest, bytes.len() as u64), bytes })
}

/// Brings a list's members to its repository where they are elsewhere, and then the list.
///
/// # Errors
/// [`RegistryError`]
pub fn push_list(
    client: &Client,
    list: &Reference,
    members: &[ListMember],
    progress: &Progress,
) -> Result<Digest, RegistryError> {
    let document = list_document(members)?;
    for member in members.iter().filter(|member| member.reference.repository() != list.repository())
    {
        let digest = &member.descriptor.digest;
        let at = |repository: String| {
            let parsed = format!("{repository}@{digest}").parse().map(Place::Registry);
            parsed.map_err(|error: spec::reference::BadReference| {
                RegistryError::Invalid(error.to_string())
            })
        };
        let (from, to) = (at(member.reference.repository())?, at(list.repository())?);
        copy(Copy {
            from: &from,
            to: &to,
            selection: &Selection::All,
            // It was named when the list was made, and goes to the list's own registry.
            policy: &Policy::none(),
            referrers: false,
            preserve_digests: true,
            source: client,
            destination: client,
            store: None,
            room: None,
            connections: 0,
            now_ns: 0,
            progress,
        })?;
    }
    let pointer = Pointer::Tag(list.tag().unwrap_or("latest"));
    client.repository(list).put_manifest(pointer, &document.descriptor.media_type, &document.bytes)
}
