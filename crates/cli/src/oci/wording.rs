//! Errors in the words that callers of a runtime look for: podman, dockerd and containerd tell a missing program, a missing
//! container and a refused right by runc's sentences. Everything else is libcontainer's own, with the kernel's answer in words.

use std::fmt::Write;

use libcontainer::cgroup::CgroupError;
use libcontainer::{ContainerError, HookError, StartError, chain};
use spec::runtime::Status;
use sys::Errno;

use crate::failure::Failure;

/// The failure on one line.
pub(super) fn line(failure: &Failure) -> String {
    if let Failure::Container(error) = failure { container(error) } else { failure.line() }
}

fn container(error: &ContainerError) -> String {
    match error {
        ContainerError::Exists { name } => {
            format!(
                "container {name:?}: container with given ID already exists",
                name = name.as_str()
            )
        }
        ContainerError::WrongState { status: Status::Stopped, action: "start", name } => {
            format!(
                "start container {:?}: cannot start a container that has stopped",
                name.as_str()
            )
        }
        ContainerError::WrongState {
            status: Status::Running | Status::Paused,
            action: "start",
            name,
        } => {
            let name = name.as_str();
            format!("start container {name:?}: cannot start an already running container")
        }
        ContainerError::WrongState { status: Status::Paused, action: "execute in", .. } => {
            format!("{error}: cannot exec in a paused container")
        }
        ContainerError::WrongState {
            status: Status::Stopped,
            action: "signal" | "execute in",
            ..
        } => {
            format!("{error}: container not running")
        }
        ContainerError::Start { cause, .. } => format!("{error}: {}", start(cause)),
        ContainerError::NotFound { .. }
        | ContainerError::WrongState { .. }
        | ContainerError::Cgroup { .. }
        | ContainerError::Checkpoint { .. }
        | ContainerError::Kernel { .. }
        | ContainerError::Record { .. }
        | ContainerError::File { .. } => with_words(error),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "everything else is told as it is")]
fn start(error: &StartError) -> String {
    match error {
        StartError::NotFound { program, has_path: false } => {
            format!("exec: {program:?}: executable file not found in $PATH")
        }
        StartError::NotFound { program, has_path: true } => {
            format!("exec {program}: no such file or directory")
        }
        StartError::NotExecutable { program, errno, .. } => {
            format!("exec: {program:?}: {}", words(*errno))
        }
        StartError::Cgroup(CgroupError::InUse { .. }) => {
            format!("{}: container's cgroup is not empty", chain(error))
        }
        StartError::Cgroup(cause) if cause.is_refusal() => {
            format!("unable to apply cgroup configuration: {}", with_words(cause))
        }
        StartError::Hook(hook) => {
            let HookError { moment, number, how, output, .. } = hook.as_ref();
            format!("error running {moment} hook #{number}: {how}, stderr: {output}")
        }
        other => with_words(other),
    }
}

/// The chain, with what the last errno means.
fn with_words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = chain(error);
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    if let Some(errno) = last.downcast_ref::<Errno>() {
        let _never_fails = write!(text, " ({})", words(*errno));
    }
    text
}

/// strerror(3) as Go's programs write it.
fn words(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_find_what_they_look_for() {
        let name: libcontainer::ContainerName = "web".parse().unwrap();
        let start = |cause: StartError| {
            let cause = Box::new(cause);
            container(&ContainerError::Start { name: name.clone(), action: "start", cause })
        };
        let missing = StartError::NotFound { program: "x".into(), has_path: false };
        assert_eq!(
            start(missing),
            "start container \"web\": exec: \"x\": executable file not found in $PATH"
        );
        let errno = Errno::from_raw(13);
        let refused =
            StartError::NotExecutable { program: "/x".into(), label: None, walled: false, errno };
        assert_eq!(start(refused), "start container \"web\": exec: \"/x\": permission denied");
        let step =
            StartError::Child { step: "mount proc on /proc".into(), errno: Errno::from_raw(1) };
        assert_eq!(
            start(step),
            "start container \"web\": mount proc on /proc: EPERM (operation not permitted)"
        );
    }
}
