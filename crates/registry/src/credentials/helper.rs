//! Helper programs that keep logins: `docker-credential-NAME get|store|erase|list`, found in PATH only.
//!
//! What is asked goes in by standard input, so no secret is among the arguments; the answer is JSON on standard output, and so
//! are the words of a failure. A helper that neither answers nor ends is killed. Source: docker-credential-helpers' README.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::json::{Json, Object};
use super::{CredentialsError, Login};

/// A name that says: the secret is a refresh token.
const TOKEN_USER: &str = "<token>";
/// How every helper says that it knows no such login.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// No helper has more to say.
const MOST_ANSWER_BYTES: usize = 1 << 20;

/// A helper.
#[derive(Clone, Debug)]
pub(super) struct Helper {
    program: String,
    patience: Duration,
}

/// What a program said until it ended.
struct Answer {
    status: ExitStatus,
    output: Vec<u8>,
    errors: Vec<u8>,
}

impl Helper {
    /// The helper of a name, which cannot lead out of PATH.
    pub(super) fn named(name: &str, patience: Duration) -> Result<Self, CredentialsError> {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let helper = Self { program: format!("docker-credential-{name}"), patience };
        if name.is_empty() || !name.bytes().all(sound) {
            let name: String = name.escape_debug().take(80).collect();
            return Err(Self { program: format!("docker-credential-{name}"), ..helper }
                .failed("its name may hold letters, digits, '.', '_' and '-' only"));
        }
        Ok(helper)
    }

    /// Its program's name.
    pub(super) fn program(&self) -> &str {
        &self.program
    }

    /// The login for a server, or none.
    pub(super) fn get(&self, server: &str) -> Result<Option<Login>, CredentialsError> {
        let Some(output) = self.ask("get", server.as_bytes())? else { return Ok(None) };
        let answer = self.object(&output)?;
        let field = |key| answer.text(key).map_err(|why| self.failed(&why)).map(str::to_owned);
        let (user, secret) = (field("Username")?, field("Secret")?);
        Ok(match (user.as_str(), secret.as_str()) {
            (_, "") => None,
            (TOKEN_USER, _) => Some(Login::Refresh(secret)),
            _ => Some(Login::Basic { user, password: secret }),
        })
    }

    /// Keeps a login.
    pub(super) fn store(&self, server: &str, login: &Login) -> Result<(), CredentialsError> {
        let (user, secret) = match login {
            Login::Basic { user, password } => (user.as_str(), password),
            Login::Refresh(token) => (TOKEN_USER, token),
            Login::Bearer(_) => return Err(self.failed("it cannot keep an access token")),
        };
        let mut question = Object::default();
        for (key, text) in [("ServerURL", server), ("Username", user), ("Secret", secret)] {
            question.set(key, Json::Text(text.to_owned()));
        }
        let question =
            question.to_text().map_err(|_no_json| self.failed("no JSON holds this login"))?;
        self.ask("store", question.as_bytes()).map(|_nothing| ())
    }

    /// Forgets a login; no error where it knew none.
    pub(super) fn erase(&self, server: &str) -> Result<(), CredentialsError> {
        self.ask("erase", server.as_bytes()).map(|_nothing| ())
    }

    /// The servers that it knows logins for.
    pub(super) fn list(&self) -> Result<Vec<String>, CredentialsError> {
        let Some(output) = self.ask("list", b"")? else { return Ok(Vec::new()) };
        Ok(self.object(&output)?.entries().map(|(server, _)| server.to_owned()).collect())
    }

    fn object(&self, output: &[u8]) -> Result<Object, CredentialsError> {
        let text =
            std::str::from_utf8(output).map_err(|_binary| self.failed("its answer is no text"))?;
        Object::parse(text).map_err(|why| self.failed(&format!("its answer: {why}")))
    }

    fn failed(&self, why: &str) -> CredentialsError {
        CredentialsError::Helper { helper: self.program.clone(), why: why.to_owned() }
    }

