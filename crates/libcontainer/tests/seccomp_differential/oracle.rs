//! libseccomp behind a pipe: a small C program, built once for each run of the tests.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use libcontainer::seccomp::{Architecture, Instruction};
use spec::runtime::{Seccomp, SeccompAction, SeccompOperator, SyscallArg};

/// Asks libseccomp everything in `commands`; an answer for each line that has one.
pub(crate) fn ask(commands: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("oracle");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/seccomp_differential/oracle.c");
    let built =
        Command::new("cc").args(["-O1", "-o"]).arg(&program).args([source, "-lseccomp"]).output();
    let built = built.expect("run cc: install the Debian packages gcc and libseccomp-dev");
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "install the Debian package libseccomp-dev:\n{errors}");
    let mut child =
        Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(commands.as_bytes()).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "the oracle ended with {}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The token by which libseccomp knows an architecture: its audit value, but for x32.
pub(crate) fn token(architecture: Architecture) -> u32 {
    if architecture == Architecture::X32 { 62 | 0x4000_0000 } else { architecture.audit() }
}

/// Commands for a profile, as runc would drive libseccomp.
pub(crate) fn commands(profile: &Seccomp, optimize: u32) -> String {
    let default = value(profile.default_action, profile.default_errno_ret);
    let mut text = format!("begin {default} {optimize}\n");
    for name in &profile.architectures {
        let _ = writeln!(text, "arch {}", token(Architecture::from_name(name).unwrap()));
    }
    for rule in &profile.syscalls {
        let action = value(rule.action, rule.errno_ret);
        if action == default {
            continue;
        }
        for name in &rule.names {
            let _ = write!(text, "rule {action} {name} {}", rule.args.len());
            for SyscallArg { index, value, value_two, op } in &rule.args {
                let _ = write!(text, " {index} {} {value} {value_two}", operator(*op));
            }
            text.push('\n');
        }
    }
    text + "end\n"
}

/// `scmp_compare`.
fn operator(operator: SeccompOperator) -> u32 {
    match operator {
        SeccompOperator::NotEqual => 1,
        SeccompOperator::Less => 2,
        SeccompOperator::LessOrEqual => 3,
        SeccompOperator::Equal => 4,
        SeccompOperator::GreaterOrEqual => 5,
        SeccompOperator::Greater => 6,
        SeccompOperator::MaskedEqual => 7,
    }
}

/// What a filter returns for an action, seccomp(2).
pub(crate) fn value(action: SeccompAction, errno: Option<u32>) -> u32 {
    match action {
        SeccompAction::KillThread => 0,
        SeccompAction::KillProcess => 0x8000_0000,
        SeccompAction::Trap => 0x0003_0000,
        SeccompAction::Errno => 0x0005_0000 | errno.unwrap_or(1),
        SeccompAction::Trace => 0x7ff0_0000 | errno.unwrap_or(1),
        SeccompAction::Allow => 0x7fff_0000,
        SeccompAction::Log => 0x7ffc_0000,
        SeccompAction::Notify => 0x7fc0_0000,
    }
}

/// A filter in an answer, or nothing when libseccomp refused the profile.
pub(crate) fn filter(
    answer: &str,
    big_endian: bool,
    profile: &Seccomp,
) -> Option<Vec<Instruction>> {
    let mut returned = vec![0, value(profile.default_action, profile.default_errno_ret)];
    returned.extend(profile.syscalls.iter().map(|rule| value(rule.action, rule.errno_ret)));
    let digits = answer.strip_prefix("ok ")?;
    let bytes: Vec<u8> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect();
    let (words, _) = bytes.as_chunks::<8>();
    let instruction = |[c, d, jt, jf, k0, k1, k2, k3]: &[u8; 8]| {
        let (code, k) = ([*c, *d], [*k0, *k1, *k2, *k3]);
        let (code, k) = match big_endian {
            true => (u16::from_be_bytes(code), u32::from_be_bytes(k)),
            false => (u16::from_le_bytes(code), u32::from_le_bytes(k)),
        };
        // For the other byte order libseccomp 2.5 turns the bytes of a copied return twice.
        let turned = code == 0x06 && !returned.contains(&k) && returned.contains(&k.swap_bytes());
        Instruction { code, jt: *jt, jf: *jf, k: if turned { k.swap_bytes() } else { k } }
    };
    Some(words.iter().map(instruction).collect())
}
