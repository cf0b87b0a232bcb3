//! Dockerfiles that reach for the host. What is sought there is a file whose contents stand in no Dockerfile.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::process::Stdio;

    use testkit::{Corten, signal, wait_until};

    const CONTENT: &str = "of the host alone";

    /// A directory of the host with a file and an empty directory, and a context with a Dockerfile in which `@` is the directory.
    #[expect(clippy::disallowed_methods, reason = "files of a test")]
    fn ground(corten: &Corten, name: &str, dockerfile: &str) -> (PathBuf, String) {
        let host = corten.directory().join("host");
        fs::create_dir_all(host.join("empty")).unwrap();
        fs::write(host.join("marker"), CONTENT).unwrap();
        let context = corten.directory().join(name);
        fs::create_dir(&context).unwrap();
        let text = dockerfile.replace('@', &host.display().to_string());
        fs::write(context.join("Dockerfile"), text).unwrap();
        (host, context.display().to_string())
    }

    /// CVE-2024-23651: a part of a cache that another step turns into a link while it is mounted.
    #[test]
    fn a_part_of_a_cache_that_becomes_a_link_leads_nowhere() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let turning = "FROM busybox\n\
             RUN --network=none --mount=type=cache,id=c,target=/c mkdir -p /c/part && touch /c/part/own; : > /c/ready; \
             while :; do mv /c/part /c/away && ln -s @ /c/part; rm -f /c/part; mv /c/away /c/part; done\n";
        let looking = "FROM busybox\n\
             RUN --network=none --mount=type=cache,id=c,source=part,target=/part ls /part; cat /part/marker; true\n";
        let (_, turning) = ground(&corten, "turning", turning);
        let (_, looking) = ground(&corten, "looking", looking);
        let mut command = corten.command();
        command.args(["build", &turning]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut attacker = command.spawn().unwrap();
        wait_until("the step runs", || !corten.ok(&["ps", "-q"]).is_empty());
        let mut mounted = 0;
        for _ in 0..60 {
            let looked = corten.run(&["build", "--no-cache", "--progress", "plain", &looking]);
            let said = format!("{}{}", looked.stdout, looked.stderr);
            assert!(!said.contains(CONTENT) && !said.contains(" empty\n"), "{said}");
            mounted += usize::from(looked.code == 0);
        }
        signal("INT", attacker.id());
        attacker.wait().unwrap();
        assert!(mounted > 0, "it was never mounted");
    }

    /// CVE-2024-23652: the place of a mount that the step has moved elsewhere is not taken away where a link leads.
    #[test]
    fn the_place_of_a_mount_is_taken_away_inside_alone() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let file = "FROM busybox\n\
             RUN --network=none --mount=type=tmpfs,target=/place/empty mv /place /moved && ln -s @ /place\n\
             RUN --network=none --mount=type=tmpfs,target=/other/empty --mount=type=bind,target=/other/marker,source=Dockerfile \
             mv /other /gone && ln -s @ /other\n";
        let (host, context) = ground(&corten, "context", file);
        corten.ok(&["build", "-t", "image", &context]);
        assert!(host.join("empty").is_dir());
        assert_eq!(fs::read_to_string(host.join("marker")).unwrap(), CONTENT);
    }
}
