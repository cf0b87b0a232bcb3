//! Pulls that are killed, disks that fill, layers that are large.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::fs;
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::process::{Child, Command, Stdio};
    use std::sync::{Arc, Condvar, Mutex};

    use rustix::process::{Pid, Signal, kill_process};
    use testkit::{
        Catalog, Corten, Finished, MadeImage, MadeLayer, ScriptedServer, archive, noise, sha256,
    };

    fn corten() -> Corten {
        Corten::new(env!("CARGO_BIN_EXE_corten"))
    }

    /// The program with no settings of registries but those of the test.
    fn command(corten: &Corten) -> Command {
        let mut command = corten.command();
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        let directory = corten.directory();
        command.env("HOME", directory).env("CORTEN_REGISTRY_CONFIG", directory.join("registries"));
        command
    }

    fn names(corten: &Corten, directory: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(corten.root().join(directory)).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Stands between the program and a registry, counts what the registry sends, and kills the program when that is enough.
    struct Relay {
        address: String,
        shared: Arc<(Mutex<Counted>, Condvar)>,
    }

    #[derive(Default)]
    struct Counted {
        /// Which command's turn it is: connections of an earlier one are dead.
        turn: usize,
        sent: u64,
        /// Bytes until the kill.
        left: Option<u64>,
        victim: Option<Pid>,
    }

    impl Relay {
        fn start(to: String) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let shared = Arc::new((Mutex::new(Counted::default()), Condvar::new()));
            // It ends with the test's process.
            std::thread::spawn({
                let shared = Arc::clone(&shared);
                move || {
                    for client in listener.incoming() {
                        let (Ok(client), Ok(server)) = (client, TcpStream::connect(&to)) else {
                            continue;
                        };
                        join(client, server, &shared);
                    }
                }
            });
            Self { address, shared }
        }

        /// Lets a command begin that is to be killed after so many bytes, or not.
        fn next(&self, mut command: Command, budget: Option<u64>) -> Child {
            let mut counted = self.shared.0.lock().unwrap();
            counted.turn += 1;
            counted.left = budget;
            let child = command.spawn().unwrap();
            counted.victim = Some(Pid::from_child(&child));
            drop(counted);
            self.shared.1.notify_all();
            child
        }

        fn sent(&self) -> u64 {
            self.shared.0.lock().unwrap().sent
        }

        /// Whether the kill has happened; nobody is killed any more.
        fn has_killed(&self) -> bool {
            let mut counted = self.shared.0.lock().unwrap();
            counted.victim.take().is_none()
        }
    }

    fn join(client: TcpStream, server: TcpStream, shared: &Arc<(Mutex<Counted>, Condvar)>) {
        // What is on its way when the program is killed is lost: little of it.
        let _as_it_is = rustix::net::sockopt::set_socket_send_buffer_size(&client, 16 << 10);
        let turn = shared.0.lock().unwrap().turn;
        std::thread::spawn({
            let (client, server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            move || {
                let _broken = std::io::copy(&mut &client, &mut &server);
                let _ended = server.shutdown(Shutdown::Write);
            }
        });
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = (&server).read(&mut buffer) {
                if !may_pass(&shared, turn, count as u64)
                    || (&client).write_all(&buffer[..count]).is_err()
                {
                    break;
                }
            }
            let _ended = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        });
    }

    fn may_pass(shared: &(Mutex<Counted>, Condvar), turn: usize, count: u64) -> bool {
        let mut counted = shared.0.lock().unwrap();
        if counted.turn != turn {
            return false;
        }
        match counted.left {
            Some(left) if left < count => {
                counted.turn += 1;
                if let Some(victim) = counted.victim.take() {
                    // One that has ended by itself is a zombie still: its parent has not waited.
                    kill_process(victim, Signal::KILL).unwrap();
                }
                false
            }
            left => {
                counted.left = left.map(|left| left - count);
                counted.sent += count;
                true
            }
        }
    }

    /// SplitMix64, for moments that are the same in each run.
    struct Moments(u64);

    impl Moments {
        fn below(&mut self, most: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)) % most
        }
    }

    const KILLS: usize = 100;
    const SEED: u64 = 4;
    const MIB: u64 = 1 << 20;
    /// What one kill may cost: bytes in the kernel's buffers, the documents, and what was read and not counted yet.
    const LOST: u64 = MIB;

    #[test]
    fn a_pull_that_is_killed_a_hundred_times_goes_on_at_its_bytes() {
        let layers: Vec<MadeLayer> = (0..4_u64)
            .map(|seed| MadeLayer::plain(archive(&[("file", &noise(4 << 20, seed))])))
            .collect();
        let size: u64 = layers.iter().map(|layer| layer.blob.len() as u64).sum();
        let made = MadeImage::new(layers);
        let catalog = Catalog::default();
        catalog.image("latest", &made);
        let server = ScriptedServer::start(move |request| catalog.answer(request));
        let relay = Relay::start(server.host());
        let image = format!("{}/a", relay.address);
        let (corten, mut moments, mut kills) = (corten(), Moments(SEED), 0);
        let mut story = format!("seed {SEED}");
        while kills < KILLS {
            let (before, mut killed) = (relay.sent(), 0);
            let mut complete: BTreeSet<String> = BTreeSet::new();
            loop {
                let budget = (kills < KILLS).then(|| moments.below(3 * MIB));
                let _infallible = write!(story, " {budget:?}");
                let asked = server.asked().len();
                let mut pull = command(&corten);
                pull.args(["pull", "--quiet", &image])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped());
                let child = relay.next(pull, budget);
                let finished = Finished::from(child.wait_with_output().unwrap());
                let is_killed = relay.has_killed();
                for line in server.asked().iter().skip(asked) {
                    let again = complete.iter().any(|layer| line.ends_with(layer.as_str()));
                    assert!(!again, "{line} was complete: {story}");
                }
                if !is_killed {
                    assert_eq!(finished.code, 0, "{finished:?}: {story}");
                    break;
                }
                assert_eq!(finished.code, 137, "{finished:?}: {story}");
                (kills, killed) = (kills + 1, killed + 1);
                complete = names(&corten, "layers");
            }
            let came = relay.sent() - before;
            assert!(came <= size + (killed + 1) * LOST, "{came} of {size} after {killed}: {story}");
            let id = corten.ok(&["inspect", "--format", "{{.Id}}", &image]);
            assert_eq!(id, made.id(), "{story}");
            for layer in &made.layers {
                let place = corten.root().join("layers").join(&sha256(&layer.plain)[7..]);
                assert!(fs::read(place.join("file")).unwrap() == layer.plain[512..][..4 << 20]);
            }
            corten.ok(&["rmi", &image]);
            for directory in ["tmp", "transfers", "layers", "recipes"] {
                let left = names(&corten, directory);
                assert!(left.is_empty(), "{directory}: {left:?}: {story}");
            }
        }
    }

    /// A file system of 24 MiB; the image has 2 MiB that fit, and 64 MiB of zeros that come as 64 KiB.
    #[test]
    fn a_disk_that_fills_gets_back_what_was_taken() {
        let catalog = Catalog::default();
        let fits = MadeLayer::plain(archive(&[("small", &noise(2 << 20, 1))]));
        let zeros = vec![1; 64 << 20];
        let grows = MadeLayer::compressed(archive(&[("large", &zeros)]), "gzip");
        catalog.image("grows", &MadeImage::new(vec![fits, grows]));
        let large = MadeLayer::plain(archive(&[("large", &noise(30 << 20, 2))]));
        let size = large.blob.len();
        catalog.image("large", &MadeImage::new(vec![large]));
        let server = ScriptedServer::start(move |request| catalog.answer(request));
        let corten = corten();
        let script = r#"mount -t tmpfs -o size=24m tmpfs "$1" || exit 99
            corten() { "$program" --root "$root/root" --state "$root/state" "$@"; }
            program=$0 root=$1 host=$2
            corten images > /dev/null
            free() { stat -f -c %a "$root"; }
            echo free $(free)
            corten pull -q $host/a:grows 2>&1; echo code $?
            echo free $(free)
            corten run --rm -q $host/a:grows true 2>&1; echo code $?
            corten pull -q $host/a:large 2>&1; echo code $?
            echo free $(free)
            find $root/root/tmp $root/root/transfers $root/root/layers $root/root/recipes -mindepth 1 | wc -l
            mount -o remount,size=200m "$root" || exit 98
            corten pull -q $host/a:grows 2>&1; echo code $?
            corten pull -q $host/a:large 2>&1; echo code $?
            # Nobody of ours may stay behind on the file system.
            corten settle; echo code $?"#;
        let small = corten.directory().join("small");
        fs::create_dir(&small).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", script]);
        command.arg(env!("CARGO_BIN_EXE_corten")).arg(&small).arg(server.host());
        command.env("CORTEN_REGISTRY_CONFIG", corten.directory()).env("HOME", corten.directory());
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("hint: ")).collect();
        let words = |line: &str| {
            for word in ["error: ", "the disk is full: ", " bytes to come, ", " free at "] {
                assert!(line.contains(word), "{word:?} is missing in {line:?}: {said}");
            }
        };
        let number = |line: &str| line.strip_prefix("free ").unwrap().parse::<i64>().unwrap();
        let host = server.host();
        let [before, first, one, middle, second, two, hopeless, three, after, left, rest @ ..] =
            lines.as_slice()
        else {
            panic!("{said}")
        };
        [first, second, hopeless].into_iter().for_each(|line| words(line));
        assert!(hopeless.contains(&format!("{size} bytes to come")), "{said}");
        assert_eq!([*one, *two, *three], ["code 1", "code 125", "code 1"], "{said}");
        // The database has grown a little.
        for free in [middle, after] {
            assert!((number(before) - number(free)).abs() <= 64, "{said}");
        }
        assert_eq!(*left, "0", "{said}");
        let grows = format!("{host}/a:grows");
        let large = format!("{host}/a:large");
        assert_eq!(rest, [grows.as_str(), "code 0", &large, "code 0", "code 0"], "{said}");
    }

    /// Runs what its arguments say; gives the most memory that it had at once, in KiB.
    const MEASURE: &str = "import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)";

    #[test]
    fn a_large_layer_takes_little_memory() {
        let catalog = Catalog::default();
        let mut bytes = noise(150_000_000, 3);
        bytes.resize(300_000_000, 0);
        for program in ["gzip", "zstd"] {
            let layer = MadeLayer::compressed(archive(&[("file", &bytes)]), program);
            catalog.image(program, &MadeImage::new(vec![layer]));
        }
        drop(bytes);
        let server = ScriptedServer::start(move |request| catalog.answer(request));
        for program in ["gzip", "zstd"] {
            let corten = corten();
            let pull = command(&corten);
            let mut command = Command::new("python3");
            command.args(["-c", MEASURE]).arg(pull.get_program()).args(pull.get_args());
            for (name, value) in pull.get_envs() {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            command.args(["pull", "-q", &format!("{}/a:{program}", server.host())]);
            let finished = Finished::from(command.output().unwrap());
            assert_eq!(finished.code, 0, "{finished:?}");
            let most: u64 = finished.stdout.trim().parse().unwrap();
            assert!((2_000..64 << 10).contains(&most), "{program}: {most} KiB");
        }
    }
}
