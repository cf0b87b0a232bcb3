//! Thousands of whole systems at once, each with an init, a shell, a syslogd and an interface with an address: how long they take to start
//! and to go, what memory of the engine's and of the kernel's each takes beyond its own processes, and what one more takes among them.
//!
//! docker and LXC have the same with a hundred. Start at [`systems`].

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::network::join;
use super::peers::{Daemon, Ground, import, installed};
use super::timing::{Times, print, timed};

const COUNT: usize = 3000;
const PEERS: usize = 100;
/// Runs of which a median is taken.
const ROUNDS: usize = 20;
const IMAGE: &str = "system";
const INITTAB: &str = "::respawn:/sbin/syslogd -n\n::respawn:/bin/sh\n";
/// How many processes that is, with init.
const OWN_PROCESSES: usize = 3;

/// The whole section.
///
/// # Errors
/// When a command fails.
pub(super) fn systems(ground: &Ground) -> anyhow::Result<()> {
    let rootfs = root(ground)?;
    import(&rootfs, &ground.ours(&[]), IMAGE)?;
    ground.corten.ok(&["network", "create", "--subnet", "10.99.0.0/16", "systems"]);
    let own = own_processes()?;
    let alone = one_more(ground, "alone")?;
    let before = Memory::now(&["corten"])?;
    many(ground)?;
    Memory::now(&["corten"])?.print("corten", &before, own, COUNT);
    let among = one_more(ground, &format!("among {COUNT}"))?;
    for (alone, among) in alone.into_iter().zip(among) {
        print("one more system", &[alone, among]);
    }
    remove(ground)?;
    ground.corten.ok(&["network", "rm", "systems"]);
    if let Some(docker) = Daemon::start(ground)? {
        import(&rootfs, docker.head(), IMAGE)?;
        docker_systems(&docker, own)?;
    }
    if installed("lxc-start") {
        lxc_systems(ground, &rootfs, own)?;
    }
    Ok(())
}

/// A root file system whose init has a shell and a syslogd.
fn root(ground: &Ground) -> anyhow::Result<std::path::PathBuf> {
    let rootfs = ground.scratch("system-root");
    fs::create_dir_all(&rootfs)?;
    testkit::busybox_rootfs(&rootfs);
    fs::create_dir_all(rootfs.join("sbin"))?;
    for applet in ["init", "syslogd"] {
        std::os::unix::fs::symlink("../bin/busybox", rootfs.join("sbin").join(applet))?;
    }
    #[expect(clippy::disallowed_methods, reason = "a scratch file of the measurement")]
    fs::write(rootfs.join("etc/inittab"), INITTAB)?;
    Ok(rootfs)
}

/// Starts them all and says how long it took.
fn many(ground: &Ground) -> anyhow::Result<()> {
    let begin = Instant::now();
    for number in 0..COUNT {
        timed(&start(ground, &format!("system{number}")))?;
    }
    say("corten", "started", COUNT, begin);
    Ok(())
}

fn start(ground: &Ground, name: &str) -> Vec<String> {
    let run = ["run", "--detach", "--system", "--ttys", "0", "--network", "systems", "--name"];
    join(&ground.ours(&run), &[name, IMAGE])
}

