//! Image servers: the template `download`, from directories and by HTTP, with sums and signatures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{Corten, Response, ScriptedServer};

use crate::{archives, build, by_http, corten, nothing_is_left, refused};

/// Where the images are that both kinds of lists name.
pub(crate) const PLACE: &str = "images/tiny/1.0/amd64/default/20260102_00:00";

/// A server's files in a directory: products where `streams`, LXC's own list otherwise.
pub(crate) fn server(corten: &Corten, streams: bool) -> PathBuf {
    let made = corten.directory().join("made");
    fs::create_dir(&made).unwrap();
    let (root, meta) = archives(&made);
    let served = corten.directory().join("served");
    let place = served.join(PLACE);
    fs::create_dir_all(&place).unwrap();
    for file in [&root, &meta] {
        fs::copy(file, place.join(file.file_name().unwrap())).unwrap();
    }
    if streams {
        let items = format!(
            "\"root.tar.xz\": {}, \"meta.tar.xz\": {}, \"disk\": {{\"ftype\": \"disk.qcow2\", \"path\": \"no\"}}",
            item(&root),
            item(&meta)
        );
        let list = format!(
            "{{\"products\": {{\"tiny:1.0:amd64:default\": {{\"aliases\": \"tiny/1.0,tiny/newest\", \"arch\": \"amd64\", \"os\": \"Tiny\", \"release\": \"1.0\", \
             \"variant\": \"default\", \"versions\": {{\"20250101_00:00\": {{\"items\": {{}}}}, \"20260102_00:00\": {{\"items\": {{{items}}}}}}}}}}}}}"
        );
        fs::create_dir_all(served.join("streams/v1")).unwrap();
        testkit::write(served.join("streams/v1/images.json"), list).unwrap();
        let index = "{\"index\": {\"images\": {\"datatype\": \"image-downloads\", \"path\": \"streams/v1/images.json\"}}}";
        testkit::write(served.join("streams/v1/index.json"), index).unwrap();
    } else {
        fs::create_dir_all(served.join("meta/1.0")).unwrap();
        let list = format!(
            "other;1;amd64;default;1;/images/o/\ntiny;1.0;amd64;default;20260102_00:00;/{PLACE}/\ntiny;1.0;arm64;default;1;/images/a/\n"
        );
        testkit::write(served.join("meta/1.0/index-system"), list).unwrap();
    }
    served
}

fn item(file: &Path) -> String {
    let name = file.file_name().unwrap().to_str().unwrap();
    let kind = name.replace("rootfs", "root");
    let size = file.metadata().unwrap().len();
    format!(
        "{{\"ftype\": \"{kind}\", \"path\": \"{PLACE}/{name}\", \"sha256\": \"{}\", \"size\": {size}}}",
        sum(file)
    )
}

fn sum(file: &Path) -> String {
    let told = Command::new("sha256sum").arg(file).output().unwrap().stdout;
    String::from_utf8(told).unwrap().split(' ').next().unwrap().to_owned()
}

pub(crate) const TINY: [&str; 7] = ["download", "-d", "tiny", "-r", "1.0", "-a", "amd64"];

#[track_caller]
fn builds(corten: &Corten, words: &[&str]) {
    let built = build(corten, &[&TINY[..], words].concat());
    assert_eq!((built.code, built.stdout.as_str()), (0, "tiny:1.0\n"), "{built:?}");
    assert_eq!(corten.ok(&["run", "--rm", "tiny:1.0", "cat", "/etc/made"]), "made");
    let format = "{{index .Config.Labels \"corten.lxc.config\"}}";
    let config = corten.ok(&["image", "inspect", "-f", format, "tiny:1.0"]);
    assert!(config.starts_with("lxc.include = LXC_TEMPLATE_CONFIG/common.conf"), "{config}");
    corten.ok(&["rmi", "tiny:1.0"]);
    nothing_is_left(corten);
}

#[track_caller]
fn fails(corten: &Corten, words: &[&str], expected: &str) {
    refused(corten, &[&TINY[..], words].concat(), expected);
    nothing_is_left(corten);
}

