//! What a server has done, as Prometheus reads it. Source: the text form 0.0.4, prometheus.io/docs/instrumenting/exposition_formats.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of durations, in seconds.
const BOUNDS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];

/// Counts of requests that were answered.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, u16), Count>>,
    /// Connections that are open.
    pub(crate) connections: AtomicU64,
    /// Connections that were taken over and are.
    pub(crate) hijacked: AtomicU64,
    refused: AtomicU64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    count: u64,
    seconds: f64,
    buckets: [u64; BOUNDS.len()],
}

/// Something that is so as long as this is there.
#[derive(Debug)]
pub(crate) struct Gauge<'a>(&'a AtomicU64);

impl<'a> Gauge<'a> {
    pub(crate) fn of(counter: &'a AtomicU64) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Counts a request whose answer has begun.
    pub(crate) fn count(&self, operation: &'static str, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let count = requests.entry((operation, status)).or_default();
        count.count += 1;
        count.seconds += took.as_secs_f64();
        for (bucket, bound) in count.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(took.as_secs_f64() <= bound);
        }
    }

    /// Counts a request that a policy has refused.
    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// All of it, with how many containers are in which state, and how many spans were lost where there are any.
    pub(crate) fn text(
        &self,
        containers: &BTreeMap<&'static str, u64>,
        spans_lost: Option<u64>,
    ) -> String {
        let mut out = String::new();
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        head(
            &mut out,
            "corten_api_request_seconds",
            "histogram",
            "Requests, until the answer began",
        );
        for ((operation, status), count) in &requests {
            let labels = format!("operation=\"{operation}\",code=\"{status}\"");
            for (bucket, bound) in count.buckets.iter().zip(BOUNDS) {
                line(
                    &mut out,
                    &format!(
                        "corten_api_request_seconds_bucket{{{labels},le=\"{bound}\"}} {bucket}"
                    ),
                );
            }
            let Count { count, seconds, .. } = count;
            line(
                &mut out,
                &format!("corten_api_request_seconds_bucket{{{labels},le=\"+Inf\"}} {count}"),
            );
            line(&mut out, &format!("corten_api_request_seconds_sum{{{labels}}} {seconds}"));
            line(&mut out, &format!("corten_api_request_seconds_count{{{labels}}} {count}"));
        }
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (name, kind, help, value) in [
            (
                "corten_api_refused_total",
                "counter",
                "Requests that a policy has refused",
                number(&self.refused),
            ),
            (
                "corten_api_connections",
                "gauge",
                "Connections that are open",
                number(&self.connections),
            ),
            (
                "corten_api_hijacked",
                "gauge",
                "Connections that were taken over",
                number(&self.hijacked),
            ),
        ] {
            head(&mut out, name, kind, help);
            line(&mut out, &format!("{name} {value}"));
        }
        if let Some(lost) = spans_lost {
            let name = "corten_api_spans_lost_total";
            head(&mut out, name, "counter", "Spans that did not reach the collector");
            line(&mut out, &format!("{name} {lost}"));
        }
        head(&mut out, "corten_containers", "gauge", "Containers by state");
        for (state, count) in containers {
            line(&mut out, &format!("corten_containers{{state=\"{state}\"}} {count}"));
        }
        out
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    line(out, &format!("# HELP {name} {help}."));
    line(out, &format!("# TYPE {name} {kind}"));
}

fn line(out: &mut String, text: &str) {
    let _infallible = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_the_buckets_above_them() {
        let metrics = Metrics::default();
        metrics.count("ContainerList", 200, Duration::from_millis(3));
        metrics.count("ContainerList", 200, Duration::from_secs(20));
        let text = metrics.text(&BTreeMap::from([("running", 2)]), Some(3));
        for line in [
            "corten_api_request_seconds_bucket{operation=\"ContainerList\",code=\"200\",le=\"0.0025\"} 0",
            "corten_api_request_seconds_bucket{operation=\"ContainerList\",code=\"200\",le=\"0.005\"} 1",
            "corten_api_request_seconds_bucket{operation=\"ContainerList\",code=\"200\",le=\"10\"} 1",
            "corten_api_request_seconds_bucket{operation=\"ContainerList\",code=\"200\",le=\"+Inf\"} 2",
            "corten_api_request_seconds_count{operation=\"ContainerList\",code=\"200\"} 2",
            "corten_api_connections 0",
            "corten_api_spans_lost_total 3",
            "corten_containers{state=\"running\"} 2",
        ] {
            assert!(text.lines().any(|own| own == line), "{line} is not in {text}");
        }
    }
}
