//! The checks of a file, before it is built.

use dockerfile::Platforms;
use dockerfile::check::{Context, Report, check};

use crate::definition::Definition;
use crate::error::BuildError;
use crate::event::{Event, Progress, Warning};
use crate::request::BuildRequest;

/// Tells what they find; an error where the file says that it is one.
pub(crate) fn warn(
    (definition, request, platforms): (&Definition, &BuildRequest, &Platforms),
    ignore: Option<&dockerfile::Ignore>,
    exists: &dyn Fn(&str) -> Option<bool>,
    progress: &dyn Progress,
) -> Result<(), BuildError> {
    let report = report((definition, request, platforms), ignore, exists);
    let warnings = warnings(definition, &report);
    if !warnings.is_empty() {
        progress.tell(&Event::Warnings(&warnings));
    }
    match warnings.first() {
        Some(first) if report.fails => {
            let words =
                format!("{}:{}: {} ({})", definition.name, first.line, first.message, first.rule);
            Err(BuildError::Request(words))
        }
        _ => Ok(()),
    }
}

/// The same without telling anybody.
pub(crate) fn find(
    (definition, request, platforms): (&Definition, &BuildRequest, &Platforms),
    ignore: Option<&dockerfile::Ignore>,
    exists: &dyn Fn(&str) -> Option<bool>,
) -> Vec<Warning> {
    warnings(definition, &report((definition, request, platforms), ignore, exists))
}

fn report(
    (definition, request, platforms): (&Definition, &BuildRequest, &Platforms),
    ignore: Option<&dockerfile::Ignore>,
    exists: &dyn Fn(&str) -> Option<bool>,
) -> Report {
    let context = Context {
        arguments: &request.arguments,
        platforms,
        target: request.target.as_deref().unwrap_or_default(),
        ignore,
        exists,
        image: &|_name| None,
        options: None,
    };
    check(&definition.file, &definition.source, &context)
}

fn warnings(definition: &Definition, report: &Report) -> Vec<Warning> {
    let one = |finding: &dockerfile::check::Finding| Warning {
        rule: finding.rule.name().to_owned(),
        line: definition.source.range(finding.span).0.line,
        message: finding.message.clone(),
        shown: finding.render(&definition.source, &definition.name),
    };
    report.findings.iter().map(one).collect()
}
