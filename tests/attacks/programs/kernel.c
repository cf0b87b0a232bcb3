/* Calls into the kernel that are the machine's: they act on all of it, or are where kernels had their faults. Each is made with an argument
 * that the kernel refuses after it has looked at rights, or in a way that changes nothing. */
#include "attack.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/klog.h>
#include <sys/personality.h>
#include <sys/quota.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#ifdef __x86_64__
#include <sys/io.h>
#endif
#include <unistd.h>

static struct finding past(long answer, int wall) { return answer >= 0 ? escaped("done") : past_unless(wall); }

/* A module that is none: init_module(2), finit_module(2), delete_module(2). */
static struct finding load_module(void) { return past(syscall(SYS_init_module, "none", 4, ""), EPERM); }
static struct finding load_module_by_descriptor(void) {
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return past(syscall(SYS_finit_module, file, "", 0), EPERM);
}
static struct finding remove_module(void) { return past(syscall(SYS_delete_module, "corten_none", O_NONBLOCK), EPERM); }

/* Another kernel, with more parts than the kernel takes: kexec_load(2). */
static struct finding load_kernel(void) { return past(syscall(SYS_kexec_load, 0UL, 1000UL, NULL, 0UL), EPERM); }
static struct finding load_kernel_by_descriptor(void) {
    return past(syscall(SYS_kexec_file_load, -1, -1, 0UL, NULL, ~0UL), EPERM);
}

/* With words that are not the call's: reboot(2) looks at rights first. In a pid namespace it ends that alone. */
static struct finding reboot_machine(void) {
    long answer = syscall(SYS_reboot, 0, 0, 0, NULL);
    if (answer < 0 && errno != EPERM && !is_in_first_namespace("pid"))
        return inside("of its own pid namespace");
    return past(answer, EPERM);
}

static struct finding swap(void) { return past(swapon("/none", 0), EPERM); }
static struct finding accounting(void) { return past(acct("/none"), EPERM); }
static struct finding quotas(void) { return past(quotactl(QCMD(Q_SYNC, 0), "/none", 0, NULL), EPERM); }

/* The machine's clocks, set to what they are: settimeofday(2), adjtimex(2). */
static struct finding time_zone(void) {
    struct timezone zone;
    syscall(SYS_gettimeofday, NULL, &zone);
    return past(syscall(SYS_settimeofday, NULL, &zone), EPERM);
}
static struct finding clock_rate(void) {
    struct timex about = { 0 };
    if (adjtimex(&about) < 0)
        return held("even to read it");
    about.modes = ADJ_MAXERROR;
    return past(adjtimex(&about), EPERM);
}

/* The kernel's log: syslog(2), SYSLOG_ACTION_READ_ALL. */
static struct finding kernel_log(void) {
    char text[256];
    return past(klogctl(3, text, sizeof text), EPERM);
}

/* Programs that the kernel runs: bpf(2). */
static struct finding bpf_map(void) {
    union bpf_attr wanted;
    memset(&wanted, 0, sizeof wanted);
    wanted.map_type = BPF_MAP_TYPE_ARRAY;
    wanted.key_size = wanted.value_size = 4;
    wanted.max_entries = 1;
    return past(syscall(SYS_bpf, BPF_MAP_CREATE, &wanted, sizeof wanted), EPERM);
}

/* Everything that happens on a processor, whoever does it: perf_event_open(2). */
static struct finding perf(int everybody) {
    struct perf_event_attr wanted;
    memset(&wanted, 0, sizeof wanted);
    wanted.type = PERF_TYPE_SOFTWARE;
    wanted.size = sizeof wanted;
    wanted.config = PERF_COUNT_SW_CONTEXT_SWITCHES;
    wanted.exclude_kernel = !everybody;
    long answer = syscall(SYS_perf_event_open, &wanted, everybody ? -1 : 0, everybody ? 0 : -1, -1, 0UL);
    /* kernel.perf_event_paranoid is 3 with Debian's kernel: there nobody without rights has it. */
    if (answer < 0 && errno == EACCES)
        return everybody ? held("the kernel's own setting") : absent("the kernel's own setting");
    if (answer >= 0 && !everybody)
        return inside("of its own process");
    return past(answer, EPERM);
}
static struct finding perf_of_all(void) { return perf(1); }
static struct finding perf_of_oneself(void) { return perf(0); }

