/* mem_store.h - the data: stores by name; visible names, sorted; private attempts; counted objects. One lock per store. */

typedef struct kv { char *key; size_t key_len; uint8_t *value; size_t value_len; } kv;
typedef struct kvs { kv *v; size_t len; } kvs;

typedef struct obj {
  int refs;                 /* names, attempts and readers that hold it */
  uint32_t names;           /* hard links */
  uint32_t kind, mode, uid, gid;
  int64_t mtime_ns;
  uint64_t ino, etag;
  uint8_t *data; size_t len;
  uint8_t *blocks; size_t blocks_len;   /* which 4 KiB blocks were written */
  uint8_t *link_target; size_t link_len;
  kvs xattrs, meta;
} obj;

typedef struct name { uint8_t *key; size_t len; obj *o; } name;
typedef struct attempt { uint64_t id; char attempt_id[TWH_ATTEMPT_MAX + 1]; obj *o; int sealed, synced; } attempt;

typedef struct store {
  struct store *next;
  char name[64];
  pthread_mutex_t mutex;
  obj *root;
  name *names; size_t names_len;
  attempt **attempts; size_t attempts_len;
  uint64_t counter;
} store;

#define BLOCK 4096u
static pthread_mutex_t stores_mutex = PTHREAD_MUTEX_INITIALIZER;
static store *stores;

static void lock(store *s) { pthread_mutex_lock(&s->mutex); }
static void unlock(store *s) { pthread_mutex_unlock(&s->mutex); }

static twh_code fail(twh_error *err, twh_code code, uint32_t flags, const char *message) {
  if (err && err->struct_size >= sizeof *err) {
    size_t n = strlen(message) < TWH_ERR_MSG ? strlen(message) : TWH_ERR_MSG;
    err->code = code;
    err->flags = flags;
    err->msg_len = (uint32_t)n;
    memcpy(err->msg, message, n);
  }
  return code;
}

static int cancelled(const twh_op *op) { return op && op->is_cancelled && op->is_cancelled(op->ctx); }

static void *copy_of(const void *p, size_t n) {
  void *c = malloc(n ? n : 1);
  if (!c) abort();          /* an example: a real backend answers TWH_E_NO_SPACE */
  if (n) memcpy(c, p, n);
  return c;
}

static void *grown(void *p, size_t n) {
  p = realloc(p, n ? n : 1);
  if (!p) abort();
  return p;
}

static void kvs_free(kvs *l) {
  for (size_t i = 0; i < l->len; i++) { free(l->v[i].key); free(l->v[i].value); }
  free(l->v);
  l->v = NULL;
  l->len = 0;
}

static void kvs_add(kvs *l, const void *key, size_t key_len, const void *value, size_t value_len) {
  l->v = grown(l->v, (l->len + 1) * sizeof *l->v);
  kv x = { copy_of(key, key_len), key_len, copy_of(value, value_len), value_len };
  l->v[l->len++] = x;
}

static obj *obj_new(store *s, uint32_t kind) {
  obj *o = calloc(1, sizeof *o);
  if (!o) abort();
  o->refs = 1;
  o->kind = kind;
  o->mode = kind == TWH_KIND_DIRECTORY ? 0755 : 0644;
  o->uid = o->gid = TWH_UNKNOWN_U32;
  o->ino = ++s->counter;
  return o;
}

static void obj_drop(obj *o) {
  if (!o || --o->refs > 0) return;
  free(o->data);
  free(o->blocks);
  free(o->link_target);
  kvs_free(&o->xattrs);
  kvs_free(&o->meta);
  free(o);
}

static void obj_resize(obj *o, size_t len) {
  size_t blocks = (len + BLOCK - 1) / BLOCK;
  if (len > o->len) {
    o->data = grown(o->data, len);
    memset(o->data + o->len, 0, len - o->len);
  }
  if (blocks > o->blocks_len) {
    o->blocks = grown(o->blocks, blocks);
    memset(o->blocks + o->blocks_len, 0, blocks - o->blocks_len);
    o->blocks_len = blocks;
  }
  o->len = len;
}

static void obj_write(obj *o, size_t offset, const uint8_t *p, size_t n) {
  if (offset + n > o->len) obj_resize(o, offset + n);
  if (n == 0) return;
  memcpy(o->data + offset, p, n);
  for (size_t b = offset / BLOCK; b <= (offset + n - 1) / BLOCK; b++) o->blocks[b] = 1;
}

/* Takes what it can keep; the rest is what it answers. */
static uint32_t obj_set_attrs(obj *o, const twh_attrs *a) {
  uint32_t lost = 0;
  if (!a) return 0;
#ifndef LIE_POSIX_METADATA
  if (a->mode != TWH_UNKNOWN_U32) o->mode = a->mode & 07777;
  if (a->mtime_ns != TWH_UNKNOWN_I64) o->mtime_ns = a->mtime_ns;
#endif
#ifndef LIE_OWNERS
  if (a->uid != TWH_UNKNOWN_U32) o->uid = a->uid;
  if (a->gid != TWH_UNKNOWN_U32) o->gid = a->gid;
#endif
#ifndef LIE_XATTRS
  kvs_free(&o->xattrs);
  for (size_t i = 0; i < a->xattrs_len; i++)
    kvs_add(&o->xattrs, a->xattrs[i].name.ptr, a->xattrs[i].name.len, a->xattrs[i].value.ptr, a->xattrs[i].value.len);
#endif
  return lost;
}

