//! Paths that are hidden from a container, and those that nobody writes to.

use crate::config::ContainerConfig;

#[rustfmt::skip]
/// What Docker hides.
pub(crate) const MASKED: &[&str] = &[
    "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
    "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
];
/// What Docker lets nobody write; and what the machine's kernel is to log, which Docker leaves to AppArmor.
pub(crate) const READ_ONLY: &[&str] = &[
    "/proc/bus",
    "/proc/dynamic_debug",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// What is hidden from a container that is not privileged.
pub(crate) fn masked(config: &ContainerConfig) -> Vec<String> {
    let mut paths = closed(config, MASKED);
    paths.extend(config.security.masked.iter().cloned());
    paths
}

/// What a container that is not privileged can only read.
pub(crate) fn read_only(config: &ContainerConfig) -> Vec<String> {
    closed(config, READ_ONLY)
}

fn closed(config: &ContainerConfig, paths: &[&str]) -> Vec<String> {
    if config.security.unmasked_paths {
        return Vec::new();
    }
    let is_open = |path: &str| {
        config.security.unmasked.iter().any(|open| match open.strip_suffix("/*") {
            Some(above) => path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/')),
            None => open == path,
        })
    };
    paths.iter().filter(|path| !is_open(path)).map(|&path| path.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_opened_and_what_is_closed() {
        let mut config = ContainerConfig::default();
        assert_eq!((masked(&config).len(), read_only(&config).len()), (12, 6));
        config.security.unmasked = vec!["/proc/kcore".to_owned(), "/sys/*".to_owned()];
        config.security.masked = vec!["/etc/shadow".to_owned()];
        let paths = masked(&config);
        assert_eq!(paths.len(), 10);
        assert!(paths.contains(&"/etc/shadow".to_owned()));
        assert!(!paths.iter().any(|path| path.starts_with("/sys") || path == "/proc/kcore"));
        config.security.unmasked_paths = true;
        assert_eq!((masked(&config), read_only(&config).len()), (vec!["/etc/shadow".into()], 0));
    }
}
