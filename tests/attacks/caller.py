"""A caller of everything that a process may hand to its children, all of it unusual; then another program in its place.

    caller.py PROGRAM WORD...

What somebody lacks the right to change stays as it is. Only soft limits are changed: nobody could undo a hard one.
"""

import ctypes
import fcntl
import os
import resource
import signal
import sys
import tempfile

PR_SET_SECUREBITS, PR_SET_TIMERSLACK = 28, 29
NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE = 0x4, 0x40
ADDR_NO_RANDOMIZE, SHORT_INODE = 0x0040000, 0x1000000
IOPRIO_SET, IOPRIO_BEST_EFFORT = {"x86_64": 251}.get(os.uname().machine, 30), 2 << 13

kernel = ctypes.CDLL(None)


def descriptors():
    for number in range(100, 110):
        os.dup2(os.open("/", os.O_RDONLY), number, inheritable=True)
    locked = tempfile.TemporaryFile()
    fcntl.flock(locked, fcntl.LOCK_EX)
    os.dup2(locked.fileno(), 120, inheritable=True)


def signals():
    every = {number for number in range(1, 65) if number not in (9, 19, 32, 33)}
    for number in every - {signal.SIGCHLD}:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, every)


def limits():
    for name, soft in {
        "CPU": 7777, "FSIZE": 1 << 40, "DATA": 1 << 36, "STACK": 3 << 20, "CORE": 4096, "NPROC": 5555, "NOFILE": 333,
        "MEMLOCK": 65536, "AS": 1 << 36, "SIGPENDING": 777, "MSGQUEUE": 1000,
    }.items():
        kind = getattr(resource, "RLIMIT_" + name)
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def place_in_the_queue():
    os.nice(4)
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    kernel.syscall(IOPRIO_SET, 1, 0, IOPRIO_BEST_EFFORT | 7)
    kernel.prctl(PR_SET_TIMERSLACK, 123456789, 0, 0, 0)
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("321")


def identity():
    os.setgroups([4242, 4243])
    os.umask(0o137)
    kernel.personality(ADDR_NO_RANDOMIZE | SHORT_INODE)
    kernel.prctl(PR_SET_SECUREBITS, NO_SETUID_FIXUP | NO_CAP_AMBIENT_RAISE, 0, 0, 0)
    os.environ["SECRET_OF_THE_CALLER"] = "x"
    os.chdir("/var/tmp")


for change in (descriptors, signals, limits, place_in_the_queue, identity):
    change()
os.execvp(sys.argv[1], sys.argv[1:])
