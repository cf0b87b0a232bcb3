/* All of something that the machine has not without end. Each stops at a bound of its own that harms nobody; held is who was stopped before.
 * Tried in containers with limits, and by name alone. */
#include "attack.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Processes, up to 300: cgroups(7), "pids". */
static struct finding processes(void) {
    pid_t made[300];
    int count = 0, error = 0;
    while (count < 300) {
        made[count] = fork();
        if (made[count] == 0) {
            pause();
            _exit(0);
        }
        if (made[count] < 0) {
            error = errno;
            break;
        }
        count++;
    }
    for (int index = 0; index < count; index++) {
        kill(made[index], SIGKILL);
        waitpid(made[index], NULL, 0);
    }
    errno = error;
    return error ? held("fork") : escaped("300 processes");
}

/* Memory, up to 256 MiB: cgroups(7), "memory". Who is stopped is killed. */
static struct finding memory(void) {
    size_t size = 256 << 20;
    char *all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return held("mmap");
    for (size_t at = 0; at < size; at += 4096)
        all[at] = 1;
    return escaped("256 MiB");
}

/* Files in memory, up to 96 MiB: tmpfs(5), "size". */
static struct finding files_in_memory(void) {
    static char block[1 << 20];
    int file = open("/dev/shm/hungry", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), count = 0;
    if (file < 0)
        return held("open");
    memset(block, 1, sizeof block);
    errno = 0;
    while (count < 96 && write(file, block, sizeof block) == (ssize_t)sizeof block)
        count++;
    int error = errno;
    unlink("/dev/shm/hungry");
    errno = error;
    return count < 96 ? held("write") : escaped("96 MiB");
}

/* Inodes, up to 2,000, where `/scratch` is a tmpfs: tmpfs(5), "nr_inodes". */
static struct finding inodes(void) {
    char path[64];
    int count = 0, error = 0;
    for (; count < 2000; count++) {
        snprintf(path, sizeof path, "/scratch/%d", count);
        int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0) {
            error = errno;
            break;
        }
        close(file);
    }
    for (int index = 0; index < count; index++) {
        snprintf(path, sizeof path, "/scratch/%d", index);
        unlink(path);
    }
    errno = error;
    return error ? held("open") : escaped("2,000 files");
}

/* Open files, up to 300: getrlimit(2), RLIMIT_NOFILE. */
static struct finding open_files(void) {
    for (int count = 0; count < 300; count++)
        if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
            return held("open");
    return escaped("300 open files");
}

const struct attack hungry_attacks[] = {
    { "processes", processes },
    { "memory", memory },
    { "files-in-memory", files_in_memory },
    { "inodes", inodes },
    { "open-files", open_files },
    { 0 },
};
