//! `--restart` and `--health-on-failure`: `no`, `on-failure[:N]`, `on-unhealthy[:N]`, `always`, `unless-stopped`.

use monitor::{OnFailure, RestartPolicy};

use super::Parsed;
use crate::error::EngineError;

/// A restart policy.
///
/// # Errors
/// When it is none, or has a count that it cannot have.
pub fn restart(text: &str) -> Parsed<RestartPolicy> {
    let wrong = |why: &str| EngineError::value("restart policy", text, why);
    let (name, count) = match text.split_once(':') {
        Some((name, count)) => (name, Some(count)),
        None => (text, None),
    };
    // Docker takes 0 for no bound.
    let most = count.map(|count| {
        count.parse::<u32>().map_err(|_no_number| wrong("the count is no number of retries"))
    });
    let most = most.transpose()?.filter(|count| *count > 0);
    match (name, count) {
        ("on-failure", _) => Ok(RestartPolicy::OnFailure { most }),
        ("on-unhealthy", _) => Ok(RestartPolicy::OnUnhealthy { most }),
        ("no" | "", None) => Ok(RestartPolicy::No),
        ("always", None) => Ok(RestartPolicy::Always),
        ("unless-stopped", None) => Ok(RestartPolicy::UnlessStopped),
        ("no" | "always" | "unless-stopped", Some(_)) => {
            Err(wrong("only on-failure and on-unhealthy take a count"))
        }
        _ => Err(wrong(
            "it is not one of no, on-failure[:N], on-unhealthy[:N], always, unless-stopped",
        )),
    }
}

/// `--health-on-failure`: `none`, `kill`, `restart`, `stop`.
///
/// # Errors
/// When it is none of them.
pub fn on_failure(text: &str) -> Parsed<OnFailure> {
    match text {
        "none" => Ok(OnFailure::None),
        "kill" => Ok(OnFailure::Kill),
        "restart" => Ok(OnFailure::Restart),
        "stop" => Ok(OnFailure::Stop),
        _ => Err(EngineError::value(
            "health-on-failure",
            text,
            "it is not one of none, kill, restart, stop",
        )),
    }
}

/// Its name and its count, as Docker's documents have them.
pub(crate) const fn restart_words(policy: RestartPolicy) -> (&'static str, Option<u32>) {
    match policy {
        RestartPolicy::No => ("no", None),
        RestartPolicy::OnFailure { most } => ("on-failure", most),
        RestartPolicy::OnUnhealthy { most } => ("on-unhealthy", most),
        RestartPolicy::Always => ("always", None),
        RestartPolicy::UnlessStopped => ("unless-stopped", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_dockers() {
        for (text, policy) in [
            ("no", RestartPolicy::No),
            ("always", RestartPolicy::Always),
            ("unless-stopped", RestartPolicy::UnlessStopped),
            ("on-failure", RestartPolicy::OnFailure { most: None }),
            ("on-failure:0", RestartPolicy::OnFailure { most: None }),
            ("on-failure:3", RestartPolicy::OnFailure { most: Some(3) }),
            ("on-unhealthy:1", RestartPolicy::OnUnhealthy { most: Some(1) }),
        ] {
            assert_eq!(restart(text).unwrap(), policy);
        }
        for text in ["always:3", "on-failure:x", "on-failure:-1", "sometimes", "no:"] {
            assert!(restart(text).is_err(), "{text}");
        }
    }
}
