/* mem_write.h - writers: append, ranges, retained buffers, save and resume. */

typedef struct pending { twh_buf buf; size_t offset; struct pending *next; } pending;
typedef struct writer {
  store *s;
  attempt *a;
  int attached, finished, aborted;
#ifdef LIE_PARALLEL_RANGES
  pthread_t opener;
#endif
  volatile int cancelled;
  size_t position;
  pending *first, *last;    /* retained buffers that are not copied yet */
  uint8_t *key; size_t key_len;
  uint32_t mode;            /* TWH_WM_* */
  char if_match[TWH_ETAG_MAX + 1];
  uint32_t checksum_kind; uint8_t checksum[TWH_CKSUM_MAX]; size_t checksum_len;
} writer;

static twh_code check_writer(writer *w, const twh_op *op, twh_error *err) {
  if (w->cancelled || cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  if (w->finished || w->aborted) return fail(err, TWH_E_CLOSED, 0, "this writer is finished");
  if (!w->a->o) return fail(err, TWH_E_NOT_FOUND, TWH_EF_POISONED, "this attempt was discarded");
  return TWH_OK;
}

static void take_pending(writer *w, int keep) {
  while (w->first) {
    pending *p = w->first;
    w->first = p->next;
    if (keep && w->a->o) obj_write(w->a->o, p->offset, p->buf.ptr, p->buf.len);
#ifndef LIE_RETAINS_BUFFERS
    p->buf.release(p->buf.owner);
#endif
    free(p);
  }
  w->last = NULL;
}

static void fill_info(writer *w, twh_writer_info *info) {
  info->max_parallel_ranges = 4;
  info->part_size = 0;
  info->lost = 0;
  info->resume_offset = w->position;
#ifndef ONE_PHASE
  info->ref_len = sizeof w->a->id;
  memcpy(info->ref, &w->a->id, sizeof w->a->id);
#endif
}

static writer *writer_new(store *s, attempt *a, const twh_put *put) {
  writer *w = calloc(1, sizeof *w);
  if (!w) abort();
  w->s = s;
  w->a = a;
#ifdef LIE_PARALLEL_RANGES
  w->opener = pthread_self();
#endif
  w->key = copy_of(put->key.ptr, put->key.len);
  w->key_len = put->key.len;
  w->mode = put->mode;
  if (put->if_match.len <= TWH_ETAG_MAX && put->if_match.len) memcpy(w->if_match, put->if_match.ptr, put->if_match.len);
  return w;
}

static twh_code writer_open(twh_target *t, const twh_op *op, const twh_put *put, twh_writer **out, twh_writer_info *info, twh_error *err) {
  store *s = (store *)t;
#ifdef LIE_WRITING
  if (op) return fail(err, TWH_E_UNSUPPORTED, 0, "cannot write");   /* and claims what only writers can do */
#endif
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  if (put->attempt_id.len > TWH_ATTEMPT_MAX) return fail(err, TWH_E_INVALID_ARG, 0, "attempt id too long");
  lock(s);
  attempt *a = NULL;
  if (put->resume_token.len) {
    a = attempt_by_ref(s, put->resume_token);
    if (!a) { unlock(s); return fail(err, TWH_E_NOT_FOUND, 0, "nothing to resume"); }
  } else {
    a = calloc(1, sizeof *a);
    if (!a) abort();
    a->id = ++s->counter;
    if (put->attempt_id.len) memcpy(a->attempt_id, put->attempt_id.ptr, put->attempt_id.len);
    a->o = obj_new(s, TWH_KIND_FILE);
    obj_set_attrs(a->o, put->attrs);
#ifndef LIE_USER_METADATA
    for (size_t i = 0; i < put->user_meta_len; i++)
      kvs_add(&a->o->meta, put->user_meta[i].key.ptr, put->user_meta[i].key.len, put->user_meta[i].value.ptr, put->user_meta[i].value.len);
#endif
    s->attempts = grown(s->attempts, (s->attempts_len + 1) * sizeof *s->attempts);
    s->attempts[s->attempts_len++] = a;
  }
  writer *w = writer_new(s, a, put);
#ifdef LIE_RESUMABLE
  if (put->resume_token.len) obj_resize(a->o, 0);   /* forgets what was saved, and says that it has it */
  w->position = put->resume_token.len ? 1000 : 0;
#else
  w->position = a->o->len;
#endif
  fill_info(w, info);
  unlock(s);
  *out = (twh_writer *)w;
  return TWH_OK;
}

static twh_code writer_write(twh_writer *tw, const twh_op *op, const twh_buf *buf, twh_error *err) {
  writer *w = (writer *)tw;
  lock(w->s);
  twh_code c = check_writer(w, op, err);
  if (c == TWH_OK && buf->retain && buf->release) {
    pending *p = calloc(1, sizeof *p);
    if (!p) abort();
    buf->retain(buf->owner);
    p->buf = *buf;
    p->offset = w->position;
    if (w->last) w->last->next = p; else w->first = p;
    w->last = p;
  } else if (c == TWH_OK) {
    take_pending(w, 1);
    obj_write(w->a->o, w->position, buf->ptr, buf->len);
  }
  if (c == TWH_OK) w->position += buf->len;
  unlock(w->s);
  return c;
}

static twh_code writer_write_at(twh_writer *tw, const twh_op *op, uint64_t offset, const twh_buf *buf, twh_error *err) {
  writer *w = (writer *)tw;
  lock(w->s);
  twh_code c = check_writer(w, op, err);
  if (c == TWH_OK) {
    take_pending(w, 1);
#ifdef LIE_RANDOM_WRITE
    offset = w->a->o->len;
#endif
#ifdef LIE_SHARED_RANGES
    if (!w->attached)
#endif
#ifdef LIE_PARALLEL_RANGES
    if (pthread_equal(w->opener, pthread_self()))   /* what other threads write is lost */
#endif
    obj_write(w->a->o, offset, buf->ptr, buf->len);
    if (offset + buf->len > w->position) w->position = offset + buf->len;
  }
  unlock(w->s);
  return c;
}

static twh_code writer_set_len(twh_writer *tw, const twh_op *op, uint64_t len, twh_error *err) {
  writer *w = (writer *)tw;
  lock(w->s);
  twh_code c = check_writer(w, op, err);
  if (c == TWH_OK) {
    take_pending(w, 1);
    obj_resize(w->a->o, len);
    w->position = len;
  }
  unlock(w->s);
  return c;
}

static twh_code writer_save(twh_writer *tw, const twh_op *op, twh_bytes_sink token, void *ctx, twh_error *err) {
  writer *w = (writer *)tw;
  lock(w->s);
  twh_code c = check_writer(w, op, err);
  twh_bytes chunk = { (const uint8_t *)&w->a->id, sizeof w->a->id };
  if (c == TWH_OK) { take_pending(w, 1); w->finished = 1; }
  unlock(w->s);
  if (c == TWH_OK) token(ctx, chunk);
  return c;
}

static twh_code writer_abort(twh_writer *tw, const twh_op *op, twh_error *err) {
  writer *w = (writer *)tw;
  (void)op;
  if (w->aborted) return TWH_OK;
  if (w->finished) return fail(err, TWH_E_CLOSED, 0, "this writer is finished");
  lock(w->s);
  take_pending(w, 0);
  if (w->a->o) attempt_forget(w->s, w->a);
  w->aborted = 1;
  unlock(w->s);
  return TWH_OK;
}

static void writer_cancel(twh_writer *tw) { ((writer *)tw)->cancelled = 1; }

static void writer_free(twh_writer *tw) {
  writer *w = (writer *)tw;
  lock(w->s);
  take_pending(w, 0);
#ifdef ONE_PHASE
  if (!w->finished && !w->aborted && w->a->o) attempt_forget(w->s, w->a);
#endif
  unlock(w->s);
  free(w->key);
  free(w);
}
