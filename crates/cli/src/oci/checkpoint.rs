//! `checkpoint` and `restore`, through CRIU.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use libcontainer::checkpoint::{
    CgroupMode, CheckpointError, Criu, DumpKind, DumpOptions, Moment, Options, PageServer,
    RestoreOptions,
};
use libcontainer::{ContainerError, Request};

use super::bundle::Bundle;
use super::foreground::Foreground;
use super::{Session, life, name, process};
use crate::arguments::Matches;
use crate::config;
use crate::failure::Failure;

/// Where the images are unless it is said, from the working directory.
const IMAGES: &str = "checkpoint";

pub(super) fn checkpoint(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let container = session.container(matches)?;
    let options = dump_options(matches)?;
    let mut status = status_descriptor(matches)?;
    let mut on_moment = |moment: Moment| Ok(tell_ready(&moment, &mut status)?);
    let dumped = container.checkpoint(&criu()?, &options, &mut on_moment);
    dumped.map_err(|error| quote(session, error))?;
    if options.kind == DumpKind::Stop {
        life::remove(session, container, true)?;
    }
    Ok(0)
}

/// The caller hears once, when pages can be asked for; until then its descriptor stays open.
fn tell_ready(moment: &Moment, status: &mut Option<OwnedFd>) -> rustix::io::Result<()> {
    if !matches!(moment, Moment::PagesReady) {
        return Ok(());
    }
    let told = status.take().map(|descriptor| rustix::io::write(&descriptor, &[0]));
    told.transpose().map(drop)
}

pub(super) fn restore(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let detach = matches.on("detach");
    let name = name(matches.word(0))?;
    let bundle = Bundle::open(matches.text("bundle").unwrap_or("."))?;
    process::check_terminal(matches, life::has_terminal(&bundle), detach)?;
    let options = RestoreOptions {
        options: options(matches)?,
        lsm_profile: matches.text("lsm-profile").map(str::to_owned),
        lsm_mount_context: matches.text("lsm-mount-context").map(str::to_owned),
    };
    let foreground = (!detach).then(|| Foreground::take(true));
    let plan = bundle.plan_alone(session, &name)?;
    let stdio = process::stdio(plan.process.terminal);
    let request =
        Request { name: &name, spec: &bundle.spec, bundle: &bundle.path, plan: &plan, stdio };
    let restored = session.runtime.restore(&request, &criu()?, &options, &mut |_| Ok(()));
    let restored = restored.map_err(|error| quote(session, error))?;
    let (container, master) = life::announce(session, matches, restored)?;
    let Some(foreground) = foreground else { return Ok(0) };
    let code = match &container.process() {
        Some(first) => foreground.serve(first, master.as_ref())?,
        None => 0,
    };
    life::remove(session, container, true)?;
    Ok(code)
}

/// What both commands have.
fn options(matches: &Matches) -> Result<Options, Failure> {
    let mode = matches.text("manage-cgroups-mode").unwrap_or_default();
    let cgroups = CgroupMode::from_name(mode).ok_or_else(|| {
        Failure::Words(format!(
            "--manage-cgroups-mode {mode}: it is neither soft, full, strict nor ignore"
        ))
    })?;
    for namespace in matches.values("empty-ns") {
        // It is always made empty: whoever gives a container its network does so again.
        if namespace != "network" {
            return Err(Failure::Words(format!("namespace {namespace:?} is not supported")));
        }
    }
    Ok(Options {
        images: path(matches, "image-path").unwrap_or_else(|| IMAGES.into()),
        work: path(matches, "work-path"),
        tcp_established: matches.on("tcp-established"),
        external_unix_sockets: matches.on("ext-unix-sk"),
        shell_job: matches.on("shell-job"),
        file_locks: matches.on("file-locks"),
        cgroups,
        auto_dedup: matches.on("auto-dedup"),
        lazy_pages: matches.on("lazy-pages"),
        config_file: None,
    })
}

fn dump_options(matches: &Matches) -> Result<DumpOptions, Failure> {
    let options = options(matches)?;
    let parent = path(matches, "parent-path");
    if let Some(parent) = &parent {
        check_parent(&options.images, parent)?;
    }
    let kind = match (matches.on("pre-dump"), matches.on("leave-running")) {
        (true, _) => DumpKind::PreDump,
        (false, true) => DumpKind::LeaveRunning,
        (false, false) => DumpKind::Stop,
    };
    Ok(DumpOptions {
        options,
        kind,
        parent,
        tcp_skip_in_flight: matches.on("tcp-skip-in-flight"),
        link_remap: matches.on("link-remap"),
        page_server: matches.text("page-server").map(page_server).transpose()?,
    })
}

