//! Registries and web servers as the machine's files say them: what both faces give a build as its [`Outside`].
//!
//! Nothing is read here: settings, logins and the policy on images come by functions, anew for each question, so that a change counts at once.

use std::fmt;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::{Engine, Image, PULL_CONNECTIONS, PullRequest};
use registry::{Client, Part, Policy, Progress, Settings};
use spec::Reference;
use spec::image::Platform;

use crate::{Fetched, Heard, Outside, Refusal};

/// Between two words on how far a pull is.
const FRAME: Duration = Duration::from_millis(100);
/// Bytes of a file that are handed on at once.
const PIECE: usize = 256 * 1024;

/// What a client of registries is told.
type SettingsFor = Box<dyn Fn(Arc<Progress>) -> Result<Settings, Refusal> + Send + Sync>;
/// What has to be true of an image before it is fetched.
type PolicyInForce = Box<dyn Fn() -> Policy + Send + Sync>;

/// Registries and web servers. A build that is ended ends what it is at by [`World::stop`].
pub struct World {
    settings: SettingsFor,
    policy: PolicyInForce,
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    all: Vec<Client>,
    is_stopped: bool,
}

impl World {
    /// Those that `settings` and `policy` tell of.
    pub fn new(
        settings: impl Fn(Arc<Progress>) -> Result<Settings, Refusal> + Send + Sync + 'static,
        policy: impl Fn() -> Policy + Send + Sync + 'static,
    ) -> Self {
        Self { settings: Box::new(settings), policy: Box::new(policy), clients: Mutex::default() }
    }

    /// Ends every transfer, now and in future.
    pub fn stop(&self) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.is_stopped = true;
        clients.all.iter().for_each(Client::stop);
    }

    fn client(&self, settings: Settings) -> Client {
        let client = Client::new(settings);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.is_stopped {
            client.stop();
        }
        clients.all.push(client.clone());
        client
    }
}

impl Outside for World {
    fn image(
        &self,
        engine: &Engine,
        name: &str,
        platform: Option<&Platform>,
        always: bool,
        heard: Heard<'_>,
    ) -> Result<Image, Refusal> {
        if !always && let Some(image) = here(engine, name, platform) {
            return Ok(image);
        }
        let progress = Arc::new(Progress::default());
        let settings = (self.settings)(Arc::clone(&progress))?;
        let request = PullRequest {
            candidates: settings.rules.candidates(name)?,
            platform: platform.cloned(),
            policy: (self.policy)(),
            connections: PULL_CONNECTIONS,
        };
        let client = self.client(settings);
        let look = |parts: &[Arc<Part>], _notices: Vec<String>| {
            for part in parts {
                let total = Some(part.total()).filter(|total| *total > 0);
                heard(&part.name, part.transferred(), total);
            }
        };
        let pulled =
            progress.watched(FRAME, look, || engine.images().pull(&client, &request, &progress));
        Ok(pulled?.image)
    }

    fn push(&self, engine: &Engine, reference: &Reference) -> Result<(), Refusal> {
        let progress = Arc::new(Progress::default());
        let client = self.client((self.settings)(Arc::clone(&progress))?);
        let form = registry::Form::default();
        let request = engine::PushRequest { reference, form, all_platforms: false };
        engine.images().push(&client, request, &progress)?;
        Ok(())
    }

    fn fetch(&self, url: &str, into: &mut dyn Write, heard: Heard<'_>) -> Result<Fetched, Refusal> {
        let client = self.client((self.settings)(Arc::new(Progress::default()))?);
        let mut file = client.download(url)?;
        let (mut piece, mut bytes) = (vec![0; PIECE], 0);
        loop {
            heard(url, bytes, file.length);
            let count = match file.read(&mut piece) {
                Ok(0) => break,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            into.write_all(piece.get(..count).unwrap_or_default())?;
            bytes += count as u64;
        }
        Ok(Fetched { name: file.name, modified_s: file.modified_s })
    }
}

/// An image that is in the store, and for the machine that is asked for.
fn here(engine: &Engine, name: &str, platform: Option<&Platform>) -> Option<Image> {
    let image = engine.images().resolve(name).ok()?;
    let fits = |wanted: &Platform| wanted.fit(&Platform::of(&image.config)).is_some();
    platform.is_none_or(fits).then_some(image)
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("World").finish_non_exhaustive()
    }
}
