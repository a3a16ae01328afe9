/* twinhaul_backend.h - the plugin interface of twinhaul, version 1.0
 *
 * A backend is a shared library that exports two symbols, twh_module_info and twh_module_init (bottom of this file).
 * It compiles as C11 and as C++17. plugins/README.md shows how to write one; the host is crates/backend-host.
 *
 * RULES
 *  R1  One exported data symbol (twh_module_info) and one exported function (twh_module_init). Nothing else.
 *  R2  No memory changes owner, with ONE exception: a twh_buf that the plugin retained. Every other pointer argument is
 *      borrowed until the call returns. Results go to structs of the host or to host callbacks ("sinks"); what a sink
 *      is given is valid only during the sink call.
 *  R3  Every struct that may grow begins with struct_size, set by whoever ALLOCATES the struct. A reader touches a field
 *      only when it lies wholly inside struct_size. New fields go at the end. Never reorder. Arrays of such structs come
 *      with a stride.
 *  R4  All calls are blocking, made on host worker threads. target calls (first argument twh_target) may run
 *      concurrently on one target. Calls on one writer or reader are serialised by the host, except writer_write_at with
 *      TWH_CAP_PARALLEL_RANGES (concurrent with other writer_write_at only), and writer_cancel / reader_cancel /
 *      target_cancel (any time, any thread).
 *  R5  No exception, panic, longjmp, pthread_exit or pthread_cancel crosses the boundary, in either direction.
 *  R6  Return TWH_OK or a twh_code; on non-zero *err is filled. A NULL function pointer means TWH_E_UNSUPPORTED.
 *  R7  A plugin is never dlclose()d. Threads it starts are gone when target_close returns, or idle for ever.
 *  R8  A plugin does not touch process-global state: signal handlers, cwd, umask, locale, environment, standard
 *      streams, exit().
 *  R9  Messages, names and configuration are (ptr,len) UTF-8. Keys and link targets are BYTES (any but NUL). A key is
 *      '/'-separated, with no leading or trailing '/', no empty component, no "." or ".."; the empty key is the root and
 *      only where a comment says so. Attempt ids match [A-Za-z0-9._/-]{1,128} and climb nowhere (".."); put_node
 *      may have none. The host checks before it calls; a
 *      backend checks again at its own boundary (openat2, request signing). What keys it cannot hold a target says in
 *      limits.key_rules, before bytes move.
 *  R10 Before a *_free or target_close the host has joined every call and every cancel on that object; writers and
 *      readers are freed before their target is closed.
 */
#ifndef TWINHAUL_BACKEND_H
#define TWINHAUL_BACKEND_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define TWH_MAGIC      0x31485754u   /* "TWH1" little-endian */
#define TWH_ABI_MAJOR  1u            /* must be equal */
#define TWH_ABI_MINOR  0u            /* plugin's <= host's, else TWH_E_ABI; the host adapts downward */

#define TWH_EXPORT __attribute__((visibility("default")))

/* ---- scalars ------------------------------------------------------------------------------------------------ */
typedef struct twh_str   { const char    *ptr; size_t len; } twh_str;
typedef struct twh_bytes { const uint8_t *ptr; size_t len; } twh_bytes;

#define TWH_UNKNOWN_U32  UINT32_MAX
#define TWH_UNKNOWN_U64  UINT64_MAX
#define TWH_UNKNOWN_I64  INT64_MIN

