/* Mounts, by which what is read-only, masked or missing comes back. An escape is a file of the kernel that opens for writing, or one that was
 * masked and tells something; a file system that is only the container's own is inside. */
#include "attack.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PARAMETER "sys/kernel/core_pattern"

static struct finding parameter_below(int directory, const char *path) {
    int file = openat(directory, path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return held("open");
    close(file);
    return escaped("a parameter opens for writing");
}

static const char *place(void) { return mkdir("/tmp/mounted", 0700) == 0 || errno == EEXIST ? "/tmp/mounted" : "/tmp"; }

/* Any mount at all: mount(2). */
static struct finding memory(void) {
    if (mount("none", place(), "tmpfs", 0, NULL) != 0)
        return held("");
    umount2(place(), MNT_DETACH);
    return inside("a file system in memory");
}

/* A further /proc has no masks. */
static struct finding proc_again(void) {
    if (mount("proc", place(), "proc", 0, NULL) != 0)
        return held("mount");
    char path[128];
    snprintf(path, sizeof path, "%s/" PARAMETER, place());
    struct finding found = parameter_below(AT_FDCWD, path);
    umount2(place(), MNT_DETACH);
    return found;
}

/* The same by the newer calls, which know no path: fsopen(2). */
static struct finding proc_by_descriptor(void) {
    int context = syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
    if (context < 0)
        return held("fsopen");
    if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
        return held("fsconfig");
    int mounted = syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
    if (mounted < 0)
        return held("fsmount");
    return parameter_below(mounted, PARAMETER);
}

/* What is read-only is made writable: mount(2), "Remounting an existing mount". */
static struct finding remount(void) {
    if (mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL) != 0)
        return held("mount");
    struct finding found = parameter_below(AT_FDCWD, "/proc/" PARAMETER);
    mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
    return found;
}

/* The same by the newer call: mount_setattr(2). */
static struct finding set_attributes(void) {
    struct mount_attr change = { .attr_clr = MOUNT_ATTR_RDONLY };
    if (syscall(SYS_mount_setattr, AT_FDCWD, "/proc/sys", 0, &change, sizeof change) != 0)
        return held("mount_setattr");
    struct finding found = parameter_below(AT_FDCWD, "/proc/" PARAMETER);
    change = (struct mount_attr){ .attr_set = MOUNT_ATTR_RDONLY };
    syscall(SYS_mount_setattr, AT_FDCWD, "/proc/sys", 0, &change, sizeof change);
    return found;
}

/* A copy of a mount that is ours to change: open_tree(2), move_mount(2). */
static struct finding copied_tree(void) {
    struct mount_attr change = { .attr_clr = MOUNT_ATTR_RDONLY };
    int tree = syscall(SYS_open_tree, AT_FDCWD, "/proc/sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0)
        return held("open_tree");
    if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &change, sizeof change) != 0)
        return held("mount_setattr");
    return parameter_below(tree, "kernel/core_pattern");
}

/* A mask is a mount: without it, what it hides is there. */
static struct finding unmask(void) {
    static const char *const MASKED[] = { "/proc/timer_list", "/proc/interrupts", "/proc/keys", "/proc/kcore", "/proc/sched_debug" };
    struct finding found = absent("nothing is masked");
    char byte;
    for (size_t index = 0; index < sizeof MASKED / sizeof *MASKED; index++) {
        if (access(MASKED[index], F_OK) != 0)
            continue;
        if (umount2(MASKED[index], MNT_DETACH) != 0) {
            found = held("umount");
            continue;
        }
        int file = open(MASKED[index], O_RDONLY | O_CLOEXEC);
        if (file >= 0 && read(file, &byte, 1) == 1)
            return escaped(MASKED[index]);
    }
    return found;
}

/* What is below the container's root: where it was made, or the host's. */
static struct finding unmount_root(void) {
    /* The other attacks still want it. */
    int is_alone = unshare(CLONE_NEWNS) == 0;
    if (umount2("/", MNT_DETACH) != 0)
        return held("umount");
    struct finding found = secret_below(AT_FDCWD, of_host("HOST_SECRET"));
    return found.verdict == ESCAPED ? found : inside(is_alone ? "nothing is below" : "nothing is below, and all is gone");
}

/* One's own root: pivot_root(2). */
static struct finding other_root(void) {
    if (syscall(SYS_pivot_root, ".", ".") != 0)
        return errno == EINVAL || errno == EBUSY ? inside("the kernel looked at the rest") : held("pivot_root");
    return inside("pivot_root");
}

/* File systems that the whole machine has one of: of the kernel's own makers. */
static struct finding whole_machine(void) {
    static const char *const KINDS[] = { "tracefs", "debugfs", "securityfs", "pstore", "efivarfs" };
    struct finding found = absent("no such file system");
    for (size_t index = 0; index < sizeof KINDS / sizeof *KINDS; index++) {
        if (mount("none", place(), KINDS[index], MS_RDONLY, NULL) == 0) {
            umount2(place(), MNT_DETACH);
            return escaped(KINDS[index]);
        }
        if (errno != ENODEV)
            found = held("mount");
    }
    return found;
}

/* CVE-2022-0492 again: a hierarchy that is mounted anew is writable. Only one that the machine has: another would take its controller away. */
static struct finding hierarchy_again(void) {
    struct finding found = absent("no hierarchy of version 1");
    char line[128], controller[64], path[128];
    unsigned hierarchy;
    FILE *table = fopen("/proc/cgroups", "re");
    while (table && fgets(line, sizeof line, table)) {
        if (sscanf(line, "%63s %u", controller, &hierarchy) != 2 || hierarchy == 0)
            continue;
        if (mount("cgroup", place(), "cgroup", 0, controller) != 0) {
            found = held("mount");
            continue;
        }
        snprintf(path, sizeof path, "%s/notify_on_release", place());
        int file = open(path, O_WRONLY | O_CLOEXEC);
        found = file >= 0 ? escaped(controller) : held("open");
        umount2(place(), MNT_DETACH);
        break;
    }
    return found;
}

const struct attack mount_attacks[] = {
    { "mount", memory },
    { "mount-proc", proc_again },
    { "mount-proc-by-descriptor", proc_by_descriptor },
    { "remount-writable", remount },
    { "mount-attributes", set_attributes },
    { "copied-tree", copied_tree },
    { "unmask", unmask },
    { "unmount-root", unmount_root },
    { "pivot-root", other_root },
    { "mount-of-the-kernel", whole_machine },
    { "mount-control-groups", hierarchy_again },
    { 0 },
};
