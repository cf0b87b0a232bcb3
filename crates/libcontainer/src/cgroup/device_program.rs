//! Device rules as a BPF program, assembled by hand: no compiler, no library.
//!
//! The kernel calls it with a pointer to `bpf_cgroup_dev_ctx { u32 access_type; u32 major; u32 minor }`, where `access_type`
//! is `access << 16 | type`; it returns 1 to allow. It answers as [`DeviceRules::allows`] does.
//! Sources: kernel Documentation/bpf/standardization/instruction-set.rst, linux/bpf.h.

use super::{Access, Device, DeviceKind, DeviceRules};

// Operation codes: class | operation | source.
const LOAD_WORD: u8 = 0x61; // BPF_LDX | BPF_MEM | BPF_W
const MOVE: u8 = 0xb4; // BPF_ALU | BPF_MOV | BPF_K
const MOVE_REGISTER: u8 = 0xbc; // BPF_ALU | BPF_MOV | BPF_X
const AND: u8 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const SHIFT_RIGHT: u8 = 0x74; // BPF_ALU | BPF_RSH | BPF_K
const JUMP_NOT_EQUAL: u8 = 0x56; // BPF_JMP32 | BPF_JNE | BPF_K
const JUMP_EQUAL: u8 = 0x16; // BPF_JMP32 | BPF_JEQ | BPF_K
const EXIT: u8 = 0x95; // BPF_JMP | BPF_EXIT

// Registers: the result, the context (then scratch), and what is asked.
const RESULT: u8 = 0;
const CONTEXT: u8 = 1;
const SCRATCH: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

/// The program, eight bytes an instruction.
pub(super) fn assemble(rules: &DeviceRules) -> Vec<u64> {
    let mut program = vec![
        instruction(LOAD_WORD, KIND, CONTEXT, 0, 0),
        instruction(MOVE_REGISTER, ACCESS, KIND, 0, 0),
        instruction(AND, KIND, 0, 0, 0xffff),
        instruction(SHIFT_RIGHT, ACCESS, 0, 0, 16),
        instruction(LOAD_WORD, MAJOR, CONTEXT, 4, 0),
        instruction(LOAD_WORD, MINOR, CONTEXT, 8, 0),
    ];
    for (device, access) in &rules.exceptions {
        append(&mut program, *device, *access, rules.allow);
    }
    program.extend(answer(rules.allow));
    program
}

/// One exception: a row of tests that each jump behind it, and the opposite of the default as its answer.
fn append(program: &mut Vec<u64>, device: Device, access: Access, default: bool) {
    let mut tests = vec![(JUMP_NOT_EQUAL, KIND, kind_number(device.kind))];
    tests.extend(device.major.map(|major| (JUMP_NOT_EQUAL, MAJOR, major)));
    tests.extend(device.minor.map(|minor| (JUMP_NOT_EQUAL, MINOR, minor)));
    let bits = access_bits(access);
    let scratch = match (access == Access::ALL, default) {
        // Every request is within "rwm".
        (true, _) => None,
        // A prohibition holds when any letter is asked for …
        (false, true) => Some((bits, JUMP_EQUAL)),
        // … a permission when no letter is asked for beyond its own.
        (false, false) => Some((!bits & access_bits(Access::ALL), JUMP_NOT_EQUAL)),
    };
    tests.extend(scratch.map(|(_, jump)| (jump, SCRATCH, 0)));
    let answer = answer(!default);
    let mut left = tests.len() + answer.len();
    for (jump, register, value) in tests {
        if let Some((mask, _)) = scratch.filter(|_| register == SCRATCH) {
            program.push(instruction(MOVE_REGISTER, SCRATCH, ACCESS, 0, 0));
            program.push(instruction(AND, SCRATCH, 0, 0, mask));
        }
        left -= 1;
        // Two more instructions lie ahead as long as the scratch test is still to come.
        let ahead = if scratch.is_some() && register != SCRATCH { left + 2 } else { left };
        program.push(instruction(jump, register, 0, ahead, value));
    }
    program.extend(answer);
}

