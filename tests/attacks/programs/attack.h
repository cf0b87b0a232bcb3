/* What an attack is, and what all of them need. Start at main.c. */
#ifndef ATTACK_H
#define ATTACK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>

enum verdict {
    HELD,    /* The wall said no; `error` is how. */
    INSIDE,  /* It went well, and its effect ends at the container. */
    ESCAPED, /* It did what no container may. */
    ABSENT,  /* This kernel or this machine does not have what is attacked. */
};

struct finding {
    enum verdict verdict;
    int error; /* An errno, or 0. */
    char detail[160];
};

struct attack {
    const char *name;
    struct finding (*attempt)(void);
};

/* Each ends with an attack without a name. */
extern const struct attack file_attacks[], device_attacks[], kernel_file_attacks[], mount_attacks[], emulated_attacks[], namespace_attacks[],
    kernel_attacks[], process_attacks[], shared_attacks[], socket_attacks[], identity_attacks[], hungry_attacks[];

struct finding held(const char *detail);    /* With the errno that is set. */
struct finding inside(const char *detail);
struct finding escaped(const char *detail);
struct finding absent(const char *detail);
/* Held where errno is `wall`, escaped otherwise: the kernel has looked at the rest. ENOSYS is what some filters answer, and kernels without the
   call: only an attempt without walls tells them apart. */
struct finding past_unless(int wall);

/* What the host's victim told about itself (victim.c), or null. */
const char *of_host(const char *name);
/* Escaped if the descriptor gives the host's secret, which is part of the finding then. Closes it. */
struct finding secret_from(int descriptor);
/* The same for a path below a directory, any mount of it. */
struct finding secret_below(int directory, const char *path);
/* Whether this process is in the machine's first namespace of a kind ("pid", "net"). */
int is_in_first_namespace(const char *kind);

/* Looks for a file below `top` whose mode lets somebody write and that opens for writing, other than those of processes; opening has no
   effect. Gives whether there is one, and its path. */
int find_writable(const char *top, const char *except, char *path, size_t size);

/* The host's side. */
int victim(const char *directory);
int in_session(char **words);
/* What the program does under another identity, identity.c. */
int tell_rights(void);

#endif
