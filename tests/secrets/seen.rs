//! What a container has of its secrets and configs, and when.

use testkit::{Corten, wait_until};

use crate::{create, with_busybox, write};

fn sh(corten: &Corten, flags: &[&str], script: &str) -> String {
    corten.ok(&[&["run", "--rm"], flags, &["busybox", "sh", "-c", script]].concat())
}

#[test]
fn files_and_variables() {
    let corten = with_busybox();
    create(&corten, &["db"], b"one\0two\n");
    create(&corten, &["token"], b"two\nlines");
    let made = corten.run_with(&["config", "create", "app.conf", "-"], b"[app]\n");
    assert_eq!(made.code, 0);
    let flags = [
        "--secret=db",
        "--secret=source=token,target=sub/t,uid=33,gid=34,mode=0400",
        "--secret=id=token,target=/etc/app/token,mode=0440,gid=34",
        "--secret=token,type=env",
        "--secret=token,type=env,target=TOKEN",
        "--config=app.conf",
        "--config=app.conf,target=/etc/app.conf,mode=0640",
    ];
    let script = "cd /run/secrets; od -c db | head -n 1; stat -c '%n %u:%g %a' db sub/t /etc/app/token /app.conf /etc/app.conf; \
        cat sub/t /app.conf; echo \"$token/$TOKEN\"; echo x 2>/dev/null > db || echo refused; \
        awk '$5 ~ /secrets|token|app.conf/ && $6 == \"ro,nosuid,nodev,noexec,relatime\"' /proc/self/mountinfo | wc -l";
    assert_eq!(
        sh(&corten, &flags, script),
        "0000000   o   n   e  \\0   t   w   o  \\n\ndb 0:0 444\nsub/t 33:34 400\n/etc/app/token 0:34 440\n/app.conf 0:0 444\n\
         /etc/app.conf 0:0 640\ntwo\nlines[app]\ntwo\nlines/two\nlines\nrefused\n4"
    );
}

