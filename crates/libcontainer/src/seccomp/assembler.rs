//! From blocks to instructions of classic BPF.
//!
//! Jumps of classic BPF only go forward, so the program is written from its end: every target stands already when something
//! jumps to it, and its distance is known. A conditional jump reaches 255 instructions; a farther target gets a copy of its
//! `return` or an unconditional jump within reach. Source: linux/filter.h, kernel/seccomp.c `seccomp_check_filter`.

use std::collections::BTreeMap;

use sys::FilterInstruction as Instruction;

pub(super) const LOAD: u16 = 0x20;
pub(super) const AND: u16 = 0x54;
pub(super) const JUMP: u16 = 0x05;
pub(super) const JUMP_EQUAL: u16 = 0x15;
pub(super) const JUMP_GREATER: u16 = 0x25;
pub(super) const JUMP_GREATER_OR_EQUAL: u16 = 0x35;
pub(super) const JUMP_ANY_BIT: u16 = 0x45;
pub(super) const RETURN: u16 = 0x06;

/// What a conditional jump asks of the accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Equal(u32),
    Greater(u32),
    GreaterOrEqual(u32),
    AnyBit(u32),
}

/// A place in the program, counted from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Label(usize);

/// A program that grows from its end.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    backwards: Vec<Instruction>,
    /// The last place that returns a value.
    returns: BTreeMap<u32, Label>,
    /// The last unconditional jump to a place.
    trampolines: BTreeMap<Label, Label>,
}

impl Assembler {
    /// How many instructions there are so far.
    pub(super) fn len(&self) -> usize {
        self.backwards.len()
    }

    /// The program, first instruction first.
    pub(super) fn finish(mut self) -> Vec<Instruction> {
        self.backwards.reverse();
        self.backwards
    }

    /// A place that ends the filter with `value`.
    pub(super) fn give(&mut self, value: u32) -> Label {
        match self.returns.get(&value) {
            Some(label) => *label,
            None => self.write_return(value),
        }
    }

    /// Loads a word of `seccomp_data`, then goes on at `next`.
    pub(super) fn load(&mut self, offset: u32, next: Label) -> Label {
        self.then(Instruction { code: LOAD, jt: 0, jf: 0, k: offset }, next)
    }

    /// Keeps the accumulator's bits that are in `mask`, then goes on at `next`.
    pub(super) fn mask(&mut self, mask: u32, next: Label) -> Label {
        self.then(Instruction { code: AND, jt: 0, jf: 0, k: mask }, next)
    }

    /// Goes on at `yes` when the accumulator answers so, else at `no`.
    pub(super) fn branch(&mut self, ask: Ask, yes: Label, no: Label) -> Label {
        let (mut yes, mut no) = (yes, no);
        let (jt, jf) = loop {
            match (self.distance(yes), self.distance(no)) {
                (Some(jt), Some(jf)) => break (jt, jf),
                (None, _) => yes = self.nearer(yes),
                (_, None) => no = self.nearer(no),
            }
        };
        let (code, k) = match ask {
            Ask::Equal(k) => (JUMP_EQUAL, k),
            Ask::Greater(k) => (JUMP_GREATER, k),
            Ask::GreaterOrEqual(k) => (JUMP_GREATER_OR_EQUAL, k),
            Ask::AnyBit(k) => (JUMP_ANY_BIT, k),
        };
        self.write(Instruction { code, jt, jf, k })
    }

    /// Writes an instruction that falls through to `next`.
    fn then(&mut self, instruction: Instruction, next: Label) -> Label {
        if next.0 + 1 != self.len() {
            self.write_jump(next);
        }
        self.write(instruction)
    }

    fn write(&mut self, instruction: Instruction) -> Label {
        self.backwards.push(instruction);
        Label(self.backwards.len() - 1)
    }

    fn write_return(&mut self, value: u32) -> Label {
        let label = self.write(Instruction { code: RETURN, jt: 0, jf: 0, k: value });
        self.returns.insert(value, label);
        label
    }