/* ---- errors ------------------------------------------------------------------------------------------------- */
typedef int32_t twh_code;
enum {
  TWH_OK                = 0,
  TWH_E_NOT_FOUND       = 1,
  TWH_E_DENIED          = 2,
  TWH_E_EXISTS          = 3,
  TWH_E_PRECONDITION    = 4,   /* if-match failed */
  TWH_E_NO_SPACE        = 5,   /* medium, quota or bucket full */
  TWH_E_TRANSIENT       = 6,   /* the same call may be repeated unchanged */
  TWH_E_TIMEOUT         = 7,   /* as TRANSIENT */
  TWH_E_THROTTLED       = 8,   /* as TRANSIENT; see retry_after_ms */
  TWH_E_CORRUPT         = 9,   /* checksum or format mismatch: never retried silently */
  TWH_E_UNSUPPORTED     = 10,
  TWH_E_INVALID_CONFIG  = 11,
  TWH_E_INVALID_ARG     = 12,
  TWH_E_BUSY            = 13,  /* drive or lock held by someone else */
  TWH_E_CANCELLED       = 14,
  TWH_E_CLOSED          = 15,  /* writer already committed, sealed or aborted */
  TWH_E_OFFLINE         = 16,  /* medium not loaded, endpoint unreachable: operator action */
  TWH_E_TOO_LARGE       = 17,
  TWH_E_UNAUTHENTICATED = 18,
  TWH_E_ABI             = 19,
  TWH_E_PANIC           = 20,
  TWH_E_INTERNAL        = 21,
  TWH_E_WRONG_KIND      = 22,  /* a directory, symlink or device where an object was expected, or the reverse */
  TWH_E_IO              = 23   /* the medium answered with an error (EIO): not repeated on the same object */
};
#define TWH_EF_RETRYABLE  (1u << 0)   /* the call may be repeated; implied by TRANSIENT, TIMEOUT and THROTTLED */
#define TWH_EF_POISONED   (1u << 1)   /* this writer or reader is dead: only abort and free are valid */
#define TWH_EF_UNCERTAIN  (1u << 2)   /* the effect MAY have happened (lost reply): the host stats before it repeats */

#define TWH_ERR_MSG 480
typedef struct twh_error {            /* allocated and zeroed by the host, typically on its stack */
  uint32_t struct_size;
  int32_t  code;
  uint32_t flags;                     /* TWH_EF_* */
  int32_t  os_errno;                  /* 0 = none */
  uint32_t http_status;               /* 0 = none */
  uint32_t retry_after_ms;            /* 0 = the host decides */
  uint32_t msg_len;                   /* bytes used in msg: UTF-8, truncated on a character boundary, no secrets */
  uint32_t reserved;
  char     msg[TWH_ERR_MSG];
} twh_error;                          /* 512 bytes */

/* ---- host services ------------------------------------------------------------------------------------------ */
enum { TWH_LOG_ERROR = 1, TWH_LOG_WARN = 2, TWH_LOG_INFO = 3, TWH_LOG_DEBUG = 4, TWH_LOG_TRACE = 5 };
typedef struct twh_host {             /* lives for ever; every function: any thread, any time, but never while holding */
  uint32_t struct_size;               /* a plugin lock that a vtable call takes */
  uint16_t abi_major, abi_minor;
  void    *ctx;
  twh_str  name, version;
  void    (*log)(void *ctx, int32_t level, twh_str target, twh_str message);
  int32_t (*log_enabled)(void *ctx, int32_t level);
  /* Resolves "secret:NAME" references of a configuration; copies at most cap bytes, *len = true length. */
  twh_code (*get_secret)(void *ctx, twh_str name, uint8_t *out, size_t cap, size_t *len);
} twh_host;

/* ---- wait reasons: a closed list; the console shows them with their age --------------------------------------- */
enum { TWH_WAIT_NONE = 0, TWH_WAIT_IO = 1, TWH_WAIT_DRIVE = 2, TWH_WAIT_MOUNT = 3, TWH_WAIT_LOCATE = 4,
       TWH_WAIT_CARTRIDGE = 5, TWH_WAIT_RATE_LIMIT = 6, TWH_WAIT_RETRY = 7, TWH_WAIT_CONNECT = 8, TWH_WAIT_LOCK = 9,
       TWH_WAIT_SPACE = 10 };

/* ---- per-call context ----------------------------------------------------------------------------------------- */
typedef struct twh_op {               /* host-owned; its functions: any thread while the call lasts; NULL = not cancellable */
  uint32_t struct_size;
  uint32_t flags;
  void    *ctx;
  uint64_t op_id;                     /* for logs; also the key of target_cancel */
  uint64_t deadline_ms;               /* CLOCK_MONOTONIC milliseconds, 0 = none */
  int32_t (*is_cancelled)(void *ctx); /* cheap: poll between I/Os */
  void    (*progress)(void *ctx, uint64_t bytes_durable, uint64_t bytes_sent);  /* may be NULL; counts of this call */
  /* What this call waits for (TWH_WAIT_*), with a detail such as "drive 1, cartridge A00003"; NONE = no longer. May be NULL. */
  void    (*wait)(void *ctx, uint32_t reason, twh_str detail);
} twh_op;

