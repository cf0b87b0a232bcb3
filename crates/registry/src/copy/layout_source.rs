//! An OCI layout that is read, over a directory or an archive. Start at [`LayoutSource`]. Sources: image-spec image-layout.md,
//! annotations.md.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

use spec::Digest;
use spec::digest::is_tag_of_digest;
use spec::image::{Descriptor, Document, Index, media_type};
use store::{ArchiveMembers, Paths};

use super::graph::parse;
use super::layout::{MOST_INDEX_BYTES, NAMES, REF_NAME, blob_path};
use super::referrers::list_tag;
use super::source::Source;
use crate::{Fetched, RegistryError, checksum};

/// A manifest or an index that is longer is none: distribution-spec, "Pushing Manifests".
const MOST_DOCUMENT_BYTES: u64 = 4 << 20;

/// An image in a layout.
pub(super) struct LayoutSource {
    place: String,
    members: ArchiveMembers,
    tag: Option<String>,
    /// What names a digest as its subject; read when it is asked for.
    subjects: OnceLock<BTreeMap<Digest, Vec<Descriptor>>>,
}

impl LayoutSource {
    pub(super) fn of_directory(path: &Path, tag: Option<&str>) -> Result<Self, RegistryError> {
        let members = ArchiveMembers::of_directory(path)?;
        Ok(Self::new(path, members, tag))
    }

    pub(super) fn of_archive(
        path: &Path,
        tag: Option<&str>,
        room: Option<&Paths>,
    ) -> Result<Self, RegistryError> {
        let members = open_archive(path, room)?;
        Ok(Self::new(path, members, tag))
    }

    fn new(path: &Path, members: ArchiveMembers, tag: Option<&str>) -> Self {
        let (place, tag) = (path.display().to_string(), tag.map(str::to_owned));
        Self { place, members, tag, subjects: OnceLock::new() }
    }

    fn index(&self) -> Result<Index, RegistryError> {
        let bytes = document(&self.members, "index.json", MOST_INDEX_BYTES)?.ok_or_else(|| {
            RegistryError::Invalid(format!("{} is no OCI layout: it has no index.json", self.place))
        })?;
        let parsed = Document::parse(&bytes, media_type::OCI_INDEX);
        let what = || format!("read index.json of {}", self.place);
        let Document::Index(index) =
            parsed.map_err(|cause| RegistryError::Document { what: what(), cause })?
        else {
            return Err(RegistryError::Dishonest {
                what: what(),
                why: "it is no index".to_owned(),
            });
        };
        Ok(*index)
    }

    /// What cannot be read is nobody's referrer.
    fn read_subjects(&self) -> Result<BTreeMap<Digest, Vec<Descriptor>>, RegistryError> {
        let mut subjects: BTreeMap<Digest, Vec<Descriptor>> = BTreeMap::new();
        for entry in self.index()?.manifests {
            let subject = match self.document(&entry).and_then(|fetched| parse(&fetched)) {
                Ok(Document::Manifest(manifest)) => manifest.subject,
                Ok(Document::Index(index)) => index.subject,
                Err(error @ (RegistryError::Disk { .. } | RegistryError::Store(_))) => {
                    return Err(error);
                }
                Err(_unreadable) => None,
            };
            if let Some(subject) = subject {
                subjects.entry(subject.digest).or_default().push(entry);
            }
        }
        Ok(subjects)
    }

    /// The entries that are not there for another one's sake.
    fn images<'a>(&self, entries: &'a [Descriptor]) -> Result<Vec<&'a Descriptor>, RegistryError> {
        let subjects = self.subjects()?;
        let is_beside = |entry: &Descriptor| match entry.annotations.get(REF_NAME) {
            Some(name) => is_tag_of_digest(name),
            None => subjects.values().flatten().any(|referrer| referrer.digest == entry.digest),
        };
        Ok(entries.iter().filter(|entry| !is_beside(entry)).collect())
    }

    /// Of each manifest that the index lists, its subject, which is read once.
    fn subjects(&self) -> Result<&BTreeMap<Digest, Vec<Descriptor>>, RegistryError> {
        match self.subjects.get() {
            Some(known) => Ok(known),
            None => {
                let read = self.read_subjects()?;
                Ok(self.subjects.get_or_init(|| read))
            }
        }
    }

    /// The entry of the index that the tag names; the only image where there is no tag.
    fn entry(&self) -> Result<Descriptor, RegistryError> {
        let index = self.index()?;
        let entries = &index.manifests;
        let found: Vec<&Descriptor> = match &self.tag {
            Some(tag) => entries.iter().filter(|entry| is_called(entry, tag)).collect(),
            None if entries.len() < 2 => entries.iter().collect(),
            // What stands beside an image is nobody's name for it; unless there is nothing else.
            None => match self.images(entries)? {
                images if images.is_empty() => entries.iter().collect(),
                images => images,
            },
        };
        // One image may have several names.
        if let Some(first) = found.first()
            && found.iter().all(|entry| entry.digest == first.digest)
        {
            return Ok((*first).clone());
        }
        let names = entries.iter().filter_map(|entry| entry.annotations.get(REF_NAME));
        let tags: Vec<String> = names
            .filter(|tag| !is_tag_of_digest(tag))
            .map(|tag| crate::words::clean(tag))
            .collect();
        let why = match (&self.tag, found.len()) {
            (Some(tag), 0) => format!("has no image {tag}"),
            (None, 0) => "is empty".to_owned(),
            (Some(tag), _) => format!("has several images {tag}"),
            (None, _) => "has several images: name one".to_owned(),
        };
        let tags = if tags.is_empty() {
            String::new()
        } else {
            format!(" (there are {})", tags.join(", "))
        };
        Err(RegistryError::Invalid(format!("{} {why}{tags}", self.place)))
    }
}

