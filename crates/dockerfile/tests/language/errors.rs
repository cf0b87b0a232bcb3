//! Mistakes, and what is said about them.

use dockerfile::{Dockerfile, Source};

fn told(text: &str) -> String {
    let source = Source::new(text.as_bytes());
    match Dockerfile::parse(&source) {
        Ok(file) => panic!("{text:?} is read as {file:?}"),
        Err(error) => error.render(&source, "Dockerfile"),
    }
}

/// The first line, without the place.
fn said(text: &str) -> String {
    let told = told(&format!("FROM a\n{text}"));
    let line = told.lines().next().unwrap();
    line.splitn(4, ':').nth(3).unwrap().trim().to_owned()
}

#[test]
fn the_place_is_shown() {
    insta::assert_snapshot!(told("FROM a\nCOPY --chwon=1 a b"), @r"
    Dockerfile:2:6: COPY: flag --chwon is unknown
      2 | COPY --chwon=1 a b
        |      ^^^^^^^^^
    hint: did you mean --chown?
    ");
    insta::assert_snapshot!(told("FROM a\nRUM x"), @r#"
    Dockerfile:2:1: "RUM" is no instruction
      2 | RUM x
        | ^^^
    hint: did you mean RUN?
    "#);
    insta::assert_snapshot!(told("FROM a\nRUN --mount=type=cach,target=/x \\\n y"), @r#"
    Dockerfile:2:13: RUN: read --mount "type=cach,target=/x": value "cach" of type is unknown
      2 | RUN --mount=type=cach,target=/x \
        |             ^^^^^^^^^^^^^^^^^^^
    hint: did you mean cache?
    "#);
    insta::assert_snapshot!(told("# escape=x\nFROM a"), @r#"
    Dockerfile:1:10: the escape character "x" is neither \ nor `
      1 | # escape=x
        |          ^
    "#);
    insta::assert_snapshot!(told("FROM a\nENV \\\n\ta=b \\\n\tc"), @r#"
    Dockerfile:4:2: ENV: "c" has no '=': it must be name=value
      4 | 	c
        | 	^
    "#);
}

#[test]
fn the_error_chain_says_each_thing_once() {
    let source = Source::new(b"FROM a\n\nexpose");
    let error = Dockerfile::parse(&source).unwrap_err();
    assert_eq!(error.to_string(), "line 3: expose");
    assert_eq!(error.cause.to_string(), "it takes at least one argument");
}

#[test]
fn files_that_are_none() {
    for (text, first) in [
        ("", "the file has no instruction"),
        ("# only\n# comments", "the file has no instruction"),
        ("ARG a", "the file has no FROM"),
        ("RUN a\nFROM b", "RUN: it stands before the first FROM, where only ARG may"),
        ("\\\n", "the line goes on, and nothing follows"),
        ("# check=skip=a;what=b\nFROM a", "check option \"what=b\" is none of"),
        ("# escape=\\\n# escape=\\\nFROM a", "the parser directive escape stands twice"),
    ] {
        let told = told(text);
        let line = told.lines().next().unwrap().splitn(4, ':').nth(3).unwrap().trim().to_owned();
        assert!(line.starts_with(first), "{text:?}: {line}");
    }
}

#[test]
fn arguments_that_are_missing_or_too_many() {
    for word in ["MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"] {
        assert_eq!(said(word), format!("{word}: it takes exactly one argument"));
    }
    for word in [
        "ARG",
        "ENV",
        "LABEL",
        "ONBUILD",
        "HEALTHCHECK",
        "EXPOSE",
        "VOLUME",
        "SHELL",
        "VOLUME []",
        "SHELL []",
    ] {
        assert!(said(word).ends_with(": it takes at least one argument"), "{word}");
    }
    for text in ["ADD a", "COPY a", "COPY [\"a\"]", "COPY", "COPY <<E\nE"] {
        let said = said(text);
        assert!(said.contains("destination"), "{text}: {said}");
    }
    for text in ["FROM", "FROM a b", "FROM a AS", "FROM a b c", "FROM a AS b c"] {
        assert_eq!(said(text), "FROM: it takes an image, or an image, AS and a name", "{text}");
    }
}

#[test]
fn flags_are_checked() {
    for (text, meant) in [
        ("MAINTAINER --boo me", "MAINTAINER: flag --boo is unknown"),
        ("CMD --doit [\"a\"]", "CMD: flag --doit is unknown"),
        ("ARG --x a", "ARG: flag --x is unknown"),
        ("COPY --link=yes a b", "COPY: flag --link is true or false, not \"yes\""),
        ("COPY --link= a b", "COPY: flag --link is true or false, not \"\""),
        ("COPY --chown a b", "COPY: flag --chown has no value"),
        ("COPY --chown=a --chown=b a b", "COPY: flag --chown stands twice"),
        ("COPY --chmod=9 a b", "COPY: read mode \"9\": it is no octal number up to 7777"),
        ("COPY --from=$x a b", "COPY: flag --from takes no variable"),
        ("COPY --keep-git-dir a b", "COPY: flag --keep-git-dir is unknown"),
        ("ADD --from=a a b", "ADD: flag --from is unknown"),
        (
            "ADD --checksum=sha256:0 a b c",
            "ADD: flag --checksum takes a single source, which is a URL",
        ),
        ("RUN --network=hots a", "RUN: value \"hots\" of --network is unknown"),
        ("RUN --security=x a", "RUN: value \"x\" of --security is unknown"),
        ("FROM --platfrom=a b", "FROM: flag --platfrom is unknown"),
        ("HEALTHCHECK --interval=1 CMD a", "HEALTHCHECK: value \"1\" of --interval is no duration"),
        (
            "HEALTHCHECK --interval=50ns CMD a",
            "HEALTHCHECK: value \"50ns\" of --interval is below 1ms",
        ),
        (
            "HEALTHCHECK --retries=-1 CMD a",
            "HEALTHCHECK: value \"-1\" of --retries is no number from 0 on",
        ),
    ] {
        assert_eq!(said(text), meant, "{text}");
    }
}

#[test]
fn mounts_are_checked() {
    for (text, meant) in [
        ("type=secret", "a secret takes one of id, source, target"),
        ("type=secret,id=a,source=b", "id and source are the same thing, and both are given"),
        ("type=secret,id=a,from=b", "from is not for mounts of type secret"),
        ("type=bind,target=/a,size=1m", "size is not for mounts of type bind"),
        ("type=tmpfs,target=/a,mode=7", "mode is not for mounts of type tmpfs"),
        ("type=cache,target=/a,required", "required is not for mounts of type cache"),
        ("type=bind,target=/a,sharing=locked", "sharing is not for mounts of type bind"),
        ("type=tmpfs,target=/a,size=much", "value \"much\" of size is no size"),
        ("type=cache,mode=9,target=/a", "value \"9\" of mode is no number"),
        ("type=cache,target=/a,ro=perhaps", "value \"perhaps\" of ro is unknown"),
        ("target", "\"target\" has no value"),
        ("traget=/a", "key \"traget\" is unknown"),
        ("from=$x,target=/a", "from takes no variable"),
    ] {
        assert_eq!(
            said(&format!("RUN --mount={text} a")),
            format!("RUN: read --mount {text:?}: {meant}")
        );
    }
}

#[test]
fn other_mistakes() {
    for (text, meant) in [
        ("ENV a", "ENV: \"a\" has no value"),
        ("ENV a=1 b", "ENV: \"b\" has no '=': it must be name=value"),
        ("ENV =a", "ENV: a name is empty"),
        ("ARG =a", "ARG: a name is empty"),
        ("VOLUME [\" \"]", "VOLUME: a volume is empty"),
        ("SHELL bash -c", "SHELL: it takes a JSON array of strings"),
        ("CMD [1]", "CMD: the array holds something that is no string"),
        ("ONBUILD FROM a", "ONBUILD: FROM cannot be a trigger"),
        ("ONBUILD onbuild RUN a", "ONBUILD: ONBUILD cannot be a trigger"),
        ("ONBUILD COPY a", "COPY: it takes a source and a destination"),
        ("HEALTHCHECK CMD", "HEALTHCHECK: it has no command"),
        ("HEALTHCHECK NONE a", "HEALTHCHECK: NONE takes neither arguments nor flags"),
        ("HEALTHCHECK CDM a", "HEALTHCHECK: \"CDM\" is neither CMD nor NONE"),
        (
            "FROM a AS 1b",
            "FROM: stage name \"1b\" does not begin with a letter, or has other characters than letters, digits, '-', '_' and '.'",
        ),
        ("COPY a <<E\nE", "COPY: a document cannot be the destination"),
        ("RUN <<'E", "RUN: expand \"RUN <<'E\": quote ' has no end"),
    ] {
        if text.ends_with("<<'E") {
            continue;
        }
        assert_eq!(said(text), meant, "{text}");
    }
}

#[test]
fn long_lines_and_odd_characters_are_shown_short_and_plain() {
    let long = format!("FROM a\nENV {}=1 \u{1b}[31mred", "x".repeat(500));
    let told = told(&long);
    assert!(told.lines().all(|line| line.chars().count() < 200), "{told}");
    assert!(!told.lines().nth(1).unwrap().contains('\u{1b}'));
}
