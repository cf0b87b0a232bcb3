//! What the tests stand on: a private group above theirs, processes in it, and what its files say.

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use libcontainer::cgroup::{
    Cgroup, CgroupPath, CgroupPlan, Controller, Entry, Existing, Layout, LayoutKind, Place,
    Request, WhenMissing, plan,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};
use spec::runtime::{Memory, Resources};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A private group above the tested ones; removed with all that is left in it, which fails the test if anything is.
pub(crate) struct Ground {
    pub(crate) layout: Layout,
    pub(crate) parent: String,
}

impl Ground {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            layout: Layout::detect().unwrap(),
            parent: format!("/corten-test-{}-{number}", std::process::id()),
        }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.parent)
    }

    pub(crate) fn plan(&self, name: &str, resources: &Resources) -> CgroupPlan {
        let path = self.path(name);
        plan(
            resources,
            &Request { when_missing: WhenMissing::Warn, ..Request::new(&path, &self.layout) },
        )
        .unwrap()
    }

    /// The plan of a container whose runtime joins what is there.
    pub(crate) fn joining(&self, name: &str) -> CgroupPlan {
        let path = self.path(name);
        let request = Request { existing: Existing::Join, ..Request::new(&path, &self.layout) };
        plan(&Resources::default(), &request).unwrap()
    }

    pub(crate) fn create(&self, resources: &Resources) -> (Cgroup, CgroupPlan) {
        let plan = self.plan("group", resources);
        (Cgroup::create(&plan).unwrap(), plan)
    }

    pub(crate) fn is_v2(&self) -> bool {
        self.layout.kind == LayoutKind::Unified
    }

    pub(crate) fn has(&self, controller: Controller) -> bool {
        self.layout.carrier(controller).is_some()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let path: CgroupPath = self.parent.parse().unwrap();
        let Ok(parent) = Cgroup::open(&path, &self.layout) else { return };
        let left: Vec<PathBuf> = self
            .layout
            .hierarchies
            .iter()
            .flat_map(|hierarchy| inside(&hierarchy.mount.join(path.relative())))
            .collect();
        let done = parent.kill().and_then(|()| parent.remove(PATIENCE));
        if !std::thread::panicking() {
            done.unwrap();
            assert!(left.is_empty(), "left behind: {left:?}");
        }
    }
}

pub(crate) fn inside(group: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(group) else { return Vec::new() };
    entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.path())
        .collect()
}

/// A shell in the group, entered as a container's first process does; returns once it runs.
pub(crate) fn shell(group: &Cgroup, script: &str) -> sys::Cloned {
    start(&group.entry().unwrap(), script)
}

/// A shell that joins process `first` of the group.
pub(crate) fn shell_beside(group: &Cgroup, first: i32, script: &str) -> sys::Cloned {
    start(&group.entry_beside(first).unwrap(), script)
}

pub(crate) fn start(entry: &Entry, script: &str) -> sys::Cloned {
    let args = [c"sh".to_owned(), c"-c".to_owned(), CString::new(script).unwrap()];
    let args = sys::CStringArray::new(args.to_vec());
    let environment = vec![c"PATH=/usr/sbin:/usr/bin:/sbin:/bin".to_owned()];
    let environment = sys::CStringArray::new(environment);
    let clone = sys::CloneArgs { into_cgroup: entry.into_cgroup(), ..sys::CloneArgs::default() };
    // Closed by execve.
    let (started, starting) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let child = sys::clone3(clone, || {
        if entry.enter().is_err() {
            sys::exit_now(99);
        }
        sys::execve(c"/bin/sh", &args, &environment);
        sys::exit_now(98);
    });
    drop(starting);
    rustix::io::read(&started, &mut [0_u8; 1]).unwrap();
    child.unwrap()
}

pub(crate) fn wait(child: &sys::Cloned) -> WaitStatus {
    let timeout = Timespec::try_from(PATIENCE).unwrap();
    assert_eq!(
        poll(&mut [PollFd::new(&child.pidfd, PollFlags::IN)], Some(&timeout)).unwrap(),
        1,
        "the process ends in time"
    );
    waitpid(Pid::from_raw(child.pid), WaitOptions::empty()).unwrap().unwrap().1
}

/// Waits for a state that no event announces.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        let moment = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
        poll(&mut [], Some(&moment)).unwrap();
    }
}

pub(crate) fn read(place: &Place, file: &str) -> String {
    fs::read_to_string(place.path().join(file)).unwrap().trim().to_owned()
}

pub(crate) fn place(plan: &CgroupPlan, controller: Controller) -> &Place {
    plan.places.iter().find(|place| place.controllers.contains(&controller)).unwrap()
}

pub(crate) fn memory_limit(bytes: i64) -> Resources {
    let memory = Memory { limit: Some(bytes), swap: Some(bytes), ..Memory::default() };
    Resources { memory: Some(memory), ..Resources::default() }
}

pub(crate) fn write(path: &Path, text: &str) {
    use std::io::Write;
    fs::OpenOptions::new().write(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}