fn answer(allow: bool) -> [u64; 2] {
    [instruction(MOVE, RESULT, 0, 0, u32::from(allow)), instruction(EXIT, 0, 0, 0, 0)]
}

fn instruction(code: u8, destination: u8, source: u8, offset: usize, immediate: u32) -> u64 {
    // Offsets are below a dozen: the length of one exception.
    let offset = u16::try_from(offset).unwrap_or(u16::MAX);
    let [offset_low, offset_high] = offset.to_ne_bytes();
    // linux/bpf.h packs the registers as bit fields, whose order follows the machine's.
    let registers = if cfg!(target_endian = "little") {
        source << 4 | destination
    } else {
        destination << 4 | source
    };
    let [a, b, c, d] = immediate.to_ne_bytes();
    u64::from_ne_bytes([code, registers, offset_low, offset_high, a, b, c, d])
}

/// `BPF_DEVCG_DEV_BLOCK` and `BPF_DEVCG_DEV_CHAR`.
fn kind_number(kind: DeviceKind) -> u32 {
    match kind {
        DeviceKind::Block => 1,
        DeviceKind::Character => 2,
    }
}

/// `BPF_DEVCG_ACC_MKNOD`, `…_READ` and `…_WRITE`.
fn access_bits(access: Access) -> u32 {
    u32::from(access.make) | u32::from(access.read) << 1 | u32::from(access.write) << 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spec::runtime::DeviceRule;

    use super::*;

    /// As the kernel's interpreter, for the instructions used here; anything else is a failure.
    fn run(program: &[u64], context: [u32; 3]) -> bool {
        let mut registers = [0_u32; 6];
        let mut at = 0;
        for _step in 0..=program.len() {
            let [code, pair, low, high, a, b, c, d] = program[at].to_ne_bytes();
            let (destination, source) = (usize::from(pair & 15), usize::from(pair >> 4));
            let offset = usize::from(u16::from_ne_bytes([low, high]));
            let value = u32::from_ne_bytes([a, b, c, d]);
            at += 1;
            match code {
                LOAD_WORD => registers[destination] = context[offset / 4],
                MOVE => registers[destination] = value,
                MOVE_REGISTER => registers[destination] = registers[source],
                AND => registers[destination] &= value,
                SHIFT_RIGHT => registers[destination] >>= value,
                JUMP_NOT_EQUAL if registers[destination] != value => at += offset,
                JUMP_EQUAL if registers[destination] == value => at += offset,
                JUMP_NOT_EQUAL | JUMP_EQUAL => {}
                EXIT => return registers[0] == 1,
                other => panic!("unknown instruction {other:#x}"),
            }
        }
        panic!("it never ends");
    }

    fn ask(program: &[u64], device: Device, access: Access) -> bool {
        let word = access_bits(access) << 16 | kind_number(device.kind);
        run(program, [word, device.major.unwrap(), device.minor.unwrap()])
    }

    /// The kernel's v1 controller (security/device_cgroup.c) fed with the lines that we would write.
    #[derive(Default)]
    struct V1 {
        allow: bool,
        exceptions: Vec<(String, String, String, String)>,
    }

    impl V1 {
        fn write(&mut self, file: &str, line: &str) {
            let allow = file == "devices.allow";
            if line == "a" {
                (self.allow, self.exceptions) = (allow, Vec::new());
                return;
            }
            let words: Vec<&str> = line.split([' ', ':']).collect();
            let [kind, major, minor, access] = words.as_slice() else { panic!("{line}") };
            assert_ne!(allow, self.allow, "our lines only add exceptions");
            self.exceptions.push((
                (*kind).into(),
                (*major).into(),
                (*minor).into(),
                (*access).into(),
            ));
        }

        fn allows(&self, device: Device, access: Access) -> bool {
            let kind = if device.kind == DeviceKind::Character { "c" } else { "b" };
            let (major, minor) =
                (device.major.unwrap().to_string(), device.minor.unwrap().to_string());
            let letters = access.to_string();
            let mut hits = self.exceptions.iter().filter(|(k, a, b, _)| {
                k == kind && (a == "*" || *a == major) && (b == "*" || *b == minor)
            });
            if self.allow {
                !hits.any(|(.., denied)| letters.chars().any(|letter| denied.contains(letter)))
            } else {
                hits.any(|(.., allowed)| letters.chars().all(|letter| allowed.contains(letter)))
            }
        }
    }

    /// What the rules say in so many words: the last one that speaks of a letter decides it (no holes, so order is enough).
    fn said(rules: &[DeviceRule], device: Device, letter: char) -> bool {
        let number = |rule: Option<i64>, own: Option<u32>| {
            rule.is_none_or(|rule| rule == -1 || u32::try_from(rule).ok() == own)
        };
        let speaks = |rule: &&DeviceRule| match rule.kind.as_deref() {
            None | Some("a") => true,
            Some(kind) => {
                (kind == "c") == (device.kind == DeviceKind::Character)
                    && number(rule.major, device.major)
                    && number(rule.minor, device.minor)
                    && rule.access.as_deref().is_none_or(|access| access.contains(letter))
            }
        };
        rules.iter().rev().find(speaks).is_some_and(|rule| rule.allow)
    }

    fn any_rule() -> impl Strategy<Value = DeviceRule> {
        let number = || {
            prop_oneof![
                Just(None),
                Just(Some(-1)),
                (0..3_i64).prop_map(Some),
                Just(Some(0xffff_ffff))
            ]
        };
        let kind = prop_oneof![1 => Just("a"), 6 => Just("c"), 6 => Just("b")];
        let access = prop_oneof!["r", "w", "m", "rw", "rm", "wm", "rwm"];
        (any::<bool>(), kind, number(), number(), access).prop_map(
            |(allow, kind, major, minor, access)| DeviceRule {
                allow,
                kind: Some(kind.to_owned()),
                major,
                minor,
                access: Some(access),
            },
        )
    }

    fn devices() -> Vec<Device> {
        let numbers = [0, 1, 2, 3, 0xffff_ffff];
        let kinds = [DeviceKind::Character, DeviceKind::Block];
        let pairs = numbers.into_iter().flat_map(|major| numbers.map(|minor| (major, minor)));
        pairs
            .flat_map(|(major, minor)| {
                kinds.map(|kind| Device { kind, major: Some(major), minor: Some(minor) })
            })
            .collect()
    }

    fn accesses() -> Vec<Access> {
        (1..8)
            .map(|bits| Access { read: bits & 1 != 0, write: bits & 2 != 0, make: bits & 4 != 0 })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn program_rules_and_v1_files_agree(rules in prop::collection::vec(any_rule(), 0..8)) {
            let Ok(sum) = DeviceRules::from_rules(&rules) else { return Ok(()) };
            let program = assemble(&sum);
            // A new v1 group has its parent's "allow all".
            let mut v1 = V1 { allow: true, exceptions: Vec::new() };
            for (file, line) in sum.v1_writes() {
                v1.write(file, &line);
            }
            for device in devices() {
                for access in accesses() {
                    let expected = sum.allows(device, access);
                    prop_assert_eq!(ask(&program, device, access), expected, "program: {} {}", device, access);
                    prop_assert_eq!(v1.allows(device, access), expected, "v1: {} {}", device, access);
                }
                for (letter, access) in [('r', "r"), ('w', "w"), ('m', "m")] {
                    let access = accesses().into_iter().find(|one| one.to_string() == access).unwrap();
                    prop_assert_eq!(sum.allows(device, access), said(&rules, device, letter), "said: {} {}", device, letter);
                }
            }
        }
    }

    #[test]
    fn no_rules_deny_and_one_rule_allows() {
        let null = Device { kind: DeviceKind::Character, major: Some(1), minor: Some(3) };
        let denied = assemble(&DeviceRules::default());
        assert_eq!(denied.len(), 8);
        assert!(!ask(&denied, null, Access::ALL));
        let allowed =
            assemble(&DeviceRules { allow: false, exceptions: vec![(null, Access::ALL)] });
        assert!(ask(&allowed, null, Access::ALL));
        assert!(!ask(&allowed, Device { minor: Some(4), ..null }, Access::ALL));
        assert!(!ask(&allowed, Device { kind: DeviceKind::Block, ..null }, Access::ALL));
    }
}
