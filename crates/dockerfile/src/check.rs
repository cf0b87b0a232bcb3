//! What `build --check` tells: 21 rules over a parsed file. Start at [`check`].
//!
//! A rule is a function from the file, and what the caller knows of context and images, to findings. Names are those of Docker's
//! build checks, so `# check=skip=…` means the same; before an instruction it is for that one alone. Rules that ask for values of
//! variables walk through the stages as a build does, all of them. Source: Docker's "Build checks".

mod casing;
mod stages;
mod values;

use std::collections::BTreeMap;
use std::fmt;

use crate::directives::{CheckOptions, Skip};
use crate::error::FileError;
use crate::file::Dockerfile;
use crate::ignore::Ignore;
use crate::scope::Platforms;
use crate::source::{Source, Span, Spanned};

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is described by Rule::description")]
pub enum Rule {
    ConsistentInstructionCasing,
    CopyIgnoredFile,
    DuplicateStageName,
    ExposeInvalidFormat,
    ExposeProtoCasing,
    FromAsCasing,
    FromPlatformFlagConstDisallowed,
    InvalidDefaultArgInFrom,
    InvalidDefinitionDescription,
    JsonArgsRecommended,
    LegacyKeyValueFormat,
    MaintainerDeprecated,
    MultipleInstructionsDisallowed,
    NoEmptyContinuation,
    RedundantTargetPlatform,
    ReservedStageName,
    SecretsUsedInArgOrEnv,
    StageNameCasing,
    UndefinedArgInFrom,
    UndefinedVar,
    WorkdirRelativePath,
}

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// Where.
    pub span: Span,
    /// What, with the names that it is about.
    pub message: String,
}

/// What the caller knows.
pub struct Context<'a> {
    /// `--build-arg`.
    pub arguments: &'a BTreeMap<String, String>,
    /// `--platform`, and the machine.
    pub platforms: &'a Platforms,
    /// `--target`, empty when there is none.
    pub target: &'a str,
    /// The context's `.dockerignore`.
    pub ignore: Option<&'a Ignore>,
    /// Whether a path of the context is there; `None` when nobody knows. A path that is not there is not told as ignored.
    pub exists: &'a dyn Fn(&str) -> Option<bool>,
    /// What an image brings; `None` when nobody knows.
    pub image: &'a dyn Fn(&str) -> Option<BaseImage>,
    /// What the caller says beside the file, as `BUILDKIT_DOCKERFILE_CHECK` does; it takes the place of the file's directive.
    pub options: Option<&'a CheckOptions>,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arguments, platforms, target, ignore, options, .. } = self;
        out.debug_struct("Context")
            .field("arguments", arguments)
            .field("platforms", platforms)
            .field("target", target)
            .field("ignore", ignore)
            .field("options", options)
            .finish_non_exhaustive()
    }
}

/// What a stage has from its base image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseImage {
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// Whether it names a shell of its own.
    pub has_shell: bool,
}

/// What a check told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// In the order of the file.
    pub findings: Vec<Finding>,
    /// Whether findings are to make a build fail (`check=error=true`).
    pub fails: bool,
    /// What makes a build fail whatever its steps do: words that cannot be expanded, mounts and ports that are none, stages
    /// that cannot be had. Rules that follow variables have not looked behind it.
    pub error: Option<FileError>,
}

impl Rule {
    /// All of them, by name.
    pub const ALL: [Self; 21] = [
        Self::ConsistentInstructionCasing,
        Self::CopyIgnoredFile,
        Self::DuplicateStageName,
        Self::ExposeInvalidFormat,
        Self::ExposeProtoCasing,
        Self::FromAsCasing,
        Self::FromPlatformFlagConstDisallowed,
        Self::InvalidDefaultArgInFrom,
        Self::InvalidDefinitionDescription,
        Self::JsonArgsRecommended,
        Self::LegacyKeyValueFormat,
        Self::MaintainerDeprecated,
        Self::MultipleInstructionsDisallowed,
        Self::NoEmptyContinuation,
        Self::RedundantTargetPlatform,
        Self::ReservedStageName,
        Self::SecretsUsedInArgOrEnv,
        Self::StageNameCasing,
        Self::UndefinedArgInFrom,
        Self::UndefinedVar,
        Self::WorkdirRelativePath,
    ];

    /// Its name, by which it is skipped.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// What it asks for.
    #[must_use]
    pub fn description(self) -> &'static str {
        self.words().1
    }

    /// Whether it is on trial: it says nothing unless it is asked for.
    #[must_use]
    pub fn is_experimental(self) -> bool {
        self == Self::InvalidDefinitionDescription
    }

    fn words(self) -> (&'static str, &'static str) {
        let of = RULES.iter().find(|(rule, ..)| *rule == self);
        of.map(|(_, name, description)| (*name, *description)).unwrap_or_default()
    }
}

