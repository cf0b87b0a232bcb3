//! Which images a list shows, by Docker's kinds of filters. Configurations are read where labels are asked for, and else not.

use std::collections::{BTreeMap, HashMap};

use spec::{Digest, ImageId, Reference};
use store::ImageSummary;

use crate::error::EngineError;
use crate::images::ImagesHandle;
use crate::pattern::Pattern;

/// Which images are wanted; every given kind must be met, `reference` by one of its values, the others by all.
#[derive(Clone, Debug, Default)]
pub struct ImageFilter {
    dangling: Option<bool>,
    labels: Labels,
    references: Vec<Pattern>,
    before: Vec<String>,
    since: Vec<String>,
    until_ns: Option<i128>,
}

/// Labels that something must have, and that it must not have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels(Vec<(String, bool)>);

impl Labels {
    pub(crate) fn add(&mut self, label: &str, wanted: bool) {
        self.0.push((label.to_owned(), wanted));
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something with this label is asked for.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.0.iter().any(|(label, wanted)| *wanted && label.split('=').next() == Some(name))
    }

    pub(crate) fn are_met_by(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        let has = |label: &str| match label.split_once('=') {
            Some((name, value)) => {
                labels.and_then(|labels| labels.get(name)).is_some_and(|own| own == value)
            }
            None => labels.is_some_and(|labels| labels.contains_key(label)),
        };
        self.0.iter().all(|(label, wanted)| has(label) == *wanted)
    }
}

impl ImageFilter {
    /// Adds a condition of the form `KIND=VALUE`.
    ///
    /// # Errors
    /// For an unknown kind, or a value that the kind cannot have.
    pub fn add(&mut self, text: &str) -> Result<(), EngineError> {
        let wrong = |why: &str| EngineError::value("filter", text, why);
        let (kind, value) =
            text.split_once('=').ok_or_else(|| wrong("it is not of the form KIND=VALUE"))?;
        match kind {
            "dangling" => match value {
                "1" | "t" | "true" => self.dangling = Some(true),
                "0" | "f" | "false" => self.dangling = Some(false),
                _ => return Err(wrong("it is not true or false")),
            },
            "label" => self.labels.add(value, true),
            "reference" => self.add_reference(value)?,
            "before" => self.before.push(value.to_owned()),
            "since" => self.since.push(value.to_owned()),
            "until" => {
                let time = crate::times::time_ns(value).map(i128::from);
                let time = time.ok_or_else(|| wrong("it is no time and no duration"))?;
                self.until_ns = Some(self.until_ns.map_or(time, |until| until.min(time)));
            }
            _ => {
                return Err(wrong(
                    "the kind is not one of dangling, label, reference, before, since, until",
                ));
            }
        }
        Ok(())
    }

    /// Adds names as a shell would match them: `busy*`, `debian:*`.
    ///
    /// # Errors
    /// For a pattern that is none.
    pub fn add_reference(&mut self, glob: &str) -> Result<(), EngineError> {
        let pattern =
            Pattern::glob(glob).map_err(|why| EngineError::value("name", glob, why.to_string()))?;
        self.references.push(pattern);
        Ok(())
    }

    /// Whether a name is wanted.
    pub(crate) fn wants(&self, name: &Reference) -> bool {
        self.wants_name(Some(name))
    }

    /// Whether a name of an image is wanted; none is that of an image without names.
    fn wants_name(&self, name: Option<&Reference>) -> bool {
        let Some(name) = name else { return self.references.is_empty() };
        let spellings = [name.familiar_name(), name.familiar(), name.to_string()];
        self.references.is_empty()
            || self
                .references
                .iter()
                .any(|pattern| spellings.iter().any(|name| pattern.is_in(name)))
    }
}

/// An image under one of its names.
#[derive(Clone, Debug)]
pub struct ListedImage {
    /// The image.
    pub summary: ImageSummary,
    /// The name; none for an image that has none.
    pub name: Option<Reference>,
    /// What it is called by digest in that repository, or in one that it came from.
    pub digest: Option<Reference>,
}

