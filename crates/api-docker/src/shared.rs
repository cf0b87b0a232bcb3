//! What all requests of a server have in common. None of it has to be there after a restart.

use std::sync::Arc;

use engine::events::Events;
use engine::{Engine, EngineConfig};
use tokio::sync::Semaphore;

use crate::consoles::Consoles;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::hub::{Hub, Listener};
use crate::limits;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::registries::Registries;
use crate::starts::Starts;
use crate::traces::Traces;
use crate::watch::Watches;

/// A server's own things.
#[derive(Debug)]
pub(crate) struct Shared {
    engines: Engines,
    engine_config: EngineConfig,
    events: Events,
    /// What the machine says on registries.
    pub(crate) registries: Registries,
    /// Terminals of further processes.
    pub(crate) consoles: Consoles,
    /// What happens, told once for all who listen.
    hub: Hub,
    /// Clients that wait for a container's start.
    pub(crate) starts: Starts,
    /// What was asked for, counted.
    pub(crate) metrics: Metrics,
    /// Where requests are told.
    pub(crate) log: Arc<Log>,
    /// Where spans go; nowhere where nobody asked for them.
    pub(crate) traces: Option<Traces>,
    /// Directories of logs that are followed.
    pub(crate) watches: Watches,
    /// Threads for work whose client says how fast it goes.
    paced: Arc<Semaphore>,
    /// Threads for ends of containers that are waited for.
    ending: Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn new(
        config: EngineConfig,
        registries: Registries,
        log: Arc<Log>,
        traces: Option<Traces>,
    ) -> Self {
        Self {
            events: Events::below(&config.paths.state),
            registries,
            engine_config: config.clone(),
            engines: Engines::new(config),
            consoles: Consoles::default(),
            hub: Hub::default(),
            starts: Starts::default(),
            metrics: Metrics::default(),
            log,
            traces,
            watches: Watches::default(),
            paced: Arc::new(Semaphore::new(limits::PACED)),
            ending: Arc::new(Semaphore::new(limits::ENDING)),
        }
    }

    /// With what engines are opened: a build opens some of its own.
    pub(crate) const fn engine_config(&self) -> &EngineConfig {
        &self.engine_config
    }

    /// Where events are written.
    pub(crate) fn events(&self) -> Events {
        self.events.clone()
    }

    /// Begins to listen to what happens.
    pub(crate) fn listen(&self) -> Result<Listener, Failure> {
        let failed = |error| Failure::internal(format!("read the events: {error}"));
        self.hub.listen(&self.events).map_err(failed)
    }

    /// How many listen.
    pub(crate) fn listeners(&self) -> usize {
        self.hub.listeners()
    }

    /// Does something with an engine in a thread that may wait.
    pub(crate) async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Engine) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let shared = Arc::clone(self);
        blocking(move || shared.engines.with(work)).await?
    }

    /// The same with something that lasts as long as a client, or another server, likes. It waits for its turn, so that threads are left for others.
    pub(crate) async fn paced<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Engine) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.in_turn(&self.paced, work).await
    }

    /// The same with something that waits for the end of a container.
    pub(crate) async fn ending<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Engine) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.in_turn(&self.ending, work).await
    }

    async fn in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        turns: &Arc<Semaphore>,
        work: impl FnOnce(&Engine) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let turn = Arc::clone(turns).acquire_owned().await;
        let turn = turn.map_err(|closed| Failure::internal(closed.to_string()))?;
        self.with(move |engine| {
            let _turn = turn;
            work(engine)
        })
        .await
    }
}

/// Does something in a thread that may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_panicked| Failure::internal("the request ended unexpectedly"))
}
