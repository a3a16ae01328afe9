/* shim.c - stands before the C library: another time of day, and peers that cannot reach each other. Built by shim.rs.
 *
 * What it does is said in the file that TWINHAUL_SHIM names, which is mapped: seconds to add to the clock, then whether the link is
 * cut. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct said {
  int64_t clock_s;
  int64_t cut;
};

static const volatile struct said *said;
static int is_peer;

/* "twinhaul peer DIRECTORY --name alpha": whatever it connects to is the other peer. */
static int am_peer(void) {
  char line[512];
  int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
  if (fd >= 0) close(fd);
  if (n <= 0) return 0;
  line[n] = 0;
  const char *second = line + strlen(line) + 1;
  return second < line + n && !strcmp(second, "peer");
}

__attribute__((constructor)) static void at_load(void) {
  const char *path = getenv("TWINHAUL_SHIM");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *at = mmap(NULL, sizeof *said, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  is_peer = am_peer();
  if (at != MAP_FAILED) said = at;
}

int clock_gettime(clockid_t id, struct timespec *now) {
  int failed = (int)syscall(SYS_clock_gettime, id, now);
  if (!failed && said && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += said->clock_s;
  return failed;
}

int connect(int fd, const struct sockaddr *to, socklen_t length) {
  if (said && said->cut && is_peer && to->sa_family == AF_UNIX) {
    errno = ECONNREFUSED;
    return -1;
  }
  return (int)syscall(SYS_connect, fd, to, length);
}
