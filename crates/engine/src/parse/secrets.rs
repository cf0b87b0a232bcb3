//! `--secret` and `--config`: which one, and how the container has it. Sources: Docker's documentation of `docker service create`
//! ("--secret", "--config"), Podman's of `podman run` ("--secret").

use std::path::{Component, Path, PathBuf};

use store::SecretKind;

use super::Parsed;
use super::mounts::csv;
use crate::config::{SecretConfig, SecretPlace};
use crate::error::EngineError;
use crate::secrets::DIRECTORY;

/// Docker's: everybody may read it.
const MODE: u32 = 0o444;

/// `NAME[,type=mount|env][,target=…][,uid=…][,gid=…][,mode=…]`, or with `source=NAME` in the place of the name.
///
/// # Errors
/// When a key is unknown, a name is missing, or a value fits no file or no variable.
pub fn secret(kind: SecretKind, text: &str) -> Parsed<SecretConfig> {
    let wrong = |why: String| EngineError::value(kind.word(), text, why);
    let fields = csv(text).ok_or_else(|| wrong("a quote is not closed".to_owned()))?;
    let mut said = Said::default();
    for (number, field) in fields.iter().enumerate() {
        said.take(number, field).map_err(wrong)?;
    }
    let name = said.name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| wrong("it has no name".to_owned()))?.to_owned();
    let place = if said.is_variable {
        if let Some(key) = said.of_file {
            return Err(wrong(format!("{key} is for a file, not for a variable")));
        }
        let name = said.target.map_or_else(|| name.clone(), str::to_owned);
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(wrong(format!("{name:?} is no name of a variable")));
        }
        SecretPlace::Variable { name }
    } else {
        let target = target(kind, &name, said.target).map_err(wrong)?;
        let (uid, gid, mode) = (said.uid, said.gid, said.mode.unwrap_or(MODE));
        SecretPlace::File { target, uid, gid, mode }
    };
    Ok(SecretConfig { kind, name, place, content: None })
}

#[derive(Default)]
struct Said<'t> {
    name: Option<&'t str>,
    target: Option<&'t str>,
    is_variable: bool,
    uid: u32,
    gid: u32,
    mode: Option<u32>,
    /// A key that was given and that only a file has.
    of_file: Option<&'t str>,
}

impl<'t> Said<'t> {
    fn take(&mut self, number: usize, field: &'t str) -> Result<(), String> {
        let Some((key, value)) = field.split_once('=') else {
            if number > 0 {
                return Err(format!("{field:?} is not of the form KEY=VALUE"));
            }
            self.name = Some(field);
            return Ok(());
        };
        let id = || {
            let parsed = value.parse().ok().filter(|id| *id < u32::MAX);
            parsed.ok_or_else(|| format!("{key} {value:?} is no number of a user or group"))
        };
        match key {
            "source" | "src" | "id" => self.name = Some(value),
            "target" | "dst" | "destination" => self.target = Some(value),
            "type" => match value {
                "mount" => self.is_variable = false,
                "env" => self.is_variable = true,
                _ => return Err(format!("type {value:?} is not one of mount, env")),
            },
            "uid" => self.uid = id()?,
            "gid" => self.gid = id()?,
            "mode" => {
                let mode = u32::from_str_radix(value, 8).ok().filter(|mode| *mode <= 0o777);
                let wrong = || format!("mode {value:?} is no octal number up to 0777");
                self.mode = Some(mode.ok_or_else(wrong)?);
            }
            _ => {
                return Err(format!(
                    "{key} is unknown: there are source, type, target, uid, gid, mode"
                ));
            }
        }
        if matches!(key, "uid" | "gid" | "mode") {
            self.of_file = Some(key);
        }
        Ok(())
    }
}

fn target(kind: SecretKind, name: &str, given: Option<&str>) -> Result<PathBuf, String> {
    let directory = Path::new(match kind {
        SecretKind::Secret => DIRECTORY,
        SecretKind::Config => "/",
    });
    let given = given.unwrap_or(name);
    let target = directory.join(given);
    let wrong = |why: &str| Err(format!("the target {given:?} {why}"));
    if given.is_empty() || given.ends_with(['/']) {
        return wrong("names no file");
    }
    if given.contains('\0') {
        return wrong("holds a NUL");
    }
    if target.components().any(|part| part == Component::ParentDir) {
        return wrong("holds \"..\"");
    }
    // Rebuilt from its components: "//a/./b" and "/a/b" are one path.
    let target: PathBuf = target.components().collect();
    if target == Path::new("/") || target == Path::new(DIRECTORY) {
        return wrong("names no file");
    }
    if target.starts_with("/proc") {
        return wrong("is below /proc, which cannot be mounted over");
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> String {
        match secret(SecretKind::Secret, text) {
            Ok(SecretConfig { name, place: SecretPlace::Variable { name: variable }, .. }) => {
                format!("{name} ${variable}")
            }
            Ok(SecretConfig {
                name, place: SecretPlace::File { target, uid, gid, mode }, ..
            }) => format!("{name} {} {uid}:{gid} {mode:o}", target.display()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_people_write() {
        for (text, meant) in [
            ("db", "db /run/secrets/db 0:0 444"),
            ("source=db", "db /run/secrets/db 0:0 444"),
            ("src=db,target=pw", "db /run/secrets/pw 0:0 444"),
            ("id=db,target=a/b,uid=33,gid=34,mode=0400", "db /run/secrets/a/b 33:34 400"),
            ("db,target=/etc//./pw,mode=440", "db /etc/pw 0:0 440"),
            ("db,type=mount,dst=/run/secrets/x", "db /run/secrets/x 0:0 444"),
            ("db,type=env", "db $db"),
            ("db,type=env,target=DB_PASSWORD", "db $DB_PASSWORD"),
            ("\"db\",\"target=a,b\"", "db /run/secrets/a,b 0:0 444"),
        ] {
            assert_eq!(place(text), meant);
        }
        for (text, why) in [
            ("", "it has no name"),
            ("source=", "it has no name"),
            ("db,x", "is not of the form"),
            ("db,x=1", "x is unknown"),
            ("db,type=file", "not one of mount, env"),
            ("db,uid=root", "no number of a user"),
            ("db,uid=4294967295", "no number of a user"),
            ("db,mode=888", "no octal number"),
            ("db,mode=4755", "no octal number"),
            ("db,type=env,mode=0400", "mode is for a file"),
            ("db,type=env,target=a=b", "no name of a variable"),
            ("db,type=env,target=", "no name of a variable"),
            ("db,target=../etc/shadow", "holds \"..\""),
            ("db,target=/proc/1/x", "below /proc"),
            ("db,target=/", "names no file"),
            ("db,target=/run/secrets", "names no file"),
            ("db,target=a/", "names no file"),
            ("\"db", "a quote is not closed"),
        ] {
            assert!(place(text).contains(why), "{text}: {}", place(text));
        }
    }

    #[test]
    fn a_config_lies_at_the_root() {
        let config = secret(SecretKind::Config, "nginx.conf,mode=0440").unwrap();
        let target = PathBuf::from("/nginx.conf");
        assert_eq!(config.place, SecretPlace::File { target, uid: 0, gid: 0, mode: 0o440 });
    }
}
