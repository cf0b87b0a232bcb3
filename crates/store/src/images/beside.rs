//! What belongs to an image beside its layers: annotations, statements, and the images that were built with it for other machines. They go to
//! registries and into archives as one index, which is made when they go, since only then it is known which manifests it names.
//!
//! The image that has the names leads to it; the others have none and stay as long as it has one. Start at [`Images::set_beside`],
//! [`Images::beside`] and [`Beside::compose`].

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use spec::image::{Descriptor, ImageConfig, Index, Platform, media_type};
use spec::{Digest, ImageId};

use super::{Image, Images, delete_rows, digest_of};
use crate::StoreError;
use crate::attestation::{Attached, Statement, SubjectName, attach};

/// Names and values.
type Annotations = BTreeMap<String, String>;

/// What belongs to an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Of the index.
    pub index: IndexWords,
    /// The images, the one that leads here among them.
    pub members: Vec<BesideMember>,
}

/// What an index says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexWords {
    /// Annotations of the document.
    pub annotations: Annotations,
    /// Annotations of whatever points at it: the entry of a layout.
    pub descriptor_annotations: Annotations,
}

/// One of its images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BesideMember {
    /// Which.
    pub image: ImageId,
    /// What is said of it.
    pub words: MemberWords,
}

/// What is said of one of the images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberWords {
    /// Annotations of its manifest.
    pub annotations: Annotations,
    /// Annotations of the index' entry.
    pub descriptor_annotations: Annotations,
    /// Statements about it.
    pub statements: Vec<Statement>,
}

/// An index with what stands in it beside the images' manifests.
#[derive(Clone, Debug)]
pub struct Composed {
    /// Media type, digest, length.
    pub descriptor: Descriptor,
    /// The index, byte for byte.
    pub bytes: Vec<u8>,
    /// Manifests of statements, with what they are made of.
    pub attached: Vec<Attached>,
}

impl Beside {
    /// Whether an index is needed to say it: one image with annotations of its manifest alone is said by that.
    #[must_use]
    pub fn is_index(&self) -> bool {
        let says = |member: &BesideMember| {
            let MemberWords { descriptor_annotations, statements, .. } = &member.words;
            !(descriptor_annotations.is_empty() && statements.is_empty())
        };
        self.members.len() > 1
            || self.index != IndexWords::default()
            || self.members.iter().any(says)
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_index() && self.members.iter().all(|member| member.words.annotations.is_empty())
    }

    /// The index over the manifests of its members, in their order, each with its image. `name` is what the image will be called.
    ///
    /// # Errors
    /// Never, but for a document that cannot be written.
    pub fn compose(
        &self,
        manifests: &[(Descriptor, &Image)],
        name: &str,
    ) -> Result<Composed, StoreError> {
        let (mut entries, mut attached) = (Vec::new(), Vec::new());
        for (member, (manifest, image)) in self.members.iter().zip(manifests) {
            let platform = platform_of(&image.config);
            let names = [SubjectName { reference: name, platform: &platform }];
            let mut entry = manifest.clone();
            if !member.words.statements.is_empty() {
                attached.push(attach(&entry, &member.words.statements, &names));
            }
            entry.platform = Some(platform.clone());
            entry.annotations.clone_from(&member.words.descriptor_annotations);
            entries.push(entry);
        }
        entries.extend(attached.iter().map(|one| one.manifest.descriptor.clone()));
        let index = Index {
            schema_version: 2,
            media_type: Some(media_type::OCI_INDEX.to_owned()),
            artifact_type: None,
            manifests: entries,
            subject: None,
            annotations: self.index.annotations.clone(),
        };
        let bytes = serde_json::to_vec(&index).map_err(damaged("index", name))?;
        let length = bytes.len() as u64;
        let descriptor = Descriptor::new(media_type::OCI_INDEX, digest_of(&bytes), length);
        Ok(Composed { descriptor, bytes, attached })
    }
}

