/* The floor that proxies are compared with: copies bytes both ways between each client and one
   upstream connection of its own, and looks at none.

   Edge-triggered epoll: one recv and one send a readiness, no epoll_ctl after the start of a
   connection. A recv that did not fill the buffer has emptied the socket; the next edge comes
   with the next bytes. What a socket does not take at once waits in memory, and its source is not
   read meanwhile. Nothing is held for an idle pair but two `struct side`.

   Usage: relay LISTEN-PORT UPSTREAM        UPSTREAM: a port of 127.0.0.1, or a socket's path
   Prints the port it listens on (0: the kernel chooses). */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BUFFER_BYTES = 128 * 1024, EVENTS = 256, BACKLOG = 4096 };

struct side {
    int fd;
    int ended;          /* it sends no more, and its peer has been told */
    struct side *peer;
    char *pending;      /* waits to be sent to it; NULL: nothing */
    size_t from, to;    /* of pending */
};

static char buffer[BUFFER_BYTES];
static int epoll;
static struct sockaddr_storage upstream;
static socklen_t upstream_length;
/* Pairs that have closed during this round of events: others of the round may still name them. */
static struct side *closed[EVENTS];
static int closed_count;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void close_pair(struct side *side) {
    if (side->fd < 0) return;
    struct side *peer = side->peer;
    close(side->fd);
    close(peer->fd);
    side->fd = peer->fd = -1;
    closed[closed_count++] = side < peer ? side : peer;
}

/* Sends what waits; false if the pair is broken. */
static int flush(struct side *to) {
    if (to->pending == NULL) return 1;
    ssize_t sent = send(to->fd, to->pending + to->from, to->to - to->from, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    to->from += (size_t)sent;
    if (to->from == to->to) {
        free(to->pending);
        to->pending = NULL;
    }
    return 1;
}

static int keep(struct side *to, const char *bytes, size_t count) {
    to->pending = malloc(count);
    if (to->pending == NULL) return 0;
    memcpy(to->pending, bytes, count);
    to->from = 0;
    to->to = count;
    return 1;
}

/* Moves bytes from a side to its peer until its socket is empty or the peer's is full; false if
   the pair is broken. `has_ended`: the end follows the last byte, so look for it. */
static int pump(struct side *from, int has_ended) {
    struct side *to = from->peer;
    while (to->pending == NULL && !from->ended) {
        ssize_t got = recv(from->fd, buffer, sizeof buffer, 0);
        if (got < 0) return errno == EAGAIN;
        if (got == 0) {
            from->ended = 1;
            shutdown(to->fd, SHUT_WR);
            return 1;
        }
        ssize_t sent = send(to->fd, buffer, (size_t)got, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return 0;
        if (sent < 0) sent = 0;
        if (sent < got) return keep(to, buffer + sent, (size_t)(got - sent));
        if (got < (ssize_t)sizeof buffer && !has_ended) break;
    }
    return 1;
}

static int is_over(const struct side *side) {
    const struct side *peer = side->peer;
    return side->ended && peer->ended && side->pending == NULL && peer->pending == NULL;
}

static void handle(struct side *side, unsigned events) {
    if (side->fd < 0) return;
    int has_ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0, is_whole = 1;
    if (events & EPOLLOUT && side->pending != NULL) {
        /* The source may have ended while it was not read. */
        is_whole = flush(side) && pump(side->peer, 1);
    }
    if (!is_whole || !pump(side, has_ended) || is_over(side)) close_pair(side);
}

static void watch(struct side *side) {
    int on = 1;
    setsockopt(side->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = side};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, side->fd, &event) < 0) die("epoll_ctl");
}

/* A client is first read when its connection upstream says that it can be written. */
static void connect_pair(int client) {
    int server = socket(upstream.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server < 0) die("socket");
    struct side *pair = calloc(2, sizeof *pair);
    if (pair == NULL) die("calloc");
    pair[0] = (struct side){.fd = client, .peer = &pair[1]};
    pair[1] = (struct side){.fd = server, .peer = &pair[0]};
    if (connect(server, (struct sockaddr *)&upstream, upstream_length) < 0 &&
        errno != EINPROGRESS) die("connect");
    watch(&pair[0]);
    watch(&pair[1]);
}

static void accept_all(int listener) {
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0 && errno == EAGAIN) return;
        if (client < 0 && errno != ECONNABORTED && errno != EINTR) die("accept4");
        if (client >= 0) connect_pair(client);
    }
}

static void parse_upstream(const char *text) {
    if (strchr(text, '/') == NULL) {
        struct sockaddr_in *in = (struct sockaddr_in *)&upstream;
        in->sin_family = AF_INET;
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        in->sin_port = htons((unsigned short)atoi(text));
        upstream_length = sizeof *in;
    } else {
        struct sockaddr_un *un = (struct sockaddr_un *)&upstream;
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof un->sun_path, "%s", text);
        upstream_length = sizeof *un;
    }
}

static int listen_on(const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((unsigned short)atoi(port))};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, length) < 0) die("bind");
    if (listen(listener, BACKLOG) < 0) die("listen");
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int count, char **words) {
    if (count != 3) {
        fprintf(stderr, "usage: relay LISTEN-PORT UPSTREAM\n");
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    parse_upstream(words[2]);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(words[1]);
    struct epoll_event accepting = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &accepting) < 0) die("epoll");
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR) die("epoll_wait");
        for (int index = 0; index < ready; index++) {
            if (events[index].data.ptr == NULL) accept_all(listener);
            else handle(events[index].data.ptr, events[index].events);
        }
        while (closed_count > 0) {
            struct side *pair = closed[--closed_count];
            free(pair[0].pending);
            free(pair[1].pending);
            free(pair);
        }
    }
}
