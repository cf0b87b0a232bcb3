//! Every platform of a name: the images of an index, each as a push of its own, and the index at last.
//!
//! The index stays byte for byte where every manifest of it does; elsewhere it is made again with the digests that they have now.
//! What an index names and is not here is refused, or left out when that is asked for. Start at [`push_index`].

use spec::image::{Descriptor, Document, Index, media_type};
use store::{Beside, Image};

use super::manifest::Outgoing;
use super::{Push, Pushed, Wanted, put, record, send, tag_of};
use crate::{Pointer, RegistryError, Repository};

/// Sends every image of the index that an image came with, and makes the name point at the index.
///
/// # Errors
/// [`RegistryError`]; `Kind::Invalid` names what is not here, unless `skip_missing` leaves it out.
pub fn push_index(
    push: Push<'_>,
    image: &Image,
    skip_missing: bool,
) -> Result<Pushed, RegistryError> {
    push.form.check()?;
    let repository = push.client.repository(push.reference);
    let tag = tag_of(&push)?;
    if let Some(beside) = push.store.images().beside(&image.id)?.filter(Beside::is_index) {
        return super::beside::push(push, (image, &beside), (&repository, tag));
    }
    let (known, mut index) = index_of(push, image)?;
    let (members, missing) = members(push, &index)?;
    if !missing.is_empty() {
        let list = missing.iter().map(told).collect::<Vec<_>>().join(", ");
        if !skip_missing || members.is_empty() {
            let name = push.reference.familiar();
            let words = format!("push all platforms of {name}: not here: {list}");
            return Err(RegistryError::Invalid(words));
        }
        push.progress.notice(format!("left out, because it is not here: {list}"));
    }
    let mut sent = Vec::new();
    for (entry, member) in &members {
        let outcome = {
            let wanted = Wanted { digest: Some(&entry.digest), annotations: None };
            send(push, &repository, member, wanted)?
        };
        put_by_digest(&repository, &outcome.outgoing)?;
        sent.push(outcome);
    }
    let outgoing = if missing.is_empty() && is_same(&members, &sent) {
        known
    } else {
        let entry = |((entry, _), sent): (&(Descriptor, Image), &super::Sent)| {
            let Descriptor { media_type, digest, size, .. } = sent.outgoing.descriptor.clone();
            Descriptor { media_type, digest, size, data: None, ..entry.clone() }
        };
        index.manifests = members.iter().zip(&sent).map(entry).collect();
        Outgoing::new(&known.descriptor.media_type, &index)?
    };
    let pushed = put(&repository, tag, &outgoing)?;
    for ((_, member), sent) in members.iter().zip(sent) {
        let document = |outgoing: Outgoing| (outgoing.descriptor, outgoing.bytes);
        let documents = [document(outgoing.clone()), document(sent.outgoing)];
        record(push, &repository, member, &documents, &sent.layers)?;
    }
    Ok(pushed)
}

/// The index that an image came with: of several the one of which the most is here.
fn index_of(push: Push<'_>, image: &Image) -> Result<(Outgoing, Index), RegistryError> {
    let mut best: Option<(usize, Outgoing, Index)> = None;
    for (descriptor, bytes) in push.store.images().documents(&image.id)? {
        if let Ok(Document::Index(index)) = Document::parse(&bytes, &descriptor.media_type) {
            let count = members(push, &index)?.0.len();
            if best.as_ref().is_none_or(|(most, ..)| count > *most) {
                best = Some((count, Outgoing { descriptor, bytes }, *index));
            }
        }
    }
    let name = || push.reference.familiar();
    best.map(|(_, outgoing, index)| (outgoing, index)).ok_or_else(|| {
        let words = "it came without an index of platforms: push it without --all-platforms";
        RegistryError::Invalid(format!("push all platforms of {}: {words}", name()))
    })
}

type Members = (Vec<(Descriptor, Image)>, Vec<Descriptor>);

/// What an index names: images that are here, and what is not.
fn members(push: Push<'_>, index: &Index) -> Result<Members, RegistryError> {
    let (mut here, mut missing) = (Vec::new(), Vec::new());
    for entry in &index.manifests {
        let kind = entry.media_type.as_str();
        let is_manifest = matches!(kind, media_type::OCI_MANIFEST | media_type::DOCKER_MANIFEST);
        let image = push.store.images().by_manifest(&entry.digest)?;
        match image.filter(|_| is_manifest) {
            Some(image) => here.push((entry.clone(), image)),
            None => missing.push(entry.clone()),
        }
    }
    Ok((here, missing))
}

/// What people know an entry by.
fn told(entry: &Descriptor) -> String {
    match &entry.platform {
        _ if entry.is_attestation() => format!("the attestation {}", entry.digest.short()),
        Some(platform) => platform.to_string(),
        None => entry.digest.short().to_owned(),
    }
}

fn is_same(members: &[(Descriptor, Image)], sent: &[super::Sent]) -> bool {
    let now = sent.iter().map(|sent| &sent.outgoing.descriptor.digest);
    members.iter().map(|(entry, _)| &entry.digest).eq(now)
}

pub(super) fn put_by_digest(
    repository: &Repository,
    outgoing: &Outgoing,
) -> Result<(), RegistryError> {
    let Descriptor { media_type, digest, .. } = &outgoing.descriptor;
    if repository.resolve(Pointer::Digest(digest))?.is_none() {
        repository.put_manifest(Pointer::Digest(digest), media_type, &outgoing.bytes)?;
    }
    Ok(())
}
