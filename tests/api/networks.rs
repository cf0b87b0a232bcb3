//! Networks by the Docker Engine API, as bytes on its socket.

use serde_json::{Value, json};
use testkit::{ApiServer, Corten};

fn served() -> (Corten, ApiServer) {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    let api = ApiServer::start(&corten);
    // The server ends first.
    (corten, api)
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|own| own["Name"].as_str()).collect()
}

#[test]
fn a_network_is_made_looked_at_and_removed() {
    let (_corten, api) = served();
    let body = json!({
        "Name": "web", "CheckDuplicate": true, "Internal": true, "Attachable": true, "Unknown": 1,
        "IPAM": { "Driver": "default", "Config": [{
            "Subnet": "10.77.0.0/24", "Gateway": "10.77.0.9", "IPRange": "10.77.0.128/25",
            "AuxiliaryAddresses": { "a": "10.77.0.5" },
        }] },
        "Labels": { "x": "y" }, "Options": { "com.docker.network.bridge.enable_icc": "false" },
    });
    let made = api.post("/v1.41/networks/create", &body).expect(201);
    assert_eq!(made["Warning"], "");
    let id = made["Id"].as_str().unwrap();
    for name in ["web", id, &id[..12]] {
        let found = api.get(&format!("/networks/{name}")).expect(200);
        assert_eq!(found["IPAM"]["Config"], body["IPAM"]["Config"], "{name}");
        assert_eq!((&found["Labels"], &found["Options"]), (&body["Labels"], &body["Options"]));
        assert_eq!((&found["EnableIPv4"], &found["EnableIPv6"]), (&json!(true), &json!(false)));
    }
    let again = api.post("/networks/create", &body).refusal(409);
    assert_eq!(again, "network with name web already exists");
    let other = json!({ "Name": "other", "IPAM": { "Config": [{ "Subnet": "10.77.0.0/16" }] } });
    let overlaps = api.post("/networks/create", &other).refusal(403);
    assert!(overlaps.contains("Pool overlaps with other one on this address space"));
    assert_eq!(api.get("/networks/web?scope=swarm").refusal(404), "network web not found");
    assert_eq!(api.get("/networks/web?verbose=maybe").status, 400);
    assert_eq!(api.delete("/networks/web").status, 204);
    assert_eq!(api.delete("/networks/web").refusal(404), "network web not found");
}

#[test]
fn what_there_is_not_is_refused() {
    let (_corten, api) = served();
    for (body, status) in [
        (json!({ "Name": "bridge" }), 403),
        (json!({ "Name": "a", "Driver": "host" }), 403),
        (json!({ "Name": "a", "Driver": "nope" }), 404),
        (json!({ "Name": "a", "Driver": "overlay" }), 503),
        (json!({ "Name": "a", "Scope": "swarm" }), 503),
        (json!({ "Name": "a", "ConfigOnly": true }), 501),
        (json!({ "Name": "a", "IPAM": { "Driver": "dhcp" } }), 501),
        (json!({ "Name": "a", "IPAM": { "Config": [{ "Subnet": "10.1.2.3/8" }] } }), 400),
        (json!({ "Name": 1 }), 400),
        (json!([]), 400),
    ] {
        let answer = api.post("/networks/create", &body);
        assert_eq!(answer.status, status, "{body}: {}", answer.json());
        assert!(answer.json()["message"].is_string());
    }
    assert_eq!(names(&api.get("/networks").json()), ["bridge", "host", "none"]);
    assert!(api.delete("/networks/bridge").refusal(403).contains("pre-defined network"));
}

