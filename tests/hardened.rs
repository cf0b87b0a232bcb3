//! `--hardened`: what is tight in there, and that servers work all the same, as their images have them.

#[cfg(test)]
mod tests {
    use std::fs;

    use testkit::Corten;

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn run(corten: &Corten, flags: &[&str], script: &str) -> String {
        let line = [
            &["run", "--rm", "--network", "none", "--hardened"],
            flags,
            &["busybox", "sh", "-c", script],
        ];
        corten.ok(&line.concat())
    }

    #[test]
    fn every_wall_is_there() {
        let corten = corten();
        let status = run(&corten, &[], "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status");
        for line in status.lines() {
            let (name, value) = line.split_once(':').unwrap();
            let expected = match name {
                "NoNewPrivs" => "1",
                "Seccomp" => "2",
                _ => "0000000000000000",
            };
            assert_eq!(value.trim(), expected, "{line}");
        }
        assert_eq!(status.lines().count(), 7);
        assert_eq!(run(&corten, &[], "id -u; id -g"), "65532\n0");
        let script = "for place in / /etc /usr /bin /home; do touch $place/x 2>/dev/null && echo $place; done; \
                      for place in /run /tmp /var /var/tmp; do cp /bin/busybox $place/sh && $place/sh true 2>/dev/null && echo $place; done; echo end";
        assert_eq!(run(&corten, &[], script), "end");
    }

    #[test]
    fn what_is_named_stays() {
        let corten = corten();
        assert_eq!(run(&corten, &["--user", "0"], "id -u"), "0");
        let held =
            run(&corten, &["--cap-add", "CHOWN", "--user", "0"], "grep CapEff /proc/self/status");
        assert!(held.ends_with("0000000000000001"), "{held}");
        assert_eq!(
            run(&corten, &["-v", "data:/data"], "touch /data/x; stat -c %u /data/x"),
            "65532"
        );
        assert_eq!(
            run(
                &corten,
                &["--tmpfs", "/var/own:exec,mode=1777"],
                "cp /bin/busybox /var/own/id && /var/own/id -u"
            ),
            "65532"
        );
        let told = corten.fails(&["run", "--hardened", "--privileged", "busybox", "true"], 125);
        assert!(told.contains("--privileged takes every wall down"), "{told}");
        let told =
            corten.fails(&["run", "--hardened", "--network", "host", "busybox", "true"], 125);
        assert!(told.contains("security option") && told.contains("--userns host"), "{told}");
        corten.ok(&["create", "--name", "tight", "--security-opt", "hardened", "busybox", "true"]);
        let shown = "{{.HostConfig.SecurityOpt}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}}";
        assert_eq!(
            corten.ok(&["inspect", "--format", shown, "tight"]),
            "[no-new-privileges hardened landlock=try,default] true [ALL] 65532:0"
        );
        assert_eq!(
            corten.ok(&["diff", "tight"]).lines().count(),
            corten.ok(&["diff", "tight"]).lines().filter(|line| line.starts_with("C ")).count()
        );
    }