/* ---- buffers: borrowed; retain() to keep one beyond the call ---------------------------------------------------- */
typedef struct twh_buf {
  const uint8_t *ptr;
  size_t         len;
  void          *owner;
  void         (*retain)(void *owner);   /* NULL: cannot be retained, copy instead */
  void         (*release)(void *owner);  /* any thread; exactly once for each retain */
} twh_buf;

/* ---- capabilities ----------------------------------------------------------------------------------------------- */
#define TWH_CAP_SEQUENTIAL        (1ull << 0)   /* append-only medium; parallelism = limits.max_open_writers (drives) */
#define TWH_CAP_RANDOM_WRITE      (1ull << 1)   /* write_at any offset, any order, overlap: the last wins */
#define TWH_CAP_PARALLEL_RANGES   (1ull << 2)   /* write_at concurrently from several threads, part-aligned */
#define TWH_CAP_RETAINS_BUFFERS   (1ull << 3)   /* hint: hand out retainable buffers */
#define TWH_CAP_READ              (1ull << 4)   /* read back */
#define TWH_CAP_RANGE_READ        (1ull << 5)   /* cheap random ranges (no rewind) */
#define TWH_CAP_LIST              (1ull << 6)
#define TWH_CAP_LIST_ORDERED      (1ull << 7)   /* list answers in bytewise order of keys */
#define TWH_CAP_DELETE            (1ull << 8)
#define TWH_CAP_IF_NOT_EXISTS     (1ull << 9)   /* TWH_WM_CREATE_NEW is enforced atomically by the storage, at publish or commit */
#define TWH_CAP_OVERWRITE         (1ull << 10)
#define TWH_CAP_ATOMIC_COMMIT     (1ull << 11)  /* readers see all of an object or nothing */
#define TWH_CAP_RESUMABLE         (1ull << 12)  /* writer_save, then put.resume_token */
#define TWH_CAP_SERVER_CHECKSUM   (1ull << 13)  /* the storage verifies put.checksum at publish, the given one at commit */
#define TWH_CAP_USER_METADATA     (1ull << 14)
#define TWH_CAP_POSIX_METADATA    (1ull << 15)  /* mode and mtime are kept natively */
#define TWH_CAP_EMPTY_OBJECTS     (1ull << 16)
#define TWH_CAP_CAPACITY          (1ull << 17)  /* probe reports free and total */
#define TWH_CAP_REMOVABLE         (1ull << 18)  /* the medium may go away: expect TWH_E_OFFLINE */
#define TWH_CAP_DURABLE_COMMIT    (1ull << 19)  /* commit implies fsync or the server's durability */
#define TWH_CAP_ONE_SHOT          (1ull << 20)  /* the whole object is held in memory until commit: see max_object */
#define TWH_CAP_TWO_PHASE         (1ull << 21)  /* seal, publish, discard: durable first, visible later */
#define TWH_CAP_SHARED_RANGES     (1ull << 22)  /* a second process may join an unsealed object by its ref and write_at */
#define TWH_CAP_DIRECTORIES       (1ull << 23)  /* put_node keeps directories, also empty ones */
#define TWH_CAP_SYMLINKS          (1ull << 24)  /* put_node keeps symlinks */
#define TWH_CAP_HARD_LINKS        (1ull << 25)  /* put_node keeps further names of an object */
#define TWH_CAP_SPARSE            (1ull << 26)  /* holes stay holes: reader_extents, writer_write_at + writer_set_len */
#define TWH_CAP_XATTRS            (1ull << 27)  /* user.* extended attributes are kept */
#define TWH_CAP_OWNERS            (1ull << 28)  /* uid and gid are kept (as far as the process may) */

/* What keys a target cannot hold; 0 = any bytes. */
#define TWH_KEYS_UTF8        (1u << 0)   /* only valid UTF-8 */
#define TWH_KEYS_PRINTABLE   (1u << 1)   /* no control characters */
#define TWH_KEYS_FOLDED      (1u << 2)   /* upper and lower case are the same name */
#define TWH_KEYS_NORMALISED  (1u << 3)   /* names are stored in one Unicode normal form */
#define TWH_KEYS_NO_PREFIXES (1u << 4)   /* "a" and "a/b" cannot both be objects (a file system) */
#define TWH_KEYS_NO_BACKSLASHES (1u << 5) /* a backslash is not kept: taken for a slash, or refused */

