//! Batches: many objects in one call, one answer each.

use twinhaul_backend_abi::raw::{self, Sized32};
use twinhaul_backend_abi::{Key, Private, Put, Stat, WriterInfo, convert};

use super::Target;
use crate::chunk::Chunk;
use crate::error::BackendError;
use crate::library::ctx_of;
use crate::op::OpContext;
use crate::sinks;

/// Most items of one batch; a group of the ledger is no larger (store.md 3).
pub const BATCH_MAX: usize = 4096;
/// Most bytes of attempt ids that one sweep may tell.
const SWEEP_BYTES_MAX: usize = 256 << 20;

/// What [`Target::put_batch`] answers for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchPut {
    /// Two-phase targets: the ref.
    pub info: WriterInfo,
    /// Others: what was committed.
    pub stat: Stat,
}

type Answers<T> = Result<Vec<Result<T, BackendError>>, BackendError>;

/// Where the answers of one call go.
struct Slots {
    codes: Vec<i32>,
    failed: sinks::Failed,
}

impl Slots {
    /// Each is an error until the backend says otherwise.
    fn new(n: usize) -> Self {
        Self { codes: vec![raw::E_INTERNAL; n], failed: sinks::Failed(vec![None; n]) }
    }

    fn answers<T>(
        self,
        target: &Target,
        op: &'static str,
        ok: impl Fn(usize) -> T,
    ) -> Vec<Result<T, BackendError>> {
        let details = self.failed.0.into_iter();
        self.codes
            .into_iter()
            .zip(details)
            .enumerate()
            .map(|(i, (code, detail))| match code {
                raw::OK => Ok(ok(i)),
                _ => Err(target.item_error(op, code, detail)),
            })
            .collect()
    }
}

fn views(refs: &[&[u8]]) -> Vec<raw::Bytes> {
    refs.iter().map(|r| raw::Bytes::of(r)).collect()
}

impl Target {
    /// The answers of a batch that is too long, or of unequal parts, are one error before anything is done.
    fn same_length(&self, op: &'static str, a: usize, b: usize) -> Result<(), BackendError> {
        if a == b && a <= BATCH_MAX {
            return Ok(());
        }
        let text = format!("{a} and {b} items, at most {BATCH_MAX} of each expected");
        Err(self
            .0
            .library
            .error(op, twinhaul_backend_abi::Error::new(twinhaul_backend_abi::Code::InvalidArg, text)))
    }

    /// Opens, writes and seals (two-phase) or commits many small objects; `data[i]` belongs to `puts[i]`.
    ///
    /// # Errors
    /// The outer one is that of the whole call; here and below.
    pub fn put_batch(&self, op: &OpContext, puts: &[Put], data: &[Chunk]) -> Answers<BatchPut> {
        const NAME: &str = "put_batch";
        self.same_length(NAME, puts.len(), data.len())?;
        let put_views = convert::PutViews::new(puts);
        let bufs: Vec<_> = data.iter().map(Chunk::raw).collect();
        let mut infos = vec![raw::WriterInfo::zeroed(); puts.len()];
        let mut stats = vec![raw::Stat::zeroed(); puts.len()];
        let mut slots = Slots::new(puts.len());
        // SAFETY (here and below): the target is open, arrays have the length that is passed and live during the call.
        self.0.call(NAME, op, self.0.vtable().put_batch, |f, op, err| unsafe {
            f(
                self.0.raw,
                op,
                put_views.as_ptr(),
                size_of::<raw::Put>(),
                bufs.as_ptr(),
                puts.len(),
                infos.as_mut_ptr(),
                size_of::<raw::WriterInfo>(),
                stats.as_mut_ptr(),
                size_of::<raw::Stat>(),
                slots.codes.as_mut_ptr(),
                Some(sinks::failed),
                ctx_of(&mut slots.failed),
                err,
            )
        })?;
        Ok(slots.answers(self, NAME, |i| BatchPut {
            info: convert::load_info(&infos[i]),
            stat: convert::load_stat(&stats[i]),
        }))
    }

    /// Durability barrier for sealed objects.
    pub fn seal_sync(&self, op: &OpContext, refs: &[&[u8]]) -> Answers<()> {
        const NAME: &str = "seal_sync";
        self.same_length(NAME, refs.len(), refs.len())?;
        let list = views(refs);
        let mut slots = Slots::new(refs.len());
        self.0.call(NAME, op, self.0.vtable().seal_sync, |f, op, err| unsafe {
            let ctx = ctx_of(&mut slots.failed);
            f(
                self.0.raw,
                op,
                list.as_ptr(),
                list.len(),
                slots.codes.as_mut_ptr(),
                Some(sinks::failed),
                ctx,
                err,
            )
        })?;
        Ok(slots.answers(self, NAME, |_| ()))
    }

