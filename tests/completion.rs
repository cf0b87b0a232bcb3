//! Completion scripts: what the shells themselves offer for a line. bash is on every machine; the others where they are installed.

#[cfg(test)]
mod tests {
    use std::process::Command;

    use testkit::Corten;

    /// What bash offers for `line`, one a line. The program is found as `corten`, and asked for its own script.
    fn bash(corten: &Corten, line: &str) -> Vec<String> {
        let driver = r#"
            program=$1 line=$2
            corten() { "$program" "$@"; }
            eval "$(corten completion bash)"
            COMP_LINE=$line COMP_POINT=${#line}
            _corten
            printf '%s\n' "${COMPREPLY[@]}"
        "#;
        let program = corten.command().get_program().to_owned();
        let output = Command::new("bash")
            .args(["--norc", "-c", driver, "bash"])
            .arg(program)
            .arg(line)
            .current_dir(corten.directory())
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors, "", "{line}");
        let offered = String::from_utf8(output.stdout).unwrap();
        offered.lines().filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn bash_offers_commands_flags_and_names() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        corten.ok(&["create", "--name", "first-one", "busybox", "true"]);
        corten.ok(&["create", "--name", "other", "busybox", "true"]);
        let targets = "target \"kind-a\" {}\ntarget \"kind-b\" { description = \"so kind\" }\n";
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(corten.directory().join("docker-bake.hcl"), targets).unwrap();
        let directories =
            format!("--root {} --state={}", corten.root().display(), corten.state().display());
        for (line, offered) in [
            ("corten st", &["start", "stats", "stop"][..]),
            ("corten --ro", &["--root"]),
            ("corten help unp", &["unpause"]),
            ("corten container uns", &[]),
            ("corten container unp", &["unpause"]),
            ("corten image inspect --fo", &["--format"]),
            (
                "corten run --mem",
                &["--memory", "--memory-reservation", "--memory-swap", "--memory-swappiness"],
            ),
            ("corten run -it --network-", &["--network-alias"]),
            ("corten run --network h", &["host"]),
            ("corten run --network=h", &["host"]),
            ("corten run --pull ", &["always", "missing", "never"]),
            ("corten kill -s SIGT", &["SIGTERM"]),
            ("corten template build d", &["debian", "download"]),
            ("corten completion z", &["zsh"]),
            ("corten lxc sta", &["start"]),
            ("corten lxc copy --eph", &["--ephemeral"]),
            ("corten DIRECTORIES lxc stop first", &["first-one"]),
            ("corten DIRECTORIES lxc stop first-one o", &[]),
            ("corten bake kind-a k", &["kind-a", "kind-b"]),
            ("corten buildx bake --list v", &["variables"]),
            ("corten DIRECTORIES stop f", &["first-one"]),
            ("corten DIRECTORIES rm -f other f", &["first-one"]),
            ("corten DIRECTORIES exec -u root fi", &["first-one"]),
            ("corten DIRECTORIES exec first-one fi", &[]),
            ("corten DIRECTORIES container rm o", &["other"]),
            ("corten DIRECTORIES run bus", &["busybox:latest"]),
            // bash puts in what follows its separator, the colon.
            ("corten DIRECTORIES rmi busybox:l", &["latest"]),
        ] {
            assert_eq!(
                bash(&corten, &line.replace("DIRECTORIES", &directories)),
                offered,
                "{line}"
            );
        }
    }

    #[test]
    fn every_shell_understands_its_script() {
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        for shell in ["bash", "fish", "zsh"] {
            let file = corten.directory().join(shell);
            let script = corten.ok(&["completion", shell]);
            #[expect(clippy::disallowed_methods, reason = "a test's own file")]
            std::fs::write(&file, script).unwrap();
            match Command::new(shell).arg("-n").arg(&file).output() {
                Ok(output) => assert!(output.status.success(), "{shell}: {output:?}"),
                Err(error) => assert_ne!(shell, "bash", "{error}"),
            }
        }
        let said = corten.fails(&["completion", "powershell"], 1);
        assert!(said.contains("bash, fish and zsh"), "{said}");
    }
}
