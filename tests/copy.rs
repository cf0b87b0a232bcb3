//! Copies without unpacking, lists of manifests and searches, through the program: real registries, and skopeo, umoci, podman and
//! buildah as peers.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use testkit::{Corten, RegistryServer, Response, ScriptedServer, wait_until};

    const CORTEN: &str = env!("CARGO_BIN_EXE_corten");

    /// Runs a peer in a directory, demands success, and gives what it says.
    #[track_caller]
    fn tool(directory: &Path, line: &str) -> String {
        let mut words = line.split_whitespace();
        let program = words.next().unwrap();
        let mut command = Command::new(program);
        command.args(words).current_dir(directory).stdin(Stdio::null());
        let output = command.output().unwrap_or_else(|error| panic!("run {program}: {error}"));
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A store with busybox in it, a registry that has it as `a/b:1`, and a directory for layouts and archives.
    struct Ground {
        corten: Corten,
        registry: RegistryServer,
    }

    impl Ground {
        fn new() -> Self {
            let (corten, registry) = (Corten::with_busybox(CORTEN), RegistryServer::start());
            let ground = Self { corten, registry };
            ground.copy("busybox", &ground.at("a/b:1"));
            ground
        }

        fn at(&self, name: &str) -> String {
            format!("docker://{}/{name}", self.registry.host())
        }

        fn file(&self, name: &str) -> String {
            self.corten.directory().join(name).to_str().unwrap().to_owned()
        }

        /// Gives the digest that the copy is told to have.
        #[track_caller]
        fn copy(&self, from: &str, to: &str) -> String {
            self.corten.ok(&["image", "copy", "--quiet", from, to])
        }

        /// What skopeo says that a place leads to.
        #[track_caller]
        fn seen(&self, place: &str) -> String {
            let line =
                format!("skopeo inspect --tls-verify=false --format {{{{.Digest}}}} {place}");
            tool(self.corten.directory(), &line)
        }

        fn runs(&self, image: &str) {
            let said = self.corten.ok(&["run", "--rm", image, "echo", "it runs"]);
            assert_eq!(said, "it runs", "{image}");
        }

        /// Names in a directory of the test's.
        fn names(&self, directory: &str) -> BTreeSet<String> {
            let entries = std::fs::read_dir(self.file(directory)).unwrap();
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
        }
    }

    #[test]
    fn digests_stay_on_every_way_among_registries_layouts_and_archives() {
        let ground = Ground::new();
        let digest = ground.seen(&ground.at("a/b:1"));
        let first = [
            ground.at("a/b:1"),
            format!("oci:{}:one", ground.file("layout")),
            format!("oci-archive:{}:one", ground.file("first.tar")),
        ];
        for place in &first[1..] {
            assert_eq!(ground.copy(&first[0], place), digest, "{place}");
            assert_eq!(ground.seen(place), digest, "{place}");
        }
        for (number, from) in first.iter().enumerate() {
            for to in [
                ground.at(&format!("to/registry{number}:2")),
                format!("oci:{}:two", ground.file(&format!("layout{number}"))),
                format!("oci-archive:{}:two", ground.file(&format!("archive{number}.tar"))),
            ] {
                assert_eq!(ground.copy(from, &to), digest, "{from} to {to}");
                assert_eq!(ground.seen(&to), digest, "{from} to {to}");
            }
            let archive = ground.file(&format!("docker{number}.tar"));
            ground.copy(from, &format!("docker-archive:{archive}:x/y:3"));
            let name = format!("store:from:{number}");
            ground.copy(from, &name);
            ground.runs(&name["store:".len()..]);
        }
        // The same image, the same bytes, whatever it came from.
        let read = |name: &str| std::fs::read(ground.file(name)).unwrap();
        assert!(read("archive0.tar") == read("archive1.tar"));
        assert!(read("archive0.tar") == read("archive2.tar"));
        assert!(read("docker0.tar") == read("docker2.tar"));
        // An archive of docker save changes the manifest, and not the image.
        let image =
            |name: &str| ground.corten.ok(&["image", "inspect", "--format", "{{.Id}}", name]);
        let from = format!("docker-archive:{}", ground.file("docker0.tar"));
        ground.copy(&from, "store:from:docker");
        assert_eq!(image("from:docker"), image("busybox"));
        let again = ground.copy(&from, &ground.at("docker/again:1"));
        assert_eq!(ground.seen(&ground.at("docker/again:1")), again);
        assert_ne!(again, digest);
        let refused = ground.corten.fails(
            &[
                "image",
                "copy",
                "--preserve-digests",
                &first[0],
                &format!("docker-archive:{}", ground.file("no.tar")),
            ],
            1,
        );
        assert!(refused.contains("cannot be preserved"), "{refused}");
        assert!(!Path::new(&ground.file("no.tar")).exists());
    }

    #[test]
    fn what_the_store_has_goes_everywhere_and_comes_back() {
        let ground = Ground::new();
        let layout = format!("oci:{}:plain", ground.file("layout"));
        let plain = ground.copy("busybox", &layout);
        assert_eq!(ground.seen(&layout), plain);
        let archive = format!("oci-archive:{}", ground.file("plain.tar"));
        assert_eq!(ground.copy("busybox", &archive), plain);
        // What the layout has compressed is not made again.
        let known =
            ground.copy(&ground.at("a/b:1"), &format!("oci:{}:compressed", ground.file("known")));
        let blobs = ground.names("known/blobs/sha256");
        assert_eq!(ground.copy("busybox", &format!("oci:{}:again", ground.file("known"))), known);
        assert_eq!(ground.names("known/blobs/sha256"), blobs);
        let saved = format!("docker-archive:{}", ground.file("saved.tar"));
        ground.copy("busybox", &saved);
        ground.copy(&saved, "store:saved:1");
        ground.copy(&layout, "store:unpacked:1");
        for image in ["saved:1", "unpacked:1"] {
            ground.runs(image);
        }
    }

    #[test]
    fn umoci_and_podman_read_what_is_written() {
        let ground = Ground::new();
        let directory = ground.corten.directory().to_owned();
        let layout = ground.file("layout");
        ground.copy(&ground.at("a/b:1"), &format!("oci:{layout}:one"));
        ground.copy(&ground.at("a/b:1"), &format!("oci:{layout}:two"));
        assert_eq!(tool(&directory, &format!("umoci ls --layout {layout}")), "one\ntwo");
        tool(
            &directory,
            &format!("umoci raw unpack --image {layout}:two {}", ground.file("unpacked")),
        );
        assert!(Path::new(&ground.file("unpacked/bin/busybox")).is_file());
        let archive = ground.file("docker.tar");
        ground.copy(&ground.at("a/b:1"), &format!("docker-archive:{archive}:docker.io/x/y:3"));
        let podman = format!(
            "podman --root {} --runroot {} --storage-driver vfs --cgroup-manager cgroupfs",
            ground.file("podman"),
            ground.file("podman-run")
        );
        let loaded = tool(&directory, &format!("{podman} load --quiet --input {archive}"));
        assert!(loaded.ends_with("docker.io/x/y:3"), "{loaded}");
        let archive = ground.file("oci.tar");
        ground.copy(&ground.at("a/b:1"), &format!("oci-archive:{archive}:one"));
        tool(&directory, &format!("{podman} load --quiet --input {archive}"));
    }

    #[test]
    fn layouts_of_umoci_and_buildah_come_in_and_run() {
        let ground = Ground::new();
        let directory = ground.corten.directory().to_owned();
        let layout = ground.file("umoci");
        ground.copy(&ground.at("a/b:1"), &format!("oci:{layout}:base"));
        // Umoci writes a layer and a manifest of its own into it.
        std::fs::create_dir(ground.file("added")).unwrap();
        let added = ground.file("added");
        tool(&directory, &format!("umoci insert --image {layout}:base --tag mine {added} /added"));
        let from = format!("oci:{layout}:mine");
        let digest = ground.copy(&from, &ground.at("of/umoci:1"));
        assert_eq!(digest, ground.seen(&from));
        ground.copy(&from, "store:of-umoci:1");
        let said = ground.corten.ok(&["run", "--rm", "of-umoci:1", "ls", "-d", "/added"]);
        assert_eq!(said, "/added");
        let buildah = format!(
            "buildah --root {} --runroot {} --storage-driver vfs",
            ground.file("buildah"),
            ground.file("buildah-run")
        );
        let name = tool(&directory, &format!("{buildah} from scratch"));
        let root = tool(&directory, &format!("{buildah} mount {name}"));
        testkit::busybox_rootfs(Path::new(&root));
        for format in ["oci", "docker"] {
            let layout = format!("oci:{}:mine", ground.file("of-buildah"));
            tool(
                &directory,
                &format!("{buildah} commit --quiet --format {format} {name} {layout}"),
            );
            let digest = ground.copy(&layout, &ground.at("of/buildah:1"));
            assert_eq!(digest, ground.seen(&layout));
            ground.copy(&layout, &format!("store:of-buildah:{format}"));
            ground.runs(&format!("of-buildah:{format}"));
        }
        tool(&directory, &format!("{buildah} rm {name}"));
    }

    #[test]
    fn blobs_of_the_same_registry_are_mounted_and_what_is_there_is_not_sent() {
        let ground = Ground::new();
        let line = |to: &str| {
            let args =
                ["image", "copy", "--progress", "plain", &ground.at("a/b:1"), &ground.at(to)];
            ground.corten.run(&args).stderr
        };
        let mounted = line("c/d:1");
        assert_eq!(mounted.matches("Mounted").count(), 2, "{mounted}");
        let there = line("c/d:2");
        assert_eq!(there.matches("Already exists").count(), 2, "{there}");
        assert!(!mounted.contains("Copying") && !there.contains("Copying"));
    }

    #[test]
    fn a_layout_is_extended_and_a_tag_is_replaced() {
        let ground = Ground::new();
        let layout = ground.file("layout");
        let first = ground.copy(&ground.at("a/b:1"), &format!("oci:{layout}:tag"));
        ground.copy(&ground.at("a/b:1"), &format!("oci:{layout}:other"));
        let plain = ground.copy("busybox", &format!("oci-archive:{}", ground.file("plain.tar")));
        let plain_archive = format!("oci-archive:{}", ground.file("plain.tar"));
        assert_eq!(ground.copy(&plain_archive, &format!("oci:{layout}:tag")), plain);
        assert_eq!(ground.seen(&format!("oci:{layout}:tag")), plain);
        assert_eq!(ground.seen(&format!("oci:{layout}:other")), first);
        let index: serde_json::Value =
            serde_json::from_slice(&std::fs::read(format!("{layout}/index.json")).unwrap())
                .unwrap();
        assert_eq!(index["manifests"].as_array().unwrap().len(), 2, "{index}");
        let ambiguous = ground.corten.fails(&["image", "copy", &format!("oci:{layout}"), "x:1"], 1);
        assert!(ambiguous.contains("name one") && ambiguous.contains("other"), "{ambiguous}");
        // Nobody's directory becomes a layout.
        std::fs::create_dir(ground.file("other")).unwrap();
        std::fs::File::create(ground.file("other/precious")).unwrap();
        let refused = ground.corten.fails(
            &["image", "copy", &ground.at("a/b:1"), &format!("oci:{}", ground.file("other"))],
            1,
        );
        assert!(refused.contains("neither empty nor an OCI layout"), "{refused}");
        assert_eq!(ground.names("other").len(), 1);
    }

    #[test]
    fn hostile_layouts_are_refused_and_leave_nothing() {
        let ground = Ground::new();
        let layout = ground.file("layout");
        ground.copy(&ground.at("a/b:1"), &format!("oci:{layout}:one"));
        // What the store has already, it would not read again.
        ground.corten.ok(&["rmi", "busybox"]);
        let layer = largest(&format!("{layout}/blobs/sha256"));
        let whole = std::fs::read(&layer).unwrap();
        let mut damaged = whole.clone();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        let outside = ground.file("outside");
        std::fs::copy(&layer, &outside).unwrap();
        let attempts: [(&str, &dyn Fn()); 5] = [
            ("digest", &|| write(&layer, &damaged)),
            ("1000 of", &|| write(&layer, &whole[..1000])),
            ("more than", &|| write(&layer, &[&whole[..], b"x"].concat())),
            ("not there", &|| link(&outside, &layer)),
            ("not there", &|| link("../../../outside", &layer)),
        ];
        for (told, damage) in attempts {
            let _gone = std::fs::remove_file(&layer);
            damage();
            for to in [
                ground.at("hostile/x:1"),
                format!("oci:{}:x", ground.file("target")),
                format!("oci-archive:{}", ground.file("target.tar")),
                format!("docker-archive:{}", ground.file("target.tar")),
                "store:hostile:1".to_owned(),
            ] {
                let from = format!("oci:{layout}:one");
                let error = ground.corten.fails(&["image", "copy", "--quiet", &from, &to], 1);
                assert!(error.contains(told) || error.contains("gzip"), "{to}: {error}");
                assert_eq!(error.lines().count(), 1, "{to}: {error}");
            }
            assert!(!Path::new(&ground.file("target.tar")).exists());
            assert!(!Path::new(&ground.file("target/index.json")).exists());
            assert!(ground.names(".").iter().all(|name| !name.contains(".corten-")));
            let name = Path::new(&layer).file_name().unwrap().to_str().unwrap();
            assert!(!ground.names("target/blobs/sha256").contains(name));
            ground.corten.fails(&["image", "inspect", "hostile:1"], 1);
        }
        // A link within the layout leads to what it says, as it would below a root.
        std::fs::remove_file(&layer).unwrap();
        write(&format!("{layout}/blobs/real"), &whole);
        link("/blobs/real", &layer);
        ground.copy(&format!("oci:{layout}:one"), &ground.at("hostile/x:2"));
    }

    fn largest(directory: &str) -> String {
        let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
        let largest = entries.max_by_key(|entry| entry.metadata().unwrap().len()).unwrap();
        largest.path().to_str().unwrap().to_owned()
    }

    #[expect(clippy::disallowed_methods, reason = "a test damages a file")]
    fn write(path: &str, bytes: &[u8]) {
        std::fs::write(path, bytes).unwrap();
    }

    fn link(to: &str, at: &str) {
        symlink(to, at).unwrap();
    }

    #[test]
    fn a_killed_copy_leaves_the_old_index_and_its_rest_goes_with_the_next() {
        let ground = Ground::new();
        let layout = ground.file("layout");
        let first = ground.copy(&ground.at("a/b:1"), &format!("oci:{layout}:one"));
        // A layout that cannot be read to its end: a pipe in place of a layer would be refused, so the killed command is one that
        // waits for the lock of the index that this test holds.
        let lock = std::fs::File::open(&layout).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let mut command = ground.corten.command();
        let mut child = command
            .args(["image", "copy", "--quiet", "busybox", &format!("oci:{layout}:two")])
            .spawn()
            .unwrap();
        let waits = format!("/proc/{}/wchan", child.id());
        wait_until("the copy waits for the lock", || {
            std::fs::read_to_string(&waits).is_ok_and(|place| place.contains("lock"))
        });
        child.kill().unwrap();
        child.wait().unwrap();
        drop(lock);
        let umoci = format!("umoci ls --layout {layout}");
        assert_eq!(tool(ground.corten.directory(), &umoci), "one");
        assert_eq!(ground.seen(&format!("oci:{layout}:one")), first);
        // What a command leaves that was killed while it wrote: nobody holds its lock.
        write(&format!("{layout}/.blob.corten-0123456789abcdef"), b"half");
        write(&ground.file(".x.tar.corten-0123456789abcdef"), b"half");
        // Somebody else's, who is still at it.
        let held = std::fs::File::create(format!("{layout}/.blob.corten-held")).unwrap();
        rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
        ground.copy(&ground.at("a/b:1"), &format!("oci:{layout}:three"));
        ground.copy(&ground.at("a/b:1"), &format!("oci-archive:{}", ground.file("x.tar")));
        let hidden = |directory: &str| -> Vec<String> {
            ground.names(directory).into_iter().filter(|name| name.contains(".corten-")).collect()
        };
        assert_eq!(hidden("layout"), [".blob.corten-held"]);
        assert!(hidden(".").is_empty());
    }

    /// Two manifests in two repositories of the registry, `a/b:1` and `c/d:1`, and the list `list/of:1` of both: the second one is
    /// said to be for ARM. Gives both digests.
    fn list(ground: &Ground) -> (String, String) {
        let plain = format!("oci-archive:{}", ground.file("plain.tar"));
        ground.copy("busybox", &plain);
        let second = ground.copy(&plain, &ground.at("c/d:1"));
        let (corten, host) = (&ground.corten, ground.registry.host());
        let (list, one, two) =
            (format!("{host}/list/of:1"), format!("{host}/a/b:1"), format!("{host}/c/d:1"));
        let created = corten.ok(&["manifest", "create", &list, &one]);
        assert_eq!(created, format!("Created manifest list {list}"));
        let refused = corten.fails(&["manifest", "create", &list, &two], 1);
        assert!(refused.contains("exists already"), "{refused}");
        corten.ok(&["manifest", "create", "--amend", &list, &two]);
        corten.ok(&["manifest", "annotate", "--arch", "arm64", "--variant", "v8", &list, &two]);
        (ground.seen(&ground.at("a/b:1")), second)
    }

    #[test]
    fn lists_of_manifests_are_made_described_and_pushed() {
        let ground = Ground::new();
        let (first, second) = list(&ground);
        let (corten, list) = (&ground.corten, format!("{}/list/of:1", ground.registry.host()));
        let nowhere =
            corten.fails(&["manifest", "annotate", "--os", "linux", &list, "no/such:1"], 1);
        assert!(nowhere.contains("no such manifest"), "{nowhere}");
        let shown: serde_json::Value =
            serde_json::from_str(&corten.ok(&["manifest", "inspect", &list])).unwrap();
        assert_eq!(shown["manifests"][0]["digest"], first);
        assert_eq!(shown["manifests"][1]["digest"], second);
        assert_eq!(shown["manifests"][1]["platform"]["architecture"], "arm64");
        let digest = corten.ok(&["manifest", "push", "--purge", &list]);
        corten.fails(&["manifest", "rm", &list], 1);
        let place = format!("docker://{list}");
        let raw =
            tool(corten.directory(), &format!("skopeo inspect --tls-verify=false --raw {place}"));
        let raw: serde_json::Value = serde_json::from_str(&raw).unwrap();
        assert_eq!(raw, shown);
        // What the registry has is shown as well, now that no list of ours has the name.
        let remote: serde_json::Value =
            serde_json::from_str(&corten.ok(&["manifest", "inspect", &list])).unwrap();
        assert_eq!(remote, shown);
        assert_eq!(ground.seen(&place), digest);
        let verbose: serde_json::Value =
            serde_json::from_str(&corten.ok(&["manifest", "inspect", "-v", &list])).unwrap();
        assert_eq!(verbose[1]["Descriptor"]["digest"], second);
        assert!(verbose[1]["OCIManifest"]["layers"].is_array(), "{verbose}");
    }

    #[test]
    fn the_whole_of_a_list_is_copied_or_one_platform_of_it() {
        let ground = Ground::new();
        let (_, second) = list(&ground);
        let (corten, list) = (&ground.corten, format!("{}/list/of:1", ground.registry.host()));
        let digest = corten.ok(&["manifest", "push", &list]);
        corten.ok(&["manifest", "rm", &list]);
        let copy = |flags: &[&str], from: &str, to: &str| {
            corten.ok(&[&["image", "copy", "-q"], flags, &[from, to]].concat())
        };
        let (all, layout) = (ground.at("list/of:1"), ground.file("layout"));
        let (whole, part) = (format!("oci:{layout}:all"), format!("oci:{layout}:arm"));
        assert_eq!(copy(&["--all-platforms"], &all, &whole), digest);
        assert_eq!(copy(&["--platform", "arm64"], &whole, &part), second);
        assert_eq!(copy(&["--all-platforms"], &whole, &ground.at("back/again:1")), digest);
        assert_eq!(ground.seen(&ground.at("back/again:1")), digest);
        let other = ["image", "copy", "-q", "--platform", "s390x", &all, "x:1"];
        let missing = corten.fails(&other, 1);
        assert!(missing.contains("linux/s390x") && missing.contains("linux/arm64"), "{missing}");
        let archive = format!("docker-archive:{}", ground.file("no.tar"));
        let one = corten.fails(&["image", "copy", "-q", "--all-platforms", &all, &archive], 1);
        assert!(one.contains("one platform"), "{one}");
        corten.ok(&["pull", "-q", "--platform", "linux/arm64", &list]);
    }

    #[test]
    fn a_source_that_breaks_goes_on_at_its_byte() {
        let ground = Ground::new();
        let digest =
            ground.copy(&ground.at("a/b:1"), &format!("oci:{}:one", ground.file("layout")));
        let blobs = ground.file("layout/blobs/sha256");
        let layer = largest(&blobs).rsplit('/').next().unwrap().to_owned();
        let root = digest["sha256:".len()..].to_owned();
        let server = ScriptedServer::start(move |request| {
            let name = request.path().rsplit('/').next().unwrap_or_default();
            let hex = name.strip_prefix("sha256:").unwrap_or(&root);
            let Ok(bytes) = std::fs::read(format!("{blobs}/{hex}")) else {
                return Response::new(200);
            };
            if request.path().contains("/manifests/") {
                let kind = "application/vnd.oci.image.manifest.v1+json";
                return Response::new(200).header("content-type", kind).body(bytes);
            }
            let range = request.header("range").and_then(|range| range.strip_prefix("bytes="));
            match range.and_then(|range| range.split('-').next()?.parse::<usize>().ok()) {
                None if hex == layer => Response::new(200)
                    .header("accept-ranges", "bytes")
                    .body(bytes)
                    .cut_after(100_000),
                None => Response::new(200).body(bytes),
                Some(from) => {
                    let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
                    Response::new(206).header("content-range", &range).body(&bytes[from..])
                }
            }
        });
        let from = format!("docker://{}/x/y:1", server.host());
        assert_eq!(ground.copy(&from, &format!("oci:{}:two", ground.file("other"))), digest);
        let ranges = server.requests().into_iter().filter(|one| one.header("range").is_some());
        assert_eq!(ranges.count(), 1);
    }

    #[test]
    fn a_search_asks_the_registry_before_the_term() {
        let corten = Corten::new(CORTEN);
        let server = ScriptedServer::start(|request| {
            match request.path() {
            "/v1/search" => Response::new(200).body(
                r#"{"results":[{"name":"a/busy","description":"Long words, longer than forty-five characters are","star_count":7,"is_official":true},
                {"name":"b/busy","description":null,"star_count":1}]}"#,
            ),
            _ => Response::new(404),
        }
        });
        let term = format!("{}/busy", server.host());
        let shown = corten.ok(&["search", &term]);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 3, "{shown}");
        assert_eq!(
            lines[0].split_whitespace().collect::<Vec<_>>(),
            ["NAME", "DESCRIPTION", "STARS", "OFFICIAL"]
        );
        assert!(lines[1].contains("…") && lines[1].ends_with("[OK]"), "{shown}");
        assert_eq!(
            corten.ok(&["search", "--filter", "stars=2", "--format", "{{.Name}}", &term]),
            "a/busy"
        );
        assert_eq!(
            corten.ok(&["search", "-f", "is-official=false", "--format", "{{.Name}}", &term]),
            "b/busy"
        );
        assert_eq!(corten.ok(&["search", "--limit", "1", "--no-trunc", &term]).lines().count(), 2);
        assert!(
            server.asked().iter().all(|asked| asked.contains("q=busy")),
            "{:?}",
            server.asked()
        );
        let limit = corten.fails(&["search", "--limit", "0", "x"], 1);
        assert!(limit.contains("from 1 to 100"), "{limit}");
        let filter = corten.fails(&["search", "--filter", "moon=1", "x"], 1);
        assert!(filter.contains("stars"), "{filter}");
    }
}
