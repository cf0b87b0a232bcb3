/* Namespaces of one's own, above all those of users, in which everybody has every capability and the kernel's oldest calls are open to him.
 * None is an escape by itself: one that can be made is inside, and an escape is a parameter or a masked file that it opens. */
#include "attack.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* With every capability of the new namespace: user_namespaces(7), "the mounts of a more privileged one are locked". */
static struct finding from_within(void) {
    if (mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL) == 0 && open("/proc/sys/kernel/core_pattern", O_WRONLY) >= 0)
        return escaped("a parameter opens for writing");
    if (umount2("/proc/timer_list", MNT_DETACH) == 0 || umount2("/proc/kcore", MNT_DETACH) == 0)
        return escaped("a mask is gone");
    if (mount("proc", "/tmp", "proc", 0, NULL) == 0 && open("/tmp/sys/kernel/core_pattern", O_WRONLY) >= 0)
        return escaped("a parameter of another /proc opens for writing");
    return inside("a user namespace");
}

static struct finding by_unshare(void) { return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 ? from_within() : held("unshare"); }

/* By the oldest call, whose flags a filter can read. */
static struct finding by_clone(void) {
    pid_t child = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0)
        _exit(from_within().verdict);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return held("clone");
    return WEXITSTATUS(status) == ESCAPED ? escaped("from within") : inside("a user namespace");
}

/* By the newest one, whose flags are in memory, where no filter sees them. */
static struct finding by_clone3(void) {
    struct clone_args wanted = { .flags = CLONE_NEWUSER | CLONE_NEWNS, .exit_signal = SIGCHLD };
    pid_t child = syscall(SYS_clone3, &wanted, sizeof wanted);
    if (child == 0)
        _exit(from_within().verdict);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return held("clone3");
    return WEXITSTATUS(status) == ESCAPED ? escaped("from within") : inside("a user namespace");
}

/* The same calls have other numbers for programs of 32 bits and of x32: a filter that knows one machine alone lets them pass. seccomp(2). */
static struct finding by_calls_of_i386(void) {
#ifdef __x86_64__
    long answer;
    /* 310 is unshare. Without that emulation the kernel answers with a signal. */
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(310L), "b"((long)(CLONE_NEWUSER | CLONE_NEWNS)) : "memory", "r8", "r9", "r10", "r11");
    errno = answer < 0 ? -answer : 0;
    return answer == 0 ? from_within() : held("unshare");
#else
    return absent("another machine");
#endif
}

static struct finding by_calls_of_x32(void) {
#ifdef __x86_64__
    return syscall(0x40000000L | SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS) == 0 ? from_within() : held("unshare");
#else
    return absent("another machine");
#endif
}

static struct finding network(void) { return unshare(CLONE_NEWNET) == 0 ? inside("a network namespace") : held("unshare"); }

static struct finding host_name(void) {
    char name[65];
    if (gethostname(name, sizeof name) != 0)
        return absent("no name");
    return sethostname(name, strlen(name)) == 0 ? inside("its own name") : held("");
}

const struct attack namespace_attacks[] = {
    { "user-namespace", by_unshare },
    { "user-namespace-by-clone", by_clone },
    { "user-namespace-by-clone3", by_clone3 },
    { "calls-of-i386", by_calls_of_i386 },
    { "calls-of-x32", by_calls_of_x32 },
    { "network-namespace", network },
    { "host-name", host_name },
    { 0 },
};
