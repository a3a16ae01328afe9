//! What is visible: stat, attributes, nodes without bytes, listings.

use twinhaul_backend_abi::raw::{self, Sized32};
use twinhaul_backend_abi::{Attrs, Key, ListRequest, Lost, Put, Stat, convert};

use super::{Entry, Target};
use crate::error::BackendError;
use crate::library::ctx_of;
use crate::op::OpContext;
use crate::sinks;

/// Most entries of one page when the caller names no number.
pub const PAGE_ENTRIES_MAX: usize = 100_000;

/// One page of one level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    pub entries: Vec<Entry>,
    /// `None` = that was all.
    pub next: Option<Vec<u8>>,
    /// Bytewise by key.
    pub ordered: bool,
}

fn key_bytes(key: Option<&Key>) -> raw::Bytes {
    key.map_or(raw::Bytes::EMPTY, |k| raw::Bytes::of(k.as_bytes()))
}

impl Target {
    pub fn stat(&self, op: &OpContext, key: &Key) -> Result<Stat, BackendError> {
        let mut out = raw::Stat::zeroed();
        let mut meta: Vec<(String, String)> = Vec::new();
        // SAFETY (here and below): the target is open, arguments are ours and live during the call.
        self.0.call("stat", op, self.0.vtable().stat, |f, op, err| unsafe {
            let ctx = ctx_of(&mut meta);
            f(self.0.raw, op, raw::Bytes::of(key.as_bytes()), &raw mut out, Some(sinks::meta), ctx, err)
        })?;
        Ok(Stat { user_meta: meta, ..convert::load_stat(&out) })
    }

    /// A directory, a symlink, or `put.key` as a further name of `hard_link_of`; visible at once.
    pub fn put_node(
        &self,
        op: &OpContext,
        put: &Put,
        hard_link_of: Option<&Key>,
    ) -> Result<Lost, BackendError> {
        let views = convert::PutViews::new([put]);
        let mut lost = 0;
        self.0.call("put_node", op, self.0.vtable().put_node, |f, op, err| unsafe {
            f(self.0.raw, op, views.as_ptr(), key_bytes(hard_link_of), &raw mut lost, err)
        })?;
        Ok(Lost(lost))
    }

    /// `None` = the root.
    pub fn set_attrs(&self, op: &OpContext, key: Option<&Key>, attrs: &Attrs) -> Result<Lost, BackendError> {
        let view = convert::AttrsView::new(attrs);
        let mut lost = 0;
        self.0.call("set_attrs", op, self.0.vtable().set_attrs, |f, op, err| unsafe {
            f(self.0.raw, op, key_bytes(key), view.as_ptr(), &raw mut lost, err)
        })?;
        Ok(Lost(lost))
    }

    /// Of the node itself; `None` = the root.
    pub fn get_attrs(&self, op: &OpContext, key: Option<&Key>) -> Result<Attrs, BackendError> {
        const NAME: &str = "get_attrs";
        let mut out: Option<Attrs> = None;
        self.0.call(NAME, op, self.0.vtable().get_attrs, |f, op, err| unsafe {
            f(self.0.raw, op, key_bytes(key), Some(sinks::attrs), ctx_of(&mut out), err)
        })?;
        out.ok_or_else(|| self.0.library.broken(NAME, "it answered success without attributes"))
    }

    pub fn list(&self, op: &OpContext, request: &ListRequest<'_>) -> Result<ListPage, BackendError> {
        const NAME: &str = "list";
        let max = match request.max_entries {
            0 => PAGE_ENTRIES_MAX,
            n => n as usize,
        };
        let mut page = sinks::Page { max, ..sinks::Page::default() };
        let mut ordered = 0;
        self.0.call(NAME, op, self.0.vtable().list, |f, op, err| unsafe {
            f(
                self.0.raw,
                op,
                key_bytes(request.prefix),
                raw::Bytes::of(request.continuation),
                request.want.raw(),
                max as u32,
                Some(sinks::entry),
                Some(sinks::next),
                ctx_of(&mut page),
                &raw mut ordered,
                err,
            )
        })?;
        if page.over {
            return Err(self.0.library.broken(NAME, "it listed more entries than were asked for"));
        }
        Ok(ListPage { entries: page.entries, next: page.next, ordered: ordered != 0 })
    }
}
