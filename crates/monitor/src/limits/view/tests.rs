//! Directories that look like those of the kernel, and what is made of them.

use std::fs;
use std::io::Write;
use std::time::Duration;

use libcontainer::cgroup::Place;
use tempfile::TempDir;

use super::*;

pub(in crate::limits) const MEMINFO: &str = "\
MemTotal:       24684092 kB
MemFree:        10727460 kB
MemAvailable:   23744964 kB
Buffers:          122120 kB
Cached:         12429528 kB
Active(file):    3384480 kB
SwapTotal:        102400 kB
SwapFree:         102400 kB
Shmem:              9616 kB
Slab:             986032 kB
KernelStack:        1688 kB
VmallocTotal:   34359738367 kB
HugePages_Total:       4
Hugepagesize:       2048 kB
";
pub(in crate::limits) const CPUINFO: &str = "processor\t: 0\nmodel name\t: first\n\nprocessor\t: 1\nmodel name\t: second\n\n\
     processor\t: 2\nmodel name\t: third\n\nprocessor\t: 3\nmodel name\t: fourth\n\n";
pub(in crate::limits) const STAT: &str = "cpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\ncpu2 1 2 3 4\ncpu3 1 2 3 4\n\
     intr 5 6\nctxt 7\nbtime 1795996365\nprocesses 9\n";
const DISKS: &str = "   8       0 sda 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\n 254      16 vdb 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\n";

/// Directories that look like a machine's groups and its procfs.
pub(in crate::limits) struct Trees {
    directory: TempDir,
    pub(in crate::limits) group: Group,
}

impl Trees {
    fn with(files: &[(&str, &str)], places: impl Fn(&Path) -> Vec<Place>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let machine = [
            ("proc/meminfo", MEMINFO),
            ("proc/cpuinfo", CPUINFO),
            ("proc/stat", STAT),
            ("proc/diskstats", DISKS),
            ("proc/11/stat", "11 (a) R) S 1"),
            ("proc/12/stat", "12 (busy) R 1"),
            ("proc/13/stat", "13 (waits) D 1"),
            ("proc/13/status", "Name:\twaits\nNSpid:\t13\t3\n"),
        ];
        for (name, text) in machine.iter().chain(files) {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
        }
        let group = Group::at(places(directory.path()));
        Self { directory, group }
    }

    /// `above/web` with a group `inside`.
    pub(in crate::limits) fn v2() -> Self {
        let stat = "anon 1\nfile 12582912\nshmem 1048576\nactive_file 4194304\ninactive_file 8388608\nkernel_stack 16384\n\
                    slab_reclaimable 2097152\nslab_unreclaimable 1048576\n";
        let files = [
            ("v2/above/memory.max", "67108864\n"),
            ("v2/above/memory.swap.max", "max\n"),
            ("v2/above/cpu.max", "150000 100000\n"),
            ("v2/above/cpuset.cpus.effective", "1-3\n"),
            ("v2/above/web/memory.max", "134217728\n"),
            ("v2/above/web/memory.swap.max", "16777216\n"),
            ("v2/above/web/memory.swap.current", "4194304\n"),
            ("v2/above/web/memory.current", "20971520\n"),
            ("v2/above/web/memory.stat", stat),
            ("v2/above/web/cpu.max", "300000 100000\n"),
            (
                "v2/above/web/cpu.stat",
                "usage_usec 4000000\nuser_usec 3000000\nsystem_usec 1000000\n",
            ),
            (
                "v2/above/web/io.stat",
                "254:16 rbytes=1024 wbytes=2048 rios=2 wios=3 dbytes=512 dios=1\n",
            ),
            ("v2/above/web/cpu.pressure", "some avg10=1.00 avg60=0.00 avg300=0.00 total=5\n"),
            ("v2/above/web/pids.current", "3\n"),
            ("v2/above/web/cgroup.threads", "11\n"),
            ("v2/above/web/inside/cgroup.threads", "12\n13\n"),
        ];
        Self::with(&files, |directory| {
            vec![Place {
                mount: directory.join("v2"),
                directory: "above/web".to_owned(),
                unified: true,
                controllers: Vec::new(),
            }]
        })
    }