#[test]
fn whatever_the_container_is() {
    let corten = with_busybox();
    create(&corten, &["db"], b"s3cr3t");
    let secret = ["--secret", "db", "--secret", "db,target=/etc/one"];
    let script = "cat /run/secrets/db /etc/one";
    for flags in [
        &["--read-only"][..],
        &["--read-only", "--tmpfs", "/run"],
        &["--user", "33:33"],
        &["--tmpfs", "/run:size=64k"],
        &["-v", "data:/run"],
        &["-v", "data:/etc/x"],
        &["--privileged"],
        &["--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
        &["--memory", "8m"],
    ] {
        let seen = sh(&corten, &[flags, &secret].concat(), script);
        assert_eq!(seen, "s3cr3ts3cr3t", "{flags:?}");
    }
    let told = sh(
        &corten,
        &["--user", "33", "--secret", "db,mode=0400"],
        "cat /run/secrets/db 2>&1 || true",
    );
    assert!(told.contains("Permission denied"), "{told}");
    let plan = corten.ok(&["run", "--explain", "--secret", "db", "busybox", "true"]);
    assert!(plan.contains("mount the given db on /run/secrets, in memory"), "{plan}");
    assert!(!plan.contains("s3cr3t"), "{plan}");
}

/// An image in which the way to the secrets leads somewhere else: inside, always.
#[test]
fn links_of_the_image() {
    let corten = with_busybox();
    create(&corten, &["db"], b"s3cr3t");
    for (number, (link, script, seen)) in [
        ("/elsewhere", "cat /run/secrets/db /elsewhere/secrets/db", "s3cr3ts3cr3t"),
        ("../../../../../../tmp", "cat /run/secrets/db /tmp/secrets/db", "s3cr3ts3cr3t"),
        ("/not/there/yet", "cat /run/secrets/db", "s3cr3t"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("made{number}");
        let make = format!("rm -rf /run; mkdir /elsewhere; ln -s {link} /run");
        corten.ok(&["run", "--name", &name, "busybox", "sh", "-c", &make]);
        corten.ok(&["commit", &name, &name]);
        assert_eq!(
            corten.ok(&["run", "--rm", "--secret", "db", &name, "sh", "-c", script]),
            seen,
            "{link}"
        );
    }
    assert!(!std::path::Path::new("/tmp/secrets").exists(), "nothing was made on the host");
    let make = "rm -rf /run; mkdir /run; ln -s /proc /run/secrets";
    corten.ok(&["run", "--name", "bad", "busybox", "sh", "-c", make]);
    corten.ok(&["commit", "bad", "bad"]);
    let told = corten.fails(&["run", "--rm", "--secret", "db", "bad", "true"], 125);
    assert!(told.contains("mount the given db on /run/secrets, in memory: EXDEV"), "{told}");
}

/// A container that runs keeps what it got; a further process gets variables as they are; a restart by its monitor has what the
/// monitor has; the next start has what is there then.
#[test]
fn contents_that_are_replaced() {
    let corten = with_busybox();
    let sync = corten.directory().join("sync");
    std::fs::create_dir(&sync).unwrap();
    create(&corten, &["pw"], b"old");
    let script = "echo $(cat /run/secrets/pw) $pw; [ -e /sync/second ] && exit 0; touch /sync/second; \
        while [ ! -e /sync/go ]; do sleep 0.02; done; cat /run/secrets/pw; echo; exit 1";
    let bind = format!("{}:/sync", sync.display());
    let flags =
        ["--secret", "pw", "--secret", "pw,type=env", "--restart", "on-failure:1", "-v", &bind];
    corten
        .ok(&[&["run", "-d", "--name", "box"], &flags[..], &["busybox", "sh", "-c", script]]
            .concat());
    wait_until("the first run is there", || sync.join("second").exists());
    let exec = |words: &[&str]| {
        corten
            .ok(&[&["exec"], words, &["box", "sh", "-c", "echo $pw $(cat /run/secrets/pw)"]]
                .concat())
    };
    assert_eq!(exec(&[]), "old old");
    create(&corten, &["--replace", "pw"], b"new");
    assert_eq!(exec(&[]), "new old");
    assert_eq!(exec(&["-e", "pw=said"]), "said old");
    write(&sync.join("go"), b"");
    assert_eq!(corten.ok(&["wait", "box"]), "0");
    assert_eq!(corten.ok(&["logs", "box"]), "old old\nold\nold old");
    corten.ok(&["start", "-a", "box"]);
    assert_eq!(corten.ok(&["logs", "box"]), "old old\nold\nold old\nnew new");
    corten.ok(&["secret", "rm", "--force", "pw"]);
    let told = corten.fails(&["start", "box"], 1);
    assert!(told.contains("no such secret: pw"), "{told}");
    create(&corten, &["pw"], b"again");
    corten.ok(&["start", "-a", "box"]);
    assert!(corten.ok(&["logs", "box"]).ends_with("\nagain again"));
}

#[test]
fn who_has_one_keeps_it_from_removal() {
    let corten = with_busybox();
    create(&corten, &["pw"], b"x");
    corten.ok(&["create", "--name", "stands", "--secret", "pw", "busybox", "true"]);
    corten.ok(&["run", "-d", "--name", "runs", "--secret", "pw", "busybox", "sleep", "100"]);
    let told = corten.fails(&["secret", "rm", "pw"], 1);
    assert_eq!(
        told,
        "error: secret pw is used by container runs, stands\nhint: remove the containers first, or use --force\n"
    );
    corten.ok(&["rm", "-f", "runs"]);
    let told = corten.fails(&["secret", "rm", "pw"], 1);
    assert!(told.contains("is used by container stands"), "{told}");
    let shown = corten.ok(&["inspect", "-f", "{{json .Config.Secrets}}", "stands"]);
    assert_eq!(shown, r#"[{"GID":0,"Mode":292,"Name":"pw","Target":"/run/secrets/pw","UID":0}]"#);
    corten.ok(&["rm", "stands"]);
    corten.ok(&["secret", "rm", "pw"]);
}

#[test]
fn what_is_refused_leaves_no_container() {
    let corten = with_busybox();
    create(&corten, &["pw"], b"x");
    create(&corten, &["nul"], b"a\0b");
    create(&corten, &["bytes"], b"\xff\xfe");
    create(&corten, &["long"], &vec![b'x'; 131_072]);
    for (flags, why) in [
        (&["--secret", "gone"][..], "no such secret: gone"),
        (&["--secret", "pa"], "did you mean pw?"),
        (&["--config", "pw"], "no such config: pw"),
        (
            &["--secret", "nul,type=env"],
            "secret \"nul\": as the variable nul it would end at its first NUL",
        ),
        (&["--secret", "bytes,type=env"], "as the variable bytes it must be UTF-8"),
        (&["--secret", "long,type=env"], "as the variable long it is too long"),
        (
            &["--secret", "pw", "--secret", "nul,target=pw"],
            "another one is /run/secrets/pw already",
        ),
        (
            &["--secret", "pw,type=env", "--secret", "nul,type=env,target=pw"],
            "another one is $pw already",
        ),
        (&["--secret", "pw", "-v", "data:/run/secrets/x"], "/run/secrets is where secrets are"),
        (&["--secret", "pw,target=/x", "--tmpfs", "/x"], "/x is where secrets are"),
        (&["--secret", "pw,target=/proc/version"], "below /proc"),
        (&["--secret", "pw,mode=9"], "no octal number"),
        (&["--secret", "pw,target=/bin"], "mount a given file on /bin, in memory: EISDIR"),
    ] {
        let finished = corten.run(&[&["run", "--rm"], flags, &["busybox", "true"]].concat());
        assert_eq!(finished.code, 125, "{flags:?}: {finished:?}");
        assert!(finished.stderr.contains(why), "{flags:?}: {finished:?}");
    }
    assert_eq!(corten.ok(&["ps", "-aq"]), "");
    assert_eq!(
        sh(&corten, &["--secret", "nul", "--secret", "long"], "cat /run/secrets/* | wc -c"),
        "131075"
    );
}