/// What images are called by digest.
pub type DigestNames = HashMap<ImageId, Vec<Reference>>;

impl ImagesHandle<'_> {
    /// Images that meet the filter, once for each of their names that does; the one that was made last first.
    ///
    /// # Errors
    /// When the store cannot be read, or a filter names an image that is not there.
    pub fn list_by(&self, filter: &ImageFilter) -> Result<Vec<ListedImage>, EngineError> {
        let time = |name: &String| {
            self.resolve(name)
                .map(|image| created_ns_of(image.config.created.as_deref().unwrap_or_default()))
        };
        let before = filter.before.iter().map(time).collect::<Result<Vec<_>, _>>()?;
        let since = filter.since.iter().map(time).collect::<Result<Vec<_>, _>>()?;
        let mut images: Vec<(i128, ImageSummary)> = self
            .summaries()?
            .into_iter()
            .map(|summary| (created_ns_of(&summary.created), summary))
            .collect();
        // Images for other machines go with the one that has their name.
        let others = self.store().other_members()?;
        images.retain(|(_, summary)| !others.contains(&summary.id));
        images.retain(|(created, summary)| {
            before.iter().all(|time| created < time)
                && since.iter().all(|time| created > time)
                && filter.until_ns.is_none_or(|until| *created < until)
                && filter.dangling.is_none_or(|dangling| dangling == summary.names.is_empty())
        });
        if !filter.labels.is_empty() {
            let labelled = self.labelled(&filter.labels)?;
            images.retain(|(_, summary)| labelled.contains(&summary.id));
        }
        // Those of the same time stay as they came.
        images.sort_by_key(|(created, _)| std::cmp::Reverse(*created));
        let digests = self.digest_names()?;
        let mut found = Vec::new();
        for (_, summary) in images {
            let digests = digests.get(&summary.id).map_or(&[][..], Vec::as_slice);
            found.extend(listed(summary, digests, filter));
        }
        Ok(found)
    }

    /// Images with these labels.
    pub(crate) fn labelled(
        &self,
        labels: &Labels,
    ) -> Result<std::collections::HashSet<ImageId>, EngineError> {
        let images = self.list()?.into_iter();
        let wanted = images.filter(|image| labels.are_met_by(image.config.config.labels.as_ref()));
        Ok(wanted.map(|image| image.id).collect())
    }

    /// What images are called by digest, that of an index before that of a manifest in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn digest_names(&self) -> Result<DigestNames, EngineError> {
        let mut names = DigestNames::new();
        for (image, repository, digest) in self.digests()? {
            if let Ok(name) = format!("{repository}@{digest}").parse() {
                names.entry(image).or_default().push(name);
            }
        }
        Ok(names)
    }
}

/// Once for each name that is wanted; by the repositories that it came from where it has no name.
fn listed(summary: ImageSummary, digests: &[Reference], filter: &ImageFilter) -> Vec<ListedImage> {
    let repository = |name: &Reference| (name.domain().to_owned(), name.path().to_owned());
    let mut rows: Vec<ListedImage> = summary
        .names
        .iter()
        .filter(|name| filter.wants_name(Some(name)))
        .map(|name| ListedImage {
            summary: summary.clone(),
            name: Some(name.clone()),
            digest: digests.iter().find(|one| repository(one) == repository(name)).cloned(),
        })
        .collect();
    if summary.names.is_empty() && filter.wants_name(digests.first()) {
        rows.push(ListedImage { summary, name: None, digest: digests.first().cloned() });
    }
    rows
}

/// When something was made, nanoseconds since 1970; long ago where it does not say.
pub(crate) fn created_ns_of(rfc3339: &str) -> i128 {
    rfc3339.parse().map_or(i128::MIN, jiff::Timestamp::as_nanosecond)
}

impl ListedImage {
    /// The digest, where it came from a registry.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref().and_then(Reference::digest)
    }

    /// The repository as people write it, without tag and digest.
    #[must_use]
    pub fn repository(&self) -> Option<String> {
        self.name.as_ref().or(self.digest.as_ref()).map(Reference::familiar_name)
    }
}