    fn write_jump(&mut self, target: Label) -> Label {
        // A program is refused long before it has 2^32 instructions.
        let skipped = u32::try_from(self.len() - 1 - target.0).unwrap_or(u32::MAX);
        let label = self.write(Instruction { code: JUMP, jt: 0, jf: 0, k: skipped });
        self.trampolines.insert(target, label);
        label
    }

    /// How many instructions the next one skips to reach a place; nothing when those are too many for a conditional jump.
    fn distance(&self, target: Label) -> Option<u8> {
        u8::try_from(self.len() - 1 - target.0).ok()
    }

    /// A place within reach that does what `target` does.
    fn nearer(&mut self, target: Label) -> Label {
        let value = self
            .backwards
            .get(target.0)
            .filter(|target| target.code == RETURN)
            .map(|target| target.k);
        let known = match value {
            Some(value) => self.returns.get(&value),
            None => self.trampolines.get(&target),
        };
        match (known.copied().filter(|label| self.distance(*label).is_some()), value) {
            (Some(label), _) => label,
            (None, Some(value)) => self.write_return(value),
            (None, None) => self.write_jump(target),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program over one word.
    fn run(program: &[Instruction], word: u32) -> u32 {
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            at += 1;
            let holds = match code {
                LOAD => {
                    accumulator = word;
                    continue;
                }
                AND => {
                    accumulator &= k;
                    continue;
                }
                RETURN => return k,
                JUMP => {
                    at += k as usize;
                    continue;
                }
                JUMP_EQUAL => accumulator == k,
                JUMP_GREATER => accumulator > k,
                JUMP_GREATER_OR_EQUAL => accumulator >= k,
                JUMP_ANY_BIT => accumulator & k != 0,
                code => panic!("unknown instruction {code:#x}"),
            };
            at += usize::from(if holds { jt } else { jf });
        }
    }

    /// A chain of comparisons, all of which jump to the first ones' ends.
    fn chain(length: u32) -> Vec<Instruction> {
        let mut assembler = Assembler::default();
        let odd = assembler.give(1);
        let zero = assembler.give(0);
        let far = assembler.branch(Ask::AnyBit(1), odd, zero);
        let far = assembler.mask(1, far);
        let mut next = assembler.give(7);
        for value in 0..length {
            next = assembler.branch(Ask::Equal(value), far, next);
        }
        assembler.load(0, next);
        assembler.finish()
    }

    #[test]
    fn short_jumps_need_no_help() {
        let program = chain(200);
        assert_eq!(program.len(), 200 + 6);
        assert!(program.iter().all(|instruction| instruction.code != JUMP));
    }

    #[test]
    fn far_places_are_reached_by_trampolines_that_are_shared() {
        let program = chain(1000);
        for value in 0..1000 {
            assert_eq!(run(&program, value), value & 1, "{value}");
        }
        assert_eq!(run(&program, 1000), 7);
        let jumps = program.iter().filter(|instruction| instruction.code == JUMP).count();
        assert_eq!(jumps, 3, "one for each 255 instructions that cannot reach the end");
    }

    #[test]
    fn both_ways_of_a_branch_may_be_far() {
        let mut assembler = Assembler::default();
        let (yes, no) = (assembler.give(1), assembler.give(2));
        let (yes, no) = (assembler.mask(1, yes), assembler.mask(1, no));
        let mut filler = assembler.give(3);
        for _ in 0..300 {
            filler = assembler.mask(0, filler);
        }
        let branch = assembler.branch(Ask::GreaterOrEqual(5), yes, no);
        assembler.load(0, branch);
        let program = assembler.finish();
        assert_eq!((run(&program, 5), run(&program, 4)), (1, 2));
    }

    #[test]
    fn a_far_return_is_copied_instead_of_jumped_to() {
        let mut assembler = Assembler::default();
        let (yes, no) = (assembler.give(1), assembler.give(2));
        let mut next = no;
        for value in 0..600 {
            next = assembler.branch(Ask::Equal(value), yes, next);
        }
        assembler.load(0, next);
        let program = assembler.finish();
        assert!(program.iter().all(|instruction| instruction.code != JUMP));
        assert_eq!((run(&program, 0), run(&program, 599), run(&program, 600)), (1, 1, 2));
    }
}
