//! An open cloud target: the calls of the interface, each handed to the file that does it.

use std::sync::Arc;

use opendal::ErrorKind;
use twinhaul_backend_abi::{
    Attrs, Batch, Caps, Code, Flow, Host, Key, Kind, Limits, ListEnd, ListRequest, LogLevel, Op, Private,
    Probe, Put, ReadOptions, Result, Stat, Target, WriterInfo,
};

use crate::budget::Budget;
use crate::canary::{self, Truth};
use crate::config::{Config, PART_MAX, PARTS_MAX};
use crate::fail::about;
use crate::lister::{self, Listings};
use crate::reader::CloudReader;
use crate::services::Upload;
use crate::store::Store;
use crate::uploads::Uploads;
use crate::writer::{CloudWriter, temp};
use crate::{CAPS, control, meta, names, probe, status, trials};

/// Bytes per write; the writer collects parts of them.
const CHUNK: u64 = 1 << 20;
/// User metadata of one object, as S3 counts it.
const USER_META_MAX: u64 = 2048;
/// Connections that an ssh server lets through by default are few (backends.md 4).
const SFTP_WRITERS_MAX: u32 = 8;
/// Of a name in a file system, behind webdav and sftp.
const COMPONENT_MAX: u32 = 255;
/// Requests of one removal at once.
const REMOVALS: usize = 16;

/// What the writers and readers of a target share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) truth: Truth,
    pub(crate) budget: Arc<Budget>,
    pub(crate) uploads: Option<Uploads>,
    pub(crate) host: Host,
}

impl Shared {
    pub(crate) fn log(&self, level: LogLevel, message: &str) {
        self.host.log(level, "cloud", &self.store.teller.hide(message));
    }
}

/// See the module.
#[derive(Debug)]
pub struct CloudTarget {
    shared: Arc<Shared>,
    listings: Listings,
}

impl CloudTarget {
    pub(crate) fn open(config: Config, op: &Op<'_>, host: Host) -> Result<(Self, Limits)> {
        let store = Store::open(&config)?;
        let doing = format!("open {}", config.location);
        let truth = if config.read_only {
            store.call(op, probe::reach(&store))?.map_err(|e| store.teller.failed(&doing, &e))?;
            // A source tells what it has.
            Truth { conditional: false, metadata: store.capability.write_with_user_metadata }
        } else {
            store
                .call(op, canary::learn(config.service, &store))?
                .map_err(|e| store.teller.failed(&doing, &e))?
        };
        let limits = limits(&config, &store, truth);
        let uploads = Uploads::of(&config, &store);
        let budget = Arc::new(Budget::new(config.memory));
        let shared = Arc::new(Shared { config, store, truth, budget, uploads, host });
        if !shared.config.read_only && shared.store.capability.write_with_if_not_exists && !truth.conditional
        {
            shared.log(
                LogLevel::Warn,
                &format!(
                    "{}: the server ignores \"only if absent\"; two writers of one key are not noticed",
                    shared.config.location
                ),
            );
        }
        Ok((Self { shared, listings: Listings::default() }, limits))
    }
}

fn limits(config: &Config, store: &Store, truth: Truth) -> Limits {
    let mut caps = CAPS;
    let mut keep = |there: bool, cap: Caps| {
        if !there {
            caps = caps.without(cap);
        }
    };
    let one_shot = config.service.upload == Upload::OneShot;
    keep(truth.conditional, Caps::IF_NOT_EXISTS);
    keep(truth.metadata, Caps::USER_METADATA.with(Caps::POSIX_METADATA).with(Caps::OWNERS));
    keep(one_shot, Caps::ONE_SHOT);
    // Where an object is renamed into place, an empty one is too, whatever OpenDAL says.
    keep(store.capability.write_can_empty || config.service.upload == Upload::Renamed, Caps::EMPTY_OBJECTS);
    keep(store.capability.delete, Caps::DELETE);
    keep(store.capability.list, Caps::LIST);
    let retained = config.part * (config.in_flight as u64 + 2);
    let most = PARTS_MAX * PART_MAX.0;
    Limits {
        caps,
        max_open_writers: if config.service.upload == Upload::Renamed { SFTP_WRITERS_MAX } else { 0 },
        preferred_chunk: CHUNK,
        max_object: if one_shot {
            config.max_object
        } else {
            store.capability.write_total_max_size.map_or(most, |n| most.min(n as u64))
        },
        max_user_meta_bytes: USER_META_MAX,
        max_retained_bytes: if one_shot { config.max_object } else { retained },
        mtime_precision_ns: u64::from(truth.metadata),
        max_key_bytes: names::KEY_MAX.saturating_sub(config.prefix.len() as u32 + 1),
        max_component_bytes: if config.service.upload == Upload::Parts { 0 } else { COMPONENT_MAX },
        key_rules: names::rules(config.service.name),
        commit_deadline_ms: u32::try_from(config.timeout.as_millis()).unwrap_or(u32::MAX),
        ..Limits::default()
    }
}

