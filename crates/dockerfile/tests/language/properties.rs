//! What holds for every text.

use std::collections::BTreeMap;

use dockerfile::{Dockerfile, Globals, Graph, Lexer, Quotes, Source};
use proptest::prelude::*;

use crate::stages::platforms;

/// Pieces that files are made of, so that most texts get far.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "FROM a\n",
        "FROM b AS c\n",
        "RUN ",
        "COPY ",
        "ADD ",
        "ENV ",
        "ARG ",
        "LABEL ",
        "EXPOSE ",
        "ONBUILD ",
        "HEALTHCHECK CMD ",
        "USER ",
        "# escape=`\n",
        "# x\n",
        "\\\n",
        "`\n",
        "\n",
        "\r\n",
        " ",
        "\t",
        "<<E",
        "<<-'E'",
        "\nE\n",
        "--from=c ",
        "--mount=type=",
        "cache,target=/x ",
        "$a",
        "${a:-",
        "}",
        "'",
        "\"",
        "[\"a\", \"b\"]",
        "a=b",
        "é",
        "\u{feff}",
        "/",
        "=",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn places_are_within_the_text(text in text()) {
        let source = Source::new(text.as_bytes());
        match Dockerfile::parse(&source) {
            Ok(file) => {
                for instruction in file.stages.iter().flat_map(|stage| &stage.instructions) {
                    let word = source.slice(instruction.written.span);
                    prop_assert_eq!(word, &instruction.written.value);
                    prop_assert!(instruction.span.end <= source.text().len());
                }
                if let Ok(globals) = Globals::new(&file, &source, &BTreeMap::new(), &platforms(), "") {
                    let _ = Graph::new(&file, &source, &globals);
                }
            }
            Err(error) => {
                prop_assert!(error.span.end <= source.text().len());
                prop_assert!(!error.render(&source, "Dockerfile").is_empty());
            }
        }
    }

    #[test]
    fn what_asks_for_nothing_stays(text in "[a-zA-Z0-9_./ -]{0,30}") {
        let found = Lexer::new('\\').word(&text, &()).unwrap();
        prop_assert_eq!(&found.text, &text);
        prop_assert_eq!(found.words.join(" "), text.split_whitespace().collect::<Vec<_>>().join(" "));
    }

    #[test]
    fn single_quotes_keep_everything(text in "[^']{0,30}") {
        let found = Lexer::new('\\').word(&format!("'{text}'"), &()).unwrap();
        prop_assert_eq!(found.text, text);
    }

    #[test]
    fn what_is_kept_reads_the_same_again(text in r#"([a-z ]|\$[a-z]|\$\{[a-z]\}|'[a-z]*'|"[a-z]*"){0,12}"#) {
        let keep = Lexer { quotes: Quotes::Keep, keep_escapes: true, keep_undefined: true, ..Lexer::new('\\') };
        prop_assert_eq!(keep.word(&text, &()).unwrap().text, text);
    }

    #[test]
    fn patterns_take_what_they_say(before in "[abx]{0,6}", middle in "[abx]{0,6}") {
        let value = format!("{before}{middle}");
        let variables: BTreeMap<String, String> = [("v".to_owned(), value.clone()), ("p".to_owned(), before.clone()), ("s".to_owned(), middle.clone())].into();
        let expand = |text: &str| Lexer::new('\\').word(text, &variables).unwrap().text;
        prop_assert_eq!(expand("${v#$p}"), middle.clone());
        prop_assert_eq!(expand("${v%$s}"), before);
        let (short, long) = (expand("${v#*x}"), expand("${v##*x}"));
        prop_assert_eq!(short, value.split_once('x').map_or(value.clone(), |(_, rest)| rest.to_owned()));
        prop_assert_eq!(long, value.rsplit_once('x').map_or(value.clone(), |(_, rest)| rest.to_owned()));
        prop_assert_eq!(expand("${v//x/y}"), value.replace('x', "y"));
        prop_assert_eq!(expand("${v/ab/}"), value.replacen("ab", "", 1));
    }
}
