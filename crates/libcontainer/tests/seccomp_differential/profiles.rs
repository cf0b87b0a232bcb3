//! The same questions to both filters of default and random profiles.

use std::collections::BTreeMap;

use libcontainer::capability;
use libcontainer::seccomp::{
    Architecture, NewerCalls, compile_for, default_profile, default_profile_for, system_call_names,
};
use spec::runtime::Seccomp;

use crate::generator::{BIG, Kind, LITTLE, Random, VALUES, random_profile};
use crate::interpreter::{Call, run};
use crate::meaning::Meaning;
use crate::oracle;

/// Names that mean the same to this libseccomp on all architectures of the test; it may be older than our table.
fn common_names() -> Vec<&'static str> {
    let names: Vec<_> = system_call_names().collect();
    let architectures: Vec<_> = LITTLE.into_iter().chain(BIG).collect();
    let mut commands = String::new();
    for name in &names {
        for architecture in &architectures {
            commands += &format!("resolve {} {name}\n", oracle::token(*architecture));
        }
    }
    let answers = oracle::ask(&commands);
    let same = |(index, architecture): (usize, &Architecture), name: &str| {
        let theirs: i64 = answers[index].parse().unwrap();
        // Calls that socketcall and ipc carry have numbers of libseccomp's own.
        let carried = (-224..=-100).contains(&theirs);
        match architecture.number(name) {
            Some(ours) => carried || theirs == i64::from(ours),
            None => theirs < 0,
        }
    };
    let all_same = |(row, name): &(usize, &str)| {
        let at = |column: usize| row * architectures.len() + column;
        architectures.iter().enumerate().all(|(column, a)| same((at(column), a), name))
    };
    let mut common: Vec<_> =
        names.iter().copied().enumerate().filter(all_same).map(|(_, n)| n).collect();
    common.sort_unstable();
    common
}

#[test]
fn our_tables_are_libseccomps() {
    let architectures: Vec<_> = LITTLE.into_iter().chain(BIG).collect();
    let names: Vec<_> = system_call_names().collect();
    let mut commands = String::new();
    for architecture in &architectures {
        for name in &names {
            commands += &format!("resolve {} {name}\n", oracle::token(*architecture));
        }
    }
    let answers = oracle::ask(&commands);
    let mut compared = 0;
    for (answer, index) in answers.iter().zip(0..) {
        let (architecture, name): (Architecture, &str) =
            (architectures[index / names.len()], names[index % names.len()]);
        // Negative: it does not know the call there, being older, or it is carried by socketcall or ipc.
        let Ok(theirs) = answer.parse::<u32>() else { continue };
        assert_eq!(architecture.number(name), Some(theirs), "{name} on {architecture:?}");
        compared += 1;
    }
    assert!(compared > 5000, "compared {compared} numbers only");
}

/// Everything that a filter may be asked about one profile.
fn questions(profile: &Seccomp, random: &mut Random) -> Vec<Call> {
    let mut calls = Vec::new();
    let architectures =
        profile.architectures.iter().map(|name| Architecture::from_name(name).unwrap());
    for architecture in architectures {
        let big_endian = BIG.contains(&architecture);
        let mut ask = |number: u32, args: [u64; 6]| {
            calls.push(Call { architecture: architecture.audit(), number, args, big_endian });
        };
        let bases = [0, 4000, 5000, 6000, 0x000f_0000, 0x4000_0000];
        let near = bases.iter().flat_map(|base| (0..600).map(move |offset| base + offset));
        for number in near.chain([u32::MAX, u32::MAX - 1, 0x3fff_ffff, 0x7fff_ffff, 0x8000_0000]) {
            ask(number, [random.next(); 6]);
        }
        ask(u32::try_from(random.next() >> 32).unwrap(), [0; 6]);
        let with_args = profile.syscalls.iter().filter(|rule| !rule.args.is_empty());
        let names = with_args.flat_map(|rule| &rule.names).map(String::as_str);
        let numbers: BTreeMap<&str, Option<u32>> = names
            .chain(["socketcall", "ipc"])
            .map(|name| (name, architecture.number(name)))
            .collect();
        let mut edges: BTreeMap<u32, Vec<(u32, u64)>> = BTreeMap::new();
        for rule in profile.syscalls.iter().filter(|rule| !rule.args.is_empty()) {
            let names = rule.names.iter().map(String::as_str).chain(["socketcall", "ipc"]);
            for number in names.filter_map(|name| numbers[name]) {
                let values = rule
                    .args
                    .iter()
                    .flat_map(|arg| [(arg.index, arg.value), (arg.index, arg.value_two)]);
                edges.entry(number).or_default().extend(values);
            }
        }
        for (number, edges) in edges.iter().filter(|(_, edges)| !edges.is_empty()) {
            for round in 0..48 {
                let mut args = [0; 6].map(|_: u64| random.pick(&VALUES));
                for _ in 0..6 {
                    let (index, edge) = random.pick(edges);
                    let shift = random.pick(&[0, 0, 0, 1, u64::MAX, 1 << 32, 1 << 63]);
                    args[index as usize] = edge.wrapping_add(shift);
                }
                if round % 3 == 0 {
                    args[0] = random.below(25) as u64;
                }
                ask(*number, args);
            }
        }
    }
    calls.push(Call { architecture: 1, number: 0, args: [0; 6], big_endian: false });
    calls
}

