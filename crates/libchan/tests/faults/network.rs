//! Networks that lose, delay, reorder, double and spoil packets, and a link that goes down: two processes in network namespaces of their
//! own, joined by a pair of devices. Wants root and a kernel with netem; others skip it. Sources: netem(8), veth(4).

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use libchan::{Limits, Listener, Options, Session};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::conversation::{Seen, Sizes, far, near};

const SIZES: Sizes = Sizes { stream: 200_000, text: 300_000 };

const NETWORKS: [&str; 2] =
    ["loss 5% delay 20ms reorder 25%", "delay 10ms 5ms duplicate 2% corrupt 0.1%"];

const FAR_ADDRESS: &str = "10.0.0.2";

/// Long enough on an emulated machine whose packets are lost.
const PATIENCE: Duration = Duration::from_secs(300);

fn ok(command: &str) {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {told}");
}

/// This program, one test of it alone, in a network namespace of its own.
fn elsewhere(test: &str) -> Command {
    let mut command = Command::new("unshare");
    command.arg("--net").arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command
}

#[test]
fn networks_that_fail_change_nothing_that_arrives() {
    let netem = "ip link set lo up && tc qdisc add dev lo root netem delay 1ms";
    let tried = Command::new("unshare").args(["--net", "sh", "-c", netem]).output();
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no netem");
        return;
    }
    let output = elsewhere("network::the_near_side").output().unwrap();
    let (told, why) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}{why}");
}

/// The process in the other namespace, which is told what to do line by line, and answers so.
struct Far {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Far {
    fn start() -> Self {
        let mut command = elsewhere("network::the_far_side");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// What follows the word in the next line that begins with it.
    fn answer(&mut self, word: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the far side has ended");
            if let Some(rest) = line.strip_prefix(word) {
                return rest.trim().to_owned();
            }
        }
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.expect("it does not end") })
}

#[test]
#[ignore = "networks_that_fail_change_nothing_that_arrives starts it"]
fn the_near_side() {
    let mut other = Far::start();
    other.answer("ready");
    let pid = other.child.id();
    ok(&format!("ip link add near type veth peer name far netns {pid}"));
    ok("ip address add 10.0.0.1/24 dev near");
    ok("ip link set near up");
    let there = format!("nsenter --net=/proc/{pid}/ns/net ");
    ok(&format!("{there}ip address add {FAR_ADDRESS}/24 dev far"));
    ok(&format!("{there}ip link set far up"));
    for network in NETWORKS {
        ok(&format!("tc qdisc replace dev near root netem {network}"));
        ok(&format!("{there}tc qdisc replace dev far root netem {network}"));
        for scheme in ["tcp", "tls", "ws"] {
            other.tell(&format!("talk {scheme}"));
            let options = trusting("talk", &other.answer("certificate "));
            let url = other.answer("listens ");
            let (seen, whole) = run(async {
                let session = libchan::connect(&url, &options).await.unwrap();
                let seen = near(session.clone(), SIZES).await;
                // The session stays until the other side has heard all of it.
                (seen, other.answer("whole "))
            });
            seen.iter().for_each(|seen| seen.check(network));
            assert!(seen.len() == 4 && seen.iter().all(Seen::is_whole), "{network}: {seen:?}");
            assert_eq!(whole, "4", "{scheme}, {network}");
        }
    }
    // The link goes, and nobody says so.
    other.tell("hold tcp");
    let options = trusting("hold", &other.answer("certificate "));
    let url = other.answer("listens ");
    run(async {
        let session = libchan::connect(&url, &options).await.unwrap();
        let mut receiver = session.accept::<u64>().await.unwrap().unwrap();
        assert_eq!(receiver.recv().await, Ok(Some(1)));
        ok("ip link set near down");
        assert_eq!(receiver.recv().await, Err(libchan::Error::Closed));
        assert_eq!(session.ended().await, Err(libchan::Error::TimedOut));
    });
    assert_eq!(other.answer("ended "), "Err(TimedOut)");
    other.tell("end");
    assert!(other.child.wait().unwrap().success());
}

#[test]
#[ignore = "the_near_side starts it"]
fn the_far_side() {
    println!("\nready");
    for line in std::io::stdin().lines().map(Result::unwrap) {
        let Some((what, scheme)) = line.split_once(' ') else { return };
        run(async {
            let listener = listen(what, scheme).await;
            let session = listener.accept().await.unwrap().session().await.unwrap();
            if what == "talk" {
                let seen = far(session, SIZES).await;
                seen.iter().for_each(|seen| seen.check("the far side"));
                println!("\nwhole {}", seen.iter().filter(|seen| seen.is_whole()).count());
            } else {
                hold(&session).await;
            }
        });
    }
}

/// Sends one number, and nothing more.
async fn hold(session: &Session) {
    let sender = session.open::<u64>().unwrap();
    sender.send(1).await.unwrap();
    println!("\nended {:?}", session.ended().await);
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Of a peer that is silent nobody waits for long where the link goes.
fn patient(what: &str) -> Options {
    let mut limits = Limits::default();
    if what == "hold" {
        limits.keep_alive = Some(Duration::from_secs(2));
    }
    limits.greeting_wait = PATIENCE;
    let mut options = Options::default();
    options.limits = limits;
    options
}

async fn listen(what: &str, scheme: &str) -> Listener {
    let made = rcgen::generate_simple_self_signed([FAR_ADDRESS.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let hex: String = made.cert.der().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("\ncertificate {hex}");
    let mut options = patient(what);
    let config = ServerConfig::builder_with_provider(provider());
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    options.tls_server =
        Some(Arc::new(config.with_single_cert(vec![made.cert.der().clone()], key).unwrap()));
    let listener = Listener::bind(&format!("{scheme}://{FAR_ADDRESS}:0"), options).await.unwrap();
    println!("\nlistens {}", listener.address());
    listener
}

/// Who trusts that certificate.
fn trusting(what: &str, hex: &str) -> Options {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let certificate: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate)).unwrap();
    let mut options = patient(what);
    let config = ClientConfig::builder_with_provider(provider());
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    options.tls_client = Some(Arc::new(config));
    options
}
