//! How long a pull takes, from Debian's registry on loopback into an empty store, beside the floor and the other engines; how much
//! memory; and what it costs to pull what is here, to remove it, and to list many images.
//!
//! The floor is `curl | gzip -d | tar -x` for all layers at once: it checks no digest and keeps no record.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use testkit::RegistryServer;

use super::peers::{Daemon, Ground, installed};
use super::timing::{Times, print, timed};

const ROUNDS: usize = 7;
/// Engines that take many seconds run once in so many rounds.
const SLOW: usize = 3;
/// Below `bench/`.
const REPOSITORY: &str = "debian";
/// Images that are listed.
const LISTED: usize = 500;

/// A command with what has to be done before each run of it, which is not counted.
struct Contestant {
    name: String,
    argv: Vec<String>,
    /// Shell commands.
    before: String,
    every: usize,
}

/// The whole section.
///
/// # Errors
/// When a server does not start or a command fails.
pub(super) fn pull(ground: &Ground) -> anyhow::Result<()> {
    let registry = RegistryServer::start();
    let image = format!("{}/bench/{REPOSITORY}:big", registry.host());
    publish(&registry)?;
    let layers = layers(&registry, REPOSITORY, "big")?;
    let docker = Daemon::start(ground)?;
    let contestants = contestants(ground, &registry, (&image, &layers), docker.as_ref())?;
    let rows = race(&contestants)?;
    print("pull an image of four gzip layers into an empty store", &rows);
    drop(docker);
    peak(ground, &image)?;
    present(ground, &image)?;
    remove(ground, &image)?;
    zstd(ground, &registry)
}

/// Runs each in turn.
fn race(contestants: &[Contestant]) -> anyhow::Result<Vec<Times>> {
    let mut times: Vec<Vec<(Duration, Duration)>> =
        contestants.iter().map(|_| Vec::new()).collect();
    for round in 0..ROUNDS {
        for (contestant, times) in contestants.iter().zip(&mut times) {
            if round % contestant.every != 0 {
                continue;
            }
            // What the one before left to be written is not this one's.
            shell(&format!("{}; sync", contestant.before))?;
            times.push(timed(&contestant.argv)?);
        }
    }
    Ok(contestants.iter().zip(times).map(|(one, times)| Times::of(&one.name, times)).collect())
}

fn contestants(
    ground: &Ground,
    registry: &RegistryServer,
    (image, layers): (&str, &[String]),
    docker: Option<&Daemon>,
) -> anyhow::Result<Vec<Contestant>> {
    let ours = |args: &[&str]| ground.ours(args);
    let into = ground.scratch("floor-tree").display().to_string();
    let mut all = vec![
        floor(registry, (REPOSITORY, layers), "gzip -d", &into),
        Contestant {
            name: "corten pull".to_owned(),
            argv: ours(&["pull", "--quiet", image]),
            before: format!("{} || :", quoted(&ours(&["rmi", "--force", image]))),
            every: 1,
        },
    ];
    if let Some(head) = ground.podman()? {
        let words = |words: &[&str]| -> Vec<String> {
            head.iter().cloned().chain(words.iter().map(|&word| word.to_owned())).collect()
        };
        all.push(Contestant {
            name: "podman pull".to_owned(),
            argv: words(&["pull", "--quiet", "--tls-verify=false", image]),
            before: format!("{} || :", quoted(&words(&["rmi", "--force", image]))),
            every: SLOW,
        });
    }
    if let Some(docker) = docker {
        let words = |words: &[&str]| -> Vec<String> {
            docker.head().iter().cloned().chain(words.iter().map(|&word| word.to_owned())).collect()
        };
        all.push(Contestant {
            name: "docker pull".to_owned(),
            argv: words(&["pull", "--quiet", image]),
            before: format!("{} || :", quoted(&words(&["rmi", "--force", image]))),
            every: SLOW,
        });
    }
    if installed("umoci") && installed("skopeo") {
        let (layout, tree) = (ground.scratch("umoci-layout"), ground.scratch("umoci-tree"));
        let (layout, tree) = (layout.display(), tree.display());
        all.push(Contestant {
            name: "skopeo copy, umoci unpack".to_owned(),
            argv: vec![
                "sh".to_owned(),
                "-c".to_owned(),
                format!(
                    "skopeo --insecure-policy copy --quiet --src-tls-verify=false docker://{image} oci:{layout}:x && umoci raw unpack --image {layout}:x {tree}"
                ),
            ],
            before: format!("rm -rf {layout} {tree}"),
            every: SLOW,
        });
    }
    Ok(all)
}