/// What came of a comparison.
#[derive(Debug, Default)]
struct Outcome {
    /// Profiles that libseccomp refused, or never came to an end with.
    refused: usize,
    verdicts: usize,
    /// Verdicts of libseccomp that no rule of the profile gives.
    astray: usize,
    /// Verdicts of libseccomp by another of several rules that hold.
    chosen_otherwise: usize,
}

/// Compares both filters of each profile. Ours must always be what the rules say; theirs may differ only where it is not.
///
/// libseccomp 2.5 goes astray, for one, where a rule names a call that an architecture lacks and that rule sorts first there: then
/// it never loads the number and compares the architecture instead. It happens without SCMP_FLTATR_CTL_OPTIMIZE 2 only.
fn compare(profiles: &[Seccomp], random: &mut Random) -> Outcome {
    let commands: String = profiles
        .iter()
        .zip(0..)
        .map(|(profile, index)| oracle::commands(profile, 1 + index % 2))
        .collect();
    let answers = oracle::ask(&commands);
    assert_eq!(answers.len(), profiles.len());
    let mut outcome = Outcome::default();
    for (index, (profile, answer)) in profiles.iter().zip(&answers).enumerate() {
        let meaning = Meaning::new(profile);
        let native = meaning.architectures[0];
        let theirs = oracle::filter(answer, BIG.contains(&native), profile);
        outcome.refused += usize::from(theirs.is_none());
        let ours = match compile_for(profile, native, NewerCalls::Default) {
            Ok(ours) => ours.instructions,
            Err(error) => {
                assert!(
                    theirs.is_none(),
                    "profile {index}: only we refuse: {error:?}\n{profile:#?}"
                );
                continue;
            }
        };
        for call in questions(profile, random) {
            let (our_verdict, _) = run(&ours, &call);
            let told = meaning.of(&call);
            let is_told = |verdict| told.as_ref().is_none_or(|told| told.contains(&verdict));
            let report = || format!("profile {index}, {call:x?}\n{}", oracle::commands(profile, 1));
            assert!(is_told(our_verdict), "no rule says {our_verdict:#x}: {}", report());
            let Some(theirs) = &theirs else { continue };
            let (their_verdict, _) = run(theirs, &call);
            outcome.verdicts += 1;
            if our_verdict != their_verdict {
                let differ = format!("ours {our_verdict:#x}, theirs {their_verdict:#x}");
                // Of two rules that hold, libseccomp's choice turns about with the upper words.
                let is_big = call.args.iter().any(|arg| arg >> 32 != 0);
                assert!(
                    told.is_some() && (is_big || !is_told(their_verdict)),
                    "{differ}: {}",
                    report()
                );
                *if is_told(their_verdict) {
                    &mut outcome.chosen_otherwise
                } else {
                    &mut outcome.astray
                } += 1;
            }
        }
    }
    outcome
}

#[test]
fn default_profiles_are_equal() {
    let names = common_names();
    let all: Vec<_> = capability::names(capability::all()).collect();
    let default = capability::DEFAULT.map(str::to_owned).to_vec();
    let with = |name: &str| [default.clone(), vec![name.to_owned()]].concat();
    let sets = [
        Vec::new(),
        default.clone(),
        with("CAP_SYS_ADMIN"),
        with("CAP_SYS_PTRACE"),
        with("CAP_BPF"),
        all,
    ];
    let natives = [
        Architecture::X86_64,
        Architecture::Aarch64,
        Architecture::Arm,
        Architecture::X86,
        Architecture::Riscv64,
        Architecture::Ppc64le,
        Architecture::S390x,
        Architecture::Mips64,
    ];
    let mut profiles = Vec::new();
    for native in natives {
        for set in &sets {
            let mut profile = default_profile_for(native, set);
            for rule in &mut profile.syscalls {
                rule.names.retain(|name| names.contains(&name.as_str()));
            }
            profile.syscalls.retain(|rule| !rule.names.is_empty());
            profile.architectures.retain(|name| {
                let architecture = Architecture::from_name(name).unwrap();
                LITTLE.contains(&architecture) || BIG.contains(&architecture)
            });
            profiles.push(profile);
        }
    }
    let outcome = compare(&profiles, &mut Random(1));
    assert!(
        outcome.refused + outcome.astray + outcome.chosen_otherwise == 0
            && outcome.verdicts > 250_000,
        "{outcome:?}"
    );
}

