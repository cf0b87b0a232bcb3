//! How a text falls into lines, words and arrays. The facts are those of BuildKit's parser.

use dockerfile::{CommandLine, Dockerfile, Instruction, Kind, Source};

/// The instructions behind a `FROM` that is put before them.
pub(crate) fn instructions(text: &str) -> Vec<Instruction> {
    let source = Source::new(format!("FROM scratch\n{text}").as_bytes());
    match Dockerfile::parse(&source) {
        Ok(mut file) => file.stages.remove(0).instructions,
        Err(error) => panic!("{}", error.render(&source, "Dockerfile")),
    }
}

/// The one instruction.
pub(crate) fn one(text: &str) -> Kind {
    let mut all = instructions(text);
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0).kind
}

fn line(text: &str) -> String {
    match one(text) {
        Kind::Run(run) => match run.command {
            CommandLine::Shell(line) => line.value,
            CommandLine::Exec(words) => {
                format!("{:?}", words.iter().map(|word| &word.value).collect::<Vec<_>>())
            }
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_that_go_on() {
    assert_eq!(
        line("RUN echo hello\\\n  world\\\n  goodnight  \\\n  moon\\\n  light\\\nning"),
        "echo hello  world  goodnight    moon  lightning"
    );
    assert_eq!(line("RUN echo hello  \\  \nworld"), "echo hello  world");
    assert_eq!(
        line("RUN echo hi \\\n \\\n world \\\n\\\n good\\\n\\\nnight"),
        "echo hi   world  goodnight"
    );
    assert_eq!(line("RUN echo hello \\\n# one\n\n# two\n\nmore"), "echo hello more");
    assert_eq!(line("RUN something \\"), "something");
    assert_eq!(line("RUN apt \\update && \\\n  apt \\\"x"), "apt \\update &&   apt \\\"x");
    assert_eq!(line("run a\r\n"), "a");
    assert_eq!(line("RUN a \\\r\n  b\r\n"), "a   b");
    assert_eq!(line("\t RUN\ta\tb "), "a\tb");
    assert_eq!(instructions("ENV C a\\\\b\\\\\nENV D x").len(), 2);
}

#[test]
fn the_escape_character_is_the_files() {
    let source = Source::new(b"# escape=`\nFROM a\nRUN dir c:\\\nRUN a `\n b\n");
    let file = Dockerfile::parse(&source).unwrap();
    let texts: Vec<&str> =
        file.stages[0].instructions.iter().map(|found| found.text.as_str()).collect();
    assert_eq!(texts, ["RUN dir c:\\", "RUN a  b"]);
}

#[test]
fn arrays_and_what_only_looks_like_one() {
    assert_eq!(line("RUN [\"a\",\"b\"]"), r#"["a", "b"]"#);
    assert_eq!(line("RUN\t[\t\"a\" , \"b c\"\t]\t"), r#"["a", "b c"]"#);
    assert_eq!(line("RUN []"), "[]");
    assert_eq!(line("RUN [\"♥\", \"\\\"\\\\ \\/ \\n\"]"), r#"["♥", "\"\\ / \n"]"#);
    for text in [
        "[\"a\", \"open]",
        "['a','b']",
        "[\"a\",\"b\"",
        "[ \"a\" ] && b",
        "[ -f x ] && y",
        "\"[\\\"a\\\"]\"",
    ] {
        assert_eq!(line(&format!("RUN {text}")), text);
    }
    let source = Source::new(b"FROM a\nCMD [\"a\", [\"b\"]]");
    assert!(Dockerfile::parse(&source).is_err());
}

#[test]
fn every_word_knows_its_place() {
    let text = "FROM scratch\nCOPY --chown=me --from=b \\\n  # comment\n  one two \\\n\n  /dst\nRUN [\"a\", \"b\\\"c\"]\nENV a=1 \\\n b='2 3'\n";
    let source = Source::new(text.as_bytes());
    let file = Dockerfile::parse(&source).unwrap();
    let mut places = Vec::new();
    for instruction in &file.stages[0].instructions {
        match &instruction.kind {
            Kind::Copy(copy) => {
                places.extend(copy.from.iter().chain(&copy.transfer.chown).map(|word| word.span));
                places.extend(copy.transfer.paths().map(|path| path.span));
                places.push(copy.transfer.destination.span);
            }
            Kind::Env(pairs) => {
                places.extend(pairs.iter().flat_map(|pair| [pair.name.span, pair.value.span]));
            }
            Kind::Run(run) => match &run.command {
                CommandLine::Exec(words) => places.extend(words.iter().map(|word| word.span)),
                CommandLine::Shell(line) => places.push(line.span),
            },
            other => panic!("{other:?}"),
        }
    }
    let words: Vec<&str> = places.into_iter().map(|span| source.slice(span)).collect();
    assert_eq!(
        words,
        ["b", "me", "one", "two", "/dst", "\"a\"", "\"b\\\"c\"", "a", "1", "b", "'2 3'"]
    );
}

#[test]
fn comments_describe_what_follows() {
    let text = "# version is the tag\nARG version=1\n\n# base is first\n#\n# base begins\nFROM a AS base\n# one thing\n# two other\nARG one two\n";
    let source = Source::new(text.as_bytes());
    let file = Dockerfile::parse(&source).unwrap();
    assert_eq!(file.global_args[0].description("version"), Some("is the tag"));
    assert_eq!(file.stages[0].description(), Some("begins"));
    let arg = &file.stages[0].instructions[0];
    assert_eq!(
        (arg.description("one"), arg.description("two"), arg.description("o")),
        (Some("thing"), Some("other"), None)
    );
}

#[test]
fn what_is_no_text_is_refused_where_it_counts() {
    assert!(Dockerfile::parse(&Source::new(b"# caf\xe9\nFROM a\nRUN x \\\n# \xff\n y")).is_ok());
    assert!(Dockerfile::parse(&Source::new(b"FROM a\nRUN x \xff")).is_err());
    assert!(Dockerfile::parse(&Source::new(b"FROM a\nRUN <<E\n\xff\nE\n")).is_err());
}
