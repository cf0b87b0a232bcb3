//! The 21 rules. The facts are those of BuildKit's tests of them.

use std::collections::BTreeMap;

use dockerfile::check::{BaseImage, Context, Report, Rule, check};
use dockerfile::{CheckOptions, Dockerfile, Ignore, Source};

use crate::stages::platforms;

/// What is known of the images here: one that has GOPATH, one that has a shell, and nothing of `unknown`.
fn image(name: &str) -> Option<BaseImage> {
    let environment: BTreeMap<String, String> = [("GOPATH".to_owned(), "/go".to_owned())].into();
    match name {
        "unknown" => None,
        "golang" => Some(BaseImage { environment, has_shell: false }),
        "shelled" => Some(BaseImage { has_shell: true, ..BaseImage::default() }),
        _ => Some(BaseImage::default()),
    }
}

fn report(
    text: &str,
    ignore: Option<&str>,
    arguments: &[(&str, &str)],
    options: Option<&str>,
) -> Report {
    let source = Source::new(text.as_bytes());
    let file = Dockerfile::parse(&source).unwrap();
    let ignore = ignore.map(|text| Ignore::parse(text.as_bytes()).unwrap());
    let arguments =
        arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let options = options.map(|text| CheckOptions::parse(text).unwrap());
    let context = Context {
        arguments: &arguments,
        platforms: &platforms(),
        target: "",
        ignore: ignore.as_ref(),
        exists: &|path| Some(path != "missing"),
        image: &image,
        options: options.as_ref(),
    };
    check(&file, &source, &context)
}

/// Findings as `rule line text`.
fn found(text: &str) -> Vec<String> {
    found_with(text, None, &[])
}

fn found_with(text: &str, ignore: Option<&str>, arguments: &[(&str, &str)]) -> Vec<String> {
    let source = Source::new(text.as_bytes());
    let show = |finding: dockerfile::check::Finding| {
        let line = source.position(finding.span.start).line;
        format!("{} {line} {}", finding.rule.name(), source.slice(finding.span))
            .trim_end()
            .to_owned()
    };
    report(text, ignore, arguments, None).findings.into_iter().map(show).collect()
}

#[test]
fn there_are_21_rules() {
    let names: std::collections::BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), 21);
    assert!(Rule::ALL.iter().all(|rule| !rule.description().is_empty()));
    assert_eq!(Rule::ALL.iter().filter(|rule| rule.is_experimental()).count(), 1);
}

#[test]
fn casing() {
    let rule = "ConsistentInstructionCasing";
    assert_eq!(found("From scratch as base\nFROM scratch AS base2"), [format!("{rule} 1 From")]);
    assert_eq!(found("FROM scratch\ncopy a /b\nCOPY a /b"), [format!("{rule} 2 copy")]);
    assert_eq!(found("frOM scratch as a\nfrom scratch as b"), [format!("{rule} 1 frOM")]);
    assert_eq!(found("from scratch\nCOPY a /b\ncopy a /b"), [format!("{rule} 2 COPY")]);
    assert_eq!(found("from scratch\nCOPY a /b"), [format!("{rule} 1 from")]);
    assert_eq!(found("from scratch\ncopy a /b"), [""; 0]);
    assert_eq!(found("FROM scratch\nRUN <<'E'\nenv\nE"), [""; 0]);
    assert_eq!(found("FROM scratch as b\n"), ["FromAsCasing 1 as"]);
    assert_eq!(found("from scratch AS b\n"), ["FromAsCasing 1 AS"]);
    assert_eq!(found("FROM scratch AS BadName"), ["StageNameCasing 1 BadName"]);
}

#[test]
fn names_of_stages() {
    assert_eq!(found("FROM scratch AS b\nFROM scratch AS b"), ["DuplicateStageName 2 b"]);
    assert_eq!(
        found("FROM scratch AS scratch\nFROM scratch AS context"),
        ["ReservedStageName 1 scratch", "ReservedStageName 2 context"]
    );
    assert_eq!(found("FROM scratch\nFROM scratch AS a"), [""; 0]);
}