    /// Its answer; nothing where it knows no such login.
    fn ask(
        &self,
        verb: &'static str,
        question: &[u8],
    ) -> Result<Option<Vec<u8>>, CredentialsError> {
        let answer = self.run(verb, question).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                return self.failed("it is not in PATH");
            }
            if error.kind() == std::io::ErrorKind::TimedOut {
                let seconds = self.patience.as_secs_f32();
                let why = format!("{verb}: it did not end within {seconds} s and was killed");
                return self.failed(&why);
            }
            self.failed(&format!("{verb}: {error}"))
        })?;
        if answer.status.success() {
            return Ok(Some(answer.output));
        }
        let said = String::from_utf8_lossy(&answer.output).into_owned();
        if said.contains(NOT_FOUND) {
            return Ok(None);
        }
        // Failures are told on standard output; but what looks like an answer could be one, with its secret.
        let said = if said.trim_start().starts_with(['{', '[']) { String::new() } else { said };
        let errors = String::from_utf8_lossy(&answer.errors);
        let words = [one_line(&said), one_line(&errors)].join(" ");
        Err(self.failed(format!("{verb}: {}: {words}", answer.status).trim_end_matches([':', ' '])))
    }

    fn run(&self, verb: &'static str, question: &[u8]) -> std::io::Result<Answer> {
        // A file rather than a pipe: nobody waits for the one who does not read.
        let mut input = File::from(rustix::fs::memfd_create("question", MemfdFlags::CLOEXEC)?);
        input.write_all(question)?;
        input.rewind()?;
        let mut child = Command::new(&self.program)
            .arg(verb)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let outcome = listen(&mut child, Instant::now() + self.patience);
        if outcome.is_err() {
            // It has perhaps ended meanwhile.
            let _gone = child.kill();
        }
        let status = child.wait()?;
        let [output, errors] = outcome?;
        Ok(Answer { status, output, errors })
    }
}

/// What a child writes until it ends. What it started may hold the pipes longer; nobody waits for that.
fn listen(child: &mut Child, deadline: Instant) -> std::io::Result<[Vec<u8>; 2]> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(std::io::ErrorKind::InvalidInput)?;
    let ended = pidfd_open(pid, PidfdFlags::empty())?;
    let output = child.stdout.take().map(OwnedFd::from);
    let errors = child.stderr.take().map(OwnedFd::from);
    let mut streams = [(output, Vec::new()), (errors, Vec::new())];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Looked at before the pipes are read empty: what it wrote is in them once it has ended.
        let has_ended = ready(ended.as_fd(), Duration::ZERO)?;
        if left.is_zero() && !has_ended {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        let mut waiting: Vec<PollFd<'_>> = vec![PollFd::new(&ended, PollFlags::IN)];
        let open = streams.iter().filter_map(|(stream, _)| stream.as_ref());
        waiting.extend(open.map(|stream| PollFd::new(stream, PollFlags::IN)));
        let patience = if has_ended { Duration::ZERO } else { left };
        let some = retry(|| poll(&mut waiting, Timespec::try_from(patience).ok().as_ref()))?;
        drop(waiting);
        let mut read_something = false;
        for (stream, said) in &mut streams {
            let Some(open) = stream else { continue };
            if some > 0 && ready(open.as_fd(), Duration::ZERO)? {
                read_something = true;
                if !read_some(open, said)? {
                    *stream = None;
                }
            }
        }
        if has_ended && !read_something {
            return Ok(streams.map(|(_, said)| said));
        }
    }
}

fn ready(descriptor: BorrowedFd<'_>, patience: Duration) -> std::io::Result<bool> {
    let mut waiting = [PollFd::new(&descriptor, PollFlags::IN)];
    Ok(retry(|| poll(&mut waiting, Timespec::try_from(patience).ok().as_ref()))? > 0)
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> std::io::Result<T> {
    Ok(rustix::io::retry_on_intr(&mut call)?)
}

/// Whether there may be more.
fn read_some(stream: &OwnedFd, said: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut buffer = [0; 4096];
    let count = retry(|| rustix::io::read(stream, &mut buffer))?;
    said.extend(buffer.iter().take(count));
    if said.len() > MOST_ANSWER_BYTES {
        return Err(std::io::Error::other("it says more than 1 MiB"));
    }
    Ok(count > 0)
}

/// The first line that says something, without what a terminal would obey.
fn one_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|letter| !letter.is_control()).take(300).collect()
}