/* Page faults that a program answers, which makes races in the kernel easy to win: userfaultfd(2). */
static struct finding fault_handler(void) {
    long answer = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    return answer >= 0 ? inside("of its own memory") : past_unless(EPERM);
}

/* A second way to make calls, which no filter sees: io_uring_setup(2). */
static struct finding call_ring(void) {
    struct io_uring_params wanted;
    memset(&wanted, 0, sizeof wanted);
    char setting = '0';
    int file = open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);
    if (file >= 0 && read(file, &setting, 1) == 1 && setting == '2') {
        errno = 0;
        return absent("io_uring_disabled");
    }
    long answer = syscall(SYS_io_uring_setup, 1, &wanted);
    return answer >= 0 ? inside("a ring") : past_unless(EPERM);
}

/* The ports of the machine: ioperm(2), iopl(2). */
static struct finding some_ports(void) {
#ifdef __x86_64__
    return past(ioperm(0x80, 1, 1), EPERM);
#else
    return absent("another machine");
#endif
}
static struct finding all_ports(void) {
#ifdef __x86_64__
    return past(iopl(3), EPERM);
#else
    return absent("another machine");
#endif
}

/* Memory that is where it always was, and may all be executed: personality(2). */
static struct finding old_personality(void) {
    return personality(ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC) < 0 ? past_unless(EPERM) : inside("of its own process");
}

/* What anybody does with any file of a file system, the host's among them: fanotify_mark(2), FAN_MARK_FILESYSTEM. */
static struct finding watch_files(void) {
    int watch = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC);
    if (watch < 0)
        return held("fanotify_init");
    if (fanotify_mark(watch, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, "/etc/hosts") != 0)
        return held("fanotify_mark");
    return escaped("the host's file system");
}

/* Before everybody else on the machine: sched_setscheduler(2), or where groups have no share of that, setpriority(2). */
static struct finding precedence(void) {
    struct sched_param wanted = { .sched_priority = 1 };
    if (sched_setscheduler(0, SCHED_FIFO, &wanted) == 0)
        return escaped("in real time");
    return setpriority(PRIO_PROCESS, 0, -5) == 0 ? escaped("before most others") : held("");
}

/* Devices of the network of virtual machines, and the kernel's ciphers: socket(2), vsock(7), AF_ALG. */
static struct finding socket_of(int family, int kind) {
    int made = socket(family, kind | SOCK_CLOEXEC, 0);
    if (made >= 0)
        return inside("a socket");
    return errno == EAFNOSUPPORT ? absent("no such family") : past_unless(EPERM);
}
static struct finding vsock(void) { return socket_of(40, 1); }
static struct finding ciphers(void) { return socket_of(38, 5); }

const struct attack kernel_attacks[] = {
    { "load-module", load_module },
    { "load-module-by-descriptor", load_module_by_descriptor },
    { "remove-module", remove_module },
    { "load-kernel", load_kernel },
    { "load-kernel-by-descriptor", load_kernel_by_descriptor },
    { "reboot", reboot_machine },
    { "swap", swap },
    { "accounting", accounting },
    { "quotas", quotas },
    { "time-zone", time_zone },
    { "clock-rate", clock_rate },
    { "kernel-log", kernel_log },
    { "bpf", bpf_map },
    { "perf-of-all", perf_of_all },
    { "perf-of-oneself", perf_of_oneself },
    { "fault-handler", fault_handler },
    { "call-ring", call_ring },
    { "some-ports", some_ports },
    { "all-ports", all_ports },
    { "old-personality", old_personality },
    { "watch-files", watch_files },
    { "precedence", precedence },
    { "vsock", vsock },
    { "ciphers", ciphers },
    { 0 },
};
