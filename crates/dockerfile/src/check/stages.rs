//! Rules about stages: their names, what describes them, and their bases.

use std::collections::{BTreeMap, BTreeSet};

use spec::Reference;

use super::{Context, Findings, Rule};
use crate::file::Dockerfile;
use crate::instruction::{ArgItem, Instruction, Kind};
use crate::scope::Globals;
use crate::source::Source;

/// Names that `COPY --from` and `FROM` know as something else.
const RESERVED: [&str; 2] = ["context", "scratch"];

/// `DuplicateStageName` and `ReservedStageName`.
pub(super) fn names(file: &Dockerfile, findings: &mut Findings<'_>) {
    let mut seen = BTreeSet::new();
    for stage in &file.stages {
        let (Some(name), Some(written)) = (&stage.name, &stage.written_name) else { continue };
        if RESERVED.contains(&name.as_str()) {
            let message = format!("{name:?} is reserved and no name for a stage");
            findings.add(Rule::ReservedStageName, written.span, &stage.comments, message);
        }
        if !seen.insert(name) {
            let message = format!("another stage is called {name:?}");
            findings.add(Rule::DuplicateStageName, written.span, &stage.comments, message);
        }
    }
}

/// `InvalidDefinitionDescription`: of the comments right before, the last begins with a name that is defined.
pub(super) fn descriptions(file: &Dockerfile, findings: &mut Findings<'_>) {
    let rule = Rule::InvalidDefinitionDescription;
    for instruction in
        file.global_args.iter().chain(file.stages.iter().flat_map(|stage| &stage.instructions))
    {
        let Kind::Arg(items) = &instruction.kind else { continue };
        if let (Some(last), Some(name)) =
            (instruction.comments.last(), undescribed(instruction, items))
        {
            let message =
                format!("a comment before ARG begins with what it describes: \"# {name} …\"");
            findings.add(rule, last.span, &instruction.comments, message);
        }
    }
    for stage in &file.stages {
        let (Some(last), Some(name)) = (stage.comments.last(), &stage.name) else { continue };
        if last.value.split(' ').next() != Some(name) {
            let message =
                format!("a comment before FROM begins with what it describes: \"# {name} …\"");
            findings.add(rule, last.span, &stage.comments, message);
        }
    }
}

/// The name that a comment should begin with, when it begins with none of them.
fn undescribed(instruction: &Instruction, items: &[ArgItem]) -> Option<String> {
    let first = instruction.comments.last()?.value.split(' ').next();
    if items.iter().any(|item| Some(item.name.value.as_str()) == first) {
        return None;
    }
    match items {
        [only] => Some(only.name.value.clone()),
        _ => Some("NAME".to_owned()),
    }
}

/// `NoEmptyContinuation`.
pub(super) fn continuations(file: &Dockerfile, findings: &mut Findings<'_>) {
    for span in &file.empty_continuations {
        let of =
            |found: &&Instruction| found.span.start < span.start && span.start < found.span.end;
        let mut all =
            file.stages.iter().flat_map(|stage| &stage.instructions).chain(&file.global_args);
        let comments = all.find(of).map(|found| found.comments.as_slice()).unwrap_or_default();
        let message = "an empty line stands in an instruction that goes on".to_owned();
        findings.add(Rule::NoEmptyContinuation, *span, comments, message);
    }
}

/// `InvalidDefaultArgInFrom`: without any argument of the caller's, every base is still a name.
pub(super) fn default_bases(
    file: &Dockerfile,
    source: &Source,
    context: &Context<'_>,
    findings: &mut Findings<'_>,
) {
    // A file may say itself that it is nothing without arguments, as by ${NAME:?…}; then there are no defaults.
    let nothing = BTreeMap::new();
    let Ok(globals) = Globals::new(file, source, &nothing, context.platforms, context.target)
    else {
        return;
    };
    for stage in &file.stages {
        if !stage.base.value.contains('$') {
            continue;
        }
        let base = globals.base(source, stage).map(|(base, _)| base).unwrap_or_default();
        if base.parse::<Reference>().is_err() {
            let message = format!(
                "with the defaults of its arguments, {:?} is {base:?}, which is no image",
                stage.base.value
            );
            findings.add(Rule::InvalidDefaultArgInFrom, stage.base.span, &stage.comments, message);
        }
    }
}
