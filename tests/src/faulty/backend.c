/* backend.c - the disk backend, which goes wrong when it is told to. For tests only; built by faulty.rs.
 *
 * Loads the real library (-DREAL="PATH") and hands out its vtable with the writing calls replaced. Before each write the file
 * FAULT (-DFAULT="PATH") is looked at: "KIND WHO HOW", as in "crash alpha always". WHO is a peer's name or "any"; HOW is "always",
 * or "once": then whoever takes the file away first is the one. What went wrong is noted in the file FIRED, one process id a line. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* The header says that it is constant; here it is filled when the library is loaded. */
#define twh_module_info constant_twh_module_info
#include "twinhaul_backend.h"
#undef twh_module_info

enum { WORD = 32 };

static twh_vtable real, ours;

/* What the real one says of itself, under another name. */
TWH_EXPORT twh_module twh_module_info = { .magic = TWH_MAGIC, .struct_size = sizeof(twh_module) };

static void *library(void) {
  static void *handle;
  if (!handle) handle = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
  return handle;
}

__attribute__((constructor)) static void at_load(void) {
  void *at = library() ? dlsym(library(), TWH_SYM_INFO) : NULL;
  if (!at) return;
  memcpy(&twh_module_info, at, sizeof twh_module_info);
  twh_module_info.name = "faulty";
  twh_module_info.description = "the disk backend, which goes wrong when it is told to";
}

/* The arguments of the process that loaded this: "… peer DIRECTORY --name alpha". */
static int is_called(const char *name) {
  char line[4096];
  int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
  if (fd >= 0) close(fd);
  if (n <= 0) return 0;
  line[n] = 0;
  for (const char *word = line; word < line + n; word += strlen(word) + 1) {
    const char *next = word + strlen(word) + 1;
    if (!strcmp(word, "--name") && next < line + n) return !strcmp(next, name);
  }
  return 0;
}

static void note(void) {
  char line[WORD];
  int fd = open(FIRED, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  int n = snprintf(line, sizeof line, "%ld\n", (long)getpid());
  if (fd < 0) return;
  if (write(fd, line, (size_t)n) != n) abort();
  close(fd);
}

/* What is to go wrong now; empty: nothing. */
static const char *fault(char kind[WORD]) {
  char text[4 * WORD], who[WORD], how[WORD];
  int fd = open(FAULT, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  kind[0] = 0;
  if (n <= 0) return kind;
  text[n] = 0;
  if (sscanf(text, "%31s %31s %31s", kind, who, how) != 3
      || (strcmp(who, "any") && !is_called(who))
      || (!strcmp(how, "once") && unlink(FAULT) != 0)) {
    kind[0] = 0;
    return kind;
  }
  note();
  return kind;
}

static int overflow(volatile const char *below) {
  volatile char room[4096];
  room[0] = *below;
  return overflow(room) + room[0];
}

/* Memory, touched, until there is no more; and it is used all the same. */
static void eat(void) {
  const size_t bite = 64u << 20;
  for (;;) memset(malloc(bite), 1, bite);
}

/* Goes wrong in a way that ends this call. */
static void end(const char *kind) {
  volatile int *volatile nowhere = NULL;
  if (!strcmp(kind, "hang")) for (;;) pause();
  if (!strcmp(kind, "abort")) abort();
  if (!strcmp(kind, "segv")) *nowhere = 1;
  if (!strcmp(kind, "exit")) _exit(0);
  if (!strcmp(kind, "stack")) exit(overflow(""));
  if (!strcmp(kind, "eat")) eat();
}

/* What is passed on to be written: as it came, in a copy with one byte turned round, or without its last one. */
static int changed(const char *kind, twh_buf *to, const twh_buf *from) {
  *to = *from;
  to->retain = NULL;
  to->release = NULL;
  if (!strcmp(kind, "short") && from->len > 0) to->len--;
  if (strcmp(kind, "flip") || from->len == 0) return 1;
  uint8_t *copy = malloc(from->len);
  if (!copy) return 0;
  memcpy(copy, from->ptr, from->len);
  copy[from->len / 2] ^= 0xff;
  to->ptr = copy;
  return 1;
}

static void give_back(const twh_buf *to, const twh_buf *from) {
  if (to->ptr != from->ptr) free((void *)to->ptr);
}

static twh_code writer_write(twh_writer *w, const twh_op *op, const twh_buf *buf, twh_error *err) {
  char kind[WORD];
  twh_buf to;
  end(fault(kind));
  if (!changed(kind, &to, buf)) return TWH_E_INTERNAL;
  twh_code code = real.writer_write(w, op, &to, err);
  give_back(&to, buf);
  return code;
}

static twh_code writer_write_at(twh_writer *w, const twh_op *op, uint64_t at, const twh_buf *buf, twh_error *err) {
  char kind[WORD];
  twh_buf to;
  end(fault(kind));
  if (!changed(kind, &to, buf)) return TWH_E_INTERNAL;
  twh_code code = real.writer_write_at(w, op, at, &to, err);
  give_back(&to, buf);
  return code;
}

TWH_EXPORT twh_code twh_module_init(const twh_host *host, const twh_vtable **out, twh_error *err) {
  twh_init_fn init = NULL;
  void *at = library() ? dlsym(library(), TWH_SYM_INIT) : NULL;
  const twh_vtable *theirs = NULL;
  if (!at) return TWH_E_INTERNAL;
  memcpy(&init, &at, sizeof init);
  twh_code code = init(host, &theirs, err);
  if (code != TWH_OK) return code;
  real = ours = *theirs;
  ours.writer_write = writer_write;
  ours.writer_write_at = writer_write_at;
  /* Every byte comes by. */
  ours.writer_reflink = NULL;
  ours.writer_copy_fd = NULL;
  ours.put_batch = NULL;
  *out = &ours;
  return TWH_OK;
}