    /// Makes sealed objects visible under their keys, each atomically, each once; `refs[i]` belongs to `puts[i]`.
    pub fn publish_batch(&self, op: &OpContext, puts: &[Put], refs: &[&[u8]]) -> Answers<Stat> {
        const NAME: &str = "publish_batch";
        self.same_length(NAME, puts.len(), refs.len())?;
        let put_views = convert::PutViews::new(puts);
        let list = views(refs);
        let mut stats = vec![raw::Stat::zeroed(); puts.len()];
        let mut slots = Slots::new(puts.len());
        self.0.call(NAME, op, self.0.vtable().publish_batch, |f, op, err| unsafe {
            f(
                self.0.raw,
                op,
                put_views.as_ptr(),
                size_of::<raw::Put>(),
                list.as_ptr(),
                list.len(),
                stats.as_mut_ptr(),
                size_of::<raw::Stat>(),
                slots.codes.as_mut_ptr(),
                Some(sinks::failed),
                ctx_of(&mut slots.failed),
                err,
            )
        })?;
        Ok(slots.answers(self, NAME, |i| convert::load_stat(&stats[i])))
    }

    /// Names and nodes made so far are durable.
    pub fn publish_sync(&self, op: &OpContext) -> Result<(), BackendError> {
        self.0.call("publish_sync", op, self.0.vtable().publish_sync, |f, op, err| unsafe {
            f(self.0.raw, op, err)
        })
    }

    /// Whether something was discarded; afterwards that attempt can never be published: the fence of a take-over.
    pub fn discard(&self, op: &OpContext, which: Private<'_>) -> Result<bool, BackendError> {
        let (by, name) = match which {
            Private::Ref(r) => (raw::BY_REF, r),
            Private::Attempt(id) => (raw::BY_ATTEMPT, id.as_bytes()),
        };
        let mut existed = 0;
        self.0.call("discard", op, self.0.vtable().discard, |f, op, err| unsafe {
            f(self.0.raw, op, by, raw::Bytes::of(name), &raw mut existed, err)
        })?;
        Ok(existed != 0)
    }

    /// Attempt ids of private objects that begin with `run_prefix` (empty = every run); removed if `remove`.
    pub fn sweep(
        &self,
        op: &OpContext,
        run_prefix: &str,
        remove: bool,
    ) -> Result<Vec<Vec<u8>>, BackendError> {
        const NAME: &str = "sweep";
        let (mut found, mut bytes) = (Vec::new(), 0usize);
        let mut take = |id: &[u8]| {
            bytes += id.len();
            if bytes > SWEEP_BYTES_MAX {
                return twinhaul_backend_abi::Flow::Break(());
            }
            found.push(id.to_vec());
            twinhaul_backend_abi::Flow::Continue(())
        };
        let mut stream = sinks::Stream(&mut take);
        let ctx = ctx_of(&mut stream);
        self.0.call(NAME, op, self.0.vtable().sweep, |f, op, err| unsafe {
            f(
                self.0.raw,
                op,
                raw::Bytes::of(run_prefix.as_bytes()),
                i32::from(remove),
                Some(sinks::stream),
                ctx,
                err,
            )
        })?;
        Ok(found)
    }

    /// Removes visible objects, symlinks and empty directories.
    pub fn remove(&self, op: &OpContext, keys: &[Key]) -> Answers<()> {
        const NAME: &str = "remove";
        self.same_length(NAME, keys.len(), keys.len())?;
        let list: Vec<_> = keys.iter().map(|k| raw::Bytes::of(k.as_bytes())).collect();
        let mut slots = Slots::new(keys.len());
        self.0.call(NAME, op, self.0.vtable().remove, |f, op, err| unsafe {
            let ctx = ctx_of(&mut slots.failed);
            f(
                self.0.raw,
                op,
                list.as_ptr(),
                list.len(),
                slots.codes.as_mut_ptr(),
                Some(sinks::failed),
                ctx,
                err,
            )
        })?;
        Ok(slots.answers(self, NAME, |_| ()))
    }
}
