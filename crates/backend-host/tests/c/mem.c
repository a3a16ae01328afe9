/* mem.c - a complete backend in C: objects in memory, two phases. The example of plugins/README.md.
 *
 *   cc -std=c11 -shared -fPIC -fvisibility=hidden -I crates/backend-abi/include mem.c -o libtwinhaul_mem.so -lpthread
 *
 * Configuration: {"store":"NAME"}; two targets with one name share their objects. -DONE_PHASE makes a backend without two
 * phases. The -DLIE_* variants break one promise each: the conformance suite must find every one of them.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "twinhaul_backend.h"

#define CAPS_COMMON (TWH_CAP_RANDOM_WRITE | TWH_CAP_PARALLEL_RANGES | TWH_CAP_RETAINS_BUFFERS | TWH_CAP_READ | TWH_CAP_RANGE_READ \
  | TWH_CAP_LIST | TWH_CAP_LIST_ORDERED | TWH_CAP_DELETE | TWH_CAP_IF_NOT_EXISTS | TWH_CAP_OVERWRITE | TWH_CAP_ATOMIC_COMMIT \
  | TWH_CAP_RESUMABLE | TWH_CAP_SERVER_CHECKSUM | TWH_CAP_USER_METADATA | TWH_CAP_POSIX_METADATA | TWH_CAP_EMPTY_OBJECTS \
  | TWH_CAP_CAPACITY | TWH_CAP_DIRECTORIES | TWH_CAP_SYMLINKS | TWH_CAP_HARD_LINKS | TWH_CAP_SPARSE | TWH_CAP_XATTRS | TWH_CAP_OWNERS)
#ifdef ONE_PHASE
# define CAPS CAPS_COMMON
#else
# define CAPS (CAPS_COMMON | TWH_CAP_TWO_PHASE | TWH_CAP_SHARED_RANGES)
#endif
#if defined LIE_ONE_SHOT
# define CAPS_SAID (CAPS | TWH_CAP_ONE_SHOT)
#elif defined LIE_SEQUENTIAL
# define CAPS_SAID (CAPS | TWH_CAP_SEQUENTIAL)      /* append-only, and writes at any offset */
#else
# define CAPS_SAID CAPS
#endif

#include "mem_store.h"
#include "mem_write.h"
#include "mem_publish.h"
#include "mem_nodes.h"
#include "mem_read.h"

/* ---- targets ---- */
static int find_name(twh_str json, char *out, size_t cap) {
  /* Enough for {"store":"NAME"}; a real backend uses a JSON parser. */
  static const char want[] = "\"store\"";
  for (size_t i = 0; i + sizeof want - 1 <= json.len; i++) {
    if (memcmp(json.ptr + i, want, sizeof want - 1) != 0) continue;
    size_t j = i + sizeof want - 1, n = 0;
    while (j < json.len && json.ptr[j] != '"') j++;
    for (j++; j < json.len && json.ptr[j] != '"' && n + 1 < cap; j++) out[n++] = json.ptr[j];
    out[n] = 0;
    return n > 0;
  }
  return 0;
}

static twh_code config_check(twh_str json, twh_problem_sink problems, void *ctx, twh_error *err) {
  char name[64];
  (void)err;
  if (!find_name(json, name, sizeof name)) {
    twh_str path = { "/store", 6 }, message = { "is missing: expected a name", 27 };
    problems(ctx, 1, path, message);
  }
  return TWH_OK;
}

static twh_code target_open(twh_str json, const twh_op *op, twh_target **out, twh_limits *limits, twh_error *err) {
  char name[64];
  (void)op;
  if (!find_name(json, name, sizeof name)) return fail(err, TWH_E_INVALID_CONFIG, 0, "\"store\" is missing");
  *out = (twh_target *)store_named(name);
  uint32_t size = limits->struct_size;   /* the host's; stays */
  memset(limits, 0, sizeof *limits);
  limits->struct_size = size;
  limits->caps = CAPS_SAID;
  limits->preferred_chunk = 64 * 1024;
  limits->max_parallel_ranges = 4;
  limits->mtime_precision_ns = 1;
  limits->key_rules = TWH_KEYS_NO_PREFIXES;
#ifdef LIE_ONE_SHOT
  limits->max_object = 512 * 1024;       /* and then takes any size */
#endif
#ifdef LIE_RETAINS_BUFFERS
  limits->max_retained_bytes = 1;
#endif
  return TWH_OK;
}

