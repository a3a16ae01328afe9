/* mem_read.h - readers: they hold their object, so an overwrite does not change what an open reader sees. */

typedef struct reader { store *s; obj *o; uint64_t at, end; volatile int cancelled; } reader;

static twh_code reader_open(twh_target *t, const twh_op *op, twh_bytes key, uint64_t offset, uint64_t len, uint32_t flags,
                            twh_reader **out, twh_stat *st, twh_error *err) {
  store *s = (store *)t;
  (void)flags;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(s);
  obj *o = name_get(s, key.ptr, key.len);
  if (!o || o->kind != TWH_KIND_FILE) {
    unlock(s);
    return o ? fail(err, TWH_E_WRONG_KIND, 0, "not an object") : fail(err, TWH_E_NOT_FOUND, 0, "no such key");
  }
  reader *r = calloc(1, sizeof *r);
  if (!r) abort();
  r->s = s;
  r->o = o;
  o->refs++;
#ifdef LIE_RANGE_READ
  offset = 0;
#endif
  r->at = offset < o->len ? offset : o->len;
  r->end = len < o->len - r->at ? r->at + len : o->len;
#ifdef LIE_READ
  if (r->end > 1000) r->end--;
#endif
  fill_stat(o, st);
  unlock(s);
  *out = (twh_reader *)r;
  return TWH_OK;
}

static twh_code reader_read(twh_reader *tr, const twh_op *op, uint8_t *dst, size_t cap, size_t *got, twh_error *err) {
  reader *r = (reader *)tr;
  if (r->cancelled || cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(r->s);
  size_t n = r->end - r->at < cap ? (size_t)(r->end - r->at) : cap;
  if (n) memcpy(dst, r->o->data + r->at, n);
  r->at += n;
  unlock(r->s);
  *got = n;
  return TWH_OK;
}

static twh_code reader_stat(twh_reader *tr, const twh_op *op, twh_attrs_sink sink, void *ctx, twh_error *err) {
  reader *r = (reader *)tr;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(r->s);
  obj_attrs(r->o, sink, ctx);
  unlock(r->s);
  return TWH_OK;
}

static twh_code reader_extents(twh_reader *tr, const twh_op *op, twh_extent_sink data, void *ctx, twh_error *err) {
  reader *r = (reader *)tr;
  const obj *o = r->o;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(r->s);
  for (size_t b = 0, stop = 0; b * BLOCK < o->len && !stop;) {
#ifdef LIE_SPARSE
    size_t first = b;
    b = o->blocks_len;      /* everything is data */
#else
    if (!o->blocks[b]) { b++; continue; }
    size_t first = b;
    while (b * BLOCK < o->len && o->blocks[b]) b++;
#endif
    uint64_t end = (uint64_t)b * BLOCK < o->len ? (uint64_t)b * BLOCK : o->len;
    stop = data(ctx, (uint64_t)first * BLOCK, end - (uint64_t)first * BLOCK) != 0;
  }
  unlock(r->s);
  return TWH_OK;
}

static void reader_cancel(twh_reader *tr) { ((reader *)tr)->cancelled = 1; }

static void reader_free(twh_reader *tr) {
  reader *r = (reader *)tr;
  store *s = r->s;
  lock(s);
  obj_drop(r->o);
  unlock(s);
  free(r);
}