typedef struct twh_limits {           /* allocated by the host, filled by target_open; 0 = no limit */
  uint32_t struct_size;
  uint32_t max_inflight_calls;        /* the host never has more blocking calls in the target than this */
  uint32_t max_open_writers;
  uint32_t max_parallel_ranges;       /* per writer */
  uint64_t caps;                      /* TWH_CAP_*: may be narrower than the module's */
  uint64_t preferred_chunk;           /* bytes per write */
  uint64_t min_part, max_part;        /* for write_at; the last part may be shorter */
  uint64_t max_object;
  uint64_t max_user_meta_bytes;
  uint64_t max_retained_bytes;        /* the most a single open writer keeps of host buffers (memory budget) */
  uint64_t mtime_precision_ns;        /* 0 = mtime is not kept; 1 = nanoseconds; 1000000000 = seconds */
  uint32_t max_parts, max_key_bytes;
  uint32_t max_component_bytes;
  uint32_t key_rules;                 /* TWH_KEYS_* */
  uint32_t commit_deadline_ms;        /* a commit in flight is decided after this: what a take-over across hosts waits */
  uint32_t reserved;
} twh_limits;

/* ---- module identity (constructors run at dlopen: so it is first read in a throw-away child) --------------------- */
typedef struct twh_module {
  uint32_t    magic;                  /* TWH_MAGIC */
  uint32_t    struct_size;
  uint16_t    abi_major, abi_minor;
  uint32_t    flags;                  /* 0 */
  uint64_t    caps;                   /* TWH_CAP_*: upper bound */
  const char *name;                   /* NUL-terminated here only, so that C initialisers are constant: "disk" */
  const char *version;                /* semver of the plugin */
  const char *description;
  const char *license;
  const char *build_id;               /* or NULL */
  const char *config_schema;          /* JSON Schema text or NULL */
  const char *verbs;                  /* JSON or NULL: [{"verb":"map","help":"…","args":[{"name":"…","help":"…"}]}] */
} twh_module;

/* ---- attributes of a node: what a source tells and a target keeps; what is not known holds TWH_UNKNOWN_* ---------- */
enum { TWH_KIND_FILE = 1, TWH_KIND_DIRECTORY = 2, TWH_KIND_SYMLINK = 3, TWH_KIND_PREFIX = 4, TWH_KIND_OTHER = 5 };
/* What a target did not keep. Answers to open, seal, commit and publish are OR-ed by the host. */
#define TWH_LOST_OWNER (1u << 0)
#define TWH_LOST_MODE  (1u << 1)
#define TWH_LOST_MTIME (1u << 2)
#define TWH_LOST_XATTR (1u << 3)
#define TWH_LOST_HOLES (1u << 4)
#define TWH_LOST_LINKS (1u << 5)
#define TWH_LOST_META  (1u << 6)      /* user metadata or content type */
typedef struct twh_xattr { twh_str name; twh_bytes value; } twh_xattr;
typedef struct twh_attrs {
  uint32_t struct_size;
  uint32_t kind;                      /* TWH_KIND_* */
  uint32_t mode;                      /* permission bits, 07777 */
  uint32_t uid, gid, nlink;
  uint64_t size;
  int64_t  mtime_ns, ctime_ns;        /* since 1970 */
  uint64_t dev, ino;                  /* identity at the source: hard-link groups, change detection */
  uint64_t position;                  /* upper 24 bits: number of the medium, lower 40: place on it; recalls go in ascending order.
                                         What begins on one medium may end on that with the next number; else a number is left out */
  twh_bytes link_target;
  const twh_xattr *xattrs; size_t xattrs_len;
} twh_attrs;

/* ---- objects ------------------------------------------------------------------------------------------------------ */
typedef struct twh_kv { twh_str key, value; } twh_kv;   /* key: [a-z][a-z0-9_]* (Azure allows no '-'); value: printable ASCII */
enum { TWH_WM_CREATE_NEW = 0, TWH_WM_OVERWRITE = 1, TWH_WM_REPLACE_IF_MATCH = 2 };
enum { TWH_CK_NONE = 0, TWH_CK_CRC32C = 1, TWH_CK_SHA256 = 2, TWH_CK_MD5 = 3, TWH_CK_BLAKE3 = 4, TWH_CK_CRC64NVME = 5 };

