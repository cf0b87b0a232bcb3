/* Attacks on the walls of a container, each a function that tries from inside.
 *
 *   attacks run [NAME...]   tries them and prints a line for each: NAME, verdict, errno or "-", words; separated by tabs
 *   attacks victim DIR      the host's side: a process, and other things of the host, whose secret the attacks are after
 *
 *   attacks session PROGRAM WORD...   starts a program as somebody whose session keyring has the secret
 *
 * Whatever falls, no machine is harmed: files of the kernel are opened for writing and given what they had, calls have an argument that the
 * kernel refuses after it has looked at rights, and what is read is a secret that was made for this. */
#include "attack.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const VERDICTS[] = { "held", "inside", "escaped", "absent" };

static struct finding finding(enum verdict verdict, int error, const char *detail) {
    struct finding found = { verdict, error, "" };
    snprintf(found.detail, sizeof found.detail, "%s", detail);
    return found;
}

struct finding held(const char *detail) { return finding(HELD, errno, detail); }
struct finding inside(const char *detail) { return finding(INSIDE, 0, detail); }
struct finding escaped(const char *detail) { return finding(ESCAPED, 0, detail); }
struct finding absent(const char *detail) { return finding(ABSENT, errno, detail); }

struct finding past_unless(int wall) {
    if (errno == wall || errno == ENOSYS)
        return held("");
    return finding(ESCAPED, errno, "the kernel looked at the rest");
}

const char *of_host(const char *name) { return getenv(name); }

struct finding secret_from(int descriptor) {
    char text[64] = "";
    if (descriptor < 0)
        return held("");
    ssize_t length = read(descriptor, text, sizeof text - 1);
    int error = errno;
    close(descriptor);
    errno = error;
    if (length < 0)
        return held("read");
    if (strncmp(text, "secret-", 7) == 0)
        return escaped(text);
    errno = 0;
    return held("it is something else");
}

struct finding secret_below(int directory, const char *path) {
    while (*path == '/')
        path++;
    return secret_from(openat(directory, path, O_RDONLY | O_CLOEXEC));
}

int is_in_first_namespace(const char *kind) {
    /* PROC_PID_INIT_INO and its like, linux/proc_ns.h; the first network namespace has no number of that kind. */
    char path[64], link[64] = "";
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    ssize_t length = readlink(path, link, sizeof link - 1);
    if (length <= 0)
        return 0;
    if (strcmp(kind, "net") == 0)
        return of_host("HOST_NETWORK") && strcmp(link, of_host("HOST_NETWORK")) == 0;
    return strstr(link, strcmp(kind, "pid") == 0 ? "4026531836" : "4026531837") != NULL;
}

static int find_below(int directory, char *path, size_t size, const char *except, int depth) {
    DIR *entries = fdopendir(directory);
    if (!entries) {
        close(directory);
        return 0;
    }
    size_t length = strlen(path);
    int found = 0;
    struct dirent *entry;
    while (!found && (entry = readdir(entries))) {
        struct stat about;
        const char *name = entry->d_name;
        if (name[0] == '.' || (name[0] >= '0' && name[0] <= '9' && depth == 0) || (except && strcmp(name, except) == 0))
            continue;
        if (fstatat(dirfd(entries), name, &about, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        snprintf(path + length, size - length, "/%s", name);
        if (S_ISDIR(about.st_mode) && depth < 9) {
            int below = openat(dirfd(entries), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            found = below >= 0 && find_below(below, path, size, except, depth + 1);
        } else if (S_ISREG(about.st_mode) && (about.st_mode & 0222)) {
            int file = openat(dirfd(entries), name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
            found = file >= 0;
            if (found)
                close(file);
        }
        if (!found)
            path[length] = 0;
    }
    closedir(entries);
    return found;
}

int find_writable(const char *top, const char *except, char *path, size_t size) {
    int directory = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, size, "%s", top);
    return directory >= 0 && find_below(directory, path, size, except, 0);
}

/* In a process of its own: what an attack does to itself ends with it. */
static struct finding attempt(const struct attack *attack) {
    int ends[2];
    struct finding found = { HELD, 0, "" };
    if (pipe2(ends, O_CLOEXEC) != 0)
        return held("pipe");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(20);
        errno = 0;
        found = attack->attempt();
        _exit(write(ends[1], &found, sizeof found) == sizeof found ? 0 : 1);
    }
    close(ends[1]);
    int status = 0;
    ssize_t length = read(ends[0], &found, sizeof found);
    close(ends[0]);
    waitpid(child, &status, 0);
    if (length != sizeof found) {
        found = finding(HELD, 0, "");
        snprintf(found.detail, sizeof found.detail, "ended by signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
    return found;
}

static const struct attack *const FAMILIES[] = {
    file_attacks, device_attacks, kernel_file_attacks, mount_attacks, emulated_attacks, namespace_attacks, kernel_attacks,
    process_attacks, shared_attacks, socket_attacks, identity_attacks, hungry_attacks,
};

static int is_asked(const char *name, char **names) {
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return 1;
    return 0;
}

static void run(char **names) {
    for (size_t family = 0; family < sizeof FAMILIES / sizeof *FAMILIES; family++) {
        /* What eats memory or processes is for containers with limits: by name alone. */
        if (!*names && FAMILIES[family] == hungry_attacks)
            continue;
        for (const struct attack *attack = FAMILIES[family]; attack->name; attack++) {
            if (*names && !is_asked(attack->name, names))
                continue;
            struct finding found = attempt(attack);
            const char *error = found.error ? strerrorname_np(found.error) : NULL;
            printf("%s\t%s\t%s\t%s\n", attack->name, VERDICTS[found.verdict], error ? error : "-", found.detail);
        }
    }
    fflush(stdout);
}

int main(int count, char **words) {
    if (count >= 2 && strcmp(words[1], "run") == 0) {
        run(words + 2);
        return 0;
    }
    if (count == 3 && strcmp(words[1], "victim") == 0)
        return victim(words[2]);
    if (count >= 3 && strcmp(words[1], "session") == 0)
        return in_session(words + 2);
    if (count == 2 && strcmp(words[1], "rights") == 0)
        return tell_rights();
    fputs("usage: attacks run [NAME...] | victim DIR | session PROGRAM...\n", stderr);
    return 2;
}
