/* mem_publish.h - making objects visible: seal, publish, discard, sweep; or commit in one phase. */

static uint32_t crc32c(const uint8_t *p, size_t n) {
  uint32_t c = ~0u;
  while (n--) {
    c ^= *p++;
    for (int k = 0; k < 8; k++) c = c & 1 ? (c >> 1) ^ 0x82f63b78u : c >> 1;
  }
  return ~c;
}

static void fill_stat(const obj *o, twh_stat *out) {
  uint32_t size = out->struct_size;
  memset(out, 0, sizeof *out);
  out->struct_size = size;
  out->kind = o->kind;
  out->size = o->len;
  out->mtime_ns = o->mtime_ns;
  out->mode = o->mode;
  out->etag_len = (uint32_t)snprintf(out->etag, sizeof out->etag, "e%llu", (unsigned long long)o->etag);
  if (o->kind == TWH_KIND_FILE && o->len <= 1u << 16) {
    uint32_t c = crc32c(o->data, o->len);
#ifdef LIE_CHECKSUM
    c ^= 1;
#endif
    out->checksum_kind = TWH_CK_CRC32C;
    out->checksum_len = 4;
    for (int i = 0; i < 4; i++) out->checksum[i] = (uint8_t)(c >> (24 - 8 * i));
  }
}

/* May the attempt become key? With the lock held. */
static twh_code may_publish(store *s, attempt *a, const uint8_t *key, size_t len, uint32_t mode, const char *if_match, twh_error *err) {
  obj *old = name_get(s, key, len);
  char etag[32];
  (void)a;
  if (old && old->kind == TWH_KIND_DIRECTORY) return fail(err, TWH_E_WRONG_KIND, 0, "a directory is there");
#ifndef LIE_IF_NOT_EXISTS
  if (mode == TWH_WM_CREATE_NEW && old) return fail(err, TWH_E_EXISTS, 0, "the key is taken");
#endif
  if (mode == TWH_WM_REPLACE_IF_MATCH) {
    if (!old) return fail(err, TWH_E_PRECONDITION, 0, "nothing to replace");
    snprintf(etag, sizeof etag, "e%llu", (unsigned long long)old->etag);
#ifndef LIE_IF_MATCH
    if (strcmp(etag, if_match) != 0) return fail(err, TWH_E_PRECONDITION, 0, "another version is there");
#else
    (void)if_match;
#endif
  }
  return TWH_OK;
}

static twh_code may_trust(const obj *o, uint32_t kind, const uint8_t *sum, size_t len, twh_error *err) {
#ifndef LIE_SERVER_CHECKSUM
  if (kind == TWH_CK_CRC32C && len == 4) {
    uint32_t c = crc32c(o->data, o->len);
    for (int i = 0; i < 4; i++)
      if (sum[i] != (uint8_t)(c >> (24 - 8 * i))) return fail(err, TWH_E_CORRUPT, 0, "the checksum is another");
  }
#else
  (void)o; (void)kind; (void)sum; (void)len; (void)err;
#endif
  return TWH_OK;
}

/* The private object becomes key. */
static void become(store *s, attempt *a, const uint8_t *key, size_t len) {
  obj *o = a->o;
  obj *old = name_get(s, key, len);
  o->etag = ++s->counter;
#ifdef LIE_OVERWRITE
  if (old) { attempt_forget(s, a); return; }        /* keeps the old one and says that it did */
#endif
#ifdef LIE_ATOMIC_COMMIT
  if (old && old->kind == TWH_KIND_FILE) {          /* writes over what readers have open */
    size_t half = o->len < old->len ? o->len : old->len;
    memcpy(old->data, o->data, half);
  }
#endif
  (void)old;
  o->refs++;
  name_set(s, key, len, o);
#ifndef LIE_PUBLISH_ONCE
  attempt_forget(s, a);
#endif
#ifdef LIE_EMPTY_OBJECTS
  if (o->len == 0) name_remove(s, name_at(s, key, len));
#endif
}