#[test]
fn lists_are_by_filters_and_say_less_since_1_28() {
    let (corten, api) = served();
    corten.ok(&["network", "create", "--label", "x=y", "web"]);
    corten.ok(&["run", "-d", "--name", "shop", "--network", "web", "busybox", "sleep", "1000"]);
    for (filters, expected) in [
        (r#"{"name":["we"]}"#, &["web"][..]),
        (r#"{"name":{"we":true}}"#, &["web"]),
        (r#"{"type":["builtin"]}"#, &["bridge", "host", "none"]),
        (r#"{"dangling":["true"]}"#, &[]),
        (r#"{"label":["x=y"],"driver":["bridge"],"scope":["local"]}"#, &["web"]),
        (r#"{"scope":["swarm"]}"#, &[]),
    ] {
        let path = format!("/networks?filters={}", filters.replace('"', "%22"));
        assert_eq!(names(&api.get(&path).expect(200)), expected, "{filters}");
    }
    assert_eq!(
        api.get("/networks?filters=%7B%22a%22:[%22b%22]%7D").refusal(400),
        "invalid filter 'a'"
    );
    assert_eq!(api.get("/networks?filters=x").status, 400);
    let web = |version: &str| {
        let list = api.get(&format!("/v{version}/networks")).expect(200);
        let all = list.as_array().unwrap();
        all.iter().find(|own| own["Name"] == "web").unwrap()["Containers"].clone()
    };
    assert_eq!(web("1.27").as_object().unwrap().len(), 1);
    assert_eq!((web("1.28"), web("1.51"), web("1.52")), (json!({}), json!({}), Value::Null));
    let status =
        |version: &str| api.get(&format!("/v{version}/networks/web")).json()["Status"].clone();
    assert_eq!(status("1.51"), Value::Null);
    let subnets = &status("1.52")["IPAM"]["Subnets"];
    // The network, its gateway, the container, and the address of all.
    let ipv4 = subnets.as_object().unwrap().iter().find(|(subnet, _)| !subnet.contains(':'));
    assert_eq!(ipv4.unwrap().1["IPsInUse"], 4);
}

#[test]
fn containers_come_into_networks_and_leave_them() {
    let (corten, api) = served();
    corten.ok(&["run", "-d", "--name", "shop", "busybox", "sleep", "1000"]);
    let network = json!({ "Name": "web", "IPAM": { "Config": [{ "Subnet": "10.55.0.0/24" }] } });
    let _made = api.post("/networks/create", &network).expect(201);
    let place = json!({ "Container": "shop", "EndpointConfig": {
        "IPAMConfig": { "IPv4Address": "10.55.0.77" }, "Aliases": ["till"], "Links": null,
        "MacAddress": "02:42:0a:37:00:4d", "DriverOpts": null, "GwPriority": 5,
    } });
    let connect = |body: &Value| api.post("/networks/web/connect", body);
    assert_eq!(connect(&place).status, 200);
    let inspected = api.get("/containers/shop/json").expect(200);
    let own = &inspected["NetworkSettings"]["Networks"]["web"];
    assert_eq!(
        (&own["IPAddress"], &own["MacAddress"]),
        (&json!("10.55.0.77"), &json!("02:42:0a:37:00:4d"))
    );
    assert_eq!((&own["Aliases"], &own["GwPriority"]), (&json!(["till"]), &json!(5)));
    assert_eq!(
        connect(&place).refusal(403),
        "endpoint with name shop already exists in network web"
    );
    assert_eq!(
        connect(&json!({ "Container": "nobody" })).refusal(404),
        "No such container: nobody"
    );
    assert_eq!(api.post("/networks/nowhere/connect", &place).status, 404);
    assert!(api.delete("/networks/web").refusal(403).contains("has active endpoints"));
    let leave = |body: &Value| api.post("/networks/web/disconnect", body);
    let shop = json!({ "Container": "shop", "Force": true });
    assert_eq!(leave(&shop).status, 200);
    assert_eq!(leave(&shop).refusal(403), "container shop is not connected to network web");
    let pruned = api.post("/networks/prune?filters=%7B%22label%22:[%22no%22]%7D", &json!({}));
    assert_eq!(pruned.expect(200), json!({ "NetworksDeleted": null }));
    let pruned = api.post("/networks/prune?filters=%7B%22until%22:[%220s%22]%7D", &json!({}));
    assert_eq!(pruned.expect(200), json!({ "NetworksDeleted": ["web"] }));
}
