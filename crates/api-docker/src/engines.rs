//! Engines for requests: the engine works in its caller's thread and waits there, so each request that works has one to itself.

use std::sync::{Arc, Mutex, PoisonError};

use engine::{Engine, EngineConfig};
use hyper::StatusCode;

use crate::failure::Failure;

/// Engines that are open and do nothing are kept up to this many; each has a database connection.
const KEPT: usize = 8;

/// Engines of one store.
#[derive(Debug)]
pub(crate) struct Engines {
    config: EngineConfig,
    free: Mutex<Vec<Engine>>,
}

impl Engines {
    pub(crate) const fn new(config: EngineConfig) -> Self {
        Self { config, free: Mutex::new(Vec::new()) }
    }

    /// Does something with an engine in a thread that may wait.
    pub(crate) async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Engine) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let engines = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let engine = engines.take()?;
            let done = work(&engine);
            engines.put(engine);
            done
        });
        done.await.unwrap_or_else(|_panicked| {
            Err(Failure {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                message: "the request ended unexpectedly".to_owned(),
            })
        })
    }

    fn take(&self) -> Result<Engine, Failure> {
        let kept = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match kept {
            Some(engine) => Ok(engine),
            None => Ok(Engine::open(self.config.clone())?),
        }
    }

    fn put(&self, engine: Engine) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT {
            free.push(engine);
        }
    }
}