#[test]
fn commands() {
    let json = "JSONArgsRecommended";
    assert_eq!(found("FROM scratch\nCMD my command"), [format!("{json} 2 my command")]);
    assert_eq!(found("FROM scratch\nENTRYPOINT mine"), [format!("{json} 2 mine")]);
    assert_eq!(found("FROM scratch\nHEALTHCHECK CMD mine"), [""; 0]);
    assert_eq!(found("FROM shelled\nCMD mine"), [""; 0]);
    assert_eq!(found("FROM scratch AS a\nSHELL [\"/x\"]\nFROM a\nCMD mine"), [""; 0]);
    assert_eq!(
        found(
            "FROM scratch\nENTRYPOINT [\"a\"]\nCMD [\"a\"]\nHEALTHCHECK NONE\nCOPY a /\nENTRYPOINT [\"b\"]\nCMD [\"b\"]\nHEALTHCHECK CMD b"
        ),
        [
            "MultipleInstructionsDisallowed 2 ENTRYPOINT [\"a\"]",
            "MultipleInstructionsDisallowed 3 CMD [\"a\"]",
            "MultipleInstructionsDisallowed 4 HEALTHCHECK NONE"
        ]
    );
    assert_eq!(found("FROM scratch AS a\nCMD [\"a\"]\nFROM a AS b\nCMD [\"b\"]"), [""; 0]);
    assert_eq!(found("FROM scratch\nMAINTAINER me"), ["MaintainerDeprecated 2 MAINTAINER me"]);
    let legacy = "LegacyKeyValueFormat";
    assert_eq!(
        found("FROM scratch\nENV k v\nLABEL l v"),
        [format!("{legacy} 2 k"), format!("{legacy} 3 l")]
    );
}

#[test]
fn arguments_of_from() {
    let rule = "UndefinedArgInFrom";
    for text in [
        "ARG base=scratch\nFROM $base",
        "FROM --platform=$BUILDPLATFORM scratch",
        "ARG DEBUG\nFROM scratch${DEBUG}",
        "ARG DEBUG=\"\"\nFROM scratch${DEBUG-@bogus}",
    ] {
        assert_eq!(found(text), [""; 0], "{text}");
    }
    assert_eq!(
        found("ARG tag=latest\nFROM busybox:${tag}${version} AS b"),
        [format!("{rule} 2 busybox:${{tag}}${{version}}")]
    );
    let default = "InvalidDefaultArgInFrom";
    assert_eq!(
        found_with("ARG V\nFROM busybox:$V", None, &[("V", "1")]),
        [format!("{default} 2 busybox:$V")]
    );
    assert_eq!(
        found_with("ARG I\nFROM $I", None, &[("I", "busybox")]),
        [format!("{default} 2 $I")]
    );
    assert_eq!(found_with("ARG I=${J:?say it}\nFROM $I", None, &[("I", "busybox")]), [""; 0]);
    assert_eq!(found("ARG V=\"\"\nFROM busybox:stable${V}"), [""; 0]);
    let redundant = "RedundantTargetPlatform";
    assert_eq!(
        found("FROM --platform=$TARGETPLATFORM scratch"),
        [format!("{redundant} 1 $TARGETPLATFORM")]
    );
    assert_eq!(
        found("FROM --platform=${TARGETPLATFORM} scratch"),
        [format!("{redundant} 1 ${{TARGETPLATFORM}}")]
    );
    let constant = "FromPlatformFlagConstDisallowed";
    assert_eq!(found("FROM --platform=linux/amd64 scratch"), [format!("{constant} 1 linux/amd64")]);
    for name in ["my_amd64_stage", "linux"] {
        assert_eq!(found(&format!("FROM --platform=linux/amd64 scratch AS {name}")), [""; 0]);
    }
}