/// Names and what is asked for.
const RULES: [(Rule, &str, &str); 21] = [
    (
        Rule::ConsistentInstructionCasing,
        "ConsistentInstructionCasing",
        "instructions are written in capitals or small letters throughout",
    ),
    (Rule::CopyIgnoredFile, "CopyIgnoredFile", "what is copied is not left out by .dockerignore"),
    (Rule::DuplicateStageName, "DuplicateStageName", "a stage's name stands once"),
    (
        Rule::ExposeInvalidFormat,
        "ExposeInvalidFormat",
        "EXPOSE has neither an address nor a port of the host",
    ),
    (
        Rule::ExposeProtoCasing,
        "ExposeProtoCasing",
        "protocols of EXPOSE are written in small letters",
    ),
    (Rule::FromAsCasing, "FromAsCasing", "AS is written as its FROM is"),
    (
        Rule::FromPlatformFlagConstDisallowed,
        "FromPlatformFlagConstDisallowed",
        "a stage is not bound to one platform",
    ),
    (
        Rule::InvalidDefaultArgInFrom,
        "InvalidDefaultArgInFrom",
        "with the defaults of the global arguments every base is an image's name",
    ),
    (
        Rule::InvalidDefinitionDescription,
        "InvalidDefinitionDescription",
        "a comment before FROM or ARG begins with the name that it describes",
    ),
    (
        Rule::JsonArgsRecommended,
        "JSONArgsRecommended",
        "CMD and ENTRYPOINT are arrays, so that signals reach the program",
    ),
    (Rule::LegacyKeyValueFormat, "LegacyKeyValueFormat", "ENV and LABEL are written with '='"),
    (Rule::MaintainerDeprecated, "MaintainerDeprecated", "MAINTAINER is a label today"),
    (
        Rule::MultipleInstructionsDisallowed,
        "MultipleInstructionsDisallowed",
        "what only counts once in a stage stands once",
    ),
    (Rule::NoEmptyContinuation, "NoEmptyContinuation", "an instruction has no empty lines"),
    (
        Rule::RedundantTargetPlatform,
        "RedundantTargetPlatform",
        "--platform does not ask for the platform that is built for anyway",
    ),
    (Rule::ReservedStageName, "ReservedStageName", "no stage is called as something else is"),
    (
        Rule::SecretsUsedInArgOrEnv,
        "SecretsUsedInArgOrEnv",
        "secrets are mounted, not given as arguments or variables, which images show",
    ),
    (Rule::StageNameCasing, "StageNameCasing", "stage names are written in small letters"),
    (Rule::UndefinedArgInFrom, "UndefinedArgInFrom", "arguments of FROM are declared before it"),
    (Rule::UndefinedVar, "UndefinedVar", "variables are defined before they are used"),
    (
        Rule::WorkdirRelativePath,
        "WorkdirRelativePath",
        "the first WORKDIR does not depend on what the base has",
    ),
];

impl Finding {
    /// The finding with its line and the place marked.
    #[must_use]
    pub fn render(&self, source: &Source, name: &str) -> String {
        let message = format!("{}: {}", self.rule.name(), self.message);
        crate::render(source, name, self.span, &message, None)
    }
}

/// Looks for what all rules ask for.
#[must_use]
pub fn check(file: &Dockerfile, source: &Source, context: &Context<'_>) -> Report {
    let options = context.options.unwrap_or(&file.directives.check);
    let mut findings = Findings { options, found: Vec::new() };
    casing::instructions(file, &mut findings);
    casing::keywords(file, &mut findings);
    stages::names(file, &mut findings);
    stages::descriptions(file, &mut findings);
    stages::continuations(file, &mut findings);
    stages::default_bases(file, source, context, &mut findings);
    let error = values::walk(file, source, context, &mut findings).err();
    let mut found = findings.found;
    found.sort_by_key(|finding| (finding.span.start, finding.rule));
    let fails = options.error && !found.is_empty();
    Report { findings: found, fails, error }
}

/// Findings of rules that are not skipped.
struct Findings<'a> {
    options: &'a CheckOptions,
    found: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, rule: Rule, span: Span, comments: &[Spanned<String>], message: String) {
        let own = CheckOptions::of_comments(comments);
        let asked = |which: fn(&CheckOptions) -> &Skip| {
            which(self.options).has(rule.name())
                || own.as_ref().is_some_and(|own| which(own).has(rule.name()))
        };
        let is_told = if rule.is_experimental() {
            asked(|options| &options.experimental)
        } else {
            !asked(|options| &options.skip)
        };
        if is_told {
            self.found.push(Finding { rule, span, message });
        }
    }
}
