/* What a program's start costs by itself: posix_spawn and wait, or posix_spawn until the first
   answer of a server that inherits its listening socket. One at a time.

   Usage: spawn [--user UID] [--answer] COUNT PROGRAM ARGS…
   --answer: PROGRAM gets a listening Unix socket as descriptor 3; the time ends when it has
   answered `GET /healthz` with 200, and it is killed.
   Prints one JSON object, shaped like those of xgen-bench. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
enum { LISTENER = 3 };

static struct sockaddr_un address = {.sun_family = AF_UNIX};

static void die(const char *what) {
    fprintf(stderr, "spawn: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static pid_t start(char **words, int listener) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (listener >= 0) posix_spawn_file_actions_adddup2(&actions, listener, LISTENER);
    pid_t pid;
    int error = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        errno = error;
        die(words[0]);
    }
    return pid;
}

static void run_once(char **words) {
    int status;
    pid_t pid = start(words, -1);
    if (waitpid(pid, &status, 0) < 0) die("waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "spawn: %s did not exit with 0\n", words[0]);
        exit(1);
    }
}

static int listen_anew(void) {
    unlink(address.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(listener, 16) < 0) die("listen");
    return listener;
}

static void ask(void) {
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: sidecar\r\n\r\n";
    char answer[512];
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(client, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
    if (write(client, request, sizeof request - 1) < 0) die("write");
    ssize_t got = read(client, answer, sizeof answer - 1);
    if (got < 12 || memcmp(answer + 9, "200", 3) != 0) {
        fprintf(stderr, "spawn: the program did not answer with 200\n");
        exit(1);
    }
    close(client);
}

/* Returns when it was there; its end is not measured. */
static double answer_once(char **words) {
    int listener = listen_anew();
    pid_t pid = start(words, listener);
    close(listener);
    ask();
    double end = now_us();
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return end;
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static double percentile(const double *sorted, int count, double percent) {
    int index = (int)((double)count * percent / 100);
    return sorted[index < count ? index : count - 1];
}

static void report(double *times, int count, double seconds) {
    qsort(times, (size_t)count, sizeof *times, compare);
    printf("{\"scenario\":\"spawn\",\"seconds\":%.3f,\"latencies\":{\"spawn\":{\"count\":%d,"
           "\"per_second\":%.3f,\"p50_us\":%.3f,\"p90_us\":%.3f,\"p99_us\":%.3f,"
           "\"p99.9_us\":%.3f,\"max_us\":%.3f}},\"figures\":{},\"errors\":{\"count\":0}}\n",
           seconds, count, count / seconds, percentile(times, count, 50),
           percentile(times, count, 90), percentile(times, count, 99),
           percentile(times, count, 99.9), times[count - 1]);
}

int main(int argument_count, char **arguments) {
    char **words = arguments + 1;
    int answers = 0;
    (void)argument_count;
    if (*words && strcmp(*words, "--user") == 0 && words[1]) {
        uid_t user = (uid_t)atoi(words[1]);
        if (setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0 ||
            setresuid(user, user, user) < 0) die("--user");
        words += 2;
    }
    if (*words && strcmp(*words, "--answer") == 0) {
        answers = 1;
        words++;
    }
    int count = *words ? atoi(*words) : 0;
    if (count <= 0 || words[1] == NULL) {
        fprintf(stderr, "usage: spawn [--user UID] [--answer] COUNT PROGRAM ARGS…\n");
        return 2;
    }
    words++;
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/xgen-spawn-%d.sock", getpid());
    double *times = calloc((size_t)count, sizeof *times), began = now_us();
    for (int index = 0; index < count; index++) {
        double start_us = now_us(), end_us;
        if (answers) {
            end_us = answer_once(words);
        } else {
            run_once(words);
            end_us = now_us();
        }
        times[index] = end_us - start_us;
    }
    report(times, count, (now_us() - began) / 1e6);
    unlink(address.sun_path);
    free(times);
    return 0;
}
