//! Which images a list shows, by Docker's kinds of filters.

use spec::Reference;
use store::Image;

use crate::error::EngineError;
use crate::images::ImagesHandle;
use crate::pattern::Pattern;

/// Which images are wanted; every given kind must be met, `reference` by one of its values, the others by all.
#[derive(Clone, Debug, Default)]
pub struct ImageFilter {
    dangling: Option<bool>,
    labels: Vec<String>,
    references: Vec<Pattern>,
    before: Vec<String>,
    since: Vec<String>,
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
            "label" => self.labels.push(value.to_owned()),
            "reference" => self.add_reference(value)?,
            "before" => self.before.push(value.to_owned()),
            "since" => self.since.push(value.to_owned()),
            _ => {
                return Err(wrong(
                    "the kind is not one of dangling, label, reference, before, since",
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

    fn wants(&self, image: &Image) -> bool {
        let labels = image.config.config.labels.as_ref();
        let has = |wanted: &String| match wanted.split_once('=') {
            Some((name, value)) => {
                labels.and_then(|labels| labels.get(name)).is_some_and(|own| own == value)
            }
            None => labels.is_some_and(|labels| labels.contains_key(wanted)),
        };
        self.dangling.is_none_or(|dangling| dangling == image.names.is_empty())
            && self.labels.iter().all(has)
    }
}

/// An image under one of its names; none where it has none.
pub type NamedImage = (Image, Option<Reference>);

impl ImagesHandle<'_> {
    /// Images that meet the filter, once for each of their names that does; the one that was made last first.
    ///
    /// # Errors
    /// When the store cannot be read, or a filter names an image that is not there.
    pub fn list_by(&self, filter: &ImageFilter) -> Result<Vec<NamedImage>, EngineError> {
        let time = |name: &String| self.resolve(name).map(|image| created_ns(&image));
        let before = filter.before.iter().map(time).collect::<Result<Vec<_>, _>>()?;
        let since = filter.since.iter().map(time).collect::<Result<Vec<_>, _>>()?;
        let mut found = Vec::new();
        let mut images = self.list()?;
        // Those of the same time stay as they came.
        images.sort_by_key(|image| std::cmp::Reverse(created_ns(image)));
        for image in images {
            let created = created_ns(&image);
            let in_time = before.iter().all(|time| created < *time)
                && since.iter().all(|time| created > *time);
            if !in_time || !filter.wants(&image) {
                continue;
            }
            let names: Vec<Option<Reference>> = if image.names.is_empty() {
                vec![None]
            } else {
                image.names.iter().cloned().map(Some).collect()
            };
            let wanted = names.into_iter().filter(|name| filter.wants_name(name.as_ref()));
            found.extend(wanted.map(|name| (image.clone(), name)));
        }
        Ok(found)
    }
}

/// When an image was made, nanoseconds since 1970; long ago where it does not say.
fn created_ns(image: &Image) -> i128 {
    let created =
        image.config.created.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    created.map_or(i128::MIN, jiff::Timestamp::as_nanosecond)
}
