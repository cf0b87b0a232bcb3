//! Spans of requests, at a collector.

use serde_json::{Value, json};
use testkit::{ApiServer, Corten, Response, ScriptedServer, signal};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn spans(request: &testkit::Request) -> Vec<Value> {
    let document: Value = serde_json::from_slice(&request.body).unwrap();
    let found = &document["resourceSpans"][0];
    let attributes = found["resource"]["attributes"].as_array().unwrap();
    let name = json!({ "key": "service.name", "value": { "stringValue": "docks" } });
    assert!(attributes.contains(&name), "{attributes:?}");
    found["scopeSpans"][0]["spans"].as_array().unwrap().clone()
}

#[test]
fn a_request_is_a_span_of_its_clients_trace() {
    let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
    let collector = ScriptedServer::start(|_request| Response::new(200).body("{}"));
    let mut command = corten.command();
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.host()))
        .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20eA%3D%3D")
        .env("OTEL_SERVICE_NAME", "docks");
    let mut api = ApiServer::start_by(&corten, command);
    let header = format!("traceparent: {PARENT}\r\n");
    assert_eq!(api.send_with("GET", "/v1.41/containers/none/json?x=1", &header, b"").status, 404);
    assert_eq!(api.get("/version").status, 200);
    // Who ends sends what it has.
    signal("TERM", api.pid());
    assert_eq!(api.wait(), Some(0));
    let requests = collector.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!((requests[0].method.as_str(), requests[0].path()), ("POST", "/v1/traces"));
    assert_eq!(requests[0].header("authorization"), Some("Basic eA=="));
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    let spans = spans(&requests[0]);
    let names: Vec<_> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ContainerInspect", "SystemVersion"]);
    assert_eq!(spans[0]["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(spans[0]["parentSpanId"], "b7ad6b7169203331");
    assert_eq!(spans[1].get("parentSpanId"), None);
    let attributes: Vec<_> = spans[0]["attributes"].as_array().unwrap().clone();
    for (key, value) in [
        ("http.request.method", json!({ "stringValue": "GET" })),
        ("http.route", json!({ "stringValue": "/containers/{name}/json" })),
        ("url.path", json!({ "stringValue": "/v1.41/containers/none/json" })),
        ("http.response.status_code", json!({ "intValue": "404" })),
    ] {
        assert!(attributes.contains(&json!({ "key": key, "value": value })), "{attributes:?}");
    }
    let time =
        |place: usize, name: &str| spans[place][name].as_str().unwrap().parse::<u64>().unwrap();
    assert!(time(0, "startTimeUnixNano") <= time(0, "endTimeUnixNano"));
    // An answer's end comes before what is asked behind it.
    assert!(time(0, "endTimeUnixNano") <= time(1, "startTimeUnixNano"));
}

#[test]
fn a_collector_that_is_not_there_costs_its_spans_alone() {
    let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
    let mut command = corten.command();
    command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9/v1/traces");
    let mut api = ApiServer::start_by(&corten, command);
    assert_eq!(api.get("/version").status, 200);
    let metrics = String::from_utf8(api.get("/metrics").body).unwrap();
    assert!(metrics.contains("corten_api_spans_lost_total 0\n"), "{metrics}");
    signal("TERM", api.pid());
    assert_eq!(api.wait(), Some(0));
    let mut wrong = corten.command();
    wrong.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    let wrong = wrong.env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc").args(["serve"]).output().unwrap();
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(told.contains("OTEL_EXPORTER_OTLP_PROTOCOL is grpc"), "{told}");
    assert_eq!(wrong.status.code(), Some(1));
}
