/* Sockets: of the host's processes, of its network, of its kernel; and terminals, which are a way to talk, too. An escape is the host's secret,
 * or the host's own network. */
#include "attack.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct finding secret_of_peer(int family, const void *address, socklen_t size) {
    int peer = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer < 0 || connect(peer, address, size) != 0)
        return held("connect");
    return secret_from(peer);
}

/* CVE-2020-15257: names without a path, which have no permissions: unix(7), "abstract". */
static struct finding abstract_socket(void) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *name = of_host("HOST_NAME");
    memcpy(address.sun_path + 1, name, strlen(name));
    return secret_of_peer(AF_UNIX, &address, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

/* Services that trust whoever is on the same machine. */
static struct finding loopback(void) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    address.sin_port = htons(atoi(of_host("HOST_PORT")));
    return secret_of_peer(AF_INET, &address, sizeof address);
}

/* Frames of any sender: packet(7). */
static struct finding raw_frames(void) {
    if (socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(3)) < 0)
        return held("");
    return is_in_first_namespace("net") ? escaped("the host's network") : inside("its own network");
}

/* An interface, set to what it is: netdevice(7). */
static struct finding interfaces(void) {
    struct ifreq about = { .ifr_name = "lo" };
    int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (any < 0 || ioctl(any, SIOCGIFFLAGS, &about) != 0 || ioctl(any, SIOCSIFFLAGS, &about) != 0)
        return held("");
    return is_in_first_namespace("net") ? escaped("the host's network") : inside("its own network");
}

/* The kernel's record of what users do: audit(8). Only asked how it is. */
static struct finding audit(void) {
    struct {
        struct nlmsghdr header;
        struct nlmsgerr answer;
        char rest[512];
    } message = { .header = { NLMSG_HDRLEN, AUDIT_GET, NLM_F_REQUEST, 1, 0 } };
    int kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
    if (kernel < 0)
        return errno == EPROTONOSUPPORT ? absent("no such family") : held("socket");
    struct timeval patience = { 2, 0 };
    setsockopt(kernel, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (send(kernel, &message, NLMSG_HDRLEN, 0) < 0 || recv(kernel, &message, sizeof message, 0) < 0)
        return held("");
    if (message.header.nlmsg_type == NLMSG_ERROR) {
        errno = -message.answer.error;
        return held("");
    }
    return escaped("it answers");
}

/* Whoever shares a terminal with a shell of the host types for it: ioctl_tty(2), TIOCSTI. One's own is inside: nobody else reads it. */
static struct finding type_words(void) {
    static const char *const PLACES[] = { "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/console" };
    struct finding found = absent("no terminal");
    for (size_t index = 0; index < sizeof PLACES / sizeof *PLACES; index++) {
        int terminal = open(PLACES[index], O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (terminal < 0 || !isatty(terminal))
            continue;
        if (ioctl(terminal, TIOCSTI, "#") == 0)
            return inside(ttyname(terminal));
        found = held("TIOCSTI");
    }
    return found;
}

/* The keyboard and the selection of the machine's console: TIOCLINUX, here asked for the shift keys alone. */
static struct finding console_keys(void) {
    static const char *const PLACES[] = { "/dev/console", "/dev/tty0", "/dev/tty1", "/dev/tty" };
    struct finding found = { HELD, ENOTTY, "no console" };
    for (size_t index = 0; index < sizeof PLACES / sizeof *PLACES; index++) {
        char request = 6; /* TIOCL_GETSHIFTSTATE */
        int terminal = open(PLACES[index], O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (terminal >= 0 && ioctl(terminal, TIOCLINUX, &request) == 0)
            return escaped(PLACES[index]);
    }
    return found;
}

const struct attack socket_attacks[] = {
    { "abstract-socket", abstract_socket },
    { "loopback", loopback },
    { "raw-frames", raw_frames },
    { "interfaces", interfaces },
    { "audit", audit },
    { "type-words", type_words },
    { "console-keys", console_keys },
    { 0 },
};