#[test]
fn variables_that_nobody_defined() {
    let rule = "UndefinedVar";
    assert_eq!(found("FROM scratch\nARG foo\nCOPY a${foo} ."), [""; 0]);
    assert_eq!(found("FROM alpine AS base\nARG foo=a\nFROM base\nCOPY $foo ."), [""; 0]);
    assert_eq!(found("FROM alpine\nRUN echo $nothing"), [""; 0]);
    assert_eq!(found("FROM alpine\nCOPY $foo .\nARG foo=b"), [format!("{rule} 2 $foo")]);
    assert_eq!(found("FROM golang\nCOPY . ${GOPATH}/src"), [""; 0]);
    assert_eq!(found("FROM unknown\nCOPY . $GOPATH/src"), [""; 0]);
    assert_eq!(
        found("FROM unknown\nARG DIR_ASSETS=b\nCOPY $DIR_ASSET ."),
        [format!("{rule} 3 $DIR_ASSET")]
    );
    let told = report("FROM alpine\nENV PATH=$PAHT:/tmp", None, &[], None);
    assert!(told.findings[0].message.contains("did you mean $PATH?"), "{told:?}");
    assert_eq!(
        found("FROM scratch AS a\nCOPY $foo .\nFROM scratch AS b\nCOPY ${bar} ."),
        [format!("{rule} 2 $foo"), format!("{rule} 4 ${{bar")]
    );
}

#[test]
fn secrets() {
    let told = found(
        "FROM scratch\nARG SECRET_PASSPHRASE\nENV SUPER_Secret=foo\nENV password=bar secret=baz\nARG super_duper_secret_token=foo auth=bar\n\
         ENV apikey=bar sunflower=foo\nENV git_key=\nENV PUBLIC_KEY=\nARG public_token\nARG SECRET_PASSPHRASE_FILE\nENV password_file=b\n\
         ARG AUTH_MODULE_VERSION\nENV MONKEY=1",
    );
    let names = [
        "2 SECRET_PASSPHRASE",
        "3 SUPER_Secret",
        "4 password",
        "4 secret",
        "5 super_duper_secret_token",
        "5 auth",
        "6 apikey",
        "7 git_key",
    ];
    assert_eq!(told, names.map(|name| format!("SecretsUsedInArgOrEnv {name}")));
}

#[test]
fn what_is_ignored() {
    let rule = "CopyIgnoredFile";
    let text = "FROM scratch\nCOPY Dockerfile .\nADD Dockerfile /windy";
    let both = [format!("{rule} 2 Dockerfile"), format!("{rule} 3 Dockerfile")];
    assert_eq!(found_with(text, Some("Dockerfile\n"), &[]), both);
    assert_eq!(found_with(text, Some("*\n!Dockerfile\n"), &[]), [""; 0]);
    assert_eq!(
        found_with("FROM scratch AS a\nFROM a\nCOPY --from=a foobar /", Some("foobar"), &[]),
        [""; 0]
    );
    assert_eq!(found_with("FROM scratch\nCOPY . .", Some(".*"), &[]), [""; 0]);
    assert_eq!(found_with("FROM scratch\nCOPY . .", Some("*"), &[]), [format!("{rule} 2 .")]);
    assert_eq!(found_with("FROM scratch\nCOPY missing /", Some("missing"), &[]), [""; 0]);
    assert_eq!(found_with("FROM scratch\nADD https://x/a /", Some("*"), &[]), [""; 0]);
    assert_eq!(
        found_with("FROM scratch\nCOPY node_modules/x/y /", Some("**/node_modules"), &[]),
        [format!("{rule} 2 node_modules/x/y")]
    );
}

#[test]
fn ports_and_directories() {
    let expose = found(
        "FROM scratch\nEXPOSE 80/TcP 8080/TCP 8080/udp\nEXPOSE 127.0.0.1:80:80 [::1]:8080:8080 5000:5000 8000",
    );
    let casing = ["2 80/TcP", "2 8080/TCP"].map(|text| format!("ExposeProtoCasing {text}"));
    let format = ["3 127.0.0.1:80:80", "3 [::1]:8080:8080", "3 5000:5000"]
        .map(|text| format!("ExposeInvalidFormat {text}"));
    assert_eq!(expose, [casing.to_vec(), format.to_vec()].concat());
    assert_eq!(found("FROM scratch\nWORKDIR app/\nWORKDIR b"), ["WorkdirRelativePath 2 app/"]);
    assert_eq!(found("FROM scratch AS a\nWORKDIR /app\nFROM a\nWORKDIR b"), [""; 0]);
}

