//! What a filter says of a call, found without the kernel: it runs the program as that does. Sources: seccomp(2), linux/filter.h.

use sys::Notification;

use super::Instruction;
use super::assembler::{
    AND, JUMP, JUMP_ANY_BIT, JUMP_EQUAL, JUMP_GREATER, JUMP_GREATER_OR_EQUAL, LOAD, RETURN,
};

/// What the program gives for the call; nothing when it is not one of this program's compiler.
pub(super) fn judge(program: &[Instruction], call: &Notification) -> Option<u32> {
    let (mut at, mut accumulator) = (0_usize, 0_u32);
    // Every jump goes forward, so it ends.
    loop {
        let Instruction { code, jt, jf, k } = *program.get(at)?;
        at += 1;
        let holds = match code {
            LOAD => {
                accumulator = word(call, k)?;
                continue;
            }
            AND => {
                accumulator &= k;
                continue;
            }
            JUMP => {
                at = at.checked_add(k as usize)?;
                continue;
            }
            RETURN => return Some(k),
            JUMP_EQUAL => accumulator == k,
            JUMP_GREATER => accumulator > k,
            JUMP_GREATER_OR_EQUAL => accumulator >= k,
            JUMP_ANY_BIT => accumulator & k != 0,
            _ => return None,
        };
        at += usize::from(if holds { jt } else { jf });
    }
}

/// A word of `seccomp_data`, in the order of this machine's bytes.
fn word(call: &Notification, offset: u32) -> Option<u32> {
    match offset {
        0 => Some(call.number.cast_unsigned()),
        4 => Some(call.architecture),
        16..64 => {
            let argument = call.arguments.get((offset as usize - 16) / 8)?;
            let [a, b, c, d, e, f, g, h] = argument.to_ne_bytes();
            match offset % 8 {
                0 => Some(u32::from_ne_bytes([a, b, c, d])),
                4 => Some(u32::from_ne_bytes([e, f, g, h])),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Architecture, default_profile, wire};
    use super::*;

    fn call(name: &str, arguments: [u64; 6]) -> Notification {
        let native = Architecture::native();
        let mut call = Notification::default();
        call.number = native.number(name).unwrap().cast_signed();
        call.architecture = native.audit();
        call.arguments = arguments;
        call
    }

    #[test]
    fn the_default_filter_is_judged_as_the_kernel_does() {
        let none: [&str; 0] = [];
        let program = super::super::compile(&default_profile(&none)).unwrap().instructions;
        let given = |call: &Notification| judge(&program, call).unwrap();
        let (allow, refuse) = (0x7fff_0000, 0x0005_0001);
        assert_eq!(given(&call("read", [0; 6])), allow);
        assert_eq!(given(&call("mount", [0; 6])), refuse);
        assert_eq!(given(&call("clone3", [0; 6])), 0x0005_0026);
        assert_eq!(given(&call("socket", [2, 0, 0, 0, 0, 0])), allow);
        assert_eq!(given(&call("socket", [38, 0, 0, 0, 0, 0])), refuse);
        assert_eq!(given(&call("personality", [0x1_0000_0000, 0, 0, 0, 0, 0])), refuse);
        assert_eq!(given(&call("clone", [0x1000_0000, 0, 0, 0, 0, 0])), refuse);
        let mut foreign = call("read", [0; 6]);
        foreign.architecture = 7;
        assert_ne!(given(&foreign), allow);
    }

    #[test]
    fn what_is_no_program_says_nothing() {
        for instructions in ["", "0005000000000009", "0020000000000008", "0020000000000011"] {
            let program = wire::parse(instructions).unwrap();
            assert_eq!(judge(&program, &call("read", [0; 6])), None, "{instructions}");
        }
    }
}
