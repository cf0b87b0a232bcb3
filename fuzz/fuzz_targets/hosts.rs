//! Arbitrary text as files that say how registries are reached: containerd's, containers' and dockerd's.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use registry::{BadRules, Daemon, HostRules, RegistriesConf, hosts_toml};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let file = Path::new("/etc/file");
    match kind % 3 {
        0 => match hosts_toml(text, file, "registry.example") {
            Ok(rule) => {
                let fields = rule.mirrors.iter().flat_map(|mirror| &mirror.headers);
                fields.chain(&rule.headers).for_each(|(name, value)| is_a_field(name, value));
                ask(&HostRules { registries: vec![rule], ..HostRules::default() });
            }
            Err(bad) => is_one_line(&bad, text),
        },
        1 => {
            let mut conf = RegistriesConf::default();
            match conf.add(text, file) {
                Ok(()) => {
                    // The same file once more replaces itself.
                    let once = conf.clone().into_rules();
                    conf.add(text, file).expect("it was taken before");
                    let twice = conf.into_rules();
                    assert_eq!(format!("{once:?}"), format!("{twice:?}"));
                    ask(&once);
                }
                Err(bad) => is_one_line(&bad, text),
            }
        }
        _ => {
            if let Err(bad) = Daemon::parse(text, file) {
                is_one_line(&bad, text);
            }
        }
    }
});

fn ask(rules: &HostRules) {
    for (domain, path) in [("registry.example", "a/b"), ("a.example.org", "x"), ("::1", "")] {
        let _found = rules.rule(domain, path);
    }
    for name in ["busybox", "registry.example/a:1", "a/b"] {
        let names = rules.candidates(name).expect("the name is one");
        assert!(!names.is_empty());
    }
}

fn is_a_field(name: &str, value: &str) {
    assert!(!name.is_empty() && name.is_ascii() && !name.contains([':', ' ', '\r', '\n']));
    assert!(!value.contains(['\r', '\n', '\0']), "{value:?}");
}

/// An error is one line, and its place is in the file.
fn is_one_line(bad: &BadRules, text: &str) {
    assert!(!bad.to_string().contains('\n'), "{bad}");
    let lines = text.split('\n').count();
    assert!(bad.line.is_none_or(|line| (1..=lines).contains(&line)), "{bad:?} of {lines}");
}
