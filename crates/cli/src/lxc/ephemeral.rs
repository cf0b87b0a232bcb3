//! `copy --ephemeral`: a copy that lies over its original, is started at once, and is removed when it ends. Source: lxc-copy(1).

use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use ::lxc::containers::Directory;
use ::lxc::copies;
use engine::chain;

use super::call::Call;
use crate::failure::Failure;
use crate::output;

/// What `--mount` asks for: an entry of `lxc.mount.entry`, with directories that have to be there.
pub(super) struct Mount {
    entry: String,
    directories: Vec<PathBuf>,
}

/// The name of one that is given none: the original's, and six letters.
pub(super) fn name(original: &str) -> String {
    let mut random = [0_u8; 6];
    // Without any it is a name all the same, and one that is taken is refused.
    let _kept = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
    let letters: String = random.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    format!("{original}_{letters}")
}

/// The mounts that are asked for, for a copy of that name.
pub(super) fn mounts(call: &Call, to: &Directory, name: &str) -> Result<Vec<Mount>, Failure> {
    let given = call.matches.values("mount").flat_map(|text| text.split(','));
    given
        .enumerate()
        .map(|(number, text)| {
            mount(text, &to.path().join(name).join(format!("mount{number}")))
                .ok_or_else(|| Failure::Words(format!("--mount {text}: it is no bind=DIRECTORY[:TARGET][:ro|:rw] or overlay=DIRECTORY[:TARGET]")))
        })
        .collect()
}

/// One of them; what an overlay changes goes below `own`.
fn mount(text: &str, own: &std::path::Path) -> Option<Mount> {
    let (kind, rest) = text.split_once('=')?;
    let mut parts: Vec<&str> = rest.split(':').collect();
    let is_bind = kind == "bind";
    let access = parts.pop_if(|last| is_bind && matches!(*last, "ro" | "rw")).unwrap_or("rw");
    let (source, target) = match parts[..] {
        [source] => (source, source),
        [source, target] => (source, target),
        _ => return None,
    };
    let inside = target.strip_prefix('/').filter(|_| source.starts_with('/'))?;
    let (source, inside) = (field(source), field(inside));
    match kind {
        "bind" => {
            let entry = format!("{source} {inside} none rbind,{access} 0 0");
            Some(Mount { entry, directories: Vec::new() })
        }
        "overlay" => {
            let [upper, work] = ["delta", "work"].map(|name| own.join(name));
            let shown = |path: &std::path::Path| field(&path.to_string_lossy());
            let entry = format!(
                "overlay {inside} overlay lowerdir={source},upperdir={},workdir={} 0 0",
                shown(&upper),
                shown(&work)
            );
            Some(Mount { entry, directories: vec![upper, work] })
        }
        _ => None,
    }
}

/// As fstab(5) writes a blank.
fn field(text: &str) -> String {
    text.replace(' ', "\\040")
}

/// Starts a copy that was made. Nothing is left of one that does not start, unless its files are to be kept.
pub(super) fn start(
    call: &Call,
    copy: (&Directory, &str),
    mounts: &[Mount],
) -> Result<i32, Failure> {
    let (to, name) = copy;
    let is_kept = call.matches.on("keepdata");
    let begun = configure(call, copy, mounts).and_then(|()| begin(call, copy));
    let has_begun = matches!(begun, Ok(0));
    if !has_begun && !is_kept && to.has(name) {
        copies::destroy(to, name, true).map_err(|error| Failure::Words(chain(&error)))?;
    }
    begun
}

fn configure(call: &Call, (to, name): (&Directory, &str), mounts: &[Mount]) -> Result<(), Failure> {
    let mut document = to.open(name).map_err(|error| Failure::Words(chain(&error)))?;
    let mut set = |key: &str, value: &str| {
        document.set(key, value).map_err(|error| Failure::Words(chain(&error)))
    };
    if !call.matches.on("keepdata") {
        set("lxc.ephemeral", "1")?;
    }
    for mount in mounts {
        for directory in &mount.directories {
            std::fs::create_dir_all(directory)
                .map_err(Failure::file("make", directory.display()))?;
        }
        set("lxc.mount.entry", &mount.entry)?;
    }
    to.save(name, &document).map_err(Failure::file("write", to.config_file(name).display()))
}

/// By the tool that starts any other. In the foreground it takes this one's place: signals are its own to heed, and so is the copy's end.
fn begin(call: &Call, (to, name): (&Directory, &str)) -> Result<i32, Failure> {
    if !call.matches.on("quiet") {
        output::line(&format!("Created {name} as clone of {}", call.name));
    }
    let mut command = call.command()?;
    command.arg("start").arg("-P").arg(to.path()).args(["-n", name]);
    if call.matches.on("quiet") {
        command.arg("--quiet");
    }
    let program = command.get_program().to_owned();
    let failed = |error| Failure::file("run", program.display())(error);
    if call.matches.on("foreground") {
        return Err(failed(command.arg("--foreground").exec()));
    }
    let ended = command.status().map_err(failed)?;
    Ok(ended.code().unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_become_entries() {
        let own = std::path::Path::new("/lxc/new/mount0");
        let entry = |text: &str| mount(text, own).map(|mount| mount.entry);
        for (text, expected) in [
            ("bind=/a", "/a a none rbind,rw 0 0"),
            ("bind=/a:ro", "/a a none rbind,ro 0 0"),
            ("bind=/a b:/c:rw", "/a\\040b c none rbind,rw 0 0"),
            (
                "overlay=/a:/b",
                "overlay b overlay lowerdir=/a,upperdir=/lxc/new/mount0/delta,workdir=/lxc/new/mount0/work 0 0",
            ),
        ] {
            assert_eq!(entry(text).as_deref(), Some(expected), "{text}");
        }
        for bad in ["/a", "bind=a", "bind=/a:b", "bind=/a:/b:/c", "overlay=/a:/b:ro", "tmpfs=/a"] {
            assert!(entry(bad).is_none(), "{bad}");
        }
    }
}
