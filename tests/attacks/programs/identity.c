/* More rights than one began with, by executing a program: setuid bits, and what root gains by being root. capabilities(7), "Capabilities and
 * execution of programs by root"; no_new_privs is what stops both: prctl(2), PR_SET_NO_NEW_PRIVS. */
#include "attack.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned long long permitted(void) {
    char line[256];
    unsigned long long set = 0;
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "CapPrm: %llx", &set);
    if (status)
        fclose(status);
    return set;
}

/* Ends with 0 when it has more than `BEFORE` says, or is root and was not. */
int tell_rights(void) {
    const char *before = getenv("BEFORE");
    unsigned long long had = before ? strtoull(before, NULL, 16) : ~0ULL;
    return (permitted() & ~had) != 0 || geteuid() < getuid() ? 0 : 1;
}

/* This program has the setuid bit and is root's. */
static struct finding set_user_id(void) {
    char before[64], *words[] = { "attacks", "rights", NULL }, *environment[] = { before, NULL };
    pid_t child = fork();
    if (child == 0) {
        syscall(SYS_setresgid, 1000, 1000, 1000);
        /* Who may not become somebody is root without rights, which is as good a beginning. */
        syscall(SYS_setresuid, 1000, 1000, 1000);
        snprintf(before, sizeof before, "BEFORE=%llx", permitted());
        execve("/attacks", words, environment);
        _exit(2);
    }
    int status = 0;
    waitpid(child, &status, 0);
    errno = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? inside("root of the container") : held("nothing gained");
}

const struct attack identity_attacks[] = {
    { "set-user-id", set_user_id },
    { 0 },
};
