//! Each attack where its wall is taken out: none may be held there, or the test of the wall would see nothing.

use std::collections::BTreeMap;
use std::process::Command;

use testkit::{Corten, Finished, on_terminal, wait_until};

use crate::attack::{ATTACKS, Attack, Falls};
use crate::engine::Engine;
use crate::finding::{Finding, Verdict};
use crate::ground::Ground;

/// The walls of a machine's own policy, if it has one, are not those that are asked about.
const NO_POLICY: &[&str] =
    &["--security-opt", "apparmor=unconfined", "--security-opt", "label=disable"];

/// One that the machine lacks says nothing: what is attacked is not there.
fn judge(findings: &[Finding], ground: &Ground, wrong: &mut Vec<String>) {
    for one in findings {
        match one.verdict {
            // A kernel without the call: nothing is between it and this attempt.
            Verdict::Held if one.error == "ENOSYS" => eprintln!("not on this machine: {one:?}"),
            Verdict::Held => wrong.push(format!("held without its wall: {one:?}")),
            Verdict::Absent => eprintln!("not on this machine: {one:?}"),
            Verdict::Inside => {}
            // What it says it has read is what the host has.
            Verdict::Escaped if one.detail.starts_with("secret-") => {
                assert_eq!(one.detail, ground.secret(), "{}", one.attack);
            }
            Verdict::Escaped => {}
        }
    }
}

fn names(attacks: &[&'static Attack]) -> Vec<&'static str> {
    attacks.iter().map(|attack| attack.name).collect()
}

#[test]
fn each_wall_is_seen_when_it_is_missing() {
    let (engine, ground) = Engine::corten();
    let mut groups: BTreeMap<&[&str], Vec<&Attack>> = BTreeMap::new();
    for attack in ATTACKS {
        if let Falls::With(flags) = attack.falls {
            groups.entry(flags).or_default().push(attack);
        }
    }
    let mut wrong = Vec::new();
    for (flags, attacks) in groups {
        let flags = [flags, NO_POLICY].concat();
        let found = engine.attempt(&ground, &flags, &names(&attacks));
        assert_eq!(found.len(), attacks.len(), "{flags:?}: {found:#?}");
        judge(&found, &ground, &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    wait_until("the signal has come to the host's process", || ground.is_signalled());
}

/// What no flag takes out: there is no container at all.
#[test]
fn a_chroot_is_no_wall() {
    testkit::enter_host();
    let ground = Ground::new();
    let attacks: Vec<&Attack> =
        ATTACKS.iter().filter(|attack| attack.falls == Falls::InAChroot).collect();
    let mut command = Command::new("bash");
    command.args(["-c", "exec 9< /; exec chroot \"$@\"", "bash", &ground.text("image")]);
    command.args(["/attacks", "run"]).args(names(&attacks));
    let said = Finished::from(ground.in_session(&command).output().unwrap());
    let found = Finding::all(&said.stdout);
    assert_eq!(found.len(), attacks.len(), "{said:#?}");
    let mut wrong = Vec::new();
    judge(&found, &ground, &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(found.iter().all(|one| one.verdict == Verdict::Escaped), "{found:#?}");
}

/// What no flag takes out holds in a container that has nothing else; the caller's keys, too, where no filter keeps anybody from asking.
#[test]
fn a_privileged_container_is_a_container() {
    let (engine, ground) = Engine::corten();
    let attacks: Vec<&Attack> =
        ATTACKS.iter().filter(|attack| attack.falls == Falls::InAChroot).collect();
    let found = engine.attempt(&ground, &["--privileged"], &names(&attacks));
    assert_eq!(found.len(), attacks.len(), "{found:#?}");
    assert!(found.iter().all(|one| one.verdict == Verdict::Held), "{found:#?}");
}

/// Walls that stand where somebody asks for them.
#[test]
fn walls_that_are_asked_for_hold() {
    let (engine, ground) = Engine::corten();
    for (flags, names) in [
        (&["--cap-drop", "NET_RAW"][..], &["raw-frames"][..]),
        (&["--security-opt", "no-new-privileges"], &["set-user-id"]),
        (
            &["--cap-drop", "ALL", "--security-opt", "seccomp=unconfined"],
            &["chroot-escape", "disk", "raw-frames", "mount", "kernel-log-device"],
        ),
    ] {
        let found = engine.attempt(&ground, flags, names);
        assert_eq!(found.len(), names.len(), "{found:#?}");
        assert!(found.iter().all(|one| one.verdict == Verdict::Held), "{flags:?}: {found:#?}");
    }
}

/// A caller's terminal is never the container's: it has one of its own, or pipes.
#[test]
fn nobody_types_on_the_callers_terminal() {
    let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
    let image = crate::ground::image();
    corten.ok(&["import", image.path().join("image.tar").to_str().unwrap(), "attacks"]);
    let on = |flags: &[&str]| {
        let line = [&["run", "--rm", "--network", "none"], flags];
        let words = ["attacks", "/attacks", "run", "type-words", "console-keys"];
        let all = [&line.concat()[..], &words].concat();
        on_terminal(corten.command().args(all), &[])
    };
    for flags in [&[][..], &["-i"]] {
        let said = on(flags);
        assert!(said.contains("type-words\tabsent"), "{flags:?}: {said}");
        assert!(said.contains("console-keys\theld"), "{flags:?}: {said}");
        assert!(!said.contains('#'), "{flags:?}: {said}");
    }
    let refused = on(&["--log-driver", "passthrough"]);
    assert!(
        refused.contains("the caller's terminal") && refused.contains("[code 125"),
        "{refused}"
    );
    // It can tell: a terminal of its own is typed on, and what is typed there nobody else reads.
    let said = on(&["-t"]);
    assert!(said.contains("type-words\tinside\t-\t/dev/"), "{said}");
    assert!(said.ends_with("restored]"), "{said}");
}
