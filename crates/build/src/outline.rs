//! What a Dockerfile offers, without building anything: [`outline`]. What is in it, the crate `dockerfile` finds.

use dockerfile::{Outline, Position, Span, Target};
use engine::Engine;

use crate::Surroundings;
use crate::contexts::Contexts;
use crate::definition::Definition;
use crate::error::BuildError;
use crate::request::BuildRequest;

/// A Dockerfile that was read.
#[derive(Debug)]
pub struct Offer {
    definition: Definition,
    /// What the target takes.
    pub outline: Outline,
}

impl Offer {
    /// Its targets, in the order of the file.
    #[must_use]
    pub fn targets(&self) -> Vec<Target<'_>> {
        dockerfile::targets(&self.definition.file)
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.definition.source.text()
    }

    /// Where something begins and ends in it.
    #[must_use]
    pub fn range(&self, span: Span) -> (Position, Position) {
        self.definition.source.range(span)
    }
}

/// Reads the file and says what it offers.
///
/// # Errors
/// When the request, the file or the context is wrong.
pub fn outline(
    mut request: BuildRequest,
    surroundings: &Surroundings<'_>,
) -> Result<Offer, BuildError> {
    let engine = Engine::open(surroundings.engine.clone())?;
    let lease = engine.building().begin()?;
    let platforms = crate::emulation::platforms(request.platforms.first())?;
    let source = std::mem::take(&mut request.context);
    let notes = crate::builder::Notes::default();
    let opened = Contexts::open(source, (&request, surroundings, &notes), &lease, &engine)?;
    let definition = Definition::read(
        opened.instructions.name,
        &opened.instructions.bytes,
        &request.arguments,
        &platforms,
        request.target.as_deref(),
    )?;
    let read = (&definition.file, &definition.source);
    let found = Outline::of(read, &definition.globals, &definition.graph, definition.target);
    let outline = found.map_err(|cause| definition.refused(cause))?;
    Ok(Offer { definition, outline })
}