fn compare_random(kind: Kind, seed: u64) -> Outcome {
    let names = common_names();
    let mut random = Random(seed);
    let profiles: Vec<_> = (0..300).map(|_| random_profile(&mut random, &names, kind)).collect();
    let outcome = compare(&profiles, &mut random);
    println!("{outcome:?}");
    assert!(outcome.refused < 280 && outcome.verdicts > 100_000, "{outcome:?}");
    outcome
}

#[test]
fn random_profiles_are_equal() {
    let outcome = compare_random(Kind::Single, 2);
    assert!(outcome.astray * 1000 < outcome.verdicts, "{outcome:?}");
}

#[test]
fn random_profiles_with_several_conditions_are_equal() {
    let outcome = compare_random(Kind::Several, 3);
    assert!(outcome.astray * 100 < outcome.verdicts, "{outcome:?}");
}

#[test]
fn random_profiles_with_overlapping_actions_are_equal() {
    let outcome = compare_random(Kind::Mixed, 4);
    assert!(outcome.astray * 100 < outcome.verdicts, "{outcome:?}");
}

#[test]
fn newer_calls_are_not_implemented() {
    let profile = default_profile(&capability::DEFAULT);
    let strict =
        compile_for(&profile, Architecture::X86_64, NewerCalls::Default).unwrap().instructions;
    let lenient = compile_for(&profile, Architecture::X86_64, NewerCalls::NotImplemented)
        .unwrap()
        .instructions;
    let last = Architecture::X86_64.number("removexattrat").unwrap();
    for number in (0..2000).chain([0x3fff_ffff, 0x4000_0000, u32::MAX]) {
        let call = Call {
            architecture: Architecture::X86_64.audit(),
            number,
            args: [0; 6],
            big_endian: false,
        };
        let expected = match number {
            // ENOSYS
            number if number > last && number < 0x4000_0000 => 0x0005_0026,
            _ => run(&strict, &call).0,
        };
        assert_eq!(run(&lenient, &call).0, expected, "{number}");
    }
}

/// Instructions executed for each call by our filter and by libseccomp's balanced one (SCMP_FLTATR_CTL_OPTIMIZE 2).
#[test]
fn calls_take_few_instructions() {
    let names = common_names();
    let mut profile = default_profile(&capability::DEFAULT);
    for rule in &mut profile.syscalls {
        rule.names.retain(|name| names.contains(&name.as_str()));
    }
    let ours =
        compile_for(&profile, Architecture::X86_64, NewerCalls::Default).unwrap().instructions;
    let answers = oracle::ask(&(oracle::commands(&profile, 2) + &oracle::commands(&profile, 1)));
    let balanced = oracle::filter(&answers[0], false, &profile).unwrap();
    let linear = oracle::filter(&answers[1], false, &profile).unwrap();
    println!(
        "program: {} instructions, libseccomp {} and {}",
        ours.len(),
        balanced.len(),
        linear.len()
    );
    let steps = |program, name| {
        let number = Architecture::X86_64.number(name).unwrap();
        let architecture = Architecture::X86_64.audit();
        let (verdict, steps) = run(
            program,
            &Call { architecture, number, args: [2, 0, 0, 0, 0, 0], big_endian: false },
        );
        println!("{name}: {steps}, returns {verdict:#x}");
        steps
    };
    for name in [
        "read",
        "write",
        "futex",
        "epoll_wait",
        "openat",
        "getppid",
        "socket",
        "clone",
        "mount",
        "faccessat2",
    ] {
        let (ours, theirs) = (steps(&ours, name), steps(&balanced, name));
        steps(&linear, name);
        // What hot calls gain, cold ones may lose, but little.
        assert!(ours <= theirs + 2, "{name}: ours {ours}, theirs {theirs}");
    }
    assert!(steps(&ours, "read") <= 10);
}