/// All layers at once, and the end of the slowest.
fn floor(
    registry: &RegistryServer,
    (repository, layers): (&str, &[String]),
    expand: &str,
    into: &str,
) -> Contestant {
    let address = registry.host();
    let mut script = String::new();
    for (number, digest) in layers.iter().enumerate() {
        let address = format!("http://{address}/v2/bench/{repository}/blobs/{digest}");
        script.push_str(&format!(
            "mkdir {into}/{number}; (curl -s {address} | {expand} | tar -x -C {into}/{number}) & "
        ));
    }
    Contestant {
        name: format!("floor (curl | {expand} | tar)"),
        argv: vec!["sh".to_owned(), "-c".to_owned(), script + "wait"],
        before: format!("rm -rf {into}; mkdir {into}"),
        every: 1,
    }
}

/// The peak of resident memory, as the kernel keeps it.
#[expect(clippy::print_stdout, reason = "the figure is the command's output")]
fn peak(ground: &Ground, image: &str) -> anyhow::Result<()> {
    shell(&format!("{} || :", quoted(&ground.ours(&["rmi", "--force", image]))))?;
    let argv = ground.ours(&["pull", "--quiet", image]);
    println!("\npeak memory of corten pull: {} KiB", peak_of(&argv)?);
    Ok(())
}

fn peak_of(argv: &[String]) -> anyhow::Result<u64> {
    let mut child = Command::new(&argv[0]).args(&argv[1..]).stdout(Stdio::null()).spawn()?;
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        peak = kibibytes.and_then(|digits| digits.parse().ok()).unwrap_or(0).max(peak);
        if let Some(ended) = child.try_wait()? {
            return if ended.success() { Ok(peak) } else { bail!("{}: {ended}", argv.join(" ")) };
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a mark that only grows is looked at now and then"
        )]
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A pull of what is here.
fn present(ground: &Ground, image: &str) -> anyhow::Result<()> {
    let argv = ground.ours(&["pull", "--quiet", image]);
    let times = (0..50).map(|_| timed(&argv)).collect::<anyhow::Result<Vec<_>>>()?;
    print("pull an image that is here", &[Times::of("corten pull", times)]);
    Ok(())
}

/// `rmi`, beside `rm -rf` of the same trees.
fn remove(ground: &Ground, image: &str) -> anyhow::Result<()> {
    let pull = quoted(&ground.ours(&["pull", "--quiet", image]));
    let copy = ground.scratch("removed");
    let layers = ground.corten.root().join("layers");
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        shell(&format!("{pull} >/dev/null; sync"))?;
        shell(&format!("cp -a {} {}; sync", layers.display(), copy.display()))?;
        ours.push(timed(&ground.ours(&["rmi", image]))?);
        floor.push(timed(&["rm".to_owned(), "-rf".to_owned(), copy.display().to_string()])?);
    }
    print(
        "remove the image",
        &[Times::of("corten rmi", ours), Times::of("rm -rf of the layers", floor)],
    );
    Ok(())
}

