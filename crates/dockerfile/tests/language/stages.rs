//! Stages and which others they need.

use std::collections::BTreeMap;

use dockerfile::{Dockerfile, FileError, Globals, Graph, Origin, Platforms, Source};

pub(crate) fn platforms() -> Platforms {
    Platforms { build: "linux/amd64".parse().unwrap(), target: "linux/arm64".parse().unwrap() }
}

fn graph(text: &str) -> Result<Graph, FileError> {
    let source = Source::new(text.as_bytes());
    let file = Dockerfile::parse(&source)?;
    let globals = Globals::new(&file, &source, &BTreeMap::new(), &platforms(), "")?;
    Graph::new(&file, &source, &globals)
}

#[test]
fn stages_are_found_by_name_and_number() {
    let graph = graph(
        "ARG base=busybox\nFROM $base AS One\nFROM one AS two\nFROM scratch\nCOPY --from=ONE a /\nCOPY --from=1 a /\n\
         RUN --mount=from=two,target=/x --mount=type=cache,target=/c true\nCOPY --from=alpine a /\nFROM busybox AS lone\n",
    )
    .unwrap();
    assert_eq!(graph.base(0), Some(&Origin::Outside("busybox".to_owned())));
    assert_eq!(graph.base(1), Some(&Origin::Stage(0)));
    assert_eq!(graph.base(2), Some(&Origin::Scratch));
    let origins: Vec<&Origin> = graph.uses(2).iter().map(|found| &found.origin).collect();
    let image = Origin::Outside("alpine".to_owned());
    assert_eq!(origins, [&Origin::Stage(0), &Origin::Stage(1), &Origin::Stage(1), &image]);
    assert_eq!(graph.needed(2), [0, 1, 2]);
    assert_eq!(graph.needed(1), [0, 1]);
    assert_eq!(graph.needed(3), [3]);
    assert_eq!(graph.target(None).unwrap(), 3);
    assert_eq!(graph.target(Some("Two")).unwrap(), 1);
    assert_eq!(graph.target(Some("2")).unwrap(), 2);
    assert_eq!(graph.target(Some("tow")).unwrap_err().closest.as_deref(), Some("two"));
}

#[test]
fn a_name_that_stands_twice_and_one_that_is_its_own() {
    let graph = graph("FROM a AS x\nFROM x AS x\nFROM x AS y\nCOPY --from=x a /").unwrap();
    assert_eq!(graph.base(1), Some(&Origin::Stage(0)));
    assert_eq!(graph.base(2), Some(&Origin::Stage(1)));
    assert_eq!(graph.uses(2)[0].origin, Origin::Stage(1));
}

#[test]
fn a_later_name_is_an_image_for_from() {
    assert_eq!(
        graph("FROM b AS a\nFROM x AS b").unwrap().base(0),
        Some(&Origin::Outside("b".to_owned()))
    );
}

#[test]
fn triggers_of_a_stage_count_where_it_is_the_base() {
    let graph =
        graph("FROM a AS files\nFROM a AS base\nONBUILD COPY --from=files x /\nFROM base\n")
            .unwrap();
    assert_eq!(graph.needed(2), [0, 1, 2]);
    assert_eq!(graph.needed(1), [1]);
}

#[test]
fn stages_that_cannot_be_had() {
    for (text, cause) in [
        ("FROM a AS x\nCOPY --from=y a /\nFROM b AS y", "stage \"y\" comes later"),
        ("FROM a AS x\nRUN --mount=from=1,target=/a b\nFROM b", "stage \"1\" comes later"),
        ("FROM a AS x\nCOPY --from=x a /", "stage \"x\" is the one that this stands in"),
        ("FROM a AS x\nCOPY --from=7 a /", "there is no stage 7: the file has 1"),
        ("FROM $nothing", "base \"$nothing\" is empty once its variables are put in"),
    ] {
        assert_eq!(graph(text).unwrap_err().cause.to_string(), cause, "{text}");
    }
}
