//! Volumes by the Docker Engine API, as bytes on its socket.

use serde_json::{Value, json};
use testkit::{ApiServer, Corten};

fn served() -> (Corten, ApiServer) {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    let api = ApiServer::start(&corten);
    // The server ends first.
    (corten, api)
}

fn listed(api: &ApiServer, filters: &str) -> Vec<String> {
    let filters = filters.replace('"', "%22");
    let list = api.get(&format!("/volumes?filters={filters}")).expect(200);
    assert_eq!(list["Warnings"], Value::Null);
    let volumes = list["Volumes"].as_array().unwrap().iter();
    volumes.map(|own| own["Name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_volume_is_made_looked_at_and_removed() {
    let (corten, api) = served();
    let create = |body: &Value| api.post("/v1.41/volumes/create", body);
    let body =
        json!({ "Name": "data", "Driver": "local", "DriverOpts": {}, "Labels": { "a": "b" } });
    let made = create(&body).expect(201);
    assert_eq!(
        (&made["Name"], &made["Driver"], &made["Scope"]),
        (&json!("data"), &json!("local"), &json!("local"))
    );
    // One that is there stays as it is.
    let again = json!({ "Name": "data", "DriverOpts": { "type": "tmpfs", "device": "tmpfs" } });
    assert_eq!(create(&again).expect(201), made);
    assert_eq!(api.get("/volumes/data").expect(200), made);
    let nameless = create(&json!({})).expect(201);
    assert_eq!(nameless["Name"].as_str().unwrap().len(), 64);
    assert_eq!(create(&json!({ "Name": "x", "DriverOpts": { "foo": "bar" } })).status, 400);
    assert_eq!(create(&json!({ "Name": "x/y" })).status, 400);
    assert!(
        create(&json!({ "Name": "x", "Driver": "nope" }))
            .refusal(404)
            .contains("plugin \"nope\" not found")
    );
    assert_eq!(api.post("/v1.42/volumes/create", &json!({ "ClusterVolumeSpec": {} })).status, 503);
    assert_eq!(api.get("/volumes/nothing").refusal(404), "get nothing: no such volume");
    corten.ok(&["create", "--name", "holder", "-v", "data:/d", "busybox", "true"]);
    assert!(api.delete("/volumes/data?force=1").refusal(409).contains("holder"));
    assert_eq!(listed(&api, r#"{"dangling":["false"]}"#), ["data"]);
    corten.ok(&["rm", "holder"]);
    assert_eq!(api.delete("/volumes/data").status, 204);
    assert_eq!(api.delete("/volumes/data").status, 404);
    assert_eq!(api.delete("/volumes/data?force=true").status, 204);
}

#[test]
fn lists_are_by_filters() {
    let (corten, api) = served();
    corten.ok(&["volume", "create", "--label", "a=b", "one"]);
    corten.ok(&["volume", "create", "two"]);
    assert_eq!(listed(&api, "{}"), ["one", "two"]);
    assert_eq!(listed(&api, r#"{"label":{"a":true}}"#), ["one"]);
    assert_eq!(listed(&api, r#"{"name":["t"],"driver":["local"]}"#), ["two"]);
    assert!(listed(&api, r#"{"driver":["nfs"]}"#).is_empty());
    assert_eq!(api.get("/volumes?filters=%7B%22a%22:[%22b%22]%7D").status, 400);
}

#[test]
fn a_prune_takes_named_volumes_before_1_42_and_by_a_filter() {
    let (corten, api) = served();
    let make = || {
        corten.ok(&["volume", "create", "named"]);
        corten.ok(&["volume", "create"])
    };
    let prune = |path: &str| {
        let pruned = api.post(path, &json!({})).expect(200);
        assert!(pruned["SpaceReclaimed"].is_u64());
        let deleted = pruned["VolumesDeleted"].as_array().cloned().unwrap_or_default();
        deleted.iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let nameless = make();
    assert_eq!(prune("/v1.42/volumes/prune"), [nameless.as_str()]);
    assert!(prune("/v1.42/volumes/prune").is_empty());
    assert_eq!(prune("/v1.42/volumes/prune?filters=%7B%22all%22:[%22true%22]%7D"), ["named"]);
    make();
    assert_eq!(prune("/v1.41/volumes/prune").len(), 2);
    assert_eq!(
        api.post("/volumes/prune?filters=%7B%22all%22:[%22x%22]%7D", &json!({})).status,
        400
    );
    assert_eq!(api.send("PUT", "/v1.42/volumes/named", b"{}").status, 503);
}
