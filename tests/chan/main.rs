//! `corten chan`: programs that speak libchan with each other over real sockets, and with recorded conversations of the original.
#![cfg(test)]

mod descriptors;
mod dumps;
mod ends;
mod http2;
mod messages;
mod transports;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Stdio};

use testkit::{Corten, Finished, signal};

fn corten() -> Corten {
    Corten::new(env!("CARGO_BIN_EXE_corten"))
}

/// A command that listens, until it is ended.
struct Listening {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// The URL that it listens at.
    url: String,
}

impl Listening {
    /// Starts `corten chan COMMAND…`, and waits until it listens.
    #[track_caller]
    fn start(corten: &Corten, args: &[&str]) -> Self {
        let mut command = corten.command();
        command.arg("chan").args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let url = line.strip_prefix("listening at ").unwrap_or_else(|| panic!("{args:?}: {line}"));
        let url = url.trim_end().to_owned();
        Self { child, stderr, url }
    }

    /// Waits for its end.
    fn wait(mut self) -> Finished {
        let told = String::from_utf8(self.stderr.buffer().to_vec()).unwrap();
        // Both are read, or one that is full would hold it up.
        self.child.stderr = Some(self.stderr.into_inner());
        let finished = Finished::from(self.child.wait_with_output().unwrap());
        Finished { stderr: told + &finished.stderr, ..finished }
    }

    /// Ends it as Ctrl-C does.
    fn stop(self) -> Finished {
        signal("INT", self.child.id());
        self.wait()
    }

    /// Gives what it has printed once it has ended by itself; it has nothing to complain of.
    #[track_caller]
    fn finished(self) -> String {
        let Finished { code, stdout, stderr } = self.wait();
        assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
        stdout
    }

    /// What it prints until all of these words were in lines of it.
    fn prints(&mut self, words: &[&str]) -> String {
        let mut output = BufReader::new(self.child.stdout.take().unwrap());
        let mut text = String::new();
        while words.iter().any(|words| !text.contains(words)) {
            assert_ne!(output.read_line(&mut text).unwrap(), 0, "{words:?}: {text}");
        }
        self.child.stdout = Some(output.into_inner());
        text
    }

    /// The line of standard error that something leads to.
    fn tells(&mut self, act: impl FnOnce()) -> String {
        act();
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    /// Ends it, and gives what it has printed; it has nothing to complain of.
    #[track_caller]
    fn printed(self) -> String {
        let Finished { code, stdout, stderr } = self.stop();
        assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
        stdout
    }
}

/// A URL of a socket in the directory of the test.
fn socket(corten: &Corten, name: &str) -> String {
    format!("unix://{}", corten.directory().join(name).display())
}

/// What a recorded side of a conversation has sent.
fn recorded(name: &str) -> Vec<u8> {
    std::fs::read(recorded_path(name)).unwrap()
}

fn recorded_path(name: &str) -> String {
    format!("{}/../spdy/tests/vectors/{name}.bin", env!("CARGO_MANIFEST_DIR"))
}
