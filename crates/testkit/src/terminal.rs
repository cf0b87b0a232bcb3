//! A program on a terminal of its own, with somebody at its other end who types when he has seen something. Start at [`on_terminal`].

use std::process::Command;

/// Each step is done once its words were seen after the step before and the terminal is raw (or "cooked" is asked for). Prints what came,
/// then how the program ended, and whether the terminal's settings are as they were. Python's pty is the other end.
const DRIVER: &str = r#"
import fcntl, json, os, pty, select, signal, struct, subprocess, sys, termios, time
steps, argv = json.loads(sys.argv[1]), sys.argv[2:]
master, slave = pty.openpty()
def resize(rows, columns):
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
resize(30, 90)
before = termios.tcgetattr(slave)
child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
seen, looked, state, deadline = b"", 0, None, time.monotonic() + 120
while time.monotonic() < deadline:
    ready = master is not None and select.select([master], [], [], 0.02)[0]
    if ready:
        seen += os.read(master, 65536)
    if steps:
        when, mode, action, argument = steps[0]
        if when.encode() in seen[looked:] and (termios.tcgetattr(slave) != before) == (mode == "raw"):
            looked = len(seen)
            steps.pop(0)
            if action == "type":
                os.write(master, argument.encode("latin-1"))
            elif action == "resize":
                resize(*argument)
            elif action == "kill":
                child.send_signal(argument)
            elif action == "hangup":
                os.close(master)
                master, state = None, "hung up"
    if ready:
        continue
    if child.poll() is not None:
        break
    if master is None:
        time.sleep(0.02)
else:
    child.kill()
    state = "too late"
code = child.wait()
state = state or ("restored" if termios.tcgetattr(slave) == before else "raw")
sys.stdout.write(seen.decode(errors="replace").replace("\r\n", "\n") + "[code %d, %s]" % (code, state))
"#;

/// Words to see, whether the terminal is to be `raw` or `cooked` then, what to do (`type`, `resize`, `kill`, `hangup`), and with what.
pub type TerminalStep<'a> = (&'a str, &'a str, &'a str, serde_json::Value);

/// Runs a program on a new terminal of 30 rows and 90 columns, in its environment and directory; gives what came, and how it ended:
/// `[code 0, restored]`.
///
/// # Panics
/// When the driver fails.
#[must_use]
pub fn on_terminal(program: &Command, steps: &[TerminalStep<'_>]) -> String {
    let steps =
        serde_json::Value::from_iter(steps.iter().map(|(when, mode, action, argument)| {
            serde_json::json!([when, mode, action, argument])
        }));
    let mut driver = Command::new("python3");
    driver.args(["-c", DRIVER, &steps.to_string()]);
    driver.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => driver.env(name, value),
            None => driver.env_remove(name),
        };
    }
    if let Some(directory) = program.get_current_dir() {
        driver.current_dir(directory);
    }
    let output = match driver.output() {
        Ok(output) => output,
        Err(error) => panic!("run python3: {error}"),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