impl Images<'_> {
    /// Writes down what belongs to an image, in place of what did; nothing where there is nothing to say.
    ///
    /// # Errors
    /// When one of the images is not here, or the database cannot be written.
    pub fn set_beside(&self, head: &ImageId, beside: &Beside) -> Result<(), StoreError> {
        let transaction = self.store.write()?;
        let delete = "DELETE FROM image_indexes WHERE image = ?";
        transaction.execute(delete, [head.to_string()]).map_err(StoreError::write)?;
        if !beside.is_empty() {
            insert(&transaction, head, beside)?;
        }
        transaction.commit().map_err(StoreError::write)
    }

    /// What belongs to an image; nothing where nobody has said anything.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn beside(&self, head: &ImageId) -> Result<Option<Beside>, StoreError> {
        let connection = &self.store.connection;
        let select = "SELECT about FROM image_indexes WHERE image = ?";
        let read = |row: &Row<'_>| row.get::<_, String>(0);
        let about = connection.query_row(select, [head.to_string()], read).optional();
        let Some(about) = about.map_err(StoreError::read)? else { return Ok(None) };
        let id = head.to_string();
        let index = serde_json::from_str(&about).map_err(damaged("image index", &id))?;
        let select = "SELECT image, about FROM index_members WHERE head = ? ORDER BY position";
        let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let rows: Vec<(String, String)> = connection
            .prepare(select)
            .and_then(|mut rows| rows.query_map([&id], read)?.collect())
            .map_err(StoreError::read)?;
        let mut members = Vec::new();
        for (image, about) in rows {
            let words = serde_json::from_str(&about).map_err(damaged("image index", &id))?;
            let image = image
                .parse()
                .map_err(|error| damaged("image index", &id)(serde::de::Error::custom(error)))?;
            members.push(BesideMember { image, words });
        }
        Ok(Some(Beside { index, members }))
    }

    /// Images without a name that are there for the sake of one that has names.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn other_members(&self) -> Result<Vec<ImageId>, StoreError> {
        let select =
            "SELECT image FROM other_members WHERE image NOT IN (SELECT image FROM image_names)";
        let texts: Vec<String> = self
            .store
            .connection
            .prepare(select)
            .and_then(|mut rows| rows.query_map([], |row| row.get(0))?.collect())
            .map_err(StoreError::read)?;
        Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
    }
}

fn insert(connection: &Connection, head: &ImageId, beside: &Beside) -> Result<(), StoreError> {
    let id = head.to_string();
    let about = serde_json::to_string(&beside.index).map_err(damaged("image index", &id))?;
    let values = params![id, about];
    let statement = "INSERT INTO image_indexes (image, about) VALUES (?, ?)";
    connection.execute(statement, values).map_err(StoreError::write)?;
    for (position, member) in beside.members.iter().enumerate() {
        let about = serde_json::to_string(&member.words).map_err(damaged("image index", &id))?;
        let place = i64::try_from(position).unwrap_or(i64::MAX);
        let values = params![id, place, member.image.to_string(), about];
        let statement =
            "INSERT INTO index_members (head, position, image, about) VALUES (?, ?, ?, ?)";
        connection.execute(statement, values).map_err(StoreError::write)?;
    }
    Ok(())
}

/// Takes the images out of the database that were there for the sake of this one alone, which goes next; gives their ids and their layers that
/// nobody has any more.
pub(crate) fn delete_others(
    connection: &Connection,
    head: &ImageId,
) -> Result<(Vec<ImageId>, Vec<Digest>), StoreError> {
    let select = "SELECT DISTINCT image FROM index_members WHERE head = ?1 AND image <> ?1 \
        AND image NOT IN (SELECT image FROM image_names) AND image NOT IN (SELECT image FROM image_holders) \
        AND image NOT IN (SELECT image FROM index_members WHERE head <> ?1)";
    let texts: Vec<String> = connection
        .prepare(select)
        .and_then(|mut rows| rows.query_map([head.to_string()], |row| row.get(0))?.collect())
        .map_err(StoreError::read)?;
    let ids: Vec<ImageId> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    let mut layers = Vec::new();
    for id in &ids {
        layers.extend(delete_rows(connection, id)?);
    }
    Ok((ids, layers))
}

/// As the configuration has it.
pub(super) fn platform_of(config: &ImageConfig) -> Platform {
    Platform {
        architecture: config.architecture.clone(),
        os: config.os.clone(),
        variant: config.variant.clone(),
        ..Platform::default()
    }
}

fn damaged(what: &'static str, id: &str) -> impl FnOnce(serde_json::Error) -> StoreError {
    let id = id.to_owned();
    move |cause| StoreError::Damaged { what, id, cause }
}