#[test]
fn products_of_a_server_become_images() {
    let corten = corten();
    let served = server(&corten, true);
    let path = served.to_str().unwrap();
    builds(&corten, &["--server", path]);
    let listed = build(&corten, &["download", "--server", path, "--list"]).stdout;
    assert!(listed.starts_with("DIST"), "{listed}");
    let line: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(line, ["tiny", "1.0", "amd64", "default", "20260102_00:00"]);
    let none = ["download", "--server", path, "--list", "-d", "other"];
    assert_eq!(build(&corten, &none).stdout.lines().count(), 1);
    let by_alias = ["download", "--server", path, "-d", "tiny", "-r", "newest", "-a", "x86_64"];
    assert_eq!(build(&corten, &by_alias).stdout, "tiny:newest\n");
    corten.ok(&["rmi", "tiny:newest"]);

    let web = by_http(&served);
    let url = format!("http://{}", web.host());
    fails(&corten, &["--server", &url], "the connection is open to changes");
    builds(&corten, &["--server", &url, "--no-validate"]);
    fails(&corten, &["--server", path, "--variant", "cloud"], "has no such image");
    refused(&corten, &["download", "--server", path], "--dist and --release");
    fails(&corten, &["--server", corten.directory().to_str().unwrap()], "neither streams/v1");
}

#[test]
fn files_that_are_not_what_the_list_says_are_refused() {
    let corten = corten();
    let served = server(&corten, true);
    let path = served.to_str().unwrap().to_owned();
    let list = served.join("streams/v1/images.json");
    let whole = fs::read_to_string(&list).unwrap();
    let root = served.join(PLACE).join("rootfs.tar.xz");
    let bytes = fs::read(&root).unwrap();
    let with = |from: &str, to: &str| {
        assert!(whole.contains(from));
        testkit::write(&list, whole.replace(from, to)).unwrap();
    };

    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    testkit::write(&root, &other).unwrap();
    fails(&corten, &["--server", &path], "has the SHA-256");
    other.push(0);
    testkit::write(&root, &other).unwrap();
    fails(&corten, &["--server", &path], "is longer than");
    testkit::write(&root, &bytes).unwrap();
    with(&format!("{PLACE}/rootfs.tar.xz"), "../../made/rootfs.tar.xz");
    fails(&corten, &["--server", &path], "names the path");
    with(&format!("{PLACE}/rootfs.tar.xz"), "images/none");
    fails(&corten, &["--server", &path], "which is not there");
    with("\"ftype\": \"root.tar.xz\"", "\"ftype\": \"root.img\"");
    fails(&corten, &["--server", &path], "no root file system");
    testkit::write(&list, &whole[..whole.len() / 2]).unwrap();
    fails(&corten, &["--server", &path], "read streams/v1/images.json");

    // A server that hangs up within a file.
    testkit::write(&list, &whole).unwrap();
    let served = served.clone();
    let web = ScriptedServer::start(move |request| {
        let bytes = fs::read(served.join(request.path().trim_start_matches('/')));
        let Ok(bytes) = bytes else { return Response::new(404) };
        let half = bytes.len() / 2;
        let answer = Response::new(200).body(bytes);
        if request.path().ends_with("rootfs.tar.xz") { answer.cut_after(half) } else { answer }
    });
    let url = format!("http://{}", web.host());
    fails(&corten, &["--server", &url, "--no-validate"], "read images/tiny");
}

/// A key of GnuPG, in a directory of its own.
struct Key(PathBuf);

impl Key {
    fn new(directory: PathBuf) -> Self {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().mode(0o700).create(&directory).unwrap();
        let key = Self(directory);
        key.gpg(&["--passphrase", "", "--quick-gen-key", "tests", "ed25519", "sign", "never"]);
        key
    }

