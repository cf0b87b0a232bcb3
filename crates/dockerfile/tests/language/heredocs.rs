//! Documents in the file.

use dockerfile::{Dockerfile, Heredoc, Instruction, Kind, Source, TransferSource};

use crate::shape::{instructions, one};

fn documents(text: &str) -> Vec<(String, String, bool)> {
    let documents: Vec<Heredoc> = match one(text) {
        Kind::Run(run) => run.documents,
        Kind::Copy(copy) => copy
            .transfer
            .sources
            .into_iter()
            .filter_map(|source| match source {
                TransferSource::Document(document) => Some(document),
                TransferSource::Path(_) => None,
            })
            .collect(),
        other => panic!("{other:?}"),
    };
    documents.iter().map(|found| (found.name.value.clone(), found.text(), found.expand)).collect()
}

fn found(list: &[(&str, &str, bool)]) -> Vec<(String, String, bool)> {
    list.iter()
        .map(|(name, text, expand)| ((*name).to_owned(), (*text).to_owned(), *expand))
        .collect()
}

#[test]
fn documents_of_run() {
    for (text, meant) in [
        ("RUN <<E\nE", vec![("E", "", true)]),
        ("RUN 3<<E\nE", vec![("E", "", true)]),
        ("RUN <<E\n\tfoo\n\tbar\nE\n", vec![("E", "\tfoo\n\tbar\n", true)]),
        ("RUN <<-E\n\tfoo\n\t\tbar\n\tE\n", vec![("E", "foo\nbar\n", true)]),
        ("RUN <<-'E'\n\tno $NAME\nE", vec![("E", "no $NAME\n", false)]),
        ("RUN <<E\n# kept\na \\\n\nb\nE", vec![("E", "# kept\na \\\n\nb\n", true)]),
        ("RUN --mount=type=cache,target=/foo <<E\na\nE", vec![("E", "a\n", true)]),
        ("RUN <<A cat <<B\none\nA\ntwo\nB\n", vec![("A", "one\n", true), ("B", "two\n", true)]),
        ("RUN <<E python3\nx\nE", vec![("E", "x\n", true)]),
        ("RUN <<eo'f'\na\neof", vec![("eof", "a\n", false)]),
        ("RUN <<'one two'\na\none two", vec![("one two", "a\n", false)]),
        ("RUN <<$E\n$E", vec![("$E", "", true)]),
        ("RUN <<  E  > foo\nE", vec![("E", "", true)]),
        ("RUN <<E\r\na\r\nE\r\n", vec![("E", "a\r\n", true)]),
        ("RUN cat \\\n <<E\na\nE", vec![("E", "a\n", true)]),
    ] {
        assert_eq!(documents(text), found(&meant), "{text}");
    }
    for text in
        ["RUN \"<<E\"", "RUN '<<E'", "RUN <<<E", "RUN a << ", "RUN [\"<<E\"]", "RUN echo x<<E"]
    {
        assert_eq!(documents(text), [], "{text}");
    }
}

#[test]
fn only_three_instructions_have_documents() {
    assert_eq!(instructions("USER <<E\nRUN a\nENV a=<<E\nRUN b").len(), 4);
    assert_eq!(instructions("ONBUILD RUN <<E\na\nE\nRUN b").len(), 2);
}

#[test]
fn documents_of_copy_are_files() {
    assert_eq!(
        documents("COPY <<A <<B /dst\n1\nA\n2\nB"),
        found(&[("A", "1\n", true), ("B", "2\n", true)])
    );
    assert_eq!(
        documents("COPY <<X <<Y /dst\nY\nX\nX\nY"),
        found(&[("X", "Y\n", true), ("Y", "X\n", true)])
    );
    assert_eq!(
        documents("COPY <<file.txt /dst\n\"q\"\nfile.txt"),
        found(&[("file.txt", "\"q\"\n", true)])
    );
    assert_eq!(documents("COPY << E /dst\nx\nE"), found(&[("E", "x\n", true)]));
    let Kind::Copy(copy) = one("COPY <<E foo.txt /dst\nx\nE") else { panic!() };
    assert_eq!(
        copy.transfer.paths().map(|path| path.value.as_str()).collect::<Vec<_>>(),
        ["foo.txt"]
    );
    assert_eq!(copy.transfer.destination.value, "/dst");
}

#[test]
fn a_step_that_is_one_document() {
    let script = |text: &str| match one(text) {
        Kind::Run(run) => run.script().map(|document| document.text()),
        other => panic!("{other:?}"),
    };
    assert_eq!(script("RUN <<E\na\nE").as_deref(), Some("a\n"));
    assert_eq!(script("RUN <<-E\n\ta\nE").as_deref(), Some("a\n"));
    assert_eq!(script("RUN <<E python3\na\nE"), None);
    assert_eq!(script("RUN a"), None);
}

#[test]
fn triggers_keep_their_documents() {
    let Kind::Onbuild(trigger) = one("ONBUILD COPY <<A <<B /\n1\nA\n2\nB\n") else { panic!() };
    assert_eq!(trigger.text, "COPY <<A <<B /\n1\nA\n2\nB");
    let source = Source::new(trigger.text.as_bytes());
    let Kind::Copy(copy) = Instruction::trigger(&source).unwrap().kind else { panic!() };
    assert_eq!(copy.transfer.sources.len(), 2);
    for text in
        ["", "# nothing", "FROM a", "ONBUILD RUN a", "MAINTAINER me", "RUN a\nRUN b", "COPY a"]
    {
        assert!(Instruction::trigger(&Source::new(text.as_bytes())).is_err(), "{text}");
    }
}

#[test]
fn a_document_has_an_end() {
    let source = Source::new(b"FROM a\nRUN <<E\nx\n E\n");
    let error = Dockerfile::parse(&source).unwrap_err();
    insta::assert_snapshot!(error.render(&source, "Dockerfile"), @r#"
    Dockerfile:2:5: RUN: the document <<E has no end: no line is "E"
      2 | RUN <<E
        |     ^^^
    "#);
}
