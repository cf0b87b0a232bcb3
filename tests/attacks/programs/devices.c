/* Devices of the host. An escape is one that opens: nothing is written to any, and of a disk the first bytes are read. */
#include "attack.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Makes a node wherever that is possible, and opens it. */
static struct finding open_node(mode_t kind, unsigned major, unsigned minor, int flags) {
    static const char *const PLACES[] = { "/tmp/node", "/dev/shm/node", "/node", "/dev/node" };
    struct finding found = { HELD, 0, "" };
    for (size_t index = 0; index < sizeof PLACES / sizeof *PLACES; index++) {
        unlink(PLACES[index]);
        if (mknod(PLACES[index], kind | 0600, makedev(major, minor)) != 0) {
            if (index == 0 || errno != EROFS)
                found = held("mknod");
            continue;
        }
        int device = open(PLACES[index], flags | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        int error = errno;
        unlink(PLACES[index]);
        errno = error;
        if (device < 0) {
            found = errno == ENXIO || errno == ENODEV ? absent("no such device") : held("open");
            continue;
        }
        char bytes[512];
        ssize_t length = S_ISBLK(kind) ? read(device, bytes, sizeof bytes) : 0;
        close(device);
        return length < 0 ? held("read") : escaped("it opens");
    }
    return found;
}

/* The disk that the host's files are on, by a node of our own: mknod(2), cgroups(7) "devices". */
static struct finding disk(void) {
    unsigned major, minor;
    const char *numbers = of_host("HOST_DISK");
    if (!numbers || sscanf(numbers, "%u:%u", &major, &minor) != 2)
        return absent("no disk");
    return open_node(S_IFBLK, major, minor, O_RDONLY);
}

/* All memory, and all ports: mem(4). */
static struct finding memory(void) { return open_node(S_IFCHR, 1, 1, O_RDONLY); }
static struct finding ports(void) { return open_node(S_IFCHR, 1, 4, O_RDONLY); }

/* The kernel's log, where a reader sees the host's secrets and a writer forges lines: kmsg, Documentation/ABI/testing/dev-kmsg. */
static struct finding kernel_log(void) { return open_node(S_IFCHR, 1, 11, O_RDWR); }

/* The machine's console. */
static struct finding console(void) { return open_node(S_IFCHR, 5, 1, O_WRONLY); }

/* Makes further loop devices, by which a file becomes a disk: loop(4). */
static struct finding loop_control(void) { return open_node(S_IFCHR, 10, 237, O_RDWR); }

/* Nodes that are there already. Those of every container: config-linux.md, "Default Devices", and its terminals. */
static struct finding nodes_that_are_there(void) {
    static const char *const OWN[] = { "null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "pts", "shm", "mqueue", "fd",
                                       "stdin", "stdout", "stderr", "core" };
    DIR *directory = opendir("/dev");
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        struct stat about;
        int is_own = entry->d_name[0] == '.';
        for (size_t index = 0; index < sizeof OWN / sizeof *OWN; index++)
            is_own |= strcmp(entry->d_name, OWN[index]) == 0;
        if (is_own || fstatat(dirfd(directory), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISBLK(about.st_mode) || S_ISCHR(about.st_mode))
            return escaped(entry->d_name);
    }
    errno = 0;
    return held("none but its own");
}

const struct attack device_attacks[] = {
    { "disk", disk },
    { "memory-device", memory },
    { "port-device", ports },
    { "kernel-log-device", kernel_log },
    { "console-device", console },
    { "loop-control", loop_control },
    { "nodes-that-are-there", nodes_that_are_there },
    { 0 },
};
