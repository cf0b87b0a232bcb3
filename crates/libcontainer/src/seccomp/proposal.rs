//! A profile of what was recorded, in Docker's form: everything is refused but the calls that were made. Start at [`propose`].

use serde_json::{Value, json};

use super::recording::Calls;
use super::{Architecture, SeccompError};

/// What every run may need whether or not one has: the kernel's own way back from a signal and to a call that was interrupted, the
/// ends of threads and processes, and by sendmsg(2) we tell why a program cannot be begun.
const ALWAYS: [&str; 5] = ["exit", "exit_group", "restart_syscall", "rt_sigreturn", "sendmsg"];

/// Why nothing can be added to an earlier profile.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// It is no profile.
    #[error(transparent)]
    Profile(#[from] spec::seccomp_profile::ProfileError),
    /// It is no object of JSON.
    #[error("read the document")]
    Document(#[from] serde_json::Error),
    /// It could never be tighter.
    #[error("it allows what it does not name, so there is nothing to add")]
    Allows,
    /// It cannot be compiled.
    #[error(transparent)]
    Compile(#[from] SeccompError),
}

/// A profile, and which calls it lacks because they have no name here: `AUDIT_ARCH_…` and number.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The document.
    pub text: String,
    /// How many calls it names.
    pub calls: usize,
    /// How many of them an earlier profile did not allow.
    pub added: usize,
    /// Calls without a name.
    pub nameless: Vec<(u32, u32)>,
}

/// Proposes a profile: an earlier one with what is missing in it, or a new one.
///
/// # Errors
/// When the earlier one is none.
pub fn propose(calls: &Calls, earlier: Option<&str>) -> Result<Proposal, ProposalError> {
    let (named, nameless) = calls.named();
    let mut names: Vec<&str> = named.values().flatten().copied().chain(ALWAYS).collect();
    names.sort_unstable();
    names.dedup();
    let mut architectures: Vec<Architecture> = vec![Architecture::native()];
    architectures.extend(named.keys().filter(|key| **key != Architecture::native()));
    let architectures: Vec<String> = architectures.into_iter().map(Architecture::name).collect();
    let mut document = match earlier {
        None => json!({
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": [], "syscalls": [],
        }),
        Some(text) => {
            let _profile: spec::SeccompProfile = text.parse()?;
            serde_json::from_str(text)?
        }
    };
    if matches!(document["defaultAction"].as_str(), Some("SCMP_ACT_ALLOW" | "SCMP_ACT_LOG")) {
        return Err(ProposalError::Allows);
    }
    add_architectures(&mut document, architectures);
    let added = add_calls(&mut document, &names);
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(Proposal { text, calls: names.len(), added, nameless })
}

/// `archMap`, where the earlier profile has that, names all that a machine can run.
fn add_architectures(document: &mut Value, names: Vec<String>) {
    if document["archMap"].as_array().is_some_and(|map| !map.is_empty()) {
        return;
    }
    let known = &mut document["architectures"];
    if !known.is_array() {
        *known = json!([]);
    }
    if let Value::Array(known) = known {
        let new: Vec<Value> =
            names.into_iter().map(Value::from).filter(|name| !known.contains(name)).collect();
        known.extend(new);
    }
}

/// Adds names to the first rule that allows without a condition; gives how many were missing.
fn add_calls(document: &mut Value, names: &[&str]) -> usize {
    let rules = &mut document["syscalls"];
    if !rules.is_array() {
        *rules = json!([]);
    }
    let Value::Array(rules) = rules else { return 0 };
    let allowed = |rule: &Value, name: &str| {
        is_plain(rule)
            && (rule["name"] == name
                || rule["names"]
                    .as_array()
                    .is_some_and(|names| names.iter().any(|own| own == name)))
    };
    let missing: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| !rules.iter().any(|rule| allowed(rule, name)))
        .collect();
    let added = missing.len();
    let place = rules.iter().position(|rule| is_plain(rule) && rule["names"].is_array());
    match place.and_then(|place| rules[place]["names"].as_array_mut()) {
        Some(known) => {
            known.extend(missing.into_iter().map(Value::from));
            known.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
        }
        None if added > 0 => rules.push(json!({ "names": missing, "action": "SCMP_ACT_ALLOW" })),
        None => {}
    }
    added
}

/// Whether a rule allows calls whatever their arguments are, and wherever it is.
fn is_plain(rule: &Value) -> bool {
    let is_empty = |key: &str| match &rule[key] {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    rule["action"] == "SCMP_ACT_ALLOW" && ["args", "includes", "excludes"].into_iter().all(is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(names: &[&str]) -> Calls {
        let native = Architecture::X86_64;
        names.iter().map(|name| (native.audit(), native.number(name).unwrap())).collect()
    }

    #[test]
    fn a_new_profile_allows_what_was_used_and_compiles() {
        let proposal = propose(&calls(&["read", "openat"]), None).unwrap();
        assert_eq!((proposal.calls, proposal.added), (7, 7));
        let document: Value = serde_json::from_str(&proposal.text).unwrap();
        let expected =
            ["exit", "exit_group", "openat", "read", "restart_syscall", "rt_sigreturn", "sendmsg"];
        assert_eq!(
            document["syscalls"],
            json!([{ "names": expected, "action": "SCMP_ACT_ALLOW" }])
        );
        assert_eq!(document["architectures"], json!(["SCMP_ARCH_X86_64"]));
        let _parsed: spec::SeccompProfile = proposal.text.parse().unwrap();
    }

    #[test]
    fn an_earlier_profile_keeps_what_it_says() {
        let earlier = r#"{"defaultAction": "SCMP_ACT_KILL_PROCESS",
            "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
            "syscalls": [
                {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
                {"names": ["read", "sendmsg"], "action": "SCMP_ACT_ALLOW", "comment": "ours"},
                {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}}]}"#;
        let proposal = propose(&calls(&["read", "clone", "mount"]), Some(earlier)).unwrap();
        assert_eq!(proposal.added, 6, "all but read and sendmsg");
        let document: Value = serde_json::from_str(&proposal.text).unwrap();
        assert_eq!(document["defaultAction"], "SCMP_ACT_KILL_PROCESS");
        assert_eq!(document["syscalls"][1]["comment"], "ours");
        assert_eq!(document["syscalls"][1]["names"].as_array().unwrap().len(), 8);
        assert_eq!(document["syscalls"][2]["names"], json!(["mount"]));
        assert_eq!(document.get("architectures"), None);
        let again = propose(&calls(&["read"]), Some(&proposal.text)).unwrap();
        assert_eq!((again.added, again.text), (0, proposal.text));
    }

    #[test]
    fn what_is_no_profile_gets_nothing_added() {
        for (text, why) in [
            ("{", "EOF"),
            (r#"{"defaultAction": "SCMP_ACT_SULK"}"#, "SCMP_ACT_SULK"),
            (r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#, "nothing to add"),
        ] {
            let error = propose(&calls(&["read"]), Some(text)).unwrap_err();
            assert!(crate::chain(&error).contains(why), "{}", crate::chain(&error));
        }
    }
}