#ifdef ONE_PHASE
static twh_code writer_commit(twh_writer *tw, const twh_op *op, uint32_t kind, twh_bytes sum, twh_stat *out, twh_error *err) {
  writer *w = (writer *)tw;
  twh_bytes key = { w->key, w->key_len };
  lock(w->s);
  twh_code c = check_writer(w, op, err);
  if (c == TWH_OK) {
    take_pending(w, 1);
    c = may_trust(w->a->o, kind, sum.ptr, sum.len, err);
  }
  if (c == TWH_OK) c = may_publish(w->s, w->a, w->key, w->key_len, w->mode, w->if_match, err);
  if (c == TWH_OK && (c = make_parents(w->s, key)) != TWH_OK) fail(err, c, 0, "an object is in the way of a directory");
  if (c == TWH_OK) {
    obj *o = w->a->o;
    o->refs++;
    become(w->s, w->a, w->key, w->key_len);
    fill_stat(o, out);
    obj_drop(o);
    w->finished = 1;
  }
  unlock(w->s);
  return c;
}
#else

static twh_code writer_attach(twh_target *t, const twh_op *op, const twh_put *put, twh_bytes ref, twh_writer **out, twh_writer_info *info, twh_error *err) {
  store *s = (store *)t;
  (void)op;
  lock(s);
  attempt *a = attempt_by_ref(s, ref);
  writer *w = a && !a->sealed ? writer_new(s, a, put) : NULL;
  if (w) { w->attached = 1; fill_info(w, info); }
  unlock(s);
  *out = (twh_writer *)w;
  return w ? TWH_OK : fail(err, TWH_E_NOT_FOUND, 0, "no such unsealed object");
}

static twh_code writer_adopt(twh_writer *tw, const twh_op *op, twh_bytes ref, uint64_t offset, uint64_t len, twh_error *err) {
  writer *w = (writer *)tw;
  lock(w->s);
  twh_code c = check_writer(w, op, err);
  attempt *a = attempt_by_ref(w->s, ref);
  if (c == TWH_OK && (!a || a->sealed)) c = fail(err, TWH_E_NOT_FOUND, 0, "no such unsealed object");
  if (c == TWH_OK && (len > a->o->len || offset > a->o->len - len)) c = fail(err, TWH_E_PRECONDITION, 0, "it ends before");
  if (c == TWH_OK) {
    take_pending(w, 1);
#ifdef LIE_ADOPT
    offset = 0;                                     /* other bytes than asked for */
#endif
    obj_write(w->a->o, offset, a->o->data + offset, len);
    if (offset + len > w->position) w->position = offset + len;
  }
  unlock(w->s);
  return c;
}

static twh_code writer_seal(twh_writer *tw, const twh_op *op, uint32_t *lost, twh_error *err) {
  writer *w = (writer *)tw;
  lock(w->s);
  twh_code c = check_writer(w, op, err);
  if (c == TWH_OK && w->attached) c = fail(err, TWH_E_INVALID_ARG, 0, "who opened it seals it");
  if (c == TWH_OK) {
    take_pending(w, 1);
    w->a->sealed = 1;
    w->finished = 1;
    *lost = 0;
#ifdef LIE_TWO_PHASE
    w->a->o->refs++;
    name_set(w->s, w->key, w->key_len, w->a->o);    /* visible before it is published */
#endif
  }
  unlock(w->s);
  return c;
}

static void item(twh_item_sink failed, void *ctx, size_t i, twh_code code, const char *message) {
  twh_error e;
  memset(&e, 0, sizeof e);
  e.struct_size = sizeof e;
  fail(&e, code, 0, message);
  failed(ctx, i, &e);
}

static twh_code seal_sync(twh_target *t, const twh_op *op, const twh_bytes *refs, size_t n, int32_t *codes, twh_item_sink failed, void *ctx, twh_error *err) {
  store *s = (store *)t;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(s);
  for (size_t i = 0; i < n; i++) {
    attempt *a = attempt_by_ref(s, refs[i]);
    codes[i] = a && a->sealed ? TWH_OK : TWH_E_NOT_FOUND;
    if (codes[i]) item(failed, ctx, i, codes[i], "no such sealed object"); else a->synced = 1;
  }
  unlock(s);
  return TWH_OK;
}

static twh_code publish_one(store *s, const twh_put *put, twh_bytes ref, twh_stat *out, twh_error *e) {
  char if_match[TWH_ETAG_MAX + 1] = { 0 };
  attempt *a = attempt_by_ref(s, ref);
  if (!a || !a->sealed) return fail(e, TWH_E_NOT_FOUND, 0, "no such sealed object");
  if (put->if_match.len && put->if_match.len <= TWH_ETAG_MAX) memcpy(if_match, put->if_match.ptr, put->if_match.len);
  twh_code c = may_trust(a->o, put->checksum_kind, put->checksum.ptr, put->checksum.len, e);
  if (c == TWH_OK) c = may_publish(s, a, put->key.ptr, put->key.len, put->mode, if_match, e);
  if (c == TWH_OK && (c = make_parents(s, put->key)) != TWH_OK) fail(e, c, 0, "an object is in the way of a directory");
  if (c != TWH_OK) return c;
  obj *o = a->o;
  o->refs++;
  become(s, a, put->key.ptr, put->key.len);
  fill_stat(o, out);
  obj_drop(o);
  return TWH_OK;
}

