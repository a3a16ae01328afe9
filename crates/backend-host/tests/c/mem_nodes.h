/* mem_nodes.h - what is visible: nodes, attributes, stat, list, remove. */

static twh_code put_node(twh_target *t, const twh_op *op, const twh_put *put, twh_bytes of, uint32_t *lost, twh_error *err) {
  store *s = (store *)t;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(s);
  twh_code c = make_parents(s, put->key);
  obj *old = name_get(s, put->key.ptr, put->key.len), *o = NULL;
  uint32_t kind = put->attrs ? put->attrs->kind : TWH_KIND_FILE;
  if (c != TWH_OK) {
    fail(err, c, 0, "an object is in the way of a directory");
  } else if (old && old->kind == TWH_KIND_DIRECTORY && of.len == 0 && kind == TWH_KIND_DIRECTORY) {
    *lost = 0;              /* there already */
  } else if (old && put->mode == TWH_WM_CREATE_NEW) {
    c = fail(err, TWH_E_EXISTS, 0, "the key is taken");
  } else if (old && old->kind == TWH_KIND_DIRECTORY) {
    c = fail(err, TWH_E_WRONG_KIND, 0, "a directory is there");
  } else if (of.len) {
    o = name_get(s, of.ptr, of.len);
    if (!o) c = fail(err, TWH_E_NOT_FOUND, 0, "no object of the first name");
#ifdef LIE_HARD_LINKS
    if (o) { obj *copy = obj_new(s, TWH_KIND_FILE); obj_write(copy, 0, o->data, o->len); copy->refs = 0; o = copy; }
#endif
    if (o) o->refs++;
  } else if (kind == TWH_KIND_DIRECTORY || kind == TWH_KIND_SYMLINK) {
    o = obj_new(s, kind);
    if (kind == TWH_KIND_SYMLINK) {
      o->link_len = put->attrs->link_target.len;
#ifdef LIE_SYMLINKS
      if (o->link_len > 3) o->link_len = 3;
#endif
      o->link_target = copy_of(put->attrs->link_target.ptr, o->link_len);
    }
    *lost = obj_set_attrs(o, put->attrs);
  } else {
    c = fail(err, TWH_E_INVALID_ARG, 0, "neither a directory nor a symlink");
  }
#ifdef LIE_DIRECTORIES
  if (o && o->kind == TWH_KIND_DIRECTORY) { obj_drop(o); o = NULL; }
#endif
  if (o) name_set(s, put->key.ptr, put->key.len, o);
  unlock(s);
  return c;
}

static twh_code set_attrs(twh_target *t, const twh_op *op, twh_bytes key, const twh_attrs *attrs, uint32_t *lost, twh_error *err) {
  store *s = (store *)t;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(s);
  obj *o = name_get(s, key.ptr, key.len);
  if (o) *lost = obj_set_attrs(o, attrs);
  unlock(s);
  return o ? TWH_OK : fail(err, TWH_E_NOT_FOUND, 0, "no such key");
}

static twh_code get_attrs(twh_target *t, const twh_op *op, twh_bytes key, twh_attrs_sink sink, void *ctx, twh_error *err) {
  store *s = (store *)t;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(s);
  obj *o = name_get(s, key.ptr, key.len);
  if (o) obj_attrs(o, sink, ctx);
  unlock(s);
  return o ? TWH_OK : fail(err, TWH_E_NOT_FOUND, 0, "no such key");
}

static twh_code stat_key(twh_target *t, const twh_op *op, twh_bytes key, twh_stat *out, twh_meta_sink meta, void *ctx, twh_error *err) {
  store *s = (store *)t;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(s);
  obj *o = name_get(s, key.ptr, key.len);
  if (o) fill_stat(o, out);
  for (size_t i = 0; o && meta && i < o->meta.len; i++) {
    twh_str k = { o->meta.v[i].key, o->meta.v[i].key_len };
    twh_str v = { (const char *)o->meta.v[i].value, o->meta.v[i].value_len };
    meta(ctx, k, v);
  }
  unlock(s);
#ifdef LIE_NOT_FOUND
  if (!o) return fail(err, TWH_E_INTERNAL, 0, "something went wrong");
#endif
  return o ? TWH_OK : fail(err, TWH_E_NOT_FOUND, 0, "no such key");
}

/* The i-th name is directly below prefix. */
static int directly_below(const name *n, twh_bytes prefix) {
  size_t skip = prefix.len ? prefix.len + 1 : 0;
  if (n->len <= skip || (prefix.len && (memcmp(n->key, prefix.ptr, prefix.len) != 0 || n->key[prefix.len] != '/'))) return 0;
  return memchr(n->key + skip, '/', n->len - skip) == NULL;
}

typedef struct attrs_call { twh_list_sink sink; void *ctx; twh_bytes key; } attrs_call;
static int32_t forward(void *ctx, const twh_attrs *a) {
  attrs_call *c = ctx;
  return c->sink(c->ctx, c->key, a);
}

static twh_code list(twh_target *t, const twh_op *op, twh_bytes prefix, twh_bytes from, uint32_t want_attrs, uint32_t max,
                     twh_list_sink entry, twh_bytes_sink next, void *ctx, int32_t *ordered, twh_error *err) {
  store *s = (store *)t;
  uint32_t told = 0;
  size_t last = 0;
  int more = 0;
  (void)want_attrs;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(s);
  for (size_t k = 0; k < s->names_len; k++) {
#ifdef LIE_LIST_ORDERED
    size_t i = s->names_len - 1 - k;
    int seen = from.len && key_cmp(s->names[i].key, s->names[i].len, from.ptr, from.len) >= 0;
#else
    size_t i = k;
    int seen = from.len && key_cmp(s->names[i].key, s->names[i].len, from.ptr, from.len) <= 0;
#endif
    if (seen || !directly_below(&s->names[i], prefix)) continue;
    if (max && told == max) {
      more = 1;
#ifdef LIE_LIST
      last = i;             /* the next page begins one too late */
#endif
      break;
    }
    attrs_call c = { entry, ctx, { s->names[i].key, s->names[i].len } };
    obj_attrs(s->names[i].o, forward, &c);
    told++;
    last = i;
  }
  if (more) {
    twh_bytes token = { s->names[last].key, s->names[last].len };
    next(ctx, token);
  }
  *ordered = 1;
  unlock(s);
  return TWH_OK;
}

static twh_code remove_keys(twh_target *t, const twh_op *op, const twh_bytes *keys, size_t n, int32_t *codes, twh_item_sink failed, void *ctx, twh_error *err) {
  store *s = (store *)t;
  (void)failed; (void)ctx;
  if (cancelled(op)) return fail(err, TWH_E_CANCELLED, 0, "cancelled");
  lock(s);
  for (size_t i = 0; i < n; i++) {
    size_t at = name_at(s, keys[i].ptr, keys[i].len);
    obj *o = name_get(s, keys[i].ptr, keys[i].len);
    codes[i] = TWH_OK;
    for (size_t k = 0; o && o->kind == TWH_KIND_DIRECTORY && k < s->names_len; k++)
      if (directly_below(&s->names[k], keys[i])) codes[i] = TWH_E_EXISTS;   /* not empty */
#ifndef LIE_DELETE
    if (o && codes[i] == TWH_OK) name_remove(s, at);
#else
    (void)at; (void)name_remove;
#endif
  }
  unlock(s);
  return TWH_OK;
}
