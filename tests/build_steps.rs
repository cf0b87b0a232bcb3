//! What steps of a build make, what the cache knows of them, and what it says when it does not know.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    use testkit::{Corten, Finished};

    const PROGRAM: &str = env!("CARGO_BIN_EXE_corten");

    /// A context with these files.
    fn context(corten: &Corten, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let directory = corten.directory().join(name);
        for (file, text) in files {
            write(&directory.join(file), text);
        }
        directory
    }

    #[expect(clippy::disallowed_methods, reason = "files of a test")]
    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn build(corten: &Corten, directory: &Path, more: &[&str]) -> Finished {
        let directory = directory.display().to_string();
        let args = [&["build", "--progress", "json", "--explain"], more, &[&directory]].concat();
        corten.run(&args)
    }

    /// It, built; its id, and the events.
    #[track_caller]
    fn built(corten: &Corten, directory: &Path, more: &[&str]) -> (String, Vec<serde_json::Value>) {
        let file = corten.directory().join("id");
        let file = file.display().to_string();
        let finished = build(corten, directory, &[&["--iidfile", &file], more].concat());
        assert_eq!(finished.code, 0, "{finished:#?}");
        let lines = finished.stdout.lines().chain(finished.stderr.lines());
        let events = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
        (fs::read_to_string(&file).unwrap(), events)
    }

    /// Steps of a kind of event, by their numbers.
    fn steps(events: &[serde_json::Value], kind: &str) -> Vec<u64> {
        let found = events.iter().filter(|event| event["event"] == kind);
        found.filter_map(|event| event["step"].as_u64()).collect()
    }

    fn reasons(events: &[serde_json::Value]) -> Vec<String> {
        let missed = events.iter().filter(|event| event["event"] == "missed");
        let why = missed.flat_map(|event| event["why"].as_array().cloned().unwrap_or_default());
        why.filter_map(|line| line.as_str().map(str::to_owned)).collect()
    }

    fn shown(corten: &Corten, image: &str, script: &str) -> String {
        corten.ok(&["run", "--rm", "--network", "none", image, "sh", "-c", script])
    }

    #[test]
    fn what_is_the_same_is_in_the_cache() {
        let corten = Corten::with_busybox(PROGRAM);
        let file = "FROM busybox\nWORKDIR /app\nCOPY . .\nRUN cat a b > c\nLABEL x=y\n";
        let files = [("Dockerfile", file), ("a", "1\n"), ("b", "2\n")];
        let directory = context(&corten, "context", &files);
        let (first, events) = built(&corten, &directory, &["-t", "one"]);
        assert_eq!(steps(&events, "missed"), [2, 3, 4]);
        assert_eq!(shown(&corten, "one", "cat c; pwd"), "1\n2\n/app");
        // Times are no contents.
        let other = context(&corten, "other", &files);
        let (second, events) = built(&corten, &other, &[]);
        assert_eq!((steps(&events, "cached"), &second), (vec![2, 3, 4], &first));
        write(&directory.join("b"), "3\n");
        let (third, events) = built(&corten, &directory, &["-t", "one"]);
        assert_eq!((steps(&events, "cached"), steps(&events, "missed")), (vec![2], vec![3, 4]));
        assert_ne!(third, first);
        assert_eq!(shown(&corten, "one", "cat c"), "1\n3");
        let reasons = reasons(&events);
        assert!(reasons[0].contains("b") && reasons[0].contains("content"), "{reasons:?}");
        assert_eq!(reasons[1], "layers below changed");
        // A mode is one.
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(directory.join("a"), mode).unwrap();
        let (_, events) = built(&corten, &directory, &[]);
        assert_eq!(steps(&events, "missed"), [3, 4]);
        // What was there before is found again.
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(directory.join("a"), mode).unwrap();
        write(&directory.join("b"), "2\n");
        let (fourth, events) = built(&corten, &directory, &[]);
        assert_eq!((steps(&events, "missed"), fourth), (vec![], first.clone()));
        let (fifth, events) = built(&corten, &directory, &["--no-cache"]);
        assert_eq!(steps(&events, "missed"), [2, 3, 4]);
        assert_ne!(fifth, first, "it is another time");
    }

    #[test]
    fn arguments_are_asked_for_where_they_are_used() {
        let corten = Corten::with_busybox(PROGRAM);
        let file = "FROM busybox\nRUN echo before > /before\nARG V=1\nRUN echo $V > /v\nENV E=$V\nRUN echo $E >> /v\n";
        let directory = context(&corten, "context", &[("Dockerfile", file)]);
        built(&corten, &directory, &["-t", "one"]);
        assert_eq!(shown(&corten, "one", "cat /v; echo $E"), "1\n1\n1");
        let (_, events) = built(&corten, &directory, &["-t", "one", "--build-arg", "V=2"]);
        assert_eq!(steps(&events, "cached"), [2]);
        assert_eq!(reasons(&events)[0], "variable V was \"1\" and is \"2\"");
        assert_eq!(shown(&corten, "one", "cat /v; echo $E"), "2\n2\n2");
    }

    #[test]
    fn stages_that_nothing_needs_are_not_built() {
        let corten = Corten::with_busybox(PROGRAM);
        let file = "FROM busybox AS a\nRUN echo a > /a\nFROM busybox AS b\nRUN exit 1\nFROM a AS c\nCOPY --from=a /a /copy\n";
        let directory = context(&corten, "context", &[("Dockerfile", file)]);
        built(&corten, &directory, &["-t", "one"]);
        assert_eq!(shown(&corten, "one", "cat /a /copy"), "a\na");
        let failed = build(&corten, &directory, &["--target", "b"]);
        assert_eq!(failed.code, 1, "{failed:#?}");
        assert!(failed.stderr.contains("ended with code 1"), "{failed:#?}");
        let failed = build(&corten, &directory, &["--target", "cc"]);
        assert!(failed.stderr.contains("did you mean c?"), "{failed:#?}");
    }

    #[test]
    fn files_of_a_stage_are_what_counts_not_how_they_came() {
        let corten = Corten::with_busybox(PROGRAM);
        let file = |salt: u32| {
            format!(
                "FROM busybox AS a\nRUN echo {salt} > /noise; echo same > /file\nFROM busybox\nCOPY --from=a /file /\n"
            )
        };
        let directory = context(&corten, "context", &[("Dockerfile", &file(1))]);
        let (first, _) = built(&corten, &directory, &[]);
        write(&directory.join("Dockerfile"), &file(2));
        let (second, events) = built(&corten, &directory, &[]);
        assert_eq!(steps(&events, "missed"), [2]);
        assert_eq!(first, second);
    }

    #[test]
    fn mounts_are_there_for_the_step_alone() {
        let corten = Corten::with_busybox(PROGRAM);
        let file = "FROM busybox AS tools\nRUN mkdir /t && echo tool > /t/x\nFROM busybox\nWORKDIR /w\n\
            RUN --mount=target=. cat file && ! touch file 2>/dev/null\n\
            RUN --mount=type=bind,source=sub,target=/s,rw echo more > /s/new && ls /s > /seen\n\
            RUN --mount=from=tools,source=/t,target=/t cat /t/x > /tool\n\
            RUN --mount=from=busybox,target=/b ls /b/bin/busybox > /box\n\
            RUN --mount=type=tmpfs,target=/m echo x > /m/x\n\
            RUN --mount=type=cache,id=l,sharing=locked,target=/l --mount=type=cache,id=l,sharing=locked,target=/k echo x > /l/x && cat /k/x\n\
            RUN --mount=type=cache,target=/c,mode=0700,uid=5 echo x >> /c/n; stat -c '%a %u' /c > /c.mode; cp /c/n /n\n";
        let files = [("Dockerfile", file), ("file", "f\n"), ("sub/x", "x\n")];
        let directory = context(&corten, "context", &files);
        built(&corten, &directory, &["-t", "one"]);
        let script = "cat /seen /tool /box /c.mode /n; ls /w; ls /s /t /b /m /c 2>/dev/null; ls / | tr '\\n' ' '";
        let all = shown(&corten, "one", script);
        assert!(all.starts_with("new\nx\ntool\n/b/bin/busybox\n700 5\nx\n"), "{all}");
        assert!(!all.contains("more"), "{all}");
        assert!(!directory.join("sub/new").exists());
        built(&corten, &directory, &["-t", "one", "--no-cache"]);
        assert_eq!(shown(&corten, "one", "cat /n"), "x\nx", "the cache was kept");
        // What a bind reads is in the key.
        write(&directory.join("sub/x"), "y\n");
        let (_, events) = built(&corten, &directory, &[]);
        assert!(
            reasons(&events).iter().any(|why| why.contains("sub/x") || why.contains('x')),
            "{events:#?}"
        );
    }

    #[test]
    fn documents_and_shells() {
        let corten = Corten::with_busybox(PROGRAM);
        let file = "FROM busybox\nARG V=v\nRUN <<EOF\necho one > /a\necho \"$V\" >> /a\nEOF\n\
            RUN <<EOF\n#!/bin/cat\nEOF\n\
            RUN cat <<A > /b && cat <<B >> /b\nfirst\nA\nsecond\nB\n\
            COPY <<x <<-\"y\" /docs/\nvalue $V\nx\n\tliteral $V\ny\n\
            SHELL [\"/bin/sh\", \"-ec\"]\nRUN false; true\n";
        let directory = context(&corten, "context", &[("Dockerfile", file)]);
        let failed = build(&corten, &directory, &[]);
        assert!(failed.stderr.contains("RUN false; true"), "{failed:#?}");
        write(&directory.join("Dockerfile"), file.rsplit_once("SHELL").unwrap().0);
        built(&corten, &directory, &["-t", "one"]);
        let all = shown(&corten, "one", "cat /a /b /docs/x /docs/y; ls /run");
        assert_eq!(all, "one\nv\nfirst\nsecond\nvalue v\nliteral $V");
    }

    #[test]
    fn triggers_run_in_what_is_built_on_it() {
        let corten = Corten::with_busybox(PROGRAM);
        let base = "FROM busybox\nONBUILD COPY file /file\nONBUILD RUN echo triggered > /t\nRUN ! test -e /t\n";
        let directory = context(&corten, "base", &[("Dockerfile", base)]);
        built(&corten, &directory, &["-t", "base"]);
        let files = [("Dockerfile", "FROM base\nRUN cat /file >> /t\n"), ("file", "f\n")];
        let directory = context(&corten, "child", &files);
        built(&corten, &directory, &["-t", "child"]);
        assert_eq!(shown(&corten, "child", "cat /t"), "triggered\nf");
        let left = corten.ok(&["image", "inspect", "-f", "{{json .Config.OnBuild}}", "child"]);
        assert_eq!(left, "null");
    }

    #[test]
    fn a_stage_has_the_arguments_of_the_one_that_it_begins_with() {
        let corten = Corten::with_busybox(PROGRAM);
        let file = "FROM busybox AS a\nARG V=1\nFROM a\nRUN echo $V > /v\nENV E=$V\n";
        let directory = context(&corten, "context", &[("Dockerfile", file)]);
        built(&corten, &directory, &["-t", "one", "--build-arg", "V=2"]);
        assert_eq!(shown(&corten, "one", "cat /v; echo $E"), "2\n2");
    }

    #[test]
    fn settings_alone_make_an_image_of_their_own_time() {
        let corten = Corten::with_busybox(PROGRAM);
        let directory = context(&corten, "base", &[("Dockerfile", "FROM busybox\nRUN true\n")]);
        built(&corten, &directory, &["-t", "base"]);
        let directory = context(&corten, "child", &[("Dockerfile", "FROM base\nLABEL a=b\n")]);
        let (first, _) = built(&corten, &directory, &["-t", "child"]);
        let created = |name: &str| corten.ok(&["image", "inspect", "-f", "{{.Created}}", name]);
        assert_ne!(created("base"), created("child"));
        assert_eq!(built(&corten, &directory, &[]).0, first);
    }

    #[test]
    fn what_has_to_be_allowed_is_refused() {
        let corten = Corten::with_busybox(PROGRAM);
        for (flag, allowed) in
            [("--network=host", "network.host"), ("--security=insecure", "security.insecure")]
        {
            let file = format!("FROM busybox\nRUN {flag} true\n");
            let directory = context(&corten, "context", &[("Dockerfile", &file)]);
            let failed = build(&corten, &directory, &[]);
            assert!(failed.stderr.contains(&format!("{allowed} is not allowed")), "{failed:#?}");
            assert!(failed.stderr.contains(&format!("--allow {allowed}")), "{failed:#?}");
        }
        let file =
            "FROM busybox\nRUN --network=none ! ip route | grep -q . && ls /sys/class/net > /n\n";
        let directory = context(&corten, "context", &[("Dockerfile", file)]);
        built(&corten, &directory, &["-t", "one"]);
        assert_eq!(shown(&corten, "one", "cat /n"), "lo");
    }

    /// Another store, with the base alone.
    fn elsewhere(first: &Corten) -> Corten {
        let archive = first.directory().join("busybox.tar").display().to_string();
        first.ok(&["save", "-o", &archive, "busybox"]);
        let other = Corten::new(PROGRAM);
        other.ok(&["load", "-i", &archive]);
        other
    }

    #[test]
    fn a_cache_goes_to_another_store() {
        let corten = Corten::with_busybox(PROGRAM);
        let other = elsewhere(&corten);
        let file = "FROM busybox AS a\nRUN echo a > /a\nFROM busybox\nCOPY file /\nCOPY --from=a /a /\n\
            RUN --mount=type=cache,target=/c date +%N >> /c/n; cp /c/n /n\n";
        let files = [("Dockerfile", file), ("file", "f\n")];
        let directory = context(&corten, "context", &files);
        let place = corten.directory().join("cache").display().to_string();
        let to = format!("type=local,dest={place},mode=max,mounts=true");
        let (first, _) = built(&corten, &directory, &["--cache-to", &to, "-t", "one"]);
        // The same tree, in another directory.
        let directory = context(&other, "elsewhere", &files);
        let from = format!("type=local,src={place}");
        let (second, events) = built(&other, &directory, &["--cache-from", &from, "-t", "one"]);
        assert_eq!((steps(&events, "missed"), &second), (vec![], &first));
        assert_eq!(shown(&other, "one", "cat /n"), shown(&corten, "one", "cat /n"));
        assert_eq!(other.ok(&["images", "-q"]).lines().count(), 2);
        // The cache of the step came too.
        let (_, _) = built(&other, &directory, &["--no-cache", "-t", "one"]);
        assert_eq!(shown(&other, "one", "wc -l < /n"), "2");
        let told = build(&other, &directory, &["--cache-from", "type=local,src=/nowhere"]);
        assert_eq!(told.code, 0, "{told:#?}");
        assert!(
            format!("{}{}", told.stdout, told.stderr).contains("/nowhere/cache.tar"),
            "{told:#?}"
        );
        let refused = build(&other, &directory, &["--cache-to", "type=s3,bucket=b"]);
        assert!(refused.stderr.contains("\"s3\" is not one of"), "{refused:#?}");
    }

    #[test]
    fn an_image_is_its_own_cache() {
        let corten = Corten::with_busybox(PROGRAM);
        let other = elsewhere(&corten);
        let directory =
            context(&corten, "context", &[("Dockerfile", "FROM busybox\nRUN date +%N > /n\n")]);
        let (first, _) = built(&corten, &directory, &["--cache-to", "type=inline", "-t", "one"]);
        let archive = corten.directory().join("one.tar").display().to_string();
        corten.ok(&["save", "-o", &archive, "one"]);
        let server = testkit::RegistryServer::start();
        let name = format!("{}/one:1", server.host());
        corten.ok(&["tag", "one", &name]);
        corten.ok(&["push", &name]);
        let from = format!("type=registry,ref={name}");
        let args = ["--cache-from", &*from, "--cache-to", "type=inline"];
        // What has the name here keeps it.
        other.ok(&["tag", "busybox", &name]);
        let busybox = other.ok(&["image", "inspect", "-f", "{{.Id}}", "busybox"]);
        let (second, events) = built(&other, &directory, &args);
        assert_eq!((steps(&events, "missed"), second), (vec![], first));
        let to = format!("type=registry,ref={name},mode=max");
        built(&other, &directory, &["--cache-to", &to]);
        assert_eq!(other.ok(&["image", "inspect", "-f", "{{.Id}}", &name]), busybox);
    }

    /// Everything that could differ does: directory, umask, time of the files, store.
    #[test]
    fn the_same_source_is_the_same_image_everywhere() {
        let file = "FROM scratch AS tree\nCOPY . /src/\nFROM busybox\nWORKDIR /new/dir\nCOPY --from=tree /src /src\nCOPY --chmod=750 one sub/ ./\n\
            ADD one /\nRUN echo x > made && mkdir d && ln -s x l && rm /bin/busybox.missing 2>/dev/null; touch /etc/new\nLABEL a=b\n";
        let mut ids = Vec::new();
        let first = Corten::with_busybox(PROGRAM);
        let archive = first.directory().join("busybox.tar").display().to_string();
        first.ok(&["save", "-o", &archive, "busybox"]);
        for (number, umask) in [(0, "0022"), (1, "0077")] {
            let corten = Corten::new(PROGRAM);
            corten.ok(&["load", "-i", &archive]);
            let files = [("Dockerfile", file), ("one", "1\n"), ("sub/two", "2\n")];
            let name = format!("{}context", "deep/".repeat(number));
            let directory = context(&corten, &name, &files);
            let time =
                std::time::SystemTime::now() - std::time::Duration::from_secs(1000 * number as u64);
            fs::File::open(directory.join("one")).unwrap().set_modified(time).unwrap();
            let id = corten.directory().join("id");
            let script = format!(
                "umask {umask}; exec {} --root {} --state {} build -q --iidfile {} --build-arg SOURCE_DATE_EPOCH=1700000000 {}",
                PROGRAM,
                corten.root().display(),
                corten.state().display(),
                id.display(),
                directory.display()
            );
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            ids.push(fs::read_to_string(id).unwrap());
        }
        assert_eq!(ids[0], ids[1]);
    }
}
