//! What is told about an image beside it: which packages it holds (SPDX) and how it was built (SLSA provenance).
//!
//! Documents are made as bytes with their descriptors; nothing is read but through [`RootFiles`], nothing written. Start at
//! [`packages`] and [`spdx`], at [`Provenance::predicate`], and at [`attach`], which packs statements as registries keep them.

mod alpine;
mod debian;
mod node;
mod package;
mod provenance;
mod python;
pub(crate) mod redact;
mod rpm;
mod spdx;
mod sqlite;
mod system;
mod walk;

pub use package::{Package, Sort};
pub use provenance::{Dependency, Detail, Provenance, RecordedStep, Secret};
pub use spdx::{Document, spdx};
pub use store::attestation::{Attached, Blob, Statement, SubjectName, attach};
pub use system::System;

/// How the files of an image are looked at. Paths are absolute; links are followed within the image by whoever reads.
#[derive(Clone, Copy)]
pub struct RootFiles<'a> {
    /// The contents of a file, where there is one that can be read.
    pub read: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    /// Names in a directory, and whether each is a directory itself (a link is none); empty where there is none.
    pub list: &'a dyn Fn(&str) -> Vec<(String, bool)>,
}

impl std::fmt::Debug for RootFiles<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RootFiles").finish_non_exhaustive()
    }
}

/// What an image holds.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The system, where its files name it.
    pub system: Option<System>,
    /// Its packages, sorted, each once.
    pub packages: Vec<Package>,
    /// Databases that are there and were not read, and why: a list without them is not whole.
    pub unread: Vec<String>,
}