    fn gpg(&self, words: &[&str]) {
        let mut gpg = Command::new("gpg");
        gpg.args(["--batch", "--yes", "--quiet", "--homedir"]).arg(&self.0).args(words);
        let ended = gpg.output().unwrap();
        assert!(ended.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }

    fn sign(&self, file: &Path) {
        self.gpg(&["--armor", "--detach-sign", file.to_str().unwrap()]);
    }

    /// Its public half, in letters or not.
    fn public(&self, name: &str, words: &[&str]) -> String {
        let path = self.0.join(name).to_str().unwrap().to_owned();
        self.gpg(&[&["--output", &path], words, &["--export"]].concat());
        path
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        let _gone = end.arg("--homedir").arg(&self.0).args(["--kill", "gpg-agent"]).status();
    }
}

#[test]
fn with_a_keyring_only_what_is_signed_is_taken() {
    let corten = corten();
    let served = server(&corten, true);
    let key = Key::new(corten.directory().join("k"));
    let stranger = Key::new(corten.directory().join("s"));
    let (binary, letters) = (key.public("b", &[]), key.public("a", &["--armor"]));
    let other = stranger.public("b", &[]);
    let web = by_http(&served);
    let url = format!("http://{}", web.host());

    fails(
        &corten,
        &["--server", &url, "--keyring", &binary],
        "nobody has signed streams/v1/index.json",
    );
    let lists = ["index", "images"].map(|name| served.join("streams/v1").join(name));
    for list in &lists {
        key.sign(&list.with_extension("json"));
    }
    builds(&corten, &["--server", &url, "--keyring", &binary]);
    builds(&corten, &["--server", &url, "--keyring", &letters]);
    fails(&corten, &["--server", &url, "--keyring", &other], "signature");
    fails(&corten, &["--server", &url, "--keyring", "/nothing"], "open /nothing");
    // A list that was changed after it was signed.
    let list = lists[1].with_extension("json");
    let whole = fs::read(&list).unwrap();
    testkit::write(&list, [&whole[..], b"\n"].concat()).unwrap();
    fails(&corten, &["--server", &url, "--keyring", &binary], "BAD signature");
    testkit::write(&list, &whole).unwrap();

    // Lists that hold their signatures.
    for list in &lists {
        fs::remove_file(list.with_extension("json.asc")).unwrap();
        let to = list.with_extension("sjson");
        let from = list.with_extension("json");
        key.gpg(&["--output", to.to_str().unwrap(), "--clearsign", from.to_str().unwrap()]);
    }
    builds(&corten, &["--server", &url, "--keyring", &binary]);
}

#[test]
fn lxcs_own_list_is_read_and_its_files_are_checked() {
    let corten = corten();
    let served = server(&corten, false);
    let path = served.to_str().unwrap().to_owned();
    builds(&corten, &["--server", &path]);
    let listed = build(&corten, &["download", "--server", &path, "-l", "-a", "aarch64"]).stdout;
    assert_eq!(listed.lines().count(), 2, "{listed}");

    let place = served.join(PLACE);
    let sums = place.join("SHA256SUMS");
    let names = ["rootfs.tar.xz", "meta.tar.xz"];
    let text = names.map(|name| format!("{}  {name}\n", sum(&place.join(name)))).concat();
    testkit::write(&sums, text.replace(&sum(&place.join(names[0])), &"0".repeat(64))).unwrap();
    fails(&corten, &["--server", &path], "has the SHA-256");
    testkit::write(&sums, &text).unwrap();
    builds(&corten, &["--server", &path]);

    let key = Key::new(corten.directory().join("k"));
    let keyring = key.public("b", &[]);
    let with_keys = ["--server", &path, "--keyring", &keyring];
    fails(&corten, &with_keys, "nobody has signed meta/1.0/index-system");
    key.sign(&served.join("meta/1.0/index-system"));
    fails(&corten, &with_keys, "nobody has signed images/tiny");
    // Each file by itself, or the sums of all.
    for name in names {
        key.sign(&place.join(name));
    }
    builds(&corten, &with_keys);
    for name in names {
        fs::remove_file(place.join(format!("{name}.asc"))).unwrap();
    }
    key.sign(&sums);
    builds(&corten, &with_keys);
}
