//! Runs a filter as the kernel would. Source: seccomp(2), linux/filter.h.

use libcontainer::seccomp::Instruction;

/// `seccomp_data`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) architecture: u32,
    pub(crate) number: u32,
    pub(crate) args: [u64; 6],
    pub(crate) big_endian: bool,
}

impl Call {
    fn word(&self, offset: u32) -> u32 {
        let offset = offset as usize;
        match offset {
            0 => self.number,
            4 => self.architecture,
            16..64 => {
                let upper = (offset % 8 == 4) != self.big_endian;
                let [a, b, c, d, e, f, g, h] = self.args[(offset - 16) / 8].to_be_bytes();
                u32::from_be_bytes(if upper { [a, b, c, d] } else { [e, f, g, h] })
            }
            _ => panic!("load from {offset}"),
        }
    }
}

/// What the filter returns, and how many instructions that took.
pub(crate) fn run(program: &[Instruction], call: &Call) -> (u32, usize) {
    let (mut at, mut accumulator, mut steps) = (0, 0, 0);
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        steps += 1;
        let holds = match code {
            0x20 => {
                accumulator = call.word(k);
                continue;
            }
            0x54 => {
                accumulator &= k;
                continue;
            }
            0x06 => return (k, steps),
            0x05 => {
                at += k as usize;
                continue;
            }
            0x15 => accumulator == k,
            0x25 => accumulator > k,
            0x35 => accumulator >= k,
            0x45 => accumulator & k != 0,
            code => panic!("unknown instruction {code:#x}"),
        };
        at += usize::from(if holds { jt } else { jf });
    }
}
