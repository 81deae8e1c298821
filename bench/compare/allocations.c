/* Counts the heap's allocations of a program: LD_PRELOAD=allocations.so ALLOCATIONS_FILE=FILE.
   At each SIGUSR1 the count so far is written to FILE, as `COUNT\n`.

   Calls of malloc, calloc, realloc, posix_memalign, aligned_alloc and memalign count; free does
   not. The C library's own functions do the work, under the names that it keeps for wrappers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_ulong count;
static int file = -1;

static void *counted(void *pointer) {
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    return pointer;
}

void *malloc(size_t size) { return counted(__libc_malloc(size)); }
void *calloc(size_t number, size_t size) { return counted(__libc_calloc(number, size)); }
void *realloc(void *old, size_t size) { return counted(__libc_realloc(old, size)); }
void *memalign(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }
void *aligned_alloc(size_t alignment, size_t size) {
    return counted(__libc_memalign(alignment, size));
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
    void *memory = counted(__libc_memalign(alignment, size));
    if (memory == NULL) return ENOMEM;
    *pointer = memory;
    return 0;
}

/* Nothing in here allocates: it may interrupt malloc itself. */
static void tell(int signal) {
    int saved = errno;
    char text[24], *start = text + sizeof text;
    unsigned long rest = atomic_load_explicit(&count, memory_order_relaxed);
    (void)signal;
    *--start = '\n';
    do *--start = (char)('0' + rest % 10);
    while (rest /= 10);
    if (write(file, start, (size_t)(text + sizeof text - start)) < 0) { /* nobody to tell */ }
    errno = saved;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("ALLOCATIONS_FILE");
    if (path == NULL) return;
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    struct sigaction action = {.sa_handler = tell, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
}