impl CloudTarget {
    fn renames(&self) -> bool {
        self.shared.config.service.upload == Upload::Renamed && !self.shared.config.read_only
    }
}

impl Target for CloudTarget {
    type Writer = CloudWriter;
    type Reader = CloudReader;

    fn probe(&self, op: &Op<'_>) -> Result<Probe> {
        probe::probe(&self.shared, op)
    }

    fn writer_open(&self, op: &Op<'_>, put: &Put) -> Result<(CloudWriter, WriterInfo)> {
        CloudWriter::open(&self.shared, op, put)
    }

    /// There is nothing between commit and visible; what is committed is durable.
    fn publish_sync(&self, op: &Op<'_>) -> Result<()> {
        op.check()
    }

    fn discard(&self, op: &Op<'_>, which: Private<'_>) -> Result<bool> {
        match (&self.shared.uploads, which) {
            (Some(uploads), Private::Attempt(attempt)) => uploads.discard(&self.shared.store, op, attempt),
            (None, Private::Attempt(attempt)) if self.renames() => {
                temp::discard(&self.shared.store, op, attempt)
            }
            _ => Ok(false),
        }
    }

    fn sweep(
        &self,
        op: &Op<'_>,
        run_prefix: &str,
        remove: bool,
        found: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<()> {
        if remove && self.shared.config.service.upload == Upload::Parts {
            trials::sweep(&self.shared.store, op)?;
        }
        match &self.shared.uploads {
            Some(uploads) => uploads.sweep(&self.shared.store, op, run_prefix, remove, found),
            None if self.renames() => temp::sweep(&self.shared.store, op, run_prefix, remove, found),
            None => Ok(()),
        }
    }

    fn get_attrs(&self, op: &Op<'_>, key: Option<&Key>) -> Result<Attrs> {
        let Some(key) = key.filter(|k| !k.as_bytes().is_empty()) else {
            return Ok(Attrs::of(Kind::Directory));
        };
        let store = &self.shared.store;
        let path = names::path("look at", key)?;
        match store.call(op, store.stat(path))? {
            Ok(found) if found.is_dir() => Ok(Attrs::of(Kind::Directory)),
            Ok(found) => Ok(meta::attrs(&found)),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                if lister::has_below(store, op, key)? {
                    return Ok(Attrs::of(Kind::Directory));
                }
                Err(about(Code::NotFound, "look at", key.as_bytes(), "it is not there"))
            }
            Err(e) => Err(store.teller.failed(&format!("look at {key}"), &e)),
        }
    }

    fn stat(&self, op: &Op<'_>, key: &Key) -> Result<Stat> {
        let store = &self.shared.store;
        match store.call(op, store.stat(names::path("look at", key)?))? {
            Ok(found) if found.is_dir() => Ok(Stat { kind: Kind::Directory, ..Stat::default() }),
            Ok(found) => Ok(meta::stat(&found)),
            Err(e) => Err(store.teller.failed(&format!("look at {key}"), &e)),
        }
    }

    fn reader_open(&self, op: &Op<'_>, key: &Key, options: ReadOptions) -> Result<(CloudReader, Stat)> {
        CloudReader::open(&self.shared, op, key, options)
    }

    fn list(
        &self,
        op: &Op<'_>,
        request: &ListRequest<'_>,
        entry: &mut dyn FnMut(&[u8], &Attrs) -> Flow,
    ) -> Result<ListEnd> {
        self.listings.list(&self.shared, op, request, entry)
    }

    fn status(&self, _op: &Op<'_>) -> Result<String> {
        Ok(status::status(&self.shared).to_string())
    }

    fn control(
        &self,
        op: &Op<'_>,
        verb: &str,
        args_json: &str,
        out: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<()> {
        control::control(&self.shared, op, verb, args_json, out)
    }

    fn remove(&self, op: &Op<'_>, keys: &[Key]) -> Batch<()> {
        let store = &self.shared.store;
        let mut answers = Vec::with_capacity(keys.len());
        for batch in keys.chunks(REMOVALS) {
            let paths: Vec<Result<&str>> = batch.iter().map(|k| names::path("remove", k)).collect();
            let mut tasks = Vec::with_capacity(batch.len());
            for path in paths {
                tasks.push(match path {
                    Ok(path) => {
                        let (store, path) = (store.clone(), path.to_owned());
                        Ok(Store::spawn(async move { store.delete(&path).await })?)
                    }
                    Err(e) => Err(e),
                });
            }
            for (task, key) in tasks.into_iter().zip(batch) {
                let doing = format!("remove {key}");
                answers.push(match task {
                    Err(e) => Err(e),
                    Ok(task) => match store.call(op, task)? {
                        Ok(Ok(())) => Ok(()),
                        Ok(Err(e)) => Err(store.teller.failed(&doing, &e)),
                        Err(_) => {
                            Err(about(Code::Internal, "remove", key.as_bytes(), "the task ended early"))
                        }
                    },
                });
            }
        }
        Ok(answers)
    }
}