fn path(matches: &Matches, flag: &str) -> Option<PathBuf> {
    matches.text(flag).filter(|text| !text.is_empty()).map(PathBuf::from)
}

fn check_parent(images: &Path, parent: &Path) -> Result<(), Failure> {
    if parent.is_absolute() {
        return Err(Failure::Words("--parent-path must be relative".to_owned()));
    }
    std::fs::create_dir_all(images).map_err(Failure::file("make", images.display()))?;
    let path = images.join(parent);
    let wrong = Failure::file("invalid --parent-path:", path.display());
    match std::fs::metadata(&path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(wrong(std::io::ErrorKind::NotADirectory.into())),
        Err(error) => Err(wrong(error)),
    }
}

/// `ADDRESS:PORT`; an address of IPv6 stands in brackets.
fn page_server(text: &str) -> Result<PageServer, Failure> {
    let parse = || {
        let (address, port) = text.rsplit_once(':')?;
        let address =
            address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (!address.is_empty()).then(|| PageServer { address: address.to_owned(), port })
    };
    let server = parse();
    server.ok_or_else(|| Failure::Words(format!("--page-server {text}: it is no ADDRESS:PORT")))
}

/// The caller's descriptor that hears when pages can be asked for.
fn status_descriptor(matches: &Matches) -> Result<Option<OwnedFd>, Failure> {
    let Some(text) = matches.text("status-fd").filter(|text| *text != "-1") else {
        return Ok(None);
    };
    let wrong = |why: &str| Failure::Words(format!("invalid --status-fd argument {text}: {why}"));
    let number = text.parse().map_err(|_no_number| wrong("no descriptor"))?;
    let descriptor = sys::inherited_fd(number).ok_or_else(|| wrong("it is not open"))?;
    let flags = rustix::fs::fcntl_getfl(&descriptor)
        .map_err(|errno| wrong(&sys::Errno::from(errno).to_string()))?;
    if flags.intersects(rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::RDWR) {
        Ok(Some(descriptor))
    } else {
        Err(wrong("it is not writable"))
    }
}

fn criu() -> Result<Criu, Failure> {
    let path = config::lookup("PATH").unwrap_or_default();
    let program = Criu::find(path.as_ref())
        .ok_or_else(|| Failure::Words("there is no criu in PATH".to_owned()))?;
    // CRIU reads a configuration of the user's, and runs tools such as iptables.
    let environment = ["PATH", "HOME"]
        .into_iter()
        .filter_map(|name| config::lookup(name).map(|value| format!("{name}={value}").into()));
    Ok(Criu::new(program, environment))
}

/// Tells what stands in CRIU's log before the error itself is told.
fn quote(session: &Session, error: ContainerError) -> Failure {
    if let ContainerError::Checkpoint { cause, .. } = &error
        && let CheckpointError::Refused { log: Some(log), .. }
        | CheckpointError::Ended { log: Some(log) } = cause.as_ref()
        && !log.lines.is_empty()
    {
        session.warn(&format!("from {}:", log.path.display()));
        log.lines.iter().for_each(|line| session.warn(line));
    }
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_servers_are_addresses_with_ports() {
        let server = |text| page_server(text).ok().map(|server| (server.address, server.port));
        assert_eq!(server("0.0.0.0:27277"), Some(("0.0.0.0".to_owned(), 27277)));
        assert_eq!(server("[::1]:1"), Some(("::1".to_owned(), 1)));
        for wrong in ["", "host", ":1", "host:", "host:0", "host:65536"] {
            assert_eq!(server(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_caller_hears_when_pages_are_ready_and_not_before() {
        let (ours, theirs) = rustix::pipe::pipe().unwrap();
        let mut status = Some(theirs);
        tell_ready(&Moment::LockNetwork, &mut status).unwrap();
        assert!(status.is_some(), "others come first");
        tell_ready(&Moment::PagesReady, &mut status).unwrap();
        let mut heard = [7; 4];
        assert_eq!(rustix::io::read(&ours, &mut heard), Ok(1));
        assert_eq!(
            (heard[0], rustix::io::read(&ours, &mut heard)),
            (0, Ok(0)),
            "it is closed then"
        );
    }
}