static twh_code publish_batch(twh_target *t, const twh_op *op, const twh_put *puts, size_t put_stride, const twh_bytes *refs, size_t n,
                              twh_stat *stats, size_t stat_stride, int32_t *codes, twh_item_sink failed, void *ctx, twh_error *err) {
  store *s = (store *)t;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(s);
  for (size_t i = 0; i < n; i++) {
    const twh_put *put = (const twh_put *)(const void *)((const char *)puts + i * put_stride);
    twh_stat *st = (twh_stat *)(void *)((char *)stats + i * stat_stride);
    twh_error e;
    memset(&e, 0, sizeof e);
    e.struct_size = sizeof e;
    codes[i] = publish_one(s, put, refs[i], st, &e);
    if (codes[i]) failed(ctx, i, &e);
  }
  unlock(s);
  return TWH_OK;
}

static twh_code publish_sync(twh_target *t, const twh_op *op, twh_error *err) {
  (void)t;
  return cancelled(op) ? fail(err, TWH_E_CANCELLED, 0, "cancelled") : TWH_OK;
}

static twh_code discard(twh_target *t, const twh_op *op, uint32_t by, twh_bytes what, int32_t *existed, twh_error *err) {
  store *s = (store *)t;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  *existed = 0;
  lock(s);
  for (size_t i = 0; i < s->attempts_len;) {
    attempt *a = s->attempts[i];
    int hit = by == TWH_BY_REF ? what.len == sizeof a->id && memcmp(&a->id, what.ptr, what.len) == 0
                               : what.len == strlen(a->attempt_id) && memcmp(a->attempt_id, what.ptr, what.len) == 0;
    if (!hit) { i++; continue; }
    *existed = 1;
#ifdef LIE_DISCARD
    if (a->sealed) { i++; continue; }               /* a sealed object survives */
#endif
    attempt_forget(s, a);
  }
  unlock(s);
  return TWH_OK;
}

static twh_code put_batch(twh_target *t, const twh_op *op, const twh_put *puts, size_t put_stride, const twh_buf *bufs, size_t n,
                          twh_writer_info *infos, size_t info_stride, twh_stat *stats, size_t stat_stride,
                          int32_t *codes, twh_item_sink failed, void *ctx, twh_error *err) {
  (void)stats; (void)stat_stride;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  for (size_t i = 0; i < n; i++) {
    const twh_put *put = (const twh_put *)(const void *)((const char *)puts + i * put_stride);
    twh_writer_info *info = (twh_writer_info *)(void *)((char *)infos + i * info_stride);
    twh_writer *w = NULL;
    twh_error e;
    uint32_t lost = 0;
    memset(&e, 0, sizeof e);
    e.struct_size = sizeof e;
    codes[i] = writer_open(t, op, put, &w, info, &e);
    if (codes[i] == TWH_OK) codes[i] = writer_write(w, op, &bufs[i], &e);
    if (codes[i] == TWH_OK) codes[i] = writer_seal(w, op, &lost, &e);
    if (codes[i] != TWH_OK) failed(ctx, i, &e);
    if (codes[i] != TWH_OK && w) writer_abort(w, NULL, &e);
    if (w) writer_free(w);
  }
  return TWH_OK;
}
#endif

static twh_code sweep(twh_target *t, const twh_op *op, twh_bytes prefix, int32_t removing, twh_bytes_sink found, void *ctx, twh_error *err) {
  store *s = (store *)t;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(s);
  for (size_t i = 0; i < s->attempts_len;) {
    attempt *a = s->attempts[i];
    size_t n = strlen(a->attempt_id);
    if (n < prefix.len || memcmp(a->attempt_id, prefix.ptr, prefix.len) != 0) { i++; continue; }
    twh_bytes id = { (const uint8_t *)a->attempt_id, n };
    found(ctx, id);
#ifdef LIE_SWEEP
    i++;
#else
    if (removing) attempt_forget(s, a); else i++;
#endif
  }
  (void)removing;
  unlock(s);
  return TWH_OK;
}
