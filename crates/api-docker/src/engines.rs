//! Engines for requests: the engine works in its caller's thread and waits there, so each request that works has one to itself.

use std::sync::{Mutex, PoisonError};

use engine::{Engine, EngineConfig};

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

    /// Does something with one, in the caller's thread.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let kept = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let engine = match kept {
            Some(engine) => engine,
            None => Engine::open(self.config.clone())?,
        };
        let done = work(&engine);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT {
            free.push(engine);
        }
        done
    }
}
