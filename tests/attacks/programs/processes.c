/* A process of the host. An escape is the secret from its memory or its descriptors, or that it has heard or changed. Where the container has a
 * process of the same number, that is not the one. */
#include "attack.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t victim_id(void) {
    char path[64], line[64] = "";
    snprintf(path, sizeof path, "/proc/%s/cmdline", of_host("HOST_PID"));
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && (read(file, line, sizeof line - 1) <= 0 || !strstr(line, "attacks"))) {
        close(file);
        return 0x3fffffff;
    }
    close(file);
    return atoi(of_host("HOST_PID"));
}

static void *victim_address(void) { return (void *)strtoul(of_host("HOST_ADDRESS"), NULL, 16); }

static struct finding secret_or_not(const char *text) {
    return strncmp(text, "secret-", 7) == 0 ? escaped(text) : held("it is something else");
}

/* process_vm_readv(2) */
static struct finding read_memory(void) {
    char text[64] = "";
    struct iovec here = { text, 60 }, there = { victim_address(), 60 };
    if (process_vm_readv(victim_id(), &here, 1, &there, 1, 0) < 0)
        return held("");
    return secret_or_not(text);
}

/* proc(5), /proc/pid/mem */
static struct finding read_memory_as_file(void) {
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/%d/mem", victim_id());
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    if (memory < 0 || pread(memory, text, 60, (off_t)(size_t)victim_address()) < 0)
        return held("");
    return secret_or_not(text);
}

/* ptrace(2): it goes on when this ends. */
static struct finding trace(void) {
    char text[64] = "";
    pid_t id = victim_id();
    if (ptrace(PTRACE_SEIZE, id, NULL, NULL) != 0 || ptrace(PTRACE_INTERRUPT, id, NULL, NULL) != 0)
        return held("");
    waitpid(id, NULL, __WALL);
    for (size_t at = 0; at + sizeof(long) < sizeof text; at += sizeof(long)) {
        long word = ptrace(PTRACE_PEEKDATA, id, (char *)victim_address() + at, NULL);
        memcpy(text + at, &word, sizeof word);
    }
    ptrace(PTRACE_DETACH, id, NULL, NULL);
    return secret_or_not(text);
}

/* pidfd_getfd(2): its open file becomes ours. */
static struct finding take_descriptor(void) {
    int process = syscall(SYS_pidfd_open, victim_id(), 0);
    if (process < 0)
        return held("pidfd_open");
    int file = syscall(SYS_pidfd_getfd, process, atoi(of_host("HOST_DESCRIPTOR")), 0);
    if (file < 0)
        return held("pidfd_getfd");
    lseek(file, 0, SEEK_SET);
    return secret_from(file);
}

/* kill(2); the test sees that it has arrived. */
static struct finding send_signal(void) { return kill(victim_id(), SIGUSR1) == 0 ? escaped("sent") : held(""); }

/* Its limits, as they are: prlimit(2). */
static struct finding change_limits(void) {
    struct rlimit limit;
    pid_t id = victim_id();
    if (prlimit(id, RLIMIT_NOFILE, NULL, &limit) != 0 || prlimit(id, RLIMIT_NOFILE, &limit, NULL) != 0)
        return held("");
    return escaped("set");
}

/* Its place in the queue: setpriority(2). */
static struct finding change_priority(void) {
    pid_t id = victim_id();
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, id);
    if (errno != 0 || setpriority(PRIO_PROCESS, id, nice) != 0)
        return held("");
    return escaped("set");
}

const struct attack process_attacks[] = {
    { "read-memory", read_memory },
    { "read-memory-as-file", read_memory_as_file },
    { "trace", trace },
    { "take-descriptor", take_descriptor },
    { "send-signal", send_signal },
    { "change-limits", change_limits },
    { "change-priority", change_priority },
    { 0 },
};
