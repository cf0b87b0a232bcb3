/* What processes share by names that no path has: memory of System V, files of /dev/shm, keys. An escape is the host's secret. */
#include "attack.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

/* shmget(2) */
static struct finding memory_of_system_v(void) {
    int segment = shmget(atoi(of_host("HOST_SHARED")), 4096, 0);
    if (segment < 0)
        return held("shmget");
    char *shared = shmat(segment, NULL, SHM_RDONLY);
    if (shared == (char *)-1)
        return held("shmat");
    return escaped(shared);
}

/* shm_overview(7) */
static struct finding memory_of_posix(void) {
    char path[128];
    snprintf(path, sizeof path, "/dev/shm/%s", of_host("HOST_NAME"));
    return secret_from(open(path, O_RDONLY | O_CLOEXEC));
}

static struct finding secret_of_key(long keyring) {
    char text[64] = "";
    long key = syscall(SYS_keyctl, KEYCTL_SEARCH, keyring, "user", of_host("HOST_NAME"), 0);
    if (key < 0)
        return held("search");
    if (syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof text - 1) < 0)
        return held("read");
    return escaped(text);
}

/* The keyring that all processes of a user have: user-keyring(7). Root of a container is root. Whoever has a link to it may read it. */
static struct finding keys_of_the_user(void) {
    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING);
    return secret_of_key(KEY_SPEC_USER_KEYRING);
}
/* The keyring of who has started the container: session-keyring(7). */
static struct finding keys_of_the_session(void) { return secret_of_key(KEY_SPEC_SESSION_KEYRING); }

/* A key more counts against the quota of its user, who on the host has it, too: keyrings(7). */
static struct finding further_key(void) {
    long key = syscall(SYS_add_key, "user", "attack", "x", 1, KEY_SPEC_THREAD_KEYRING);
    return key < 0 ? past_unless(EPERM) : inside("a key of its own");
}

const struct attack shared_attacks[] = {
    { "memory-of-system-v", memory_of_system_v },
    { "memory-of-posix", memory_of_posix },
    { "keys-of-the-user", keys_of_the_user },
    { "keys-of-the-session", keys_of_the_session },
    { "further-key", further_key },
    { 0 },
};