/// Finds the packages of dpkg, apk and rpm, and those of Python and Node.js.
#[must_use]
pub fn packages(files: &RootFiles<'_>) -> Inventory {
    let system = system::read(files);
    let mut inventory = Inventory { system, ..Inventory::default() };
    let distribution = inventory.system.clone().unwrap_or_default();
    inventory.packages.extend(debian::read(files, &distribution));
    inventory.packages.extend(alpine::read(files, &distribution));
    rpm::read(files, &distribution, &mut inventory);
    let found = walk::walk(files);
    inventory.packages.extend(python::read(files, &found));
    inventory.packages.extend(node::read(files, &found));
    if !found.is_whole {
        inventory.unread.push("the tree is larger than what is searched for packages".to_owned());
    }
    inventory.packages.sort();
    inventory.packages.dedup();
    inventory
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use spec::Digest;
    use spec::image::{Descriptor, Platform, media_type};

    use super::*;

    const STATUS: &str = "Package: adduser\nStatus: install ok installed\nMaintainer: Debian Adduser <adduser@example.org>\nArchitecture: all\nVersion: 3.134\nDescription: x\n Package: not this one\n\nPackage: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\nPackage: libstdc++6\nStatus: install ok installed\nArchitecture: amd64\nSource: gcc-12 (12.2.0-14)\nVersion: 1:12.2.0-14+deb12u1~x\n";
    const APK: &str = "C:Q1x\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nm:Somebody <s@example.org>\nF:lib\nR:P:not\n\nP:libcrypto3\nV:3.1\nA:x86_64\nL:Apache-2.0\no:openssl\n\n";

    /// Files by path, and their directories.
    struct Tree(BTreeMap<String, Vec<u8>>);

    impl Tree {
        fn new(files: &[(&str, &[u8])]) -> Self {
            Self(files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect())
        }

        fn inventory(&self) -> Inventory {
            let read = |path: &str| self.0.get(path).cloned();
            let list = |directory: &str| {
                let prefix = format!("{}/", directory.trim_end_matches('/'));
                let inside = self.0.keys().filter_map(|path| path.strip_prefix(&prefix));
                let entries = inside.map(|rest| match rest.split_once('/') {
                    Some((name, _)) => (name.to_owned(), true),
                    None => (rest.to_owned(), false),
                });
                entries.collect::<BTreeSet<_>>().into_iter().collect()
            };
            packages(&RootFiles { read: &read, list: &list })
        }

        fn urls(&self) -> Vec<String> {
            self.inventory().packages.into_iter().map(|package| package.url).collect()
        }
    }

    /// A header of rpm: tags, types, and data.
    fn header(tags: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let number = |value: usize| u32::try_from(value).unwrap().to_be_bytes();
        let data: Vec<u8> = tags.iter().flat_map(|(_, _, bytes)| bytes.to_vec()).collect();
        let mut out = [number(tags.len()), number(data.len())].concat();
        let mut offset = 0;
        for (tag, kind, bytes) in tags {
            out.extend([tag.to_be_bytes(), kind.to_be_bytes(), number(offset), number(1)].concat());
            offset += bytes.len();
        }
        [out, data].concat()
    }

    /// A database that has trees of several levels and rows of several pages.
    fn rpm_database(headers: &[Vec<u8>]) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rpmdb.sqlite");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE Other (a); CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);",
            )
            .unwrap();
        for header in headers {
            connection.execute("INSERT INTO Packages (blob) VALUES (?1)", [header]).unwrap();
        }
        drop(connection);
        std::fs::read(path).unwrap()
    }

    #[test]
    fn packages_of_dpkg_and_of_images_without_it() {
        let tree = Tree::new(&[
            ("/etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='Debian 12'\n"),
            ("/var/lib/dpkg/status", STATUS.as_bytes()),
            (
                "/var/lib/dpkg/status.d/base",
                b"Package: base-files\nVersion: 12.4\nArchitecture: amd64\n",
            ),
            ("/var/lib/dpkg/status.d/base.md5sums", b"Package: none\nVersion: 1\n"),
        ]);
        assert_eq!(
            tree.urls(),
            [
                "pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12",
                "pkg:deb/debian/base-files@12.4?arch=amd64&distro=debian-12",
                "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1~x?arch=amd64&distro=debian-12",
            ]
        );
        assert_eq!(tree.inventory().packages[2].origin, "gcc-12 (12.2.0-14)");
    }

    #[test]
    fn packages_of_apk_python_and_node() {
        let tree = Tree::new(&[
            ("/usr/lib/os-release", b"ID=alpine\nVERSION_ID=3.19.1\n"),
            ("/lib/apk/db/installed", APK.as_bytes()),
            ("/usr/lib/python3/site-packages/Typing_Extensions-4.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: Typing_Extensions\nVersion: 4.0\nLicense: PSF\n\nName: in the text\n"),
            ("/app/node_modules/@scope/part/package.json", br#"{"name":"@scope/part","version":"1.0.0","license":"MIT"}"#),
            ("/app/node_modules/left/package.json", br#"{"name":"left","version":"2.0.0","author":{"name":"A"}}"#),
            ("/app/node_modules/left/lib/package.json", br#"{"name":"inner","version":"9.9.9"}"#),
            ("/app/node_modules/broken/package.json", b"{"),
            ("/app/package.json", br#"{"name":"app","version":"1.0.0"}"#),
        ]);
        assert_eq!(
            tree.urls(),
            [
                "pkg:apk/alpine/libcrypto3@3.1?arch=x86_64&distro=alpine-3.19.1",
                "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19.1",
                "pkg:pypi/typing-extensions@4.0",
                "pkg:npm/%40scope/part@1.0.0",
                "pkg:npm/left@2.0.0",
            ]
        );
    }

    #[test]
    fn packages_of_rpm_with_long_rows_and_many_of_them() {
        let text = |value: &str| [value.as_bytes(), b"\0"].concat();
        let long = vec![b'x'; 20_000];
        let mut headers = vec![header(&[(1000, 6, &text("gpg-pubkey")), (1001, 6, &text("1"))])];
        for number in 0..300 {
            let name = text(&format!("package{number:03}"));
            let (version, release, machine) = (text("1.0"), text("2.fc40"), text("x86_64"));
            let mut tags: Vec<(u32, u32, &[u8])> = vec![
                (1000, 6, &name),
                (1001, 6, &version),
                (1002, 6, &release),
                (1022, 6, &machine),
            ];
            if number == 7 {
                tags.push((1003, 4, &[0, 0, 0, 3]));
            }
            if number % 50 == 0 {
                tags.push((1117, 8, &long));
            }
            headers.push(header(&tags));
        }
        let database = rpm_database(&headers);
        let os = b"ID=fedora\nVERSION_ID=40\n";
        let tree = Tree::new(&[("/etc/os-release", os), ("/var/lib/rpm/rpmdb.sqlite", &database)]);
        let inventory = tree.inventory();
        assert_eq!(inventory.packages.len(), 300);
        assert!(inventory.unread.is_empty());
        assert_eq!(inventory.packages[7].version, "3:1.0-2.fc40");
        assert_eq!(
            inventory.packages[7].url,
            "pkg:rpm/fedora/package007@1.0-2.fc40?arch=x86_64&distro=fedora-40&epoch=3"
        );
        // No byte of it takes the reader down or holds it.
        for at in (0..database.len()).step_by(97) {
            let mut broken = database.clone();
            broken[at] ^= 0xff;
            broken.truncate(broken.len() - at % 4096);
            Tree::new(&[("/var/lib/rpm/rpmdb.sqlite", &broken)]).inventory();
        }
    }

    #[test]
    fn old_databases_are_named() {
        let tree = Tree::new(&[
            ("/var/lib/rpm/Packages", b"x"),
            ("/usr/lib/sysimage/rpm/Packages.db", b"x"),
        ]);
        assert_eq!(
            tree.inventory().unread,
            [
                "/usr/lib/sysimage/rpm/Packages.db is a database of ndb",
                "/var/lib/rpm/Packages is a database of Berkeley DB",
            ]
        );
    }

    fn document(tree: &Tree, created: &str) -> serde_json::Value {
        spdx(
            &tree.inventory(),
            &Document { name: "example.org/app:1", created, tool: "corten-1.0" },
        )
    }

    #[test]
    fn the_same_root_makes_the_same_document() {
        let tree = Tree::new(&[
            ("/etc/os-release", b"ID=debian\nVERSION_ID=12\n"),
            ("/var/lib/dpkg/status", STATUS.as_bytes()),
            ("/var/lib/rpm/Packages", b"x"),
        ]);
        let made = document(&tree, "2024-01-02T03:04:05Z");
        assert_eq!(made.to_string(), document(&tree, "2024-01-02T03:04:05Z").to_string());
        let later = document(&tree, "2024-01-02T03:04:06Z");
        assert_eq!(made["packages"], later["packages"]);
        assert_ne!(made["documentNamespace"], later["documentNamespace"]);
        let ids: Vec<&str> = made["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|package| package["SPDXID"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), 4);
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        assert!(ids.iter().all(|id| {
            id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        }));
        assert_eq!(
            made["packages"][0]["comment"],
            "not read: /var/lib/rpm/Packages is a database of Berkeley DB"
        );
        assert_eq!(made["packages"][2]["supplier"], "Person: Debian Adduser (adduser@example.org)");
        assert_eq!(made["relationships"].as_array().unwrap().len(), 4);
    }

    /// The judge is the SPDX project's own library, where somebody has installed it.
    #[test]
    fn spdx_tools_find_nothing_wrong() {
        let program = "import sys\ntry:\n from spdx_tools.spdx.parser.parse_anything import parse_file\n from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document\nexcept ImportError:\n sys.exit(77)\nfound = validate_full_spdx_document(parse_file(sys.argv[1]))\nprint([message.validation_message for message in found])\nsys.exit(1 if found else 0)";
        let tree = Tree::new(&[
            ("/etc/os-release", b"ID=alpine\nVERSION_ID=3.19.1\n"),
            ("/lib/apk/db/installed", APK.as_bytes()),
            ("/var/lib/dpkg/status", STATUS.as_bytes()),
        ]);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sbom.spdx.json");
        let mut file = std::fs::File::create(&path).unwrap();
        serde_json::to_writer(&mut file, &document(&tree, "2024-01-02T03:04:05Z")).unwrap();
        let run = std::process::Command::new("python3").arg("-c").arg(program).arg(&path).output();
        let Ok(output) = run else { return };
        if output.status.code() == Some(77) {
            eprintln!("skipped: Python's spdx-tools are not installed");
            return;
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    fn digest(letter: char) -> Digest {
        format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
    }

    fn linux() -> Platform {
        Platform { architecture: "amd64".to_owned(), os: "linux".to_owned(), ..Platform::default() }
    }

    fn provenance(detail: Detail) -> Provenance {
        let map = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        Provenance {
            detail,
            dockerfile: "Dockerfile".to_owned(),
            source: Some(Dependency::Git {
                url: "https://token@example.org/app.git".to_owned(),
                commit: "a".repeat(40),
            }),
            target: "release".to_owned(),
            platform: linux(),
            builder_platform: linux(),
            arguments: map("VERSION", "argument-value"),
            labels: map("by", "label-value"),
            contexts: map("other", "https://user:password@example.org/x.tar"),
            secrets: vec![Secret { id: "secret-name".to_owned(), is_optional: true }],
            agents: vec!["default".to_owned()],
            dependencies: vec![
                Dependency::Url {
                    url: "https://u:p@example.org/f".to_owned(),
                    digest: digest('b'),
                },
                Dependency::Image {
                    reference: "localhost:5000/base:3".to_owned(),
                    platform: linux(),
                    digest: digest('c'),
                },
                Dependency::Url {
                    url: "https://u:p@example.org/f".to_owned(),
                    digest: digest('b'),
                },
            ],
            builder_id: "https://example.org/builder".to_owned(),
            invocation_id: "one".to_owned(),
            started: "2024-01-02T03:04:05Z".to_owned(),
            finished: "2024-01-02T03:04:06Z".to_owned(),
            text: "FROM base\nRUN x\n".to_owned(),
            steps: vec![RecordedStep {
                id: 1,
                inputs: vec![0],
                instruction: "RUN x".to_owned(),
                line: 2,
                layer: Some(digest('d')),
                is_cached: false,
            }],
            is_complete: false,
        }
    }

    #[test]
    fn the_least_provenance_names_what_went_in() {
        let made = provenance(Detail::Least).predicate();
        insta::assert_snapshot!(serde_json::to_string_pretty(&made).unwrap(), @r#"
        {
          "buildDefinition": {
            "buildType": "urn:corten:build:dockerfile:v1",
            "externalParameters": {
              "configSource": {
                "digest": {
                  "sha1": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                },
                "path": "Dockerfile",
                "uri": "https://example.org/app.git"
              },
              "request": {
                "args": {
                  "platform": "linux/amd64",
                  "target": "release"
                },
                "frontend": "dockerfile.v0"
              }
            },
            "internalParameters": {
              "builderPlatform": "linux/amd64"
            },
            "resolvedDependencies": [
              {
                "digest": {
                  "sha256": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
                },
                "uri": "https://example.org/f"
              },
              {
                "digest": {
                  "sha256": "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
                },
                "uri": "pkg:docker/localhost:5000/base@3?platform=linux%2Famd64"
              }
            ]
          },
          "runDetails": {
            "builder": {
              "id": "https://example.org/builder"
            },
            "metadata": {
              "corten_completeness": {
                "request": false,
                "resolvedDependencies": false
              },
              "finishedOn": "2024-01-02T03:04:06Z",
              "invocationId": "one",
              "startedOn": "2024-01-02T03:04:05Z"
            }
          }
        }
        "#);
        for hidden in
            ["argument-value", "label-value", "secret-name", "password", "token@", "u:p@", "RUN x"]
        {
            assert!(!made.to_string().contains(hidden), "{hidden}");
        }
    }

    #[test]
    fn the_most_provenance_tells_steps_and_no_credential() {
        let made = provenance(Detail::Most).predicate();
        let request = &made["buildDefinition"]["externalParameters"]["request"];
        assert_eq!(request["args"]["build-arg:VERSION"], "argument-value");
        assert_eq!(request["secrets"][0]["id"], "secret-name");
        assert_eq!(request["ssh"][0]["id"], "default");
        assert_eq!(request["args"]["context:other"], "https://example.org/x.tar");
        let step = &made["buildDefinition"]["internalParameters"]["buildConfig"]["steps"][0];
        assert_eq!(
            (step["id"].as_str(), step["inputs"][0].as_str()),
            (Some("step1"), Some("step0"))
        );
        let metadata = &made["runDetails"]["metadata"];
        assert_eq!(metadata["corten_metadata"]["source"]["text"], "FROM base\nRUN x\n");
        let text = made.to_string();
        for hidden in ["password", "token@", "u:p@"] {
            assert!(!text.contains(hidden), "{hidden}");
        }
    }

    #[test]
    fn statements_lie_beside_the_image() {
        let image = Descriptor {
            media_type: media_type::OCI_MANIFEST.to_owned(),
            digest: digest('e'),
            size: 7,
            annotations: BTreeMap::new(),
            platform: Some(linux()),
            artifact_type: None,
            urls: Vec::new(),
            data: None,
        };
        let statements = [
            Statement {
                predicate_type: Statement::SPDX.to_owned(),
                predicate: document(&Tree::new(&[]), "2024-01-02T03:04:05Z"),
            },
            provenance(Detail::Least).statement(),
        ];
        let platform = linux();
        let names = [SubjectName { reference: "localhost:5000/team/app:1.2", platform: &platform }];
        let attached = attach(&image, &statements, &names);
        let manifest: serde_json::Value = serde_json::from_slice(&attached.manifest.bytes).unwrap();
        assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
        for (at, layer) in attached.layers.iter().enumerate() {
            let entry = &manifest["layers"][at];
            assert_eq!(entry["mediaType"], "application/vnd.in-toto+json");
            assert_eq!(entry["digest"], layer.descriptor.digest.to_string());
            assert_eq!(
                entry["annotations"]["in-toto.io/predicate-type"],
                statements[at].predicate_type
            );
            let statement: serde_json::Value = serde_json::from_slice(&layer.bytes).unwrap();
            assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
            assert_eq!(statement["predicateType"], statements[at].predicate_type);
            assert_eq!(
                statement["subject"][0]["name"],
                "pkg:docker/localhost:5000/team/app@1.2?platform=linux%2Famd64"
            );
            assert_eq!(statement["subject"][0]["digest"]["sha256"], "e".repeat(64));
        }
        let config: serde_json::Value = serde_json::from_slice(&attached.config.bytes).unwrap();
        assert_eq!(
            config["rootfs"]["diff_ids"][1],
            attached.layers[1].descriptor.digest.to_string()
        );
        let entry = serde_json::to_value(&attached.manifest.descriptor).unwrap();
        assert_eq!(entry["platform"]["architecture"], "unknown");
        assert_eq!(entry["annotations"]["vnd.docker.reference.type"], "attestation-manifest");
        assert_eq!(entry["annotations"]["vnd.docker.reference.digest"], image.digest.to_string());
        let nameless = statements[0].to_bytes(&image.digest, &[]);
        assert!(String::from_utf8(nameless).unwrap().contains("\"name\":\"_\""));
    }
}
