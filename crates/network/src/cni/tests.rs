//! Plugins that are scripts: what they are told, in which order, and what is left when they fail.

use std::os::unix::fs::PermissionsExt;

use super::*;

/// A directory with plugins that are scripts: each writes down how it was called and what it read.
struct Bed(tempfile::TempDir);

impl Bed {
    fn new(plugins: &[(&str, &str)]) -> Self {
        let bed = Self(tempfile::tempdir().unwrap());
        for (name, then) in plugins {
            let log = bed.path().join("log");
            let script = format!(
                "#!/bin/sh\nread -r input\necho \"$CNI_COMMAND {name} $CNI_IFNAME $CNI_NETNS $CNI_ARGS $input\" >> {}\n{then}\n",
                log.display()
            );
            bed.write(name, &script);
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(bed.path().join(name), mode).unwrap();
        }
        bed
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    #[expect(clippy::disallowed_methods, reason = "of the test's own")]
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    fn place(&self, plugins: &Value) -> Place {
        let list = json!({"name": "lab", "version": "1.0.0", "plugins": plugins});
        Place {
            list: serde_json::from_value(list).unwrap(),
            programs: vec![self.path().to_owned()],
            container: "c0ffee".to_owned(),
            name: "web".to_owned(),
            interface: "eth0".to_owned(),
            addresses: Vec::new(),
            hardware: None,
            aliases: Vec::new(),
            ports: Vec::new(),
        }
    }

    fn calls(&self) -> Vec<String> {
        let words = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
        self.log().lines().map(words).collect()
    }
}

const ANSWER: &str = r#"printf '%s\n' '{"cniVersion":"1.0.0","interfaces":[{"name":"br0","mac":"02:00:00:00:00:01"},{"name":"eth0","mac":"02:00:00:00:00:02","sandbox":"/n"}],"ips":[{"interface":1,"address":"10.1.0.2/16","gateway":"10.1.0.1"},{"interface":0,"address":"10.1.0.1/16"}],"dns":{"nameservers":["10.1.0.1","no address"],"search":["lab","bad word"]}}'"#;

#[test]
fn plugins_are_run_in_their_order_and_backwards() {
    let bed = Bed::new(&[("one", ANSWER), ("two", ANSWER)]);
    let mut place = bed.place(&json!([
        {"type": "one", "capabilities": {"ips": true, "portMappings": true}},
        {"type": "two", "capabilities": {"mac": false}}
    ]));
    place.addresses = vec!["10.1.0.2".parse().unwrap()];
    place.hardware = Some("02:00:00:00:00:02".parse().unwrap());
    let answer = attach(&place, Path::new("/n"), bed.path()).unwrap();
    assert_eq!(answer.addresses, ["10.1.0.2/16".parse().unwrap()]);
    assert_eq!(answer.gateways, ["10.1.0.1".parse::<IpAddr>().unwrap()]);
    assert_eq!(answer.hardware, place.hardware);
    assert_eq!(answer.dns.servers.len(), 1);
    assert_eq!(answer.dns.search, ["lab"]);
    assert_eq!(Record::all(bed.path()).unwrap()[0].answer().unwrap(), answer);
    let log = bed.log();
    let lines: Vec<_> = log.lines().collect();
    assert!(lines[0].contains(r#""runtimeConfig":{"ips":["10.1.0.2"]}"#), "{log}");
    assert!(
        lines[0].contains("eth0 /n IgnoreUnknown=1;K8S_POD_NAME=web;MAC=02:00:00:00:00:02"),
        "{log}"
    );
    assert!(!lines[0].contains("prevResult") && lines[1].contains("prevResult"), "{log}");
    assert!(!log.contains("capabilities") && !lines[1].contains("runtimeConfig"), "{log}");
    detach_all(None, bed.path()).unwrap();
    assert_eq!(bed.calls(), ["ADD one", "ADD two", "DEL two", "DEL one"]);
    assert_eq!(bed.log().matches("prevResult").count(), 3);
    assert_eq!(Record::all(bed.path()).unwrap(), []);
}

#[test]
fn one_that_fails_makes_all_take_back_what_they_did() {
    let refusal = r#"printf '%s\n' '{"code":7,"msg":"no more","details":"of \u001bthem"}'; exit 1"#;
    for (script, words) in [
        (refusal, "CNI plugin two: no more: of them (code 7)"),
        ("echo it broke >&2; exit 3", "CNI plugin two: exit status 3: it broke"),
        ("kill -9 $$", "CNI plugin two: ended by signal 9"),
        (
            "echo no JSON",
            "CNI plugin two: its answer cannot be read: expected ident at line 1 column 2",
        ),
        ("true", "CNI plugin two: its answer cannot be read: it said nothing"),
    ] {
        let two = format!("[ $CNI_COMMAND = DEL ] && exit; {script}");
        let bed = Bed::new(&[("one", ANSWER), ("two", &two)]);
        let place = bed.place(&json!([{"type": "one"}, {"type": "two"}]));
        let error = attach(&place, Path::new("/n"), bed.path()).unwrap_err();
        assert_eq!(error.to_string(), words);
        assert_eq!(bed.calls(), ["ADD one", "ADD two", "DEL two", "DEL one"]);
        assert_eq!(Record::all(bed.path()).unwrap(), []);
    }
    let bed = Bed::new(&[("one", ANSWER)]);
    let error = attach(&bed.place(&json!([{"type": "none"}])), Path::new("/n"), bed.path());
    let words = error.unwrap_err().to_string();
    assert!(words.starts_with("CNI plugin none: no such program in /"), "{words}");
    assert_eq!(Record::all(bed.path()).unwrap(), []);
}

#[test]
fn what_is_not_taken_back_is_tried_again() {
    let stuck =
        format!("[ -e \"$(dirname $0)/stuck\" ] && [ $CNI_COMMAND = DEL ] && exit 1; {ANSWER}");
    let bed = Bed::new(&[("one", ANSWER), ("two", &stuck)]);
    let place = bed.place(&json!([{"type": "one"}, {"type": "two"}]));
    attach(&place, Path::new("/n"), bed.path()).unwrap();
    bed.write("stuck", "");
    let error = detach_all(None, bed.path()).unwrap_err();
    assert!(error.to_string().starts_with("CNI plugin two: exit status 1"), "{error}");
    assert_eq!(Record::all(bed.path()).unwrap().len(), 1);
    std::fs::remove_file(bed.path().join("stuck")).unwrap();
    detach_all(None, bed.path()).unwrap();
    assert_eq!(bed.calls()[2..], ["DEL two", "DEL one", "DEL two", "DEL one"]);
    assert_eq!(Record::all(bed.path()).unwrap(), []);
}

#[test]
fn another_address_than_the_wanted_is_no_success() {
    let bed = Bed::new(&[("one", ANSWER)]);
    let mut place = bed.place(&json!([{"type": "one"}]));
    place.addresses = vec!["10.1.0.9".parse().unwrap()];
    let error = attach(&place, Path::new("/n"), bed.path()).unwrap_err();
    let words = "network cni:lab: its plugins did not give the wanted address 10.1.0.9";
    assert_eq!(error.to_string(), words);
    assert!(bed.log().contains(";IP=10.1.0.9 "));
    assert_eq!(bed.calls(), ["ADD one", "DEL one"]);
}

#[test]
fn a_list_is_found_by_its_name() {
    let bed = Bed::new(&[]);
    let find = |name| ConfigList::find(bed.path(), name).map_err(|error| error.to_string());
    bed.write("20-b.conflist", r#"{"name":"lab","cniVersion":"0.4.0","plugins":[{"type":"x"}]}"#);
    bed.write("10-a.conf", r#"{"name":"lab","cniVersion":"0.3.1","type":"first"}"#);
    bed.write("30-c.conflist", r#"{"name":"new","cniVersion":"1.1.0","cniVersions":["0.4.0","1.0.0"],"plugins":[{"type":"x"}]}"#);
    bed.write("readme.txt", "no list");
    let lab = find("lab").unwrap();
    assert_eq!((lab.version.as_str(), config::kind(&lab.plugins[0])), ("0.3.1", "first"));
    assert_eq!(find("new").unwrap().version, "1.0.0");
    assert!(find("other").unwrap_err().starts_with("network cni:other: no file in /"));
    for (text, why) in [
        ("{", "EOF while parsing an object at line 1 column 1"),
        (r#"{"name":"other"}"#, "its version of CNI is none: 0.3.1, 0.4.0, 1.0.0 are supported"),
        (
            r#"{"name":"other","cniVersion":"0.2.0"}"#,
            "its version of CNI is 0.2.0: 0.3.1, 0.4.0, 1.0.0 are supported",
        ),
        (r#"{"name":"other","cniVersion":"1.0.0"}"#, "the type \"\" names no plugin"),
        (
            r#"{"name":"other","cniVersion":"1.0.0","type":"../x"}"#,
            "the type \"../x\" names no plugin",
        ),
        (r#"{"name":"other","cniVersion":"1.0.0","plugins":[]}"#, "it has no plugins"),
        (r#"{"name":"other","cniVersion":"1.0.0","plugins":{}}"#, "plugins is no list"),
        (r#"{"name":"other","cniVersion":"1.0.0","plugins":["x"]}"#, "a plugin is no object"),
    ] {
        bed.write("40-d.conflist", text);
        let words = find("other").unwrap_err();
        assert!(words.contains("40-d.conflist: ") && words.ends_with(why), "{words}");
        assert!(find("lab").is_ok());
    }
    let nowhere = ConfigList::find(Path::new("/nowhere"), "lab").unwrap_err().to_string();
    assert_eq!(nowhere, "network cni:lab: no file in /nowhere has a list of that name");
}
