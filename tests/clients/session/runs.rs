//! The steps about containers that run to their ends, and about flags that are refused.

use super::Step;

pub(crate) const RUNS: &[Step] = &[
    ("run", "docker run --rm base:1 echo hello"),
    ("run: streams and a code", "docker run --rm base:1 sh -c 'echo out; echo err >&2; exit 7'"),
    ("run: ended by a signal", "docker run --rm base:1 sh -c 'kill -9 $$'"),
    ("run: input", "printf 'a\\nb\\n' | docker run --rm --interactive base:1 wc -l"),
    ("run: much input", "head -c 5000000 /dev/zero | docker run --rm -i base:1 wc -c"),
    ("run: much output", "docker run --rm base:1 head -c 5000000 /dev/zero | wc -c"),
    (
        "run: terminal",
        "script -qec 'docker run --rm --tty base:1 sh -c \"tty; echo done\"' /dev/null </dev/null",
    ),
    ("run: default command", "echo 'echo from a shell' | docker run --rm -i base:1"),
    (
        "run: environment, directory, user",
        "docker run --rm -e A=1 -e GREETING=changed -w /tmp -u 65534:65533 base:1 sh -c 'echo $A $GREETING; pwd; id -u; id -g'",
    ),
    (
        "run: the image's environment and directory",
        "docker run --rm base:1 sh -c 'env | grep -v HOSTNAME | sort; pwd; cat greeting'",
    ),
    (
        "run: environment from a file",
        "docker run --rm --env-file variables base:1 sh -c 'echo $ONE $TWO'",
    ),
    ("run: a user by name", "docker run --rm --user nobody base:1 id"),
    ("run: no such user", "docker run --rm --user nonesuch base:1 id"),
    ("run: supplementary groups", "docker run --rm --group-add 77 base:1 id -G"),
    ("run: directory that is made", "docker run --rm --workdir /a/b base:1 pwd"),
    ("run: wrong directory", "docker run --rm --workdir relative base:1 pwd"),
    (
        "run: entrypoint",
        "docker run --rm --entrypoint /bin/echo base:1 by entrypoint; docker run --rm --entrypoint '' base:1 echo none",
    ),
    (
        "run: host name",
        "docker run --rm --hostname shop --domainname example.org base:1 sh -c 'hostname; grep shop /etc/hosts | cut -f 2 | sort -u'",
    ),
    ("run: host name is the id", "docker run --rm base:1 hostname"),
    ("run: added hosts", "docker run --rm --add-host peer:10.0.0.9 base:1 grep peer /etc/hosts"),
    (
        "run: name servers",
        "docker run --rm --dns 10.0.0.53 --dns-search example.org --dns-opt ndots:2 base:1 grep -v '#' /etc/resolv.conf",
    ),
    (
        "run: bound directory",
        "docker run --rm -v \"$PWD/shared:/x:ro\" base:1 sh -c 'cat /x/file; touch /x/new; ls /x'",
    ),
    (
        "run: bound directory is made",
        "docker run --rm -v \"$PWD/made:/x\" base:1 touch /x/new && ls made",
    ),
    (
        "run: bound by --mount",
        "docker run --rm --mount type=bind,source=\"$PWD/shared\",target=/x,readonly base:1 sh -c 'grep -c \" /x \" /proc/mounts; touch /x/new'",
    ),
    (
        "run: nothing to bind",
        "docker run --rm --mount type=bind,source=/none/such,target=/x base:1 true",
    ),
    (
        "run: volume",
        "docker run --rm -v data:/data base:1 sh -c 'echo kept >/data/file' && docker run --rm --mount type=volume,source=data,target=/d,readonly base:1 sh -c 'cat /d/file; touch /d/new'",
    ),
    (
        "run: volume gets the image's files",
        "docker run --rm -v fresh:/srv base:1 cat /srv/greeting; docker run --rm -v empty:/srv:nocopy base:1 ls /srv",
    ),
    ("run: volume of a bad name", "docker run --rm -v 'a b:/data' base:1 true"),
    ("run: volume without a place", "docker run --rm -v data:relative base:1 true"),
    ("run: two mounts of one place", "docker run --rm -v data:/x -v fresh:/x base:1 true"),
    (
        "run: volumes of others",
        "docker create --name holder -v data:/data base:1 true >/dev/null && docker run --rm --volumes-from holder:ro base:1 sh -c 'cat /data/file; touch /data/new'; docker rm holder; docker volume rm data fresh empty",
    ),
    (
        "run: tmpfs",
        "docker run --rm --tmpfs /t:size=1m,mode=1770 base:1 sh -c 'stat -c %a /t; df -k /t | tail -n 1'",
    ),
    (
        "run: shared memory",
        "docker run --rm --shm-size 8m base:1 sh -c 'df -k /dev/shm | tail -n 1'",
    ),
    ("run: read-only", "docker run --rm --read-only base:1 touch /new"),
    (
        "run: capabilities",
        "docker run --rm base:1 grep Cap /proc/self/status; docker run --rm --cap-drop ALL --cap-add CHOWN base:1 grep Cap /proc/self/status",
    ),
    (
        "run: no new privileges",
        "docker run --rm --security-opt no-new-privileges base:1 grep -E 'NoNewPrivs|Seccomp:' /proc/self/status",
    ),
    (
        "run: without seccomp",
        "docker run --rm --security-opt seccomp=unconfined base:1 grep Seccomp: /proc/self/status",
    ),
    (
        "run: limits",
        "docker run --rm --memory 64m --pids-limit 50 --cpu-shares 512 base:1 sh -c 'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.shares 2>/dev/null || cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.weight'",
    ),
    (
        "run: open files",
        "docker run --rm --ulimit nofile=100:200 base:1 sh -c 'ulimit -n; ulimit -Hn'",
    ),
    (
        "run: sysctl",
        "docker run --rm --sysctl net.ipv4.ip_default_ttl=77 base:1 cat /proc/sys/net/ipv4/ip_default_ttl",
    ),
    (
        "run: score for want of memory",
        "docker run --rm --oom-score-adj 500 base:1 cat /proc/self/oom_score_adj",
    ),
    (
        "run: devices",
        "docker run --rm base:1 ls /dev | grep -v core; docker run --rm --device /dev/null:/dev/also:r base:1 stat -c '%A %t:%T' /dev/also",
    ),
    (
        "run: masked",
        "docker run --rm base:1 sh -c 'ls /proc/scsi /sys/firmware | wc -l; head -c 1 /proc/kcore | wc -c; echo 1 >/proc/sys/kernel/panic'",
    ),
    ("run: no network", "docker run --rm --network none base:1 ls /sys/class/net"),
    ("run: process tree", "docker run --rm base:1 ps -o pid,comm"),
    (
        "run: processes of another",
        "docker run -d --name seen base:1 sleep 1000 >/dev/null; docker run --rm --pid container:seen base:1 ps -o pid,comm | head -n 2; docker rm -f seen",
    ),
    ("run: init", "docker run --rm --init base:1 sh -c 'ps -o comm | head -n 3 | tail -n 1'"),
    (
        "run: id in a file",
        "docker run --rm --cidfile id base:1 true && wc -c <id; docker run --rm --cidfile id base:1 true",
    ),
    (
        "run: labels",
        "docker run --name labelled --label a=1 --label b base:1 true; docker inspect --format '{{json .Config.Labels}}' labelled; docker rm labelled",
    ),
    ("run: no such program", "docker run --rm --name lost base:1 nonesuch"),
    ("run: no program at all", "docker run --rm --name lost base:1 /etc"),
    ("run: no such image", "docker run --rm --pull never none:1 true"),
    (
        "run: detached without a program",
        "docker run -d --name broken base:1 nonesuch >/dev/null 2>&1; echo $?; docker ps -a --format '{{.Names}} {{.Status}}'; docker inspect --format '{{.State.ExitCode}} {{.State.Status}}' broken; docker rm broken",
    ),
    ("run: too little memory", "docker run --rm --memory 1k base:1 true"),
    ("run: more swap than memory", "docker run --rm --memory 64m --memory-swap 32m base:1 true"),
    ("run: too many processors", "docker run --rm --cpus 1000 base:1 true"),
    (
        "run: processors that are not there",
        "docker run --rm --name lost --cpuset-cpus 1000 base:1 true",
    ),
    ("run: no such capability", "docker run --rm --cap-add NONESUCH base:1 true"),
    ("run: no such log option", "docker run --rm --log-opt nonesuch=1 base:1 true"),
    ("run: no such restart policy", "docker run --restart sometimes base:1 true"),
    ("run: policy and removal", "docker run --rm --restart always base:1 true"),
    ("run: retries without a policy", "docker run --restart always:3 base:1 true"),
    ("run: no such network", "docker run --rm --network nonesuch base:1 true"),
    ("run: network of nobody", "docker run --rm --network container:nonesuch base:1 true"),
    (
        "run: a name of the host's network",
        "docker run --rm --network host --hostname other base:1 hostname",
    ),
    ("run: no such runtime", "docker run --rm --runtime nonesuch base:1 true"),
    ("run: wrong security option", "docker run --rm --security-opt wrong base:1 true"),
    ("run: wrong name", "docker run --rm --name 'a b' base:1 true"),
    ("run: wrong link", "docker run --rm --link nonesuch:other base:1 true"),
    ("run: wrong device", "docker run --rm --device /dev/nonesuch base:1 true"),
    ("run: wrong score", "docker run --rm --oom-score-adj 5000 base:1 true"),
    ("run: wrong sysctl", "docker run --rm --sysctl kernel.panic=1 base:1 true"),
    ("run: wrong signal", "docker run --rm --stop-signal NONESUCH base:1 true"),
    ("run: wrong shared memory", "docker run --rm --ipc container:nonesuch base:1 true"),
    ("run: wrong port", "docker run --rm -p 127.0.0.1:99999:80 base:1 true"),
    ("run: wrong volume options", "docker run --rm -v data:/x:nonesuch base:1 true"),
    ("run: nothing is left", "docker ps -a; docker volume ls --quiet"),
];
