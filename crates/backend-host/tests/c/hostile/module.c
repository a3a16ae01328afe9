/* module.c - the least that is a backend, and what can be wrong with it: -DMAGIC -DSIZE -DMAJOR -DMINOR -DNAME -DNO_INIT
 * -DNO_VTABLE -DEMPTY_VTABLE -DREFUSES; constructors: -DSEGFAULT -DABORT -DEXITS -DHANGS -DPRINTS -DMARKS="DIRECTORY". */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "twinhaul_backend.h"

#ifndef MAGIC
# define MAGIC TWH_MAGIC
#endif
#ifndef SIZE
# define SIZE sizeof(twh_module)
#endif
#ifndef MAJOR
# define MAJOR TWH_ABI_MAJOR
#endif
#ifndef MINOR
# define MINOR TWH_ABI_MINOR
#endif
#ifndef NAME
# define NAME "module"
#endif

__attribute__((constructor)) static void at_load(void) {
#ifdef SEGFAULT
  volatile int *volatile nowhere = NULL;
  *nowhere = 1;
#endif
#ifdef ABORT
  abort();
#endif
#ifdef EXITS
  _exit(0);
#endif
#ifdef HANGS
  for (;;) pause();
#endif
#ifdef PRINTS
  for (int i = 0; i < 1000; i++) puts("a library that talks while it is loaded");
  fputs("and does not end its line", stdout);
  fflush(stdout);
#endif
#ifdef MARKS
  char path[4096];
  snprintf(path, sizeof path, "%s/%ld", MARKS, (long)getpid());
  FILE *f = fopen(path, "w");
  if (f) fclose(f);
#endif
}

TWH_EXPORT const twh_module twh_module_info = {
  .magic = MAGIC, .struct_size = SIZE, .abi_major = MAJOR, .abi_minor = MINOR,
  .name = NAME, .version = "0.0.1", .description = "hostile", .license = "none",
};

#ifndef NO_INIT
static twh_code no_target(twh_str json, const twh_op *op, twh_target **out, twh_limits *limits, twh_error *err) {
  (void)json; (void)op; (void)out; (void)limits; (void)err;
  return TWH_E_INVALID_CONFIG;
}

static void close_nothing(twh_target *t) { (void)t; }

TWH_EXPORT twh_code twh_module_init(const twh_host *host, const twh_vtable **out, twh_error *err) {
  static twh_vtable vtable = { .struct_size = sizeof(twh_vtable) };
  (void)host; (void)err; (void)out; (void)no_target; (void)close_nothing; (void)vtable;
# ifdef REFUSES
  static const char why[] = "no licence on this machine";
  err->msg_len = sizeof why - 1;
  memcpy(err->msg, why, sizeof why - 1);
  return TWH_E_DENIED;
# endif
# ifndef EMPTY_VTABLE
  vtable.target_open = no_target;
  vtable.target_close = close_nothing;
# endif
# ifndef NO_VTABLE
  *out = &vtable;
# endif
  return TWH_OK;
}
#endif