#[test]
fn empty_lines_and_descriptions() {
    assert_eq!(found("FROM scratch\nCOPY a \\\n\n.\nCOPY a \\\n."), ["NoEmptyContinuation 3"]);
    let text = "# check=experimental=InvalidDefinitionDescription\n# bar this is the bar\nARG foo=bar\n# BasE is it\nFROM scratch AS base\n\
                # definitely bad\nARG version=latest\n# definitely bad\nARG foo=baz bar=qux\n# version is good\nARG version\n# no name\n#\nARG x";
    let rule = "InvalidDefinitionDescription";
    let lines = ["2 bar this is the bar", "4 BasE is it", "6 definitely bad", "8 definitely bad"];
    assert_eq!(found(text), lines.map(|line| format!("{rule} {line}")));
    assert_eq!(found(text.split_once('\n').unwrap().1), [""; 0]);
}

#[test]
fn rules_are_skipped() {
    let text = "FROM scratch as base\ncopy a .";
    let with = |option: &str| found(&format!("# check={option}\n{text}"));
    assert_eq!(with("skip=all"), [""; 0]);
    assert_eq!(with("skip=ConsistentInstructionCasing,FromAsCasing"), [""; 0]);
    assert_eq!(with("skip=ConsistentInstructionCasing"), ["FromAsCasing 2 as"]);
    assert_eq!(with("skip=ConsistentInstructionCasing // why"), ["FromAsCasing 2 as"]);
    let fails = |option: &str| report(&format!("# check={option}\n{text}"), None, &[], None).fails;
    assert!(fails("error=true") && !fails("skip=all;error=true") && !fails("skip=FromAsCasing"));
    let said = report(
        &format!("# check=skip=all\n{text}"),
        None,
        &[],
        Some("skip=FromAsCasing;error=true"),
    );
    assert_eq!((said.findings.len(), said.fails), (1, true));
}

#[test]
fn a_comment_before_an_instruction_is_for_that_one() {
    for (rule, line) in [
        ("JSONArgsRecommended", "CMD mine"),
        ("MaintainerDeprecated", "MAINTAINER me"),
        ("LegacyKeyValueFormat", "ENV k v"),
        ("WorkdirRelativePath", "WORKDIR app"),
        ("SecretsUsedInArgOrEnv", "ARG password"),
        ("UndefinedVar", "COPY $x /"),
        ("NoEmptyContinuation", "COPY a \\\n\n /"),
    ] {
        assert_eq!(found(&format!("FROM scratch\n{line}")).len(), 1, "{rule}");
        for skip in [rule, "all"] {
            assert_eq!(
                found(&format!("FROM scratch\n# check=skip={skip} // why\n{line}")),
                [""; 0],
                "{rule}"
            );
        }
        let next = found(&format!("FROM scratch\n# check=skip={rule}\nUSER a\n{line}"));
        assert_eq!(next.len(), 1, "{rule}");
    }
    assert_eq!(found("# a comment\n# check=skip=FromAsCasing\nFROM scratch as b"), [""; 0]);
}

#[test]
fn findings_come_before_what_makes_a_build_fail() {
    let told = report("FROM --platform=$BULIDPLATFORM Scratch as b", None, &[], None);
    let rules: Vec<Rule> = told.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, [Rule::UndefinedArgInFrom, Rule::FromAsCasing]);
    assert!(told.findings[0].message.ends_with("did you mean BUILDPLATFORM?"));
    assert_eq!(told.error.unwrap().hint().as_deref(), Some("did you mean $BUILDPLATFORM?"));
    assert_eq!(report("FROM scratch\nEXPOSE x", None, &[], None).error.unwrap().line, 2);
    assert!(report("FROM scratch", None, &[], None).error.is_none());
}

#[test]
fn findings_are_shown_with_their_line() {
    let text = "FROM scratch\nWORKDIR app";
    let finding = report(text, None, &[], None).findings.remove(0);
    insta::assert_snapshot!(finding.render(&Source::new(text.as_bytes()), "Dockerfile"), @r#"
    Dockerfile:2:9: WorkdirRelativePath: "app" depends on the base, whose working directory may change
      2 | WORKDIR app
        |         ^^^
    "#);
}