impl Source for LayoutSource {
    fn root(&self) -> Result<Fetched, RegistryError> {
        self.document(&self.entry()?)
    }

    fn document(&self, wanted: &Descriptor) -> Result<Fetched, RegistryError> {
        let path = blob_path(&wanted.digest);
        let bytes = document(&self.members, &path, MOST_DOCUMENT_BYTES)?;
        let bytes = bytes.ok_or_else(|| missing(&self.place, &path))?;
        let found = checksum::of(wanted.digest.algorithm(), &bytes);
        if found != wanted.digest || bytes.len() as u64 != wanted.size {
            let (size, why) = (bytes.len(), wanted.size);
            let why = format!("it has {size} bytes and digest {found}, not {why} bytes");
            return Err(RegistryError::Dishonest {
                what: format!("read {path} of {}", self.place),
                why,
            });
        }
        let mut descriptor = Descriptor::new(&wanted.media_type, found, wanted.size);
        descriptor.platform.clone_from(&wanted.platform);
        Ok(Fetched { descriptor, bytes })
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        let mut found = self.subjects()?.get(subject).cloned().unwrap_or_default();
        // What clients keep where a registry has no API for it, a layout may have taken over.
        if let Some(list) = self.tagged(&list_tag(subject))?
            && let Document::Index(index) = parse(&list)?
        {
            let is_new = |entry: &Descriptor| {
                found.iter().all(|known: &Descriptor| known.digest != entry.digest)
            };
            let new: Vec<Descriptor> = index.manifests.into_iter().filter(is_new).collect();
            found.extend(new);
        }
        Ok(found)
    }

    fn tagged(&self, tag: &str) -> Result<Option<Fetched>, RegistryError> {
        let entries = self.index()?.manifests;
        let entry = entries.iter().find(|entry| is_called(entry, tag));
        entry.map(|entry| self.document(entry)).transpose()
    }

    fn blob(&self, wanted: &Descriptor) -> Result<Box<dyn Read + Send + '_>, RegistryError> {
        let path = blob_path(&wanted.digest);
        let member = self.members.find(&path)?.ok_or_else(|| missing(&self.place, &path))?;
        Ok(Box::new(member))
    }
}

fn is_called(entry: &Descriptor, tag: &str) -> bool {
    NAMES.iter().any(|key| entry.annotations.get(*key).is_some_and(|name| name == tag))
}

fn missing(place: &str, path: &str) -> RegistryError {
    let why = "it is not there".to_owned();
    RegistryError::Dishonest { what: format!("read {path} of {place}"), why }
}

/// An archive by its members; one that has no places to be read by is expanded in the room of a store first.
pub(super) fn open_archive(
    path: &Path,
    room: Option<&Paths>,
) -> Result<ArchiveMembers, RegistryError> {
    let failed = |cause| RegistryError::Disk { what: format!("open {}", path.display()), cause };
    let file = File::open(path).map_err(failed)?;
    if let Some(members) = ArchiveMembers::of_file(&file)? {
        return Ok(members);
    }
    let expanded = room.map(|room| ArchiveMembers::of_stream(&file, room)).transpose()?;
    expanded.flatten().ok_or_else(|| {
        let why = "a member of it has holes: corten load takes it";
        RegistryError::Invalid(format!("{} cannot be read by places: {why}", path.display()))
    })
}

/// A small member, whole.
pub(super) fn document(
    members: &ArchiveMembers,
    path: &str,
    most: u64,
) -> Result<Option<Vec<u8>>, RegistryError> {
    let Some(member) = members.find(path)? else { return Ok(None) };
    if member.size() > most {
        let why = format!("it has {} bytes, and {most} are allowed", member.size());
        return Err(RegistryError::Dishonest { what: format!("read {path}"), why });
    }
    let mut bytes = Vec::new();
    member
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|cause| RegistryError::Disk { what: format!("read {path}"), cause })?;
    Ok(Some(bytes))
}