#define TWH_ATTEMPT_MAX 128
typedef struct twh_put {
  uint32_t  struct_size;
  uint32_t  mode;                     /* TWH_WM_* */
  twh_bytes key;
  uint64_t  size_hint;                /* TWH_UNKNOWN_U64 if unknown */
  const twh_attrs *attrs;             /* NULL = bytes only */
  twh_bytes attempt_id;               /* run/transfer/epoch/incarnation, given by the host: names the private object, so
                                         that it is found and discarded even if the peer dies before it recorded the ref */
  uint32_t  flags;                    /* 0 */
  uint32_t  checksum_kind;            /* TWH_CK_* of the whole object; NONE if not known yet */
  twh_bytes checksum;                 /* raw bytes; may be empty and supplied at commit */
  twh_str   if_match;                 /* etag for REPLACE_IF_MATCH */
  twh_str   content_type;
  const twh_kv *user_meta; size_t user_meta_len;
  twh_bytes resume_token;             /* empty = fresh object */
} twh_put;

#define TWH_REF_MAX 256
typedef struct twh_writer_info {      /* allocated by the host, filled by writer_open */
  uint32_t struct_size;
  uint32_t max_parallel_ranges;       /* 1 = serial */
  uint64_t part_size;                 /* write_at offsets are multiples of it; 0 = byte granular */
  uint64_t resume_offset;             /* first byte still wanted (everything before it is safe) */
  uint32_t lost;                      /* TWH_LOST_*: what this target already knows that it will not keep */
  uint32_t ref_len;
  uint8_t  ref[TWH_REF_MAX];          /* TWH_CAP_TWO_PHASE: names the private object from open on */
} twh_writer_info;

#define TWH_ETAG_MAX 128
#define TWH_CKSUM_MAX 64
typedef struct twh_stat {             /* allocated by the host; filled by stat, commit, publish_batch, reader_open */
  uint32_t struct_size;
  uint32_t kind;                      /* TWH_KIND_* */
  uint64_t size;
  int64_t  mtime_ns;
  uint32_t mode;                      /* permission bits or TWH_UNKNOWN_U32 */
  uint32_t lost;                      /* TWH_LOST_*, from commit and publish */
  uint32_t checksum_kind, checksum_len;  /* of the stored bytes, if the storage knows it */
  uint32_t etag_len, version_len;
  uint8_t  checksum[TWH_CKSUM_MAX];
  char     etag[TWH_ETAG_MAX], version[TWH_ETAG_MAX];
} twh_stat;

enum { TWH_HEALTH_BAD = 0, TWH_HEALTH_GOOD = 1, TWH_HEALTH_DEGRADED = 2 };
#define TWH_PROBE_BARE_MOUNT_POINT (1u << 0)  /* the root is a mount point that is not mounted: on its parent's device */
#define TWH_PROBE_ROOT_FS          (1u << 1)  /* the root lies on the machine's root file system */
#define TWH_PROBE_READ_ONLY        (1u << 2)
typedef struct twh_probe {            /* allocated by the host, filled by target_probe */
  uint32_t struct_size;
  uint32_t health;                    /* TWH_HEALTH_* */
  uint64_t total_bytes, free_bytes, used_bytes;  /* TWH_UNKNOWN_U64 */
  uint64_t free_objects;              /* inodes; TWH_UNKNOWN_U64 */
  uint64_t latency_us;                /* of this probe's own request */
  uint64_t device;                    /* st_dev of a local root; two targets of one device share its bandwidth */
  uint32_t flags;                     /* TWH_PROBE_* */
  uint32_t msg_len, location_len, medium_len;
  char     msg[256];                  /* why health is not GOOD */
  char     location[1024];            /* resolved: an absolute path, a URL without secrets; compared by the guards */
  char     medium[64];                /* "ext4", "nfs4", "s3", "LTO-9 (virtual)" */
} twh_probe;

/* ---- sinks: return 0 to go on, non-zero to stop early (the call then returns TWH_OK) ------------------------------- */
typedef int32_t (*twh_list_sink)(void *ctx, twh_bytes key, const twh_attrs *attrs);
typedef int32_t (*twh_attrs_sink)(void *ctx, const twh_attrs *attrs);
typedef int32_t (*twh_meta_sink)(void *ctx, twh_str key, twh_str value);
typedef int32_t (*twh_bytes_sink)(void *ctx, twh_bytes chunk);
typedef int32_t (*twh_extent_sink)(void *ctx, uint64_t offset, uint64_t len);
/* severity: 1 error, 2 warning; path: JSON pointer into the configuration, such as "/drives" */
typedef int32_t (*twh_problem_sink)(void *ctx, uint32_t severity, twh_str path, twh_str message);
/* Details of one failed item of a batch; codes[index] says the same code. Items that succeeded are not reported. */
typedef int32_t (*twh_item_sink)(void *ctx, size_t index, const twh_error *err);