static void obj_attrs(const obj *o, twh_attrs_sink sink, void *ctx) {
  twh_attrs a;
  twh_xattr *x = grown(NULL, o->xattrs.len * sizeof *x);
  memset(&a, 0, sizeof a);
  for (size_t i = 0; i < o->xattrs.len; i++) {
    x[i].name.ptr = o->xattrs.v[i].key;
    x[i].name.len = o->xattrs.v[i].key_len;
    x[i].value.ptr = o->xattrs.v[i].value;
    x[i].value.len = o->xattrs.v[i].value_len;
  }
  a.struct_size = sizeof a;
  a.kind = o->kind;
  a.mode = o->mode;
  a.uid = o->uid;
  a.gid = o->gid;
  a.nlink = o->names;
  a.size = o->len;
  a.mtime_ns = o->mtime_ns;
  a.ctime_ns = TWH_UNKNOWN_I64;
  a.dev = 1;
  a.ino = o->ino;
  a.position = TWH_UNKNOWN_U64;
  a.link_target.ptr = o->link_target;
  a.link_target.len = o->link_len;
  a.xattrs = x;
  a.xattrs_len = o->xattrs.len;
  sink(ctx, &a);
  free(x);
}

/* ---- names: sorted bytewise ---- */
static int key_cmp(const uint8_t *a, size_t an, const uint8_t *b, size_t bn) {
  int c = memcmp(a, b, an < bn ? an : bn);
  return c ? c : (an > bn) - (an < bn);
}

/* Where key is, or would be. */
static size_t name_at(const store *s, const uint8_t *key, size_t len) {
  size_t lo = 0, hi = s->names_len;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    if (key_cmp(s->names[mid].key, s->names[mid].len, key, len) < 0) lo = mid + 1; else hi = mid;
  }
  return lo;
}

static obj *name_get(const store *s, const uint8_t *key, size_t len) {
  if (len == 0) return s->root;
  size_t i = name_at(s, key, len);
  return i < s->names_len && key_cmp(s->names[i].key, s->names[i].len, key, len) == 0 ? s->names[i].o : NULL;
}

/* Takes over one reference of o. */
static void name_set(store *s, const uint8_t *key, size_t len, obj *o) {
  size_t i = name_at(s, key, len);
  o->names++;
  if (i < s->names_len && key_cmp(s->names[i].key, s->names[i].len, key, len) == 0) {
    s->names[i].o->names--;
    obj_drop(s->names[i].o);
    s->names[i].o = o;
    return;
  }
  s->names = grown(s->names, (s->names_len + 1) * sizeof *s->names);
  memmove(s->names + i + 1, s->names + i, (s->names_len - i) * sizeof *s->names);
  name n = { copy_of(key, len), len, o };
  s->names[i] = n;
  s->names_len++;
}

static void name_remove(store *s, size_t i) {
  s->names[i].o->names--;
  obj_drop(s->names[i].o);
  free(s->names[i].key);
  memmove(s->names + i, s->names + i + 1, (s->names_len - i - 1) * sizeof *s->names);
  s->names_len--;
}

/* Makes the directories above key; WRONG_KIND when one of them is an object. */
static twh_code make_parents(store *s, twh_bytes key) {
  for (size_t i = 0; i < key.len; i++) {
    if (key.ptr[i] != '/') continue;
    obj *o = name_get(s, key.ptr, i);
    if (o && o->kind != TWH_KIND_DIRECTORY) return TWH_E_WRONG_KIND;
    if (!o) name_set(s, key.ptr, i, obj_new(s, TWH_KIND_DIRECTORY));
  }
  return TWH_OK;
}

/* ---- attempts ---- */
static attempt *attempt_by_ref(store *s, twh_bytes ref) {
  for (size_t i = 0; i < s->attempts_len; i++)
    if (ref.len == sizeof(uint64_t) && memcmp(&s->attempts[i]->id, ref.ptr, ref.len) == 0) return s->attempts[i];
  return NULL;
}

/* The attempt is gone for every later call; writers that still hold it see o == NULL. */
static void attempt_forget(store *s, attempt *a) {
  for (size_t i = 0; i < s->attempts_len; i++) {
    if (s->attempts[i] != a) continue;
    s->attempts[i] = s->attempts[--s->attempts_len];
    break;
  }
  obj_drop(a->o);
  a->o = NULL;              /* the struct itself stays: an example does not count its holders */
}

static store *store_named(const char *name) {
  pthread_mutex_lock(&stores_mutex);
  store *s = stores;
  while (s && strcmp(s->name, name) != 0) s = s->next;
  if (!s) {
    s = calloc(1, sizeof *s);
    if (!s) abort();
    snprintf(s->name, sizeof s->name, "%s", name);
    pthread_mutex_init(&s->mutex, NULL);
    s->root = obj_new(s, TWH_KIND_DIRECTORY);
    s->next = stores;
    stores = s;
  }
  pthread_mutex_unlock(&stores_mutex);
  return s;
}
