//! An image with what was built beside it: the images for other machines, statements about each, and the index of all of them, which the name
//! points at. Each manifest is there before the index that names it.

use spec::image::Descriptor;
use store::attestation::{Attached, Blob};
use store::{Beside, Image};

use super::index::put_by_digest;
use super::manifest::Outgoing;
use super::{Format, Push, Pushed, Sent, Wanted, put, record, send, send_small};
use crate::{RegistryError, Repository};

/// Sends all of it.
pub(super) fn push(
    push: Push<'_>,
    (head, beside): (&Image, &Beside),
    (repository, tag): (&Repository, &str),
) -> Result<Pushed, RegistryError> {
    if push.form.format == Some(Format::Docker) {
        let words =
            "Docker's manifests have neither annotations nor statements: use the format oci";
        return Err(RegistryError::Invalid(words.to_owned()));
    }
    let form = super::Form { format: Some(Format::Oci), ..push.form };
    let push = Push { form, ..push };
    let mut members: Vec<(Image, Sent)> = Vec::new();
    for member in &beside.members {
        let image = if member.image == head.id {
            head.clone()
        } else {
            push.store.images().resolve(&member.image.to_string())?
        };
        let wanted = Wanted { digest: None, annotations: Some(&member.words.annotations) };
        let sent = send(push, repository, &image, wanted)?;
        put_by_digest(repository, &sent.outgoing)?;
        members.push((image, sent));
    }
    let manifests: Vec<(Descriptor, &Image)> =
        members.iter().map(|(image, sent)| (sent.outgoing.descriptor.clone(), image)).collect();
    let composed = beside.compose(&manifests, &push.reference.familiar())?;
    for Attached { layers, config, manifest } in composed.attached {
        for Blob { bytes, descriptor } in layers.iter().chain([&config]) {
            send_small(repository, &descriptor.digest, bytes)?;
        }
        let Blob { bytes, descriptor } = manifest;
        put_by_digest(repository, &Outgoing { descriptor, bytes })?;
    }
    let index = Outgoing { descriptor: composed.descriptor, bytes: composed.bytes };
    let pushed = put(repository, tag, &index)?;
    for (image, sent) in members {
        let document = |outgoing: Outgoing| (outgoing.descriptor, outgoing.bytes);
        let documents = [document(index.clone()), document(sent.outgoing)];
        record(push, repository, &image, &documents, &sent.layers)?;
    }
    Ok(pushed)
}
