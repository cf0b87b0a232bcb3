//! `login` and `logout`: who the caller is at a registry. A login is kept once the registry has taken it, never before.

use std::io::Read;
use std::sync::Arc;

use registry::{Client, Credentials, DockerConfig, Kept, Login, Progress, RegistryError};

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::program::Session;
use crate::{output, registries, terminal};

/// Docker's: a line of input is a password, not a file.
const MOST_PASSWORD_BYTES: u64 = 1 << 20;
/// As a shell tells the interrupt key.
const INTERRUPTED: i32 = 130;

/// What the caller gave; what is missing is asked for.
struct Given {
    user: Option<String>,
    password: Option<String>,
}

pub(super) fn login(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let registry = registry_of(matches.word(0))?;
    let authfile = matches.text("authfile");
    let path = registries::auth_file(authfile)?;
    let mut config = registries::auth_config(path)?;
    let verify = matches.value("tls-verify").map(|value| value == "true");
    if matches.on("get-login") {
        output::line(&user_of(&config, &registry)?);
        return Ok(0);
    }
    let given = given(matches)?;
    let settings = registries::settings(Arc::new(Progress::default()), verify, authfile)?;
    let stored = settings.credentials.login(&registry)?;
    let client = Client::new(settings);
    if let (Given { user: None, password: None }, Some(login)) = (&given, &stored) {
        output::talk("Authenticating with existing credentials...");
        match client.check_login(&registry, login) {
            Ok(()) => {
                output::line("Login Succeeded");
                return Ok(0);
            }
            // They are old; whoever sits there knows new ones.
            Err(RegistryError::Status { status: 401, .. }) if terminal::is_terminal() => {
                output::talk("The registry does not take them any more.");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let before = match &stored {
        Some(Login::Basic { user, .. }) => user.as_str(),
        _ => "",
    };
    let Some(login) = complete(given, before)? else { return Ok(INTERRUPTED) };
    client.check_login(&registry, &login)?;
    if let Kept::File(file) = config.store(&registry, &login)? {
        output::talk(&format!(
            "warning: the login is in {} as plain text in base64; a credential helper (credsStore) would keep it encrypted",
            file.display()
        ));
    }
    output::line("Login Succeeded");
    Ok(0)
}

pub(super) fn logout(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let path = registries::auth_file(matches.text("authfile"))?;
    let mut config = registries::auth_config(path)?;
    if matches.on("all") {
        if !matches.words.is_empty() {
            return Err(Failure::Words("--all and a server exclude each other".to_owned()));
        }
        for registry in config.registries()? {
            forget(&mut config, &registry)?;
        }
        return Ok(0);
    }
    let registry = registry_of(matches.word(0))?;
    if !forget(&mut config, &registry)? {
        output::line(&format!("Not logged in to {registry}"));
    }
    Ok(0)
}

fn forget(config: &mut DockerConfig, registry: &str) -> Result<bool, Failure> {
    let found = config.erase(registry)?;
    if found {
        output::line(&format!("Removing login credentials for {registry}"));
    }
    Ok(found)
}

fn user_of(config: &DockerConfig, registry: &str) -> Result<String, Failure> {
    match config.login(registry)? {
        Some(Login::Basic { user, .. }) => Ok(user),
        // As helpers call who has no name.
        Some(Login::Refresh(_) | Login::Bearer(_)) => Ok("<token>".to_owned()),
        None => Err(Failure::Words(format!("not logged in to {registry}"))),
    }
}

/// The registry that a word means.
fn registry_of(word: &str) -> Result<String, Failure> {
    registry::registry_named(word).ok_or_else(|| {
        Failure::Words(format!(
            "{word:?} is no registry: it is a host name with a dot, or localhost, and a port where it has one"
        ))
    })
}

/// What flags and standard input say.
fn given(matches: &Matches) -> Result<Given, Failure> {
    let words = |text: &str| Failure::Words(text.to_owned());
    let user = matches.text("username").map(str::to_owned);
    let mut password = matches.text("password").map(str::to_owned);
    if matches.on("password-stdin") {
        if password.is_some() {
            return Err(words("--password and --password-stdin are mutually exclusive"));
        }
        if user.is_none() {
            return Err(words("must provide --username with --password-stdin"));
        }
        password = Some(password_of(std::io::stdin())?);
    } else if password.is_some() {
        output::talk(
            "warning: a password among the arguments is seen by every user of the machine, and the shell's history keeps it; use --password-stdin",
        );
    }
    if user.as_ref().is_some_and(|user| user.contains(':')) {
        return Err(words("a user's name may hold no colon"));
    }
    Ok(Given { user, password })
}

fn password_of(input: impl Read) -> Result<String, Failure> {
    let mut text = String::new();
    let read = input.take(MOST_PASSWORD_BYTES).read_to_string(&mut text);
    read.map_err(Failure::file("read", "standard input"))?;
    // `echo` and editors end a line.
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(Failure::Words("the password from standard input is empty".to_owned()));
    }
    Ok(text.to_owned())
}

/// Asks for what was not given; nothing when the caller gives up.
fn complete(given: Given, before: &str) -> Result<Option<Login>, Failure> {
    let (user, password) = match (given.user, given.password) {
        (Some(user), Some(password)) => (user, password),
        _ if !terminal::is_terminal() => {
            return Err(Failure::Words(
                "cannot perform an interactive login from a non TTY device: use --username and --password-stdin".to_owned(),
            ));
        }
        (user, password) => {
            let Some(user) = user.map_or_else(|| ask_user(before), |user| Ok(Some(user)))? else {
                return Ok(None);
            };
            let Some(password) = password.map_or_else(ask_password, |text| Ok(Some(text)))? else {
                return Ok(None);
            };
            (user, password)
        }
    };
    if user.is_empty() || password.is_empty() || user.contains(':') {
        let why = "a login is a user's name without a colon, and a password";
        return Err(Failure::Words(why.to_owned()));
    }
    Ok(Some(Login::Basic { user, password }))
}

fn ask_user(before: &str) -> Result<Option<String>, Failure> {
    let proposed = if before.is_empty() { String::new() } else { format!(" ({before})") };
    output::talk_on(&format!("Username{proposed}: "));
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    if read.map_err(Failure::file("read", "standard input"))? == 0 {
        return Ok(None);
    }
    let user = line.trim();
    Ok(Some(if user.is_empty() { before } else { user }.to_owned()))
}

fn ask_password() -> Result<Option<String>, Failure> {
    output::talk_on("Password: ");
    let password = terminal::read_secret();
    output::talk("");
    password.map_err(Failure::file("read", "standard input"))
}
