/* The host's side: a process with a secret in its memory, and the same secret in whatever a host may have that a container must not reach:
 * a file, shared memory, a socket in the abstract namespace, a port of the loopback interface, a key. It tells where by `DIR/host.env`, then
 * says "ready", and goes with everything once its standard input ends. That it was signalled it tells by `DIR/signalled`. */
#include "attack.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

static char secret[64];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int file_with_secret(const char *path) {
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 || write(file, secret, strlen(secret)) < 0 || lseek(file, 0, SEEK_SET) != 0)
        fail(path);
    return file;
}

/* name_to_handle_at(2): whoever knows a handle needs no path. */
static void tell_handle(FILE *told, const char *path) {
    union {
        struct file_handle handle;
        char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } found;
    int mount;
    found.handle.handle_bytes = MAX_HANDLE_SZ;
    if (name_to_handle_at(AT_FDCWD, path, &found.handle, &mount, 0) != 0)
        return;
    fprintf(told, "HOST_HANDLE=%d:", found.handle.handle_type);
    for (unsigned index = 0; index < found.handle.handle_bytes; index++)
        fprintf(told, "%02x", found.handle.f_handle[index]);
    fputs("\n", told);
}

/* Whether the host itself may read a disk: where it may not, nobody shows anything by that. */
static int opens(const char *directory, unsigned major, unsigned minor) {
    char path[512];
    snprintf(path, sizeof path, "%s/disk", directory);
    int device = mknod(path, S_IFBLK | 0600, makedev(major, minor)) == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    unlink(path);
    if (device >= 0)
        close(device);
    return device >= 0;
}

/* The disk that the files are on, another one, or at least a loop device. */
static void tell_disk(FILE *told, const char *directory) {
    struct stat about;
    char line[128];
    unsigned major = 7, minor = 0;
    FILE *table = NULL;
    if (stat(directory, &about) == 0 && opens(directory, major(about.st_dev), minor(about.st_dev))) {
        major = major(about.st_dev);
        minor = minor(about.st_dev);
    } else {
        table = fopen("/proc/partitions", "re");
    }
    while (table && fgets(line, sizeof line, table)) {
        unsigned first, second;
        if (sscanf(line, "%u %u", &first, &second) == 2 && opens(directory, first, second)) {
            major = first;
            minor = second;
            break;
        }
    }
    if (table)
        fclose(table);
    fprintf(told, "HOST_DISK=%u:%u\n", major, minor);
}

static int listen_abstract(const char *name) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path + 1, name, strlen(name));
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
    if (socket_ < 0 || bind(socket_, (struct sockaddr *)&address, size) != 0 || listen(socket_, 8) != 0)
        fail("listen at an abstract name");
    return socket_;
}

static int listen_loopback(unsigned *port) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0 || bind(socket_, (struct sockaddr *)&address, size) != 0 || listen(socket_, 8) != 0)
        fail("listen at 127.0.0.1");
    if (getsockname(socket_, (struct sockaddr *)&address, &size) != 0)
        fail("getsockname");
    *port = ntohs(address.sin_port);
    return socket_;
}

static void answer(int listener) {
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (peer < 0)
        return;
    if (write(peer, secret, strlen(secret)) < 0)
        perror("answer");
    close(peer);
}

int victim(const char *directory) {
    unsigned char noise[12];
    char name[40] = "corten-victim-", path[512], shm_path[64], network[64] = "";
    FILE *random = fopen("/dev/urandom", "re");
    if (!random || fread(noise, sizeof noise, 1, random) != 1)
        fail("/dev/urandom");
    fclose(random);
    strcpy(secret, "secret-of-the-host-");
    for (size_t index = 0; index < sizeof noise; index++) {
        snprintf(secret + strlen(secret), 3, "%02x", noise[index]);
        if (index < 6)
            snprintf(name + strlen(name), 3, "%02x", noise[index] ^ 0xa5);
    }
    snprintf(path, sizeof path, "%s/host.env", directory);
    FILE *told = fopen(path, "we");
    if (!told)
        fail(path);
    snprintf(path, sizeof path, "%s/secret", directory);
    int file = file_with_secret(path);
    fprintf(told, "HOST_SECRET=%s\nHOST_DESCRIPTOR=%d\n", path, file);
    tell_handle(told, path);
    tell_disk(told, directory);
    snprintf(shm_path, sizeof shm_path, "/dev/shm/%s", name);
    close(file_with_secret(shm_path));
    key_t shm_key = (noise[0] << 16 | noise[1] << 8 | noise[2]) + 1;
    int segment = shmget(shm_key, 4096, IPC_CREAT | IPC_EXCL | 0600);
    char *shared = segment < 0 ? (char *)-1 : shmat(segment, NULL, 0);
    if (shared == (char *)-1)
        fail("shared memory");
    strcpy(shared, secret);
    unsigned port;
    int listeners[] = { listen_abstract(name), listen_loopback(&port) };
    /* Of root itself, not of a session: the keyring that all of his processes have. */
    long key = syscall(SYS_add_key, "user", name, secret, strlen(secret), KEY_SPEC_USER_KEYRING);
    if (key > 0)
        syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, key, 600);
    if (readlink("/proc/self/ns/net", network, sizeof network - 1) < 0)
        fail("/proc/self/ns/net");
    fprintf(told, "HOST_PID=%d\nHOST_ADDRESS=%p\nHOST_NAME=%s\n", getpid(), (void *)secret, name);
    fprintf(told, "HOST_SHARED=%d\nHOST_PORT=%u\nHOST_NETWORK=%s\n", shm_key, port, network);
    if (fclose(told) != 0)
        fail("host.env");
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int signalled = signalfd(-1, &signals, SFD_CLOEXEC);
    puts("ready");
    fflush(stdout);
    struct pollfd events[] = { { 0, POLLIN, 0 }, { listeners[0], POLLIN, 0 }, { listeners[1], POLLIN, 0 }, { signalled, POLLIN, 0 } };
    while (poll(events, 4, -1) > 0 && !events[0].revents) {
        for (int index = 1; index < 3; index++)
            if (events[index].revents)
                answer(events[index].fd);
        struct signalfd_siginfo about;
        if (events[3].revents && read(signalled, &about, sizeof about) == sizeof about) {
            snprintf(path, sizeof path, "%s/signalled", directory);
            close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        }
    }
    if (key > 0)
        syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING);
    shmctl(segment, IPC_RMID, NULL);
    unlink(shm_path);
    return 0;
}

/* Somebody whose session has a key: executes a program in a new session keyring with the host's secret in it. session-keyring(7) */
int in_session(char **words) {
    const char *path = of_host("HOST_SECRET");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = file < 0 ? -1 : read(file, secret, sizeof secret - 1);
    if (length < 0 || syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
        fail("join a session keyring");
    if (syscall(SYS_add_key, "user", of_host("HOST_NAME"), secret, length, KEY_SPEC_SESSION_KEYRING) < 0)
        fail("add a key");
    close(file);
    execvp(words[0], words);
    fail(words[0]);
    return 1;
}