    pub(in crate::limits) fn v1() -> Self {
        let stat = "cache 1\nhierarchical_memory_limit 33554432\nhierarchical_memsw_limit 41943040\ntotal_cache 7340032\n\
                    total_shmem 1048576\ntotal_active_file 2097152\ntotal_inactive_file 4194304\ntotal_swap 1048576\n";
        let files = [
            ("memory/above/web/memory.stat", stat),
            ("memory/above/web/memory.usage_in_bytes", "10485760\n"),
            ("cpu/above/web/cpu.cfs_quota_us", "-1\n"),
            ("cpu/above/web/cpu.cfs_period_us", "100000\n"),
            ("cpu/above/cpu.cfs_quota_us", "50000\n"),
            ("cpu/above/cpu.cfs_period_us", "100000\n"),
            ("cpu/above/web/cpuacct.usage_user", "2000000000\n"),
            ("cpu/above/web/cpuacct.usage_sys", "500000000\n"),
            ("cpuset/above/web/cpuset.effective_cpus", "0-1\n"),
            (
                "blkio/above/web/blkio.throttle.io_serviced_recursive",
                "8:0 Read 5\n8:0 Write 6\n8:0 Sync 11\n8:0 Total 11\nTotal 11\n",
            ),
            (
                "blkio/above/web/blkio.throttle.io_service_bytes_recursive",
                "8:0 Read 512\n8:0 Write 1024\n8:0 Total 1536\nTotal 1536\n",
            ),
            ("pids/above/web/tasks", "11\n12\n"),
            ("pids/above/web/inside/tasks", "13\n"),
        ];
        Self::with(&files, |directory| {
            let place = |name: &str, controllers: &[Controller]| Place {
                mount: directory.join(name),
                directory: "above/web".to_owned(),
                unified: false,
                controllers: controllers.to_vec(),
            };
            vec![
                place("memory", &[Controller::Memory]),
                place("cpu", &[Controller::Cpu, Controller::Cpuacct]),
                place("cpuset", &[Controller::Cpuset]),
                place("blkio", &[Controller::Blkio]),
                place("pids", &[Controller::Pids]),
            ]
        })
    }

    fn view(&self, began: Instant) -> View {
        View::of(self.group.clone(), &self.directory.path().join("proc"), began)
    }
}

fn content(view: &mut View, file: File, now: Instant) -> String {
    String::from_utf8(view.content(file, now)).unwrap()
}

#[test]
fn disks_are_those_that_the_group_used() {
    let now = Instant::now();
    let mut view = Trees::v2().view(now);
    assert_eq!(content(&mut view, File::Disks, now), "", "the trees are gone");
    let trees = Trees::v2();
    let mut view = trees.view(now);
    let row = " 254      16 vdb 2 0 2 0 3 0 4 0 0 0 0 1 0 1 0 0 0\n";
    assert_eq!(content(&mut view, File::Disks, now), row);
    let trees = Trees::v1();
    let mut view = trees.view(now);
    let row = "   8       0 sda 5 0 1 0 6 0 2 0 0 0 0 0 0 0 0 0 0\n";
    assert_eq!(content(&mut view, File::Disks, now), row);
}

#[test]
fn tasks_of_groups_inside_count() {
    for trees in [Trees::v1(), Trees::v2()] {
        let now = Instant::now();
        let mut view = trees.view(now);
        let text = content(&mut view, File::Loads, now);
        assert!(text.ends_with(" 1/3 3\n"), "{text}");
        assert!(
            content(&mut view, File::Times, now).contains("procs_running 1\nprocs_blocked 1\n")
        );
        assert!(
            view.loads(now + Duration::from_secs(600)).fixed()[0] > 100_000,
            "one runs, one waits"
        );
    }
}

#[test]
fn pressure_is_the_groups_or_none() {
    let now = Instant::now();
    let trees = Trees::v2();
    let mut view = trees.view(now);
    let cpu = content(&mut view, File::Pressure("cpu"), now);
    assert_eq!(cpu, "some avg10=1.00 avg60=0.00 avg300=0.00 total=5\n");
    assert_eq!(content(&mut view, File::Pressure("io"), now), NO_PRESSURE);
    let trees = Trees::v1();
    assert_eq!(content(&mut trees.view(now), File::Pressure("cpu"), now), NO_PRESSURE);
}

#[test]
fn a_group_that_is_not_there_shows_the_machine() {
    let trees = Trees::v2();
    let place = Place { directory: "none".to_owned(), ..trees.group.unified().unwrap().clone() };
    let group = Group::at(vec![place]);
    let now = Instant::now();
    let mut view = View::of(group, &trees.directory.path().join("proc"), now);
    assert_eq!(content(&mut view, File::Memory, now), MEMINFO);
    assert_eq!(content(&mut view, File::Processors, now), CPUINFO);
    assert_eq!(content(&mut view, File::Online, now), "0-3\n");
    assert_eq!(content(&mut view, File::Uptime, now + Duration::from_secs(2)), "2.00 8.00\n");
    assert_eq!(view.tasks(), None);
    for file in File::ALL {
        let _made = view.content(file, now);
    }
}
