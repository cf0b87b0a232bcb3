/* Files by which the kernel is told what to do: of proc(5), sysfs(5), cgroups(7). An escape is one that opens for writing, which alone has no
 * effect, or one that is hidden and tells something. */
#include "attack.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct finding opens(const char *path) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? absent("no such file") : held("");
    close(file);
    return escaped("it opens for writing");
}

/* The keys of a machine's own keyboard; "h" alone would print a help. */
static struct finding sysrq(void) { return opens("/proc/sysrq-trigger"); }

/* A program that the kernel runs on the host, as root, for each crash: core(5). It is given what it had. */
static struct finding core_pattern(void) {
    const char *path = "/proc/sys/kernel/core_pattern";
    char pattern[256];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, pattern, sizeof pattern);
    if (length <= 0)
        return absent("no such file");
    close(file);
    file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, pattern, length) != length)
        return held("");
    return escaped("written");
}

static struct finding writable(const char *top, const char *except) {
    char path[1024], told[128];
    if (!find_writable(top, except, path, sizeof path)) {
        errno = EROFS;
        return held("no file opens for writing");
    }
    snprintf(told, sizeof told, "%.120s", path);
    return escaped(told);
}

/* Any of the machine's parameters: sysctl(8). */
static struct finding parameters(void) { return writable("/proc/sys", NULL); }
/* Any other file of /proc that is of no process. `pressure` is for everybody: a writer asks to be told, Documentation/accounting/psi.rst. */
static struct finding other_files(void) { return writable("/proc", "pressure"); }
/* Any file of devices, drivers, modules and the kernel. Control groups have attacks of their own. */
static struct finding sys_files(void) { return writable("/sys", "cgroup"); }

static struct finding tells(const char *const *paths) {
    char byte[16];
    struct finding found = absent("no such file");
    for (; *paths; paths++) {
        struct stat about;
        if (stat(*paths, &about) != 0)
            continue;
        if (found.verdict == ABSENT)
            found = (struct finding){ HELD, 0, "empty" };
        if (S_ISDIR(about.st_mode)) {
            DIR *directory = opendir(*paths);
            struct dirent *entry;
            while (directory && (entry = readdir(directory)))
                if (entry->d_name[0] != '.')
                    return escaped(*paths);
            continue;
        }
        int file = open(*paths, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (file >= 0 && read(file, byte, sizeof byte) > 0)
            return escaped(*paths);
    }
    return found;
}

/* What the kernel tells about the whole machine: keys of everybody, all memory, timers, interrupts. runc's and Docker's list of masked paths. */
static struct finding memory_as_file(void) { return tells((const char *const[]){ "/proc/kcore", NULL }); }
static struct finding keys_as_file(void) { return tells((const char *const[]){ "/proc/keys", NULL }); }
static struct finding masked_files(void) {
    return tells((const char *const[]){ "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/latency_stats", "/proc/interrupts",
                                        "/proc/asound", "/proc/acpi", "/proc/scsi", NULL });
}
static struct finding firmware(void) {
    return tells((const char *const[]){ "/sys/firmware", "/sys/devices/virtual/powercap",
                                        "/sys/devices/system/cpu/cpu0/thermal_throttle", NULL });
}

/* CVE-2022-0492: a program that the kernel runs on the host when a group becomes empty: cgroups(7). */
static struct finding release_agent(void) {
    DIR *directory = opendir("/sys/fs/cgroup");
    struct dirent *entry;
    struct finding found = absent("no hierarchy of version 1");
    char path[320];
    while (directory && (entry = readdir(directory))) {
        snprintf(path, sizeof path, "/sys/fs/cgroup/%s/release_agent", entry->d_name);
        int file = open(path, O_WRONLY | O_CLOEXEC);
        if (file >= 0)
            return escaped(path);
        snprintf(path, sizeof path, "/sys/fs/cgroup/%s/notify_on_release", entry->d_name);
        if (access(path, F_OK) == 0) {
            file = open(path, O_WRONLY | O_CLOEXEC);
            if (file >= 0)
                return escaped(path);
            found = held("");
        }
    }
    return found;
}

/* CVE-2023-25809: a group of our own, or a wider limit. */
static struct finding control_groups(void) {
    DIR *directory = opendir("/sys/fs/cgroup");
    struct dirent *entry;
    char path[320];
    struct finding found = absent("no control groups");
    while (directory && (entry = readdir(directory))) {
        if (entry->d_type != DT_DIR || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "/sys/fs/cgroup/%s/attack", entry->d_name);
        if (mkdir(path, 0700) == 0) {
            char member[352];
            snprintf(member, sizeof member, "%s/cgroup.procs", path);
            /* What holds the hierarchies may be a file system in memory. */
            int is_group = access(member, F_OK) == 0;
            rmdir(path);
            if (is_group)
                return escaped("a group was made");
            continue;
        }
        found = held("mkdir");
    }
    return found;
}

const struct attack kernel_file_attacks[] = {
    { "sysrq-trigger", sysrq },
    { "core-pattern", core_pattern },
    { "kernel-parameters", parameters },
    { "files-of-proc", other_files },
    { "files-of-sys", sys_files },
    { "memory-as-file", memory_as_file },
    { "keys-as-file", keys_as_file },
    { "masked-files", masked_files },
    { "firmware", firmware },
    { "release-agent", release_agent },
    { "control-groups", control_groups },
    { 0 },
};
