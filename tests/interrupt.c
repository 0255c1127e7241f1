/* Preloaded by test_files.py: the system calls that write are counted, and one of them ends or fails.
 *
 * interrupt_at(n, how): the n-th from now on, 1 for the next, is not made. `how` is a signal, which the process gets in
 * its place, or a negative errno, with which it fails. interrupted() tells how many there were, up to that.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static long count, at;
static int how;

void interrupt_at(long n, int what) { count = 0; at = n; how = what; }
long interrupted(void) { return count; }

static int fails(void) {
    if (!at || __sync_add_and_fetch(&count, 1) != at) return 0;
    at = 0;
    if (how < 0) { errno = -how; return 1; }
    raise(how);
    return 0;
}

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))
#define WRAP(result, name, declared, given) \
    result name declared { return fails() ? -1 : REAL(name) given; }

WRAP(ssize_t, write, (int f, const void *b, size_t n), (f, b, n))
WRAP(ssize_t, writev, (int f, const struct iovec *v, int n), (f, v, n))
WRAP(ssize_t, pwrite64, (int f, const void *b, size_t n, off64_t o), (f, b, n, o))
WRAP(int, ftruncate64, (int f, off64_t n), (f, n))
WRAP(int, link, (const char *a, const char *b), (a, b))
WRAP(int, linkat, (int d, const char *a, int e, const char *b, int f), (d, a, e, b, f))
WRAP(int, rename, (const char *a, const char *b), (a, b))
WRAP(int, renameat, (int d, const char *a, int e, const char *b), (d, a, e, b))
WRAP(int, unlink, (const char *a), (a))
WRAP(int, mkdir, (const char *a, mode_t m), (a, m))
WRAP(int, symlink, (const char *a, const char *b), (a, b))
WRAP(int, fchmod, (int f, mode_t m), (f, m))
WRAP(int, chmod, (const char *a, mode_t m), (a, m))
WRAP(int, fchown, (int f, uid_t u, gid_t g), (f, u, g))

/* These fail by giving an error number, and leave errno as it is. */
int posix_fallocate64(int f, off64_t o, off64_t n) { return fails() ? errno : REAL(posix_fallocate64)(f, o, n); }

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if ((flags & (O_WRONLY | O_RDWR)) && fails()) return -1;
    return REAL(open64)(path, flags, mode);
}