/// Ends and removes them all, says how long it took, and sees that nothing is left.
fn remove(ground: &Ground) -> anyhow::Result<()> {
    let names: Vec<String> = (0..COUNT).map(|number| format!("system{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let begin = Instant::now();
    timed(&join(&ground.ours(&["rm", "--force"]), &names))?;
    say("corten", "stopped and removed", COUNT, begin);
    let left = ground.corten.ok(&["ps", "--all", "--quiet"]);
    if !left.is_empty() {
        bail!("something is left of {COUNT} systems: {left:?}");
    }
    // The last to go is who answers for names, when nobody is left to ask.
    testkit::wait_until("every process of ours is gone", || {
        processes(&["corten"]).is_ok_and(|left| left.is_empty())
    });
    Ok(())
}

/// Times of a start, an exec and an end of one system more.
fn one_more(ground: &Ground, which: &str) -> anyhow::Result<Vec<Times>> {
    let steps = [
        ("start", start(ground, "more")),
        ("exec", ground.ours(&["exec", "more", "true"])),
        ("stop", ground.ours(&["stop", "--time", "0", "more"])),
        ("rm", ground.ours(&["rm", "more"])),
    ];
    let mut times: Vec<Vec<_>> = steps.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for ((_, argv), times) in steps.iter().zip(&mut times) {
            times.push(timed(argv)?);
        }
    }
    let named = steps.iter().zip(times);
    Ok(named.map(|((step, _), times)| Times::of(&format!("{step}, {which}"), times)).collect())
}

#[expect(clippy::print_stdout, reason = "the figure is the command's output")]
fn say(engine: &str, what: &str, count: usize, begin: Instant) {
    let seconds = begin.elapsed().as_secs_f64();
    let each = seconds * 1e3 / count as f64;
    println!("\n{engine}: {count} systems {what} in {seconds:.1} s, {each:.1} ms each");
}

/// docker's hundred.
fn docker_systems(docker: &Daemon, own: u64) -> anyhow::Result<()> {
    const NAMES: [&str; 4] = ["dockerd", "containerd", "containerd-shim", "docker-proxy"];
    let before = Memory::now(&NAMES)?;
    let begin = Instant::now();
    let names: Vec<String> = (0..PEERS).map(|number| format!("system{number}")).collect();
    for name in &names {
        timed(&join(docker.head(), &["run", "--detach", "--name", name, IMAGE, "/sbin/init"]))?;
    }
    say("docker", "started", PEERS, begin);
    Memory::now(&NAMES)?.print("docker", &before, own, PEERS);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let begin = Instant::now();
    timed(&join(&join(docker.head(), &["rm", "--force"]), &names))?;
    say("docker", "stopped and removed", PEERS, begin);
    Ok(())
}

/// LXC's hundred, each with a pair of interfaces: it looks for bridges in the machine's `/sys`, which knows none of this network.
fn lxc_systems(ground: &Ground, rootfs: &Path, own: u64) -> anyhow::Result<()> {
    const NAMES: [&str; 1] = ["lxc-start"];
    let directory = ground.scratch("lxc-systems");
    let before = Memory::now(&NAMES)?;
    let begin = Instant::now();
    for number in 0..PEERS {
        let own = directory.join(format!("system{number}"));
        fs::create_dir_all(&own)?;
        let text = format!(
            "lxc.rootfs.path = dir:{}\nlxc.uts.name = system{number}\nlxc.tty.max = 0\nlxc.mount.auto = proc:mixed sys:mixed\n\
             lxc.net.0.type = veth\nlxc.net.0.flags = up\nlxc.net.0.ipv4.address = 10.98.0.{}/16\n",
            rootfs.display(),
            number + 1,
        );
        #[expect(clippy::disallowed_methods, reason = "a scratch file of the measurement")]
        fs::write(own.join("config"), text)?;
        timed(&lxc("lxc-start", &directory, number))?;
    }
    say("lxc", "started", PEERS, begin);
    Memory::now(&NAMES)?.print("lxc", &before, own, PEERS);
    let begin = Instant::now();
    for number in 0..PEERS {
        timed(&join(&lxc("lxc-stop", &directory, number), &["--kill"]))?;
    }
    say("lxc", "stopped", PEERS, begin);
    Ok(())
}

fn lxc(tool: &str, directory: &Path, number: usize) -> Vec<String> {
    let name = format!("system{number}");
    join(&[tool.to_owned()], &["-P", &directory.display().to_string(), "-n", &name])
}

/// Kibibytes at one time.
struct Memory {
    /// Slabs, stacks of processes, page tables and what each processor has of its own.
    kernel: u64,
    /// Proportional (Pss) of the engine's processes.
    engine: u64,
}

impl Memory {
    /// Of the machine, and of the processes of these programs.
    fn now(programs: &[&str]) -> anyhow::Result<Self> {
        let mut last = u64::MAX;
        let kernel = loop {
            // Inodes and entries of what is gone stay until their memory is asked for, and the kernel takes its time to take groups away.
            #[expect(clippy::disallowed_methods, reason = "a file of the kernel's")]
            fs::write("/proc/sys/vm/drop_caches", "3")?;
            #[expect(
                clippy::disallowed_methods,
                reason = "no event tells that the kernel is done"
            )]
            std::thread::sleep(Duration::from_secs(2));
            let kernel = Self::of_kernel()?;
            if kernel >= last - last / 100 {
                break kernel;
            }
            last = kernel;
        };
        let mut engine = 0;
        for pid in processes(programs)? {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
            engine += kibibytes(&text, "Pss").context("smaps_rollup without Pss")?;
        }
        Ok(Self { kernel, engine })
    }

    fn of_kernel() -> anyhow::Result<u64> {
        let text = fs::read_to_string("/proc/meminfo")?;
        let fields = ["Slab", "KernelStack", "PageTables", "Percpu"];
        Ok(fields.iter().filter_map(|field| kibibytes(&text, field)).sum())
    }

    /// What each of `count` systems took since `before`; `own` is what the kernel keeps of the processes of a system themselves.
    #[expect(clippy::print_stdout, reason = "the figure is the command's output")]
    fn print(&self, engine: &str, before: &Self, own: u64, count: usize) {
        let each = |now: u64, before: u64| now.saturating_sub(before) / count as u64;
        let kernel = each(self.kernel, before.kernel).saturating_sub(own);
        let programs = each(self.engine, before.engine);
        let both = kernel + programs;
        println!(
            "\n{engine}: memory of each of {count} systems beyond its own processes: {both} KiB, the engine's processes {programs} (Pss), \
             the kernel {kernel} (and {own} for its own processes)"
        );
    }
}

/// What the kernel keeps of the processes of a system, in kibibytes: of as many that are in nothing.
fn own_processes() -> anyhow::Result<u64> {
    const SYSTEMS: usize = 300;
    let before = Memory::now(&[])?;
    let mut running: Vec<Child> = Vec::new();
    for _ in 0..SYSTEMS * OWN_PROCESSES {
        let mut sleeper = Command::new("/bin/busybox");
        running.push(sleeper.args(["sleep", "1000000"]).stdin(Stdio::null()).spawn()?);
    }
    let after = Memory::now(&[])?;
    for sleeper in &mut running {
        sleeper.kill()?;
        sleeper.wait()?;
    }
    Ok(after.kernel.saturating_sub(before.kernel) / SYSTEMS as u64)
}

/// The pids of the processes of these programs.
fn processes(programs: &[&str]) -> anyhow::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Not by its file: a monitor's is in a mount that has no name.
        let Ok(name) = fs::read_to_string(format!("/proc/{pid}/comm")) else { continue };
        if programs.contains(&name.trim_end()) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// A field of a file like `/proc/meminfo`, in kibibytes.
pub(super) fn kibibytes(text: &str, field: &str) -> Option<u64> {
    let values = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = values.into_iter().find(|(name, _)| *name == field)?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}