static void target_close(twh_target *t) { (void)t; /* stores live as long as the process */ }

static twh_code target_probe(twh_target *t, const twh_op *op, twh_probe *out, twh_error *err) {
  store *s = (store *)t;
  uint64_t used = 0;
  (void)op; (void)err;
  lock(s);
  for (size_t i = 0; i < s->names_len; i++) used += s->names[i].o->len;
  unlock(s);
  out->health = TWH_HEALTH_GOOD;
  out->total_bytes = 1ull << 40;
  out->used_bytes = used;
  out->free_bytes = out->total_bytes - used;
  out->free_objects = out->latency_us = out->device = TWH_UNKNOWN_U64;
#ifdef LIE_CAPACITY
  out->total_bytes = out->free_bytes = TWH_UNKNOWN_U64;
#endif
  out->location_len = (uint32_t)snprintf((char *)out->location, sizeof out->location, "mem:%s", s->name);
  out->medium_len = (uint32_t)snprintf(out->medium, sizeof out->medium, "memory");
  return TWH_OK;
}

static twh_code target_status(twh_target *t, const twh_op *op, twh_bytes_sink json, void *ctx, twh_error *err) {
  store *s = (store *)t;
  char text[64];
  (void)op; (void)err;
  lock(s);
  int n = snprintf(text, sizeof text, "{\"objects\":%zu,\"private\":%zu}", s->names_len, s->attempts_len);
  unlock(s);
  twh_bytes chunk = { (const uint8_t *)text, (size_t)n };
  json(ctx, chunk);
  return TWH_OK;
}

static twh_code target_control(twh_target *t, const twh_op *op, twh_str verb, twh_str args, twh_bytes_sink out, void *ctx, twh_error *err) {
  (void)args;
  if (verb.len != 5 || memcmp(verb.ptr, "count", 5) != 0) return fail(err, TWH_E_UNSUPPORTED, 0, "no such verb");
  return target_status(t, op, out, ctx, err);
}

static const twh_vtable vtable = {
  .struct_size = sizeof(twh_vtable),
  .config_check = config_check, .target_open = target_open, .target_close = target_close, .target_probe = target_probe,
  .writer_open = writer_open, .writer_write = writer_write, .writer_write_at = writer_write_at,
  .writer_set_len = writer_set_len, .writer_save = writer_save, .writer_abort = writer_abort, .writer_cancel = writer_cancel,
  .writer_free = writer_free,
#ifdef ONE_PHASE
  .writer_commit = writer_commit,
#else
  .writer_attach = writer_attach, .writer_adopt = writer_adopt, .writer_seal = writer_seal, .put_batch = put_batch, .seal_sync = seal_sync,
  .publish_batch = publish_batch, .publish_sync = publish_sync, .discard = discard,
#endif
  .sweep = sweep, .put_node = put_node, .set_attrs = set_attrs, .get_attrs = get_attrs, .stat = stat_key,
  .reader_open = reader_open, .reader_read = reader_read, .reader_stat = reader_stat, .reader_extents = reader_extents,
  .reader_cancel = reader_cancel, .reader_free = reader_free, .list = list, .target_status = target_status,
  .target_control = target_control, .remove = remove_keys,
};

TWH_EXPORT const twh_module twh_module_info = {
  .magic = TWH_MAGIC, .struct_size = sizeof(twh_module), .abi_major = TWH_ABI_MAJOR, .abi_minor = TWH_ABI_MINOR,
  .caps = CAPS_SAID, .name = "mem", .version = "1.0.0", .description = "objects in memory, an example in C",
  .license = "MIT OR Apache-2.0",
  .verbs = "[{\"verb\":\"count\",\"help\":\"objects, visible and private\",\"args\":[]}]",
};

TWH_EXPORT twh_code twh_module_init(const twh_host *host, const twh_vtable **out, twh_error *err) {
  int minor = TWH_ABI_MINOR;               /* the host's must not be older */
  if (host->abi_major != TWH_ABI_MAJOR || host->abi_minor < minor) return fail(err, TWH_E_ABI, 0, "other host");
  *out = &vtable;
  return TWH_OK;
}
