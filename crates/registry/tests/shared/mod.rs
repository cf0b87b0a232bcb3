//! What every one of these test programs needs: settings of a client that waits little between tries, and errors as people see them.
//!
//! Not a test of its own; each program takes it in by its path.

use std::sync::Arc;
use std::time::Duration;

use registry::{HostRules, NoCredentials, Progress, Settings, TransferLimits};

/// No rules, no login, no proxy.
pub(crate) fn settings() -> Settings {
    Settings {
        rules: HostRules::default(),
        credentials: Arc::new(NoCredentials),
        http_proxy: String::new(),
        https_proxy: String::new(),
        no_proxy: String::new(),
        ca_files: Vec::new(),
        limits: TransferLimits {
            // Long enough for a loaded machine; the tests of silence have their own.
            connect: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            tries: 3,
            first_wait: Duration::from_millis(2),
            most_wait: Duration::from_millis(20),
        },
        progress: Arc::new(Progress::default()),
    }
}

/// An error with its causes: one line, and not a long one.
#[track_caller]
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        line.push_str(": ");
        line.push_str(&inner.to_string());
        cause = inner.source();
    }
    assert!(!line.contains('\n') && line.len() < 600, "{line}");
    line
}
