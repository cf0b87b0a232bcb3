//! Whether and where traces are sent: OpenTelemetry's own variables say it, and nothing is sent where they do not. Source:
//! opentelemetry.io/docs/specs/otel, "OpenTelemetry Environment Variable Specification" and "OpenTelemetry Protocol Exporter".

use std::collections::BTreeMap;
use std::sync::Arc;

use api_docker::TraceConfig;
use registry::{Courier, Progress};

use crate::failure::Failure;
use crate::{config, registries};

const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
/// What this process is called where nobody says otherwise.
const SERVICE: &str = "corten";

/// Where the environment wants traces to be sent.
///
/// # Errors
/// For values that cannot be, and for another protocol than OTLP over HTTP in JSON.
pub(crate) fn traces() -> Result<Option<TraceConfig>, Failure> {
    traces_by(&|name| config::lookup(name).filter(|value| !value.is_empty()))
}

fn traces_by(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Option<TraceConfig>, Failure> {
    let is_off = lookup("OTEL_SDK_DISABLED")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || lookup("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
    let Some(address) = address(lookup).filter(|_| !is_off) else { return Ok(None) };
    let first =
        |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, lookup(name)?)));
    if let Some((name, protocol)) = first(PROTOCOLS).filter(|(_, value)| value != "http/json") {
        let words = format!("{name} is {protocol}: traces are sent as http/json alone");
        return Err(Failure::Words(words));
    }
    let headers = match first(HEADERS) {
        Some((name, text)) => pairs(name, &text)?,
        None => Vec::new(),
    };
    let mut resource = BTreeMap::from([("service.name".to_owned(), SERVICE.to_owned())]);
    resource.insert("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let name = "OTEL_RESOURCE_ATTRIBUTES";
    resource.extend(lookup(name).map(|text| pairs(name, &text)).transpose()?.unwrap_or_default());
    resource.extend(lookup("OTEL_SERVICE_NAME").map(|own| ("service.name".to_owned(), own)));
    let settings = registries::settings(Arc::new(Progress::default()), None, None)?;
    let courier = Courier::new(&settings, &address, &headers)
        .map_err(|error| Failure::Words(format!("send traces: {error}")))?;
    Ok(Some(TraceConfig { courier, resource }))
}

/// The one for traces as it is, else the one for everything with the path of traces.
fn address(lookup: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    lookup("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| {
        let base = lookup("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        Some(format!("{}/v1/traces", base.trim_end_matches('/')))
    })
}

/// `NAME=VALUE,…`, values in percent signs where they need it.
fn pairs(variable: &str, text: &str) -> Result<Vec<(String, String)>, Failure> {
    let pair = |pair: &str| {
        let wrong =
            || Failure::Words(format!("{variable}: {pair:?} is not of the form NAME=VALUE"));
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8();
        Ok((name.trim().to_owned(), value.map_err(|_bytes| wrong())?.into_owned()))
    };
    text.split(',').filter(|pair| !pair.trim().is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Option<TraceConfig>, Failure> {
        traces_by(&|name| {
            let found = variables.iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_is_sent_where_nobody_asks() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert!(with(&[]).unwrap().is_none());
        assert!(with(&[endpoint, ("OTEL_SDK_DISABLED", "true")]).unwrap().is_none());
        assert!(with(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]).unwrap().is_none());
        assert!(with(&[endpoint]).unwrap().is_some());
    }

    #[test]
    fn the_environment_names_the_process() {
        let config = with(&[
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/x"),
            ("OTEL_RESOURCE_ATTRIBUTES", "host.name=a%20b, service.name=other"),
            ("OTEL_SERVICE_NAME", "mine"),
        ]);
        let resource = config.unwrap().unwrap().resource;
        assert_eq!(resource["service.name"], "mine");
        assert_eq!(resource["host.name"], "a b");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        for wrong in [
            &[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")][..],
            &[endpoint, ("OTEL_EXPORTER_OTLP_HEADERS", "alone")],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://127.0.0.1")],
        ] {
            assert!(with(wrong).is_err(), "{wrong:?}");
        }
    }
}