/// One layer of a gigabyte, compressed by zstd, beside what curl, zstd and tar take for it.
fn zstd(ground: &Ground, registry: &RegistryServer) -> anyhow::Result<()> {
    let (tree, layout) = (ground.scratch("zstd-tree"), ground.scratch("zstd-layout"));
    let name = format!("{}/bench/zstd:1", registry.host());
    shell(&format!(
        "mkdir -p {tree} && cd {tree} && for n in 1 2 3 4; do head -c 80M /dev/urandom > random.$n; (cat random.$n; yes $n | head -c 176M) > mixed.$n; rm random.$n; done; \
         umoci init --layout {layout} && umoci new --image {layout}:1 && umoci insert --image {layout}:1 {tree} /data && \
         skopeo --insecure-policy copy --quiet --dest-compress-format zstd --dest-tls-verify=false oci:{layout}:1 docker://{name}",
        tree = tree.display(),
        layout = layout.display()
    ))?;
    let (layers, into) = (layers(registry, "zstd", "1")?, ground.scratch("zstd-floor"));
    let ours = Contestant {
        name: "corten pull".to_owned(),
        argv: ground.ours(&["pull", "--quiet", &name]),
        before: format!("{} || :", quoted(&ground.ours(&["rmi", "--force", &name]))),
        every: 1,
    };
    let into = into.display().to_string();
    let rows = race(&[floor(registry, ("zstd", &layers), "zstd -dc", &into), ours])?;
    print("pull one zstd layer of a gigabyte", &rows);
    Ok(())
}

/// `images` over many images.
///
/// # Errors
/// When a command fails.
pub(super) fn images(ground: &Ground) -> anyhow::Result<()> {
    let tree = ground.scratch("tiny");
    fs::create_dir_all(&tree)?;
    for number in 0..LISTED {
        shell(&format!(
            "cd {tree} && echo {number} > file && tar -cf - file | {} >/dev/null",
            quoted(&ground.ours(&["import", "-", &format!("many/image-{number}:1")])),
            tree = tree.display()
        ))?;
    }
    let argv = ground.ours(&["images"]);
    let times = (0..50).map(|_| timed(&argv)).collect::<anyhow::Result<Vec<_>>>()?;
    print(&format!("list {LISTED} images"), &[Times::of("corten images", times)]);
    Ok(())
}

/// Makes the image, with the machine's network: the ground has none.
///
/// # Errors
/// When it cannot be made.
pub(super) fn prepare() -> anyhow::Result<()> {
    shell(&format!("{}/tests/make-debian-image {}", repository()?.display(), archive()?.display()))
}

/// Kept between runs: it takes a minute to make, and the ground is new each time.
fn archive() -> anyhow::Result<PathBuf> {
    Ok(repository()?.join("target/bench/debian.tar"))
}

fn repository() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent")
}

/// Brings the image to the registry.
fn publish(registry: &RegistryServer) -> anyhow::Result<()> {
    let archive = archive()?;
    shell(&format!(
        "skopeo --insecure-policy copy --quiet --dest-tls-verify=false oci-archive:{archive}:debian:big docker://{}/bench/{REPOSITORY}:big",
        registry.host(),
        archive = archive.display()
    ))?;
    Ok(())
}

/// Digests of the image's layers.
fn layers(registry: &RegistryServer, repository: &str, tag: &str) -> anyhow::Result<Vec<String>> {
    let address = format!("http://{}/v2/bench/{repository}/manifests/{tag}", registry.host());
    let accept = "Accept: application/vnd.oci.image.manifest.v1+json";
    let output = Command::new("curl").args(["-sf", "-H", accept, &address]).output()?;
    let manifest: Value = serde_json::from_slice(&output.stdout).context("read the manifest")?;
    let layers = manifest["layers"].as_array().context("a manifest without layers")?;
    Ok(layers.iter().filter_map(|layer| Some(layer["digest"].as_str()?.to_owned())).collect())
}

fn quoted(argv: &[String]) -> String {
    argv.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
}

fn shell(script: &str) -> anyhow::Result<()> {
    let output = Command::new("sh").args(["-c", script]).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("{script}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