    /// Images as people make them: three begin as root and become somebody else by themselves, and none knows of us.
    const IMAGES: &[(&str, &str, &str)] = &[
        (
            "web",
            "FROM debian\nRUN echo served > /var/www/html/index.html\nCMD [\"nginx\", \"-g\", \"daemon off;\"]\n",
            "python3 -c \"import urllib.request as u; print(u.urlopen('http://127.0.0.1').read().decode(), end='')\" | grep -x served",
        ),
        (
            "cache",
            "FROM debian\nVOLUME /data\nWORKDIR /data\nRUN chown redis /data\n\
             RUN printf '#!/bin/sh\\nset -e\\nif [ $(id -u) = 0 ]; then chown -R redis .; exec setpriv --reuid redis --regid redis --clear-groups \"$0\" \"$@\"; fi\\nexec \"$@\"\\n' > /entry && chmod 755 /entry\n\
             ENTRYPOINT [\"/entry\"]\nCMD [\"redis-server\", \"--save\", \"60 1\"]\n",
            "redis-cli set key value | grep -x OK && redis-cli save | grep -x OK && redis-cli get key | grep -x value && test -s /data/dump.rdb",
        ),
        (
            "base",
            "FROM debian\nENV PGDATA=/var/lib/postgresql/data\n\
             RUN install -d -o postgres -m 700 $PGDATA && install -d -o postgres -m 2775 /run/postgresql && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/ 2>/dev/null || true\n\
             VOLUME /var/lib/postgresql/data\nUSER postgres\n\
             RUN true\nCMD [\"sh\", \"-c\", \"initdb --auth trust > /dev/null && exec postgres\"]\n",
            "psql -c 'create table t as select 6 * 7 as n' && psql -Atc 'select n from t' | grep -x 42",
        ),
        (
            "service",
            "FROM debian\nWORKDIR /srv\n\
             RUN printf 'import http.server, sqlite3\\nbase = sqlite3.connect(\"/var/lib/service.db\")\\nbase.execute(\"create table t (n)\")\\nclass H(http.server.BaseHTTPRequestHandler):\\n  def do_GET(self):\\n    base.execute(\"insert into t values (42)\"); base.commit()\\n    n = base.execute(\"select n from t\").fetchone()[0]\\n    self.send_response(200); self.end_headers(); self.wfile.write(str(n).encode())\\nhttp.server.HTTPServer((\"\", 80), H).serve_forever()\\n' > service.py\n\
             CMD [\"python3\", \"service.py\"]\n",
            "python3 -c \"import urllib.request as u; print(u.urlopen('http://127.0.0.1').read().decode())\" | grep -x 42",
        ),
    ];

    /// Who stands in for root of an image is nobody's wish: an image of the container has the user that its own image had.
    #[test]
    fn an_image_of_it_has_the_user_of_its_image() {
        let corten = corten();
        let user = |flags: &[&str]| {
            let made = [&["create", "--name", "made", "--network", "none", "--hardened"], flags];
            corten.ok(&[&made.concat()[..], &["busybox", "true"]].concat());
            corten.ok(&["commit", "made", "committed"]);
            corten.ok(&["rm", "made"]);
            corten.ok(&["inspect", "--type", "image", "--format", "{{.Config.User}}", "committed"])
        };
        assert_eq!(user(&[]), "");
        assert_eq!(user(&["--user", "7:7"]), "7:7");
        assert_eq!(user(&["--user", "65532:0"]), "65532:0", "who is asked for by name stays");
    }

    #[test]
    fn servers_run_unchanged() {
        let corten = Corten::on_the_machine(env!("CARGO_BIN_EXE_corten"));
        let packages = "nginx-light,redis-server,redis-tools,postgresql,python3";
        let base = corten.ok(&["template", "build", "debian", "--package", packages]);
        corten.ok(&["tag", &base, "debian"]);
        for (name, dockerfile, works) in IMAGES {
            let context = corten.directory().join(name);
            fs::create_dir(&context).unwrap();
            fs::File::create(context.join("Dockerfile"))
                .and_then(|mut file| std::io::Write::write_all(&mut file, dockerfile.as_bytes()))
                .unwrap();
            corten.ok(&[
                "build",
                "--quiet",
                "--network",
                "none",
                "--tag",
                name,
                context.to_str().unwrap(),
            ]);
            for hardening in [&[][..], &["--hardened"]] {
                let line = [
                    &["run", "--detach", "--name", "server", "--network", "none"],
                    hardening,
                    &[name],
                ];
                corten.ok(&line.concat());
                let works = format!(
                    "n=0; until ({works}) > /tmp/said 2>&1; do n=$((n+1)); [ $n -lt 300 ] || {{ cat /tmp/said; exit 1; }}; sleep 0.1; done"
                );
                let said = corten.run(&["exec", "server", "sh", "-c", &works]);
                let log = corten.run(&["logs", "server"]);
                assert_eq!(said.code, 0, "{name} {hardening:?}: {said:#?}\n{log:#?}");
                corten.ok(&["rm", "--force", "--volumes", "server"]);
            }
        }
    }
}
