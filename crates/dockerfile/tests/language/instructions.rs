//! What each instruction says, typed.

use std::collections::BTreeMap;
use std::time::Duration;

use dockerfile::{
    ExposedPort, Healthcheck, Kind, Lexer, Mount, MountKind, NetworkMode, Run, SecurityMode,
    Sharing, Source,
};

use crate::shape::{instructions, one};

fn run(text: &str) -> Run {
    match one(text) {
        Kind::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

fn mount(text: &str) -> Mount {
    let run = run(&format!("RUN --mount={text} true"));
    run.mounts[0].resolve(&Lexer::new('\\'), &()).unwrap().0
}

#[test]
fn mounts_of_all_kinds() {
    let bind = mount("target=/a,source=b,from=c,rw");
    assert_eq!((bind.kind, bind.read_only), (MountKind::Bind, false));
    assert_eq!((bind.target.as_deref(), bind.source.as_deref()), (Some("/a"), Some("b")));
    assert_eq!(bind.from.unwrap().value, "c");
    assert!(mount("type=bind,dst=/a").read_only);
    assert!(!mount("type=bind,dst=/a,ro=false").read_only);
    let cache = mount(
        "type=CACHE,id=x,destination=/a,sharing=locked,mode=0700,uid=1,gid=2,ro,src=s,from=f",
    );
    assert_eq!(cache.kind, MountKind::Cache { sharing: Sharing::Locked });
    assert_eq!(
        (cache.mode, cache.uid, cache.gid, cache.read_only),
        (Some(0o700), Some(1), Some(2), true)
    );
    assert!(!mount("type=cache,target=/a").read_only);
    assert_eq!(
        mount("type=tmpfs,target=/a,size=64m").kind,
        MountKind::Tmpfs { size_bytes: Some(64 << 20) }
    );
    let secret = mount("type=secret,id=k,env=TOKEN,required,mode=0444");
    assert_eq!(
        secret.kind,
        MountKind::Secret { variable: Some("TOKEN".to_owned()), required: true }
    );
    assert_eq!(mount("type=ssh").kind, MountKind::Ssh { required: false });
    assert_eq!(mount("type=ssh,required=true,id=default").kind, MountKind::Ssh { required: true });
    assert_eq!(mount("\\\"target=/a,b\\\"").target.as_deref(), Some("/a,b"));
}

#[test]
fn values_of_mounts_may_be_variables() {
    let run =
        run("RUN --mount=type=$KIND,target=${DIR:-/d},id=x --mount=type=tmpfs,target=/t true");
    let variables: BTreeMap<String, String> = [("KIND".to_owned(), "cache".to_owned())].into();
    let (mount, uses) = run.mounts[0].resolve(&Lexer::new('\\'), &variables).unwrap();
    assert_eq!(mount.kind, MountKind::Cache { sharing: Sharing::Shared });
    assert_eq!(mount.target.as_deref(), Some("/d"));
    assert!(uses.used.contains("KIND") && uses.undefined.contains("DIR"));
    assert_eq!(run.mounts.len(), 2);
}

#[test]
fn what_steps_may_ask_for() {
    let asked = run(
        "RUN --network=none --security=insecure --device=vendor.com/gpu=all,required --device=name=x true",
    );
    assert_eq!((asked.network, asked.security), (NetworkMode::None, SecurityMode::Insecure));
    let devices: Vec<_> =
        asked.devices.iter().map(|device| (device.name.value.as_str(), device.required)).collect();
    assert_eq!(devices, [("vendor.com/gpu=all", true), ("x", false)]);
    assert_eq!(run("RUN --network=host a").network, NetworkMode::Host);
    let plain = run("RUN a --network=none");
    assert_eq!((plain.network, plain.security), (NetworkMode::Default, SecurityMode::Sandbox));
}

#[test]
fn copy_and_add() {
    let Kind::Copy(copy) = one(
        "COPY --from=base --chown=1:2 --chmod=u+x --link --parents --exclude=*.md --exclude=b a/./b c /d/",
    ) else {
        panic!()
    };
    assert!(copy.parents && copy.transfer.link);
    assert_eq!(copy.from.unwrap().value, "base");
    assert_eq!(copy.transfer.exclude.len(), 2);
    assert_eq!(copy.transfer.paths().count(), 2);
    let Kind::Add(add) =
        one("ADD --checksum=sha256:00 --keep-git-dir=false --unpack https://x/y.tar /")
    else {
        panic!()
    };
    assert_eq!((add.keep_git_dir, add.unpack), (Some(false), Some(true)));
    assert_eq!(add.checksum.unwrap().value, "sha256:00");
    let Kind::Copy(copy) = one("COPY [ \"a b\", \"/c d\" ]") else { panic!() };
    assert_eq!(copy.transfer.destination.value, "/c d");
    let Kind::Add(add) = one("ADD \\conf\\\\\" /.znc") else { panic!() };
    assert_eq!(add.transfer.paths().next().unwrap().value, "\\conf\\\\\"");
    let Kind::Copy(copy) = one("COPY --link=false -- --odd /") else { panic!() };
    assert!(!copy.transfer.link);
}

#[test]
fn pairs_in_both_forms() {
    let pairs = |text: &str| match one(text) {
        Kind::Env(pairs) | Kind::Label(pairs) => pairs
            .into_iter()
            .map(|pair| {
                format!(
                    "{}|{}{}",
                    pair.name.value,
                    pair.value.value,
                    if pair.is_legacy { "|old" } else { "" }
                )
            })
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(pairs("ENV name value"), ["name|value|old"]);
    assert_eq!(pairs("ENV SCUBA 1 DUBA 3"), ["SCUBA|1 DUBA 3|old"]);
    assert_eq!(pairs("ENV SCUBA \"1 DUBA 3\""), ["SCUBA|\"1 DUBA 3\"|old"]);
    assert_eq!(pairs("LABEL maintainer a=b"), ["maintainer|a=b|old"]);
    assert_eq!(
        pairs("ENV a=b c=\"d e\" f='g\"h' i=j\\ k"),
        ["a|b", "c|\"d e\"", "f|'g\"h'", "i|j\\ k"]
    );
    assert_eq!(pairs("ENV a= b=\"\""), ["a|", "b|\"\""]);
    assert_eq!(pairs("LABEL \"a b\"=c"), ["\"a b\"|c"]);
    assert_eq!(pairs("ENV a=1 \\\n    b=\"2 \\\n  3\" \\"), ["a|1", "b|\"2   3\""]);
    assert_eq!(pairs("ENV a b=c=d"), ["a|b=c=d|old"]);
}

#[test]
fn arguments_and_single_words() {
    let Kind::Arg(items) = one("ARG abc=\"123 456\" def ghi=") else { panic!() };
    let items: Vec<_> = items
        .iter()
        .map(|item| {
            (item.name.value.as_str(), item.default.as_ref().map(|found| found.value.as_str()))
        })
        .collect();
    assert_eq!(items, [("abc", Some("\"123 456\"")), ("def", None), ("ghi", Some(""))]);
    for text in ["USER a:b c", "WORKDIR /a b", "STOPSIGNAL SIGTERM", "MAINTAINER A B <c@d>"] {
        let (Kind::User(word)
        | Kind::Workdir(word)
        | Kind::Stopsignal(word)
        | Kind::Maintainer(word)) = one(text)
        else {
            panic!("{text}")
        };
        assert_eq!(word.value, text.split_once(' ').unwrap().1);
    }
    let words = |text: &str| match one(text) {
        Kind::Expose(words) | Kind::Volume(words) | Kind::Shell(words) => {
            words.into_iter().map(|word| word.value).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(words("EXPOSE 9000 5000/udp\t6000"), ["9000", "5000/udp", "6000"]);
    assert_eq!(words("VOLUME /a /b"), ["/a", "/b"]);
    assert_eq!(words("VOLUME [\"/a b\", \" /c \"]"), ["/a b", "/c"]);
    assert_eq!(words("SHELL [\"/bin/bash\", \"-c\"]"), ["/bin/bash", "-c"]);
}

#[test]
fn health() {
    assert_eq!(one("HEALTHCHECK none"), Kind::Healthcheck(Healthcheck::None));
    let text = "HEALTHCHECK --interval=5s --timeout=1m30s --start-period=0s --start-interval=1ms --retries=3 \\\n  CMD /a --quiet";
    let Kind::Healthcheck(Healthcheck::Probe(probe)) = one(text) else { panic!() };
    assert_eq!(probe.interval, Some(Duration::from_secs(5)));
    assert_eq!(probe.timeout, Some(Duration::from_secs(90)));
    assert_eq!((probe.start_period, probe.retries), (None, Some(3)));
    assert_eq!(probe.start_interval, Some(Duration::from_millis(1)));
    let dockerfile::CommandLine::Shell(line) = probe.command else { panic!() };
    assert_eq!(line.value, "/a --quiet");
    assert!(matches!(one("HEALTHCHECK CMD [\"a\"]"), Kind::Healthcheck(Healthcheck::Probe(_))));
}

#[test]
fn which_parts_take_variables() {
    let variables: BTreeMap<String, String> = [("a", "A"), ("b", "B b"), ("p", "80 90/udp")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let source = Source::new(b"");
    let expanded = |text: &str| {
        let instruction = instructions(text).remove(0);
        instruction.expand(&source, &Lexer::new('\\'), &variables).unwrap()
    };
    let Kind::Copy(copy) =
        expanded("COPY --chown=$a --chmod=${m:-0644} --exclude=$a $b \"$a\" /$a").kind
    else {
        panic!()
    };
    assert_eq!(copy.transfer.chown.unwrap().value, "A");
    assert_eq!(copy.transfer.chmod.unwrap().value, "0644");
    assert_eq!(copy.transfer.exclude[0].value, "$a");
    assert_eq!(copy.transfer.destination.value, "/A");
    let Kind::Copy(copy) = expanded("COPY $b /").kind else { panic!() };
    assert_eq!(copy.transfer.paths().map(|path| path.value.as_str()).collect::<Vec<_>>(), ["B b"]);
    let Kind::Expose(ports) = expanded("EXPOSE $p 70").kind else { panic!() };
    let ports: Vec<String> = ports
        .iter()
        .flat_map(|port| ExposedPort::parse(&port.value).unwrap())
        .map(|port| port.to_string())
        .collect();
    assert_eq!(ports, ["80/tcp", "90/udp", "70/tcp"]);
    let Kind::Env(pairs) = expanded("ENV x$a=$b y='$a'").kind else { panic!() };
    assert_eq!(
        (
            pairs[0].name.value.as_str(),
            pairs[0].value.value.as_str(),
            pairs[1].value.value.as_str()
        ),
        ("xA", "B b", "$a")
    );
    for text in [
        "CMD $a",
        "ENTRYPOINT [\"$a\"]",
        "SHELL [\"$a\"]",
        "HEALTHCHECK CMD $a",
        "ONBUILD USER $a",
        "MAINTAINER $a",
        "RUN $a",
    ] {
        let instruction = instructions(text).remove(0);
        assert_eq!(expanded(text).kind, instruction.kind, "{text}");
    }
    for text in ["USER $a", "WORKDIR $a", "STOPSIGNAL $a"] {
        let (Kind::User(word) | Kind::Workdir(word) | Kind::Stopsignal(word)) = expanded(text).kind
        else {
            panic!()
        };
        assert_eq!(word.value, "A");
    }
    let Kind::Volume(words) = expanded("VOLUME [\"$a\"]").kind else { panic!() };
    assert_eq!(words[0].value, "A");
}

#[test]
fn documents_are_expanded_unless_their_word_is_quoted() {
    let variables: BTreeMap<String, String> = [("a".to_owned(), "A".to_owned())].into();
    let body = |text: &str| {
        let instruction = instructions(text).remove(0);
        let expanded =
            instruction.expand(&Source::new(b""), &Lexer::new('\\'), &variables).unwrap();
        let Kind::Copy(copy) = expanded.kind else { panic!() };
        let dockerfile::TransferSource::Document(document) = copy.transfer.sources[0].clone()
        else {
            panic!()
        };
        document.text()
    };
    assert_eq!(body("COPY <<E /\n\"$a\" it's \\$a\nE"), "\"A\" it's $a\n");
    assert_eq!(body("COPY <<-E /\n\t$a\nE"), "A\n");
    assert_eq!(body("COPY <<\"E\" /\n$a\nE"), "$a\n");
}