typedef struct twh_target twh_target;  /* opaque, defined by the plugin */
typedef struct twh_writer twh_writer;
typedef struct twh_reader twh_reader;

#define TWH_BY_REF     0u
#define TWH_BY_ATTEMPT 1u
#define TWH_READ_UNCACHED (1u << 0)   /* from the medium, past every cache: verification by reading back */
/* What entries of a listing must tell; more does no harm, and whoever knows two of them only takes PLAN for ALL. */
#define TWH_WANT_KIND 0u              /* kind is enough */
#define TWH_WANT_ALL  1u
#define TWH_WANT_PLAN 2u              /* all but link targets and extended attributes; of a directory its kind is enough */

/* ---- the vtable ------------------------------------------------------------------------------------------------------ */
typedef struct twh_vtable {
  uint32_t struct_size;
  uint32_t reserved;

  /* ---- targets ---- */
  /* opt. Checks a configuration without I/O; each problem goes to the sink. TWH_OK also when there are problems. */
  twh_code (*config_check)(twh_str config_json, twh_problem_sink problems, void *sink_ctx, twh_error *err);
  twh_code (*target_open)(twh_str config_json, const twh_op *op, twh_target **out, twh_limits *limits, twh_error *err);
  void     (*target_close)(twh_target *t);             /* joins the plugin's threads */
  twh_code (*target_probe)(twh_target *t, const twh_op *op, twh_probe *out, twh_error *err);
  /* opt. Interrupts the blocked target call with this op_id; 0 = all. */
  void     (*target_cancel)(twh_target *t, uint64_t op_id);

  /* ---- write path ---- */
  twh_code (*writer_open)(twh_target *t, const twh_op *op, const twh_put *put, twh_writer **out, twh_writer_info *info, twh_error *err);
  /* TWH_CAP_SHARED_RANGES: joins another process's unsealed object. Only writer_write_at, writer_flush and writer_free
   * follow; the process that opened it seals. */
  twh_code (*writer_attach)(twh_target *t, const twh_op *op, const twh_put *put, twh_bytes ref, twh_writer **out, twh_writer_info *info, twh_error *err);
  twh_code (*writer_write)(twh_writer *w, const twh_op *op, const twh_buf *buf, twh_error *err);   /* append: all or error */
  twh_code (*writer_write_at)(twh_writer *w, const twh_op *op, uint64_t offset, const twh_buf *buf, twh_error *err);  /* opt. */
  /* opt. Both ends are local files: reflink or in-kernel copy to the same offset, holes kept. The host hashes separately. */
  twh_code (*writer_copy_fd)(twh_writer *w, const twh_op *op, int32_t src_fd, uint64_t offset, uint64_t len, twh_error *err);
  twh_code (*writer_set_len)(twh_writer *w, const twh_op *op, uint64_t len, twh_error *err);       /* opt. tail hole */
  twh_code (*writer_flush)(twh_writer *w, const twh_op *op, uint64_t *durable_prefix, twh_error *err);  /* opt. */
  twh_code (*writer_save)(twh_writer *w, const twh_op *op, twh_bytes_sink token, void *sink_ctx, twh_error *err);  /* opt. */
  /* TWH_CAP_TWO_PHASE: the object is complete, not yet durable, and stays private. The writer may be freed then, its slot is free. */
  twh_code (*writer_seal)(twh_writer *w, const twh_op *op, uint32_t *lost, twh_error *err);
  /* Without TWO_PHASE: complete, durable (DURABLE_COMMIT) and visible. On TWH_EF_UNCERTAIN the host stats and compares size
   * and checksum before it repeats the object. */
  twh_code (*writer_commit)(twh_writer *w, const twh_op *op, uint32_t checksum_kind, twh_bytes checksum, twh_stat *out, twh_error *err);
  twh_code (*writer_abort)(twh_writer *w, const twh_op *op, twh_error *err);  /* idempotent; removes partial data; TWH_E_CLOSED after seal or commit */
  void     (*writer_cancel)(twh_writer *w);            /* any thread: blocked calls return TWH_E_CANCELLED soon */
  /* Always last. Without seal, commit, save or abort before it: a TWO_PHASE object stays to be discarded, any other is aborted. */
  void     (*writer_free)(twh_writer *w);
  /* opt. Many small objects in one call: opens, writes and seals each (TWO_PHASE: refs in infos), else commits (stats). */
  twh_code (*put_batch)(twh_target *t, const twh_op *op, const twh_put *puts, size_t put_stride, const twh_buf *bufs, size_t n,
                        twh_writer_info *infos, size_t info_stride, twh_stat *stats, size_t stat_stride,
                        int32_t *codes, twh_item_sink failed, void *sink_ctx, twh_error *err);

  /* ---- two-phase commit (TWH_CAP_TWO_PHASE); batches answer per item in codes[n], which the host has set to TWH_E_INTERNAL ----
   * seal_sync: durability barrier for sealed objects (disk: sync; tape: close the data set, filemark).
   * publish_batch: makes sealed, durable objects visible under puts[i].key, each atomically, each once. A ref that was
   *   discarded or published before is TWH_E_NOT_FOUND. TWH_WM_CREATE_NEW on a taken key is TWH_E_EXISTS, and the
   *   private object stays (it can be discarded).
   * publish_sync: the names (and nodes) made so far are durable (disk: one fsync per directory; tape: catalogue transaction).
   * discard: by ref or attempt id, sealed or not, open in another process or not; idempotent. Afterwards that attempt can
   *   never be published. Whoever wins, publish or discard, the storage orders the two: that is the fence of a take-over.
   *   It does NOT stop a live process writing into its own private object, so a new epoch writes a new one.
   *   *existed: 1 if something was discarded. */
  twh_code (*seal_sync)(twh_target *t, const twh_op *op, const twh_bytes *refs, size_t n, int32_t *codes, twh_item_sink failed, void *sink_ctx, twh_error *err);
  twh_code (*publish_batch)(twh_target *t, const twh_op *op, const twh_put *puts, size_t put_stride, const twh_bytes *refs, size_t n,
                            twh_stat *stats, size_t stat_stride, int32_t *codes, twh_item_sink failed, void *sink_ctx, twh_error *err);
  twh_code (*publish_sync)(twh_target *t, const twh_op *op, twh_error *err);
  twh_code (*discard)(twh_target *t, const twh_op *op, uint32_t by, twh_bytes ref_or_attempt, int32_t *existed, twh_error *err);
  /* Private objects (temps, multipart uploads) whose attempt id begins with run_prefix (empty = every run): each attempt id goes
   * to the sink; remove != 0 discards them, and with them what the backend keeps beside them (the private directory). */
  twh_code (*sweep)(twh_target *t, const twh_op *op, twh_bytes run_prefix, int32_t remove, twh_bytes_sink found, void *sink_ctx, twh_error *err);

  /* ---- nodes and attributes ---- */
  /* Nodes without bytes, visible at once: directories and symlinks (put->attrs->kind, link_target), or, when hard_link_of is
   * not empty, put->key as a further name of that object. A directory that exists already is TWH_OK; anything else
   * that exists is TWH_E_EXISTS under CREATE_NEW. Parents are made as needed. */
  twh_code (*put_node)(twh_target *t, const twh_op *op, const twh_put *put, twh_bytes hard_link_of, uint32_t *lost, twh_error *err);
  /* Finishing: attributes of what is visible (directories, deepest first). The empty key is the root. Symlinks are not followed. */
  twh_code (*set_attrs)(twh_target *t, const twh_op *op, twh_bytes key, const twh_attrs *attrs, uint32_t *lost, twh_error *err);
  twh_code (*get_attrs)(twh_target *t, const twh_op *op, twh_bytes key, twh_attrs_sink attrs, void *sink_ctx, twh_error *err);

  /* ---- read path ---- */
  twh_code (*stat)(twh_target *t, const twh_op *op, twh_bytes key, twh_stat *out, twh_meta_sink meta, void *sink_ctx, twh_error *err);  /* meta may be NULL */
  /* len TWH_UNKNOWN_U64 = to the end; flags TWH_READ_*. st describes the whole object. Never follows a symlink (WRONG_KIND).
   * An offset at or past the end reads as empty. */
  twh_code (*reader_open)(twh_target *t, const twh_op *op, twh_bytes key, uint64_t offset, uint64_t len, uint32_t flags,
                          twh_reader **out, twh_stat *st, twh_error *err);
  twh_code (*reader_read)(twh_reader *r, const twh_op *op, uint8_t *dst, size_t cap, size_t *got, twh_error *err);  /* got 0 = end */
  twh_code (*reader_stat)(twh_reader *r, const twh_op *op, twh_attrs_sink attrs, void *sink_ctx, twh_error *err);  /* of the OPEN object: did it change? */
  twh_code (*reader_extents)(twh_reader *r, const twh_op *op, twh_extent_sink data, void *sink_ctx, twh_error *err); /* opt. data, not holes; of the whole object, ascending */
  int32_t  (*reader_fd)(twh_reader *r);                /* opt. a descriptor for writer_copy_fd; -1 = none; stays the reader's */
  void     (*reader_cancel)(twh_reader *r);
  void     (*reader_free)(twh_reader *r);
  /* One level per call (the host walks). prefix: the key of a directory or prefix, empty = the root. Entries carry whole keys.
   * At most max_entries (0 = the backend's page size) per call; next is given a continuation when there is more, and
   * that is passed back, opaque. *ordered = 1: bytewise. want_attrs: TWH_WANT_*. Private objects are not listed. */
  twh_code (*list)(twh_target *t, const twh_op *op, twh_bytes prefix, twh_bytes continuation, uint32_t want_attrs, uint32_t max_entries,
                   twh_list_sink entry, twh_bytes_sink next, void *sink_ctx, int32_t *ordered, twh_error *err);

  /* ---- surroundings ---- */
  /* opt. What only this backend knows, as one JSON object: drives and cartridges; endpoint latencies, 429s, uploads. */
  twh_code (*target_status)(twh_target *t, const twh_op *op, twh_bytes_sink json, void *sink_ctx, twh_error *err);
  /* opt. The backend's own verbs, declared in module->verbs; what goes to the sink is printed. */
  twh_code (*target_control)(twh_target *t, const twh_op *op, twh_str verb, twh_str args_json, twh_bytes_sink out, void *sink_ctx, twh_error *err);
  /* opt. Removes visible objects, symlinks and empty directories. A missing key is TWH_OK or TWH_E_NOT_FOUND. */
  twh_code (*remove)(twh_target *t, const twh_op *op, const twh_bytes *keys, size_t n, int32_t *codes, twh_item_sink failed, void *sink_ctx, twh_error *err);

  /* ---- since the first release of the header; a shorter vtable has them not ---- */
  /* opt., with TWH_CAP_SHARED_RANGES. Takes len bytes at offset of another unsealed object of this target, named by ref, to
   * the same offset of this one: reflink or in-kernel copy where it can, holes kept. The other one is only read, and may
   * still be written to outside these bytes. TWH_E_NOT_FOUND: discarded; TWH_E_PRECONDITION: it ends before they do. */
  twh_code (*writer_adopt)(twh_writer *w, const twh_op *op, twh_bytes ref, uint64_t offset, uint64_t len, twh_error *err);
  /* opt. All len bytes of src_fd become this object's, which is empty still, by sharing its blocks (reflink): at once, holes
   * kept. TWH_E_UNSUPPORTED: these two places cannot, and nothing was written. The host reads and hashes the source afterwards. */
  twh_code (*writer_reflink)(twh_writer *w, const twh_op *op, int32_t src_fd, uint64_t len, twh_error *err);
} twh_vtable;

/* ---- the two exports ----------------------------------------------------------------------------------------------------- */
typedef twh_code (*twh_init_fn)(const twh_host *host, const twh_vtable **out, twh_error *err);
#ifndef TWH_NO_EXPORTS
extern TWH_EXPORT const twh_module twh_module_info;
/* Called once per process, before any vtable call; cheap, no I/O. *out stays valid for ever. */
TWH_EXPORT twh_code twh_module_init(const twh_host *host, const twh_vtable **out, twh_error *err);
#endif
#define TWH_SYM_INFO "twh_module_info"
#define TWH_SYM_INIT "twh_module_init"

#ifdef __cplusplus
}
#endif
#endif
