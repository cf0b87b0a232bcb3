//! What arguments and variables hold, and where.

use std::collections::BTreeMap;

use dockerfile::{Dockerfile, FileError, Globals, Kind, Source, StageScope, is_proxy_argument};

use crate::stages::platforms;

fn given(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What the steps of the last stage see.
fn seen(text: &str, arguments: &[(&str, &str)]) -> Result<StageScope, FileError> {
    let source = Source::new(text.as_bytes());
    let file = Dockerfile::parse(&source)?;
    let globals = Globals::new(&file, &source, &given(arguments), &platforms(), "")?;
    let mut scope = globals.stage(given(&[("PATH", "/bin")]));
    for instruction in &file.stages.last().unwrap().instructions {
        let expanded = instruction.expand(&source, &globals.lexer(), &scope)?;
        match &expanded.kind {
            Kind::Arg(items) => {
                for item in items {
                    scope.arg(&globals, &source, item)?;
                }
            }
            Kind::Env(pairs) => scope.env(pairs),
            other => panic!("{other:?}"),
        }
    }
    Ok(scope)
}

#[test]
fn where_values_come_from() {
    let see = |text: &str, arguments: &[(&str, &str)], name: &str| {
        seen(text, arguments).unwrap().values().get(name).cloned()
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(see("ARG a=1\nFROM x\n", &[], "a"), None);
    assert_eq!(see("ARG a=1\nFROM x\nARG a", &[], "a"), some("1"));
    assert_eq!(see("ARG a=1\nFROM x\nARG a=2", &[], "a"), some("2"));
    assert_eq!(see("ARG a=1\nFROM x\nARG a=2", &[("a", "3")], "a"), some("3"));
    assert_eq!(see("ARG a=1\nARG b=${a}x\nFROM x\nARG b", &[("a", "3")], "b"), some("3x"));
    assert_eq!(see("FROM x\nARG a", &[], "a"), None);
    assert_eq!(see("FROM x\nARG a", &[("a", "3")], "a"), some("3"));
    assert_eq!(see("FROM x\nARG a=1 b=$a", &[], "b"), some("1"));
    assert_eq!(see("FROM x\nENV a=1\nENV a=2 b=$a", &[], "b"), some("1"));
    assert_eq!(see("FROM x\nENV PATH=/x:$PATH", &[], "PATH"), some("/x:/bin"));
    assert_eq!(see("FROM x\nARG a=1\nENV a=${a:-2}", &[], "a"), some("1"));
    assert_eq!(see("FROM x\nARG TARGETARCH BUILDPLATFORM", &[], "TARGETARCH"), some("arm64"));
    assert_eq!(see("FROM x\nARG BUILDPLATFORM", &[], "BUILDPLATFORM"), some("linux/amd64"));
    assert_eq!(
        see("FROM x\nARG TARGETARCH", &[("TARGETARCH", "riscv64")], "TARGETARCH"),
        some("riscv64")
    );
    assert_eq!(see("FROM x\nARG TARGETSTAGE", &[], "TARGETSTAGE"), some("default"));
    assert_eq!(see("FROM x\nARG a=${b?none}", &[("a", "3")], "a"), some("3"));
    assert!(seen("FROM x\nARG a=${b?none}", &[]).is_err());
    assert!(seen("FROM x\nARG a", &[]).unwrap().declares("a"));
}

#[test]
fn bases_and_platforms() {
    let of = |text: &str, arguments: &[(&str, &str)]| {
        let source = Source::new(text.as_bytes());
        let file = Dockerfile::parse(&source)?;
        let globals = Globals::new(&file, &source, &given(arguments), &platforms(), "")?;
        let base = globals.base(&source, &file.stages[0])?.0;
        let platform = globals.platform(&source, &file.stages[0])?;
        Ok::<_, FileError>((base, platform.map(|platform| platform.to_string())))
    };
    assert_eq!(of("ARG v=1\nFROM a:$v", &[("v", "2")]).unwrap(), ("a:2".to_owned(), None));
    let (base, platform) = of("FROM --platform=$BUILDPLATFORM a${x:-b}", &[]).unwrap();
    assert_eq!((base.as_str(), platform.as_deref()), ("ab", Some("linux/amd64")));
    let error = of("FROM --platform=$BULIDPLATFORM a", &[]).unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("did you mean $BUILDPLATFORM?"));
    assert!(of("FROM $v", &[("v", "2")]).is_err());
}

#[test]
fn arguments_that_nothing_takes() {
    let source = Source::new(b"ARG a\nFROM x\nARG b");
    let file = Dockerfile::parse(&source).unwrap();
    let arguments = given(&[
        ("a", ""),
        ("b", ""),
        ("c", ""),
        ("http_proxy", "p"),
        ("BUILDKIT_INLINE_CACHE", "1"),
        ("TARGETOS", "x"),
    ]);
    let globals = Globals::new(&file, &source, &arguments, &platforms(), "").unwrap();
    assert_eq!(globals.unused(&file), ["c"]);
    assert_eq!(globals.proxies().count(), 1);
    assert!(
        is_proxy_argument("NO_PROXY")
            && is_proxy_argument("all_proxy")
            && !is_proxy_argument("Http_Proxy")
    );
}
