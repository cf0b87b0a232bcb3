//! Rules about capitals and small letters.

use super::{Findings, Rule};
use crate::file::Dockerfile;
use crate::source::Spanned;

/// `ConsistentInstructionCasing`: as most instructions are written, all are; in capitals when there is no majority.
pub(super) fn instructions(file: &Dockerfile, findings: &mut Findings<'_>) {
    let words = || {
        file.stages.iter().flat_map(|stage| {
            let others =
                stage.instructions.iter().map(|found| (&found.written, found.comments.as_slice()));
            std::iter::once((&stage.written, stage.comments.as_slice())).chain(others)
        })
    };
    let small = words().filter(|(word, _)| is_small(&word.value)).count();
    let large = words().filter(|(word, _)| is_large(&word.value)).count();
    let (fits, wanted): (fn(&str) -> bool, _) =
        if small > large { (is_small, "small letters") } else { (is_large, "capitals") };
    for (word, comments) in words().filter(|(word, _)| !fits(&word.value)) {
        let message =
            format!("{:?} is not written in {wanted}, as most instructions are", word.value);
        findings.add(Rule::ConsistentInstructionCasing, word.span, comments, message);
    }
}

/// `FromAsCasing`, `StageNameCasing` and `MaintainerDeprecated`.
pub(super) fn keywords(file: &Dockerfile, findings: &mut Findings<'_>) {
    for stage in &file.stages {
        let from = &stage.written.value;
        let fits = |word: &Spanned<String>| {
            (!is_small(from) && !is_large(from))
                || (is_small(from) && is_small(&word.value))
                || (is_large(from) && is_large(&word.value))
        };
        if let Some(word) = stage.as_word.as_ref().filter(|word| !fits(word)) {
            let message = format!("{:?} is not written as {from:?} is", word.value);
            findings.add(Rule::FromAsCasing, word.span, &stage.comments, message);
        }
        if let Some(name) = stage.written_name.as_ref().filter(|name| !is_small(&name.value)) {
            let message = format!("stage name {:?} is not in small letters", name.value);
            findings.add(Rule::StageNameCasing, name.span, &stage.comments, message);
        }
        for found in &stage.instructions {
            if let crate::Kind::Maintainer(who) = &found.kind {
                let message = format!(
                    "MAINTAINER is out of use: LABEL org.opencontainers.image.authors={:?}",
                    who.value
                );
                findings.add(Rule::MaintainerDeprecated, found.span, &found.comments, message);
            }
        }
    }
}

fn is_small(word: &str) -> bool {
    !word.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_large(word: &str) -> bool {
    !word.bytes().any(|byte| byte.is_ascii_lowercase())
}
