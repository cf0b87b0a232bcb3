//! `inspect`: Docker's documents, whole or through a template.

use engine::{Document, Engine, Kind};

use super::pull::platforms;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::template::Template;

pub(super) fn any(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let wanted = matches.value("type");
    if let Some(other) = wanted.filter(|wanted| !matches!(*wanted, "container" | "image")) {
        return Err(Failure::Words(format!(
            "invalid type {other:?}: it is not one of container, image"
        )));
    }
    let find = |engine: &Engine, name: &str| -> Result<Document, Failure> {
        if wanted != Some("image") {
            match engine.containers().inspect(name, matches.on("size")) {
                Err(error) if error.kind() == Kind::NotFound && wanted.is_none() => {}
                found => return Ok(found?),
            }
        }
        match engine.images().inspect(name) {
            Err(error)
                if wanted.is_none() && matches!(error.kind(), Kind::NotFound | Kind::Invalid) =>
            {
                Err(Failure::Words(format!("no such object: {name}")))
            }
            found => Ok(found?),
        }
    };
    print(session, matches, find)
}

pub(super) fn container(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    print(session, matches, |engine, name| {
        Ok(engine.containers().inspect(name, matches.on("size"))?)
    })
}

pub(super) fn image(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let platforms = platforms(matches)?;
    print(session, matches, |engine, name| {
        engine.images().check_platform(name, &platforms)?;
        Ok(engine.images().inspect(name)?)
    })
}

pub(super) fn print(
    session: &Session,
    matches: &Matches,
    find: impl Fn(&Engine, &str) -> Result<Document, Failure>,
) -> Result<i32, Failure> {
    // A template that is none is told before a store is opened.
    let shape = Shape::of(matches)?;
    let engine = session.engine()?;
    shape.show(matches, |name| find(&engine, name))
}

/// How documents are shown.
pub(super) struct Shape<'a> {
    template: Option<Template>,
    format: Option<&'a str>,
}

impl<'a> Shape<'a> {
    pub(super) fn of(matches: &'a Matches) -> Result<Self, Failure> {
        let format = matches.value("format").filter(|format| !format.is_empty());
        let template = format.filter(|format| *format != "json").map(Template::parse);
        let template = template.transpose().map_err(Failure::Unreadable)?;
        Ok(Self { template, format })
    }

    /// Shows what is found of the words of the line; what is not there is told, and the others are shown.
    pub(super) fn show(
        &self,
        matches: &Matches,
        find: impl Fn(&str) -> Result<Document, Failure>,
    ) -> Result<i32, Failure> {
        self.show_all(&matches.words, find)
    }

    /// The same of words from elsewhere.
    pub(super) fn show_all(
        &self,
        names: &[String],
        find: impl Fn(&str) -> Result<Document, Failure>,
    ) -> Result<i32, Failure> {
        let mut code = 0;
        let mut documents = Vec::new();
        for name in names {
            match find(name) {
                Ok(document) => documents.push(document),
                Err(failure) => {
                    output::error(&failure.line(), failure.hint().as_deref());
                    code = 1;
                }
            }
        }
        output::write(&self.text(&documents)?)?;
        Ok(code)
    }

    fn text(&self, documents: &[Document]) -> Result<String, Failure> {
        Ok(match (&self.template, self.format) {
            (Some(template), _) => documents
                .iter()
                .map(|document| Ok(format!("{}\n", template.render(&document.value())?)))
                .collect::<Result<String, Failure>>()?,
            (None, Some(_)) => {
                format!("{}\n", serde_json::to_string(documents).unwrap_or_default())
            }
            (None, None) => format!("{}\n", Document::indented(documents)),
        })
    }
}
