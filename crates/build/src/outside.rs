//! What lies outside of this machine, as a build asks for it. The faces have the clients, their settings and credentials.

use std::io::Write;

use engine::{Engine, Image};
use spec::Reference;
use spec::image::Platform;

/// Why the outside does not give what was asked for.
pub type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// Hears of bytes that have come, and of how many there will be where that is known.
pub type Heard<'a> = &'a (dyn Fn(&str, u64, Option<u64>) + Sync);

/// What a web server said of what it gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The name that it gives it (`Content-Disposition`), or the last one of the address that it was found at.
    pub name: Option<String>,
    /// When it was changed (`Last-Modified`), seconds since 1970.
    pub modified_s: Option<i64>,
}

/// Registries and web servers. Called from several threads.
pub trait Outside: Sync {
    /// Whether the build may be made of an image, here or elsewhere. Asked before each.
    ///
    /// # Errors
    /// Why not.
    fn admit(&self, _engine: &Engine, _name: &str) -> Result<(), Refusal> {
        Ok(())
    }

    /// Whether a program of the machine, git, may fetch from an address. Asked before each.
    ///
    /// # Errors
    /// Why not.
    fn may_fetch(&self, _address: &str) -> Result<(), Refusal> {
        Ok(())
    }

    /// Brings an image into the store: always, or only where it is not here.
    ///
    /// # Errors
    /// What the registry, the network or the store says.
    #[expect(clippy::too_many_arguments, reason = "one question, with where the answer goes")]
    fn image(
        &self,
        engine: &Engine,
        name: &str,
        platform: Option<&Platform>,
        always: bool,
        heard: Heard<'_>,
    ) -> Result<Image, Refusal>;

    /// Fetches what is at an address, `http` or `https`, and writes it.
    ///
    /// # Errors
    /// What the server, the network or the writer says.
    fn fetch(&self, url: &str, into: &mut dyn Write, heard: Heard<'_>) -> Result<Fetched, Refusal>;

    /// Puts an image of the store at the registry that its name says.
    ///
    /// # Errors
    /// What the registry, the network or the store says.
    fn push(&self, engine: &Engine, reference: &Reference) -> Result<(), Refusal>;
}
