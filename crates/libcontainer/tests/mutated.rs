//! A configuration with nearly every field, each of which is exchanged for something wrong, one at a time: it is read and
//! planned, or refused in words that name a field or the place in the text. Nothing panics. Needs no kernel.
#![forbid(unsafe_code)]

#[cfg(test)]
mod tests {
    use libcontainer::cgroup::{Controller, Hierarchy, Layout, LayoutKind};
    use libcontainer::{Context, chain, plan};
    use serde_json::{Value, json};
    use spec::runtime::{Process, Resources, Spec};

    const FULL: &str = include_str!("mutated/config.json");

    /// What a refusal begins with.
    const FIELDS: [&str; 9] = [
        "ociVersion",
        "process",
        "root",
        "hostname",
        "domainname",
        "mounts",
        "hooks",
        "annotations",
        "linux",
    ];

    fn context() -> Context {
        use Controller::{Blkio, Cpu, Cpuset, Devices, Hugetlb, Memory, Pids};
        let hierarchy = |name: &str, unified, controllers: &[Controller]| Hierarchy {
            mount: format!("/sys/fs/cgroup/{name}").into(),
            unified,
            controllers: controllers.to_vec(),
            own: String::new(),
        };
        let all = [Blkio, Cpu, Cpuset, Devices, Hugetlb, Memory, Pids];
        let hierarchies = vec![hierarchy("all", false, &all), hierarchy("unified", true, &[])];
        let layout = Layout { kind: LayoutKind::Hybrid, hierarchies };
        Context::new("web", "/bundle", layout)
    }

    fn wrong_values() -> Vec<Value> {
        vec![
            Value::Null,
            json!(true),
            json!(-1),
            json!(0),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1e300),
            json!(""),
            json!("a\0b"),
            json!("../../../etc"),
            json!("/a/../../b"),
            json!("%s%n\u{202e}é"),
            json!("x".repeat(70_000)),
            json!([]),
            json!(["x", null, 7]),
            json!({}),
            json!({"a": {"b": []}}),
        ]
    }

    /// Every place in a document, by its JSON pointer.
    fn places(value: &Value, at: &str, found: &mut Vec<String>) {
        found.push(at.to_owned());
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    places(value, &format!("{at}/{name}"), found);
                }
            }
            Value::Array(values) => {
                for (number, value) in values.iter().enumerate() {
                    places(value, &format!("{at}/{number}"), found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Exchanges each place of `document` for each wrong value; gives how many were read.
    fn mutate(document: &Value, take: impl Fn(&str, &str) -> bool) -> usize {
        let mut all = Vec::new();
        places(document, "", &mut all);
        let mut taken = 0;
        for place in &all {
            for wrong in wrong_values() {
                let mut mutated = document.clone();
                *mutated.pointer_mut(place).unwrap() = wrong;
                taken += usize::from(take(place, &mutated.to_string()));
            }
        }
        taken
    }

    #[test]
    fn the_whole_configuration_can_be_planned() {
        let spec = Spec::from_json(FULL.as_bytes()).unwrap();
        if let Err(error) = plan(&spec, &context()) {
            panic!("{}", chain(&error));
        }
    }

    #[test]
    fn a_wrong_value_anywhere_is_planned_or_refused_by_its_field() {
        let document: Value = serde_json::from_str(FULL).unwrap();
        let context = context();
        let planned = mutate(&document, |place, text| {
            let spec = match Spec::from_json(text.as_bytes()) {
                Ok(spec) => spec,
                Err(error) => {
                    assert!(!error.to_string().is_empty(), "{place}");
                    return false;
                }
            };
            match plan(&spec, &context) {
                Ok(plan) => {
                    // It is shown, and goes to a file.
                    assert!(!plan.to_string().is_empty());
                    serde_json::to_string(&plan).unwrap();
                    true
                }
                Err(error) => {
                    let words = chain(&error);
                    let named = FIELDS.iter().any(|field| words.starts_with(field));
                    assert!(named, "{place}: {words:.300}");
                    false
                }
            }
        });
        assert!(planned > 500, "{planned}");
    }

    /// A pointer as a message tells it: `/process/args/0` is `process.args[0]`.
    fn told(pointer: &str) -> String {
        let parts = pointer.split('/').skip(1).map(|part| match part.parse::<u32>() {
            Ok(number) => format!("[{number}]"),
            Err(_) => format!(".{part}"),
        });
        parts.collect::<String>().trim_start_matches('.').to_owned()
    }

    /// Puts a NUL byte into each string of `document`, one at a time; gives how many there are.
    fn with_nul(document: &Value, read: impl Fn(&str, &str)) -> usize {
        let mut all = Vec::new();
        places(document, "", &mut all);
        all.retain(|place| document.pointer(place).unwrap().is_string());
        for place in &all {
            let mut mutated = document.clone();
            let there = mutated.pointer_mut(place).unwrap();
            *there = json!(format!("{}\0x", there.as_str().unwrap()));
            read(place, &mutated.to_string());
        }
        all.len()
    }

    #[test]
    fn a_nul_byte_in_any_string_is_refused_by_its_field() {
        let mut document: Value = serde_json::from_str(FULL).unwrap();
        let refused = std::cell::Cell::new(0);
        let all = with_nul(&document, |place, text| {
            // Words of which there are only some are refused as such, by the place in the text.
            let error = Spec::from_json(text.as_bytes()).unwrap_err().to_string();
            if !error.contains("line 1 column") {
                refused.set(refused.get() + 1);
                assert_eq!(error, format!("{}: holds a NUL byte", told(place)));
            }
        });
        assert!(all > 90 && refused.get() > 70, "{} of {all}", refused.get());
        let spec = Spec::from_json(FULL.as_bytes()).unwrap();
        with_nul(&document["process"], |place, text| {
            let Ok(process) = serde_json::from_str::<Process>(text) else { return };
            let expected = format!("{}: holds a NUL byte", told(place));
            assert_eq!(Process::from_json(text.as_bytes()).unwrap_err().to_string(), expected);
            let expected = format!("process.{expected}");
            for planned in
                [libcontainer::plan_joining(&process, &spec), libcontainer::plan_process(&process)]
            {
                assert_eq!(planned.unwrap_err().to_string(), expected);
            }
        });
        document["linux"]["sysctl"] = json!({"net.x\0y": "1"});
        let error = Spec::from_json(document.to_string().as_bytes()).unwrap_err().to_string();
        assert_eq!(error, "linux.sysctl.net.x: holds a NUL byte");
    }

    #[test]
    fn a_process_and_resources_that_stand_alone_do_not_panic_either() {
        let document: Value = serde_json::from_str(FULL).unwrap();
        let spec = Spec::from_json(FULL.as_bytes()).unwrap();
        let read = mutate(&document["process"], |place, text| {
            let Ok(process) = Process::from_json(text.as_bytes()) else { return false };
            match libcontainer::plan_joining(&process, &spec) {
                Ok(_) => true,
                Err(error) => {
                    let words = chain(&error);
                    assert!(words.starts_with("process"), "{place}: {words:.300}");
                    false
                }
            }
        });
        assert!(read > 100, "{read}");
        let read = mutate(&document["linux"]["resources"], |_, text| {
            Resources::from_json(text.as_bytes()).is_ok()
        });
        assert!(read > 100, "{read}");
    }
}
