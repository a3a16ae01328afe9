//! The opened sources and targets of a peer, in the profile's order: the index is the ledger's number.

use crate::backends::Backends;
use crate::error::{EngineError, Result};
use crate::problems::Problems;
use crate::shortage::Shortage;
use crate::sick::Breaker;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use twinhaul_backend_host::{BackendError, Caps, Code, Limits, Loader, OpContext, Target, WaitNote};
use twinhaul_profile::{End, Profile};
use twinhaul_units::{Amount, PeerId};
use twinhaul_wire::TargetSnapshot;

/// An opened source or target.
#[derive(Debug)]
pub struct Opened {
    pub name: String,
    pub backend: String,
    pub target: Target,
    pub limits: Limits,
    /// Of a target: whether transfers to it are still given up one by one.
    pub(crate) breaker: Breaker,
    vacant: AtomicBool,
}

impl Opened {
    /// Whether objects are private until they are published; elsewhere they are authorised before they are committed
    /// (store.md 3).
    pub fn two_phase(&self) -> bool {
        self.limits.caps.contains(Caps::TWO_PHASE)
    }

    /// Whether it creates only what is absent, at the moment it becomes visible, and looking costs: a service.
    pub fn refuses_what_is_there(&self) -> bool {
        self.limits.caps.contains(Caps::IF_NOT_EXISTS) && !self.two_phase()
    }

    /// Whether nothing is looked for there before it is written: the target held nothing when the run was made, and refuses
    /// by itself to create what is there. A look costs a request and a round trip for each object. Wrong, it costs one object sent
    /// in vain, and is not believed again.
    pub fn is_vacant(&self) -> bool {
        self.vacant.load(Ordering::Relaxed)
    }

    /// Something was there.
    pub(crate) fn not_vacant(&self) {
        self.vacant.store(false, Ordering::Relaxed);
    }

    /// All that was sealed and all names made so far are durable.
    ///
    /// # Errors
    /// The backend's.
    pub fn sync(&self) -> std::result::Result<(), BackendError> {
        let op = OpContext::new();
        if self.two_phase() {
            self.target.seal_sync(&op, &[])?;
        }
        self.target.publish_sync(&op)
    }
}

/// See the module. `None` where this peer does not reach a target.
#[derive(Debug)]
pub struct Storage {
    pub sources: Vec<Opened>,
    pub targets: Vec<Option<Opened>>,
    names: Vec<String>,
    /// Complete, waiting for durability: in flight without a slot (store.md 3).
    pub settling: Settling,
    /// What the group waits for that is being made durable.
    pub settling_wait: WaitNote,
    /// The part of them that is visible under its key: with `durability: end`, until the sync at the end.
    pub published: Settling,
    pub problems: Problems,
    pub backends: Backends,
    pub(crate) shortage: Shortage,
}

impl Storage {
    /// Opens every source, and every target that `me` reaches.
    ///
    /// # Errors
    /// The first one that cannot be opened, by name.
    pub fn open(profile: &Profile, me: PeerId, vacant: &[String], loader: &Loader) -> Result<Self> {
        let sources =
            profile.sources.iter().map(|end| open(end, "source", loader)).collect::<Result<Vec<_>>>()?;
        let targets = profile
            .targets
            .iter()
            .map(|end| profile.reaches(me, &end.name).then(|| open(end, "target", loader)).transpose())
            .collect::<Result<Vec<_>>>()?;
        for target in targets.iter().flatten().filter(|target| vacant.contains(&target.name)) {
            target.vacant.store(target.refuses_what_is_there(), Ordering::Relaxed);
        }
        Ok(Self {
            sources,
            targets,
            names: profile.targets.iter().map(|end| end.name.clone()).collect(),
            settling: Settling::default(),
            settling_wait: WaitNote::default(),
            published: Settling::default(),
            problems: Problems::default(),
            backends: Backends::default(),
            shortage: Shortage::default(),
        })
    }

    pub fn source(&self, index: u16) -> Option<&Opened> {
        self.sources.get(usize::from(index))
    }

    pub fn target(&self, index: u16) -> Option<&Opened> {
        self.targets.get(usize::from(index))?.as_ref()
    }

    /// The kind of backend behind a source or target.
    pub fn backend_of(&self, name: &str) -> Option<&str> {
        let mut all = self.sources.iter().chain(self.reached());
        all.find(|opened| opened.name == name).map(|opened| opened.backend.as_str())
    }

    /// Where a group is being made durable; of several targets it is not known which.
    pub fn settling_place(&self) -> &str {
        let mut reached = self.reached();
        match (reached.next(), reached.next()) {
            (Some(only), None) => &only.name,
            _ => "the targets",
        }
    }

    pub fn target_name(&self, index: u16) -> &str {
        self.names.get(usize::from(index)).map_or("?", String::as_str)
    }

    /// The targets this peer reaches.
    pub fn reached(&self) -> impl Iterator<Item = &Opened> {
        self.targets.iter().flatten()
    }

    pub fn snapshots(&self) -> Vec<TargetSnapshot> {
        let shown = self.backends.list();
        self.reached()
            .map(|t| {
                let of = shown.iter().find(|status| !status.source && status.name == t.name);
                TargetSnapshot {
                    name: t.name.clone(),
                    backend: t.backend.clone(),
                    state: self.problems.target_state(&t.name),
                    free_bytes: of.and_then(|status| status.free_bytes),
                    total_bytes: of.and_then(|status| status.total_bytes),
                }
            })
            .collect()
    }
}

/// Opens one source or target: finds its library, checks it, loads it, and gives it its resolved configuration.
///
/// # Errors
/// With the end's name, the reason, and the exit code that fits it.
pub fn open(end: &End, what: &'static str, loader: &Loader) -> Result<Opened> {
    let fail = |why: String, code: i32| EngineError::Open { what, name: end.name.clone(), why, code };
    let mut config = end.resolve().map_err(|e| fail(e.to_string(), 2))?;
    let plugin = end.resolve_plugin().map_err(|e| fail(e.to_string(), 2))?;
    let plugin = plugin.as_deref().map(std::path::Path::new);
    let library = loader.load(&end.backend, plugin, end.pin.as_deref()).map_err(|e| fail(one_line(&e), 2))?;
    // What is only read must not be written to, not even to find out what it can do.
    if what == "source"
        && library.info().config_schema.as_deref().is_some_and(|schema| schema.contains("\"read_only\""))
        && let Some(fields) = config.as_object_mut()
    {
        fields.entry("read_only").or_insert(true.into());
    }
    let target = library.open(&config.to_string(), &OpContext::new()).map_err(|e| {
        let code = match e.code() {
            Code::NotFound => 4,
            Code::InvalidConfig | Code::Denied => 2,
            _ => 1,
        };
        fail(one_line(&e), code)
    })?;
    let limits = *target.limits();
    Ok(Opened {
        name: end.name.clone(),
        backend: end.backend.clone(),
        target,
        limits,
        breaker: Breaker::default(),
        vacant: AtomicBool::new(false),
    })
}

/// What a library says, as one line.
fn one_line(e: &dyn std::fmt::Display) -> String {
    twinhaul_units::text::show(&e.to_string()).into_owned()
}

/// Transfers, and their bytes as planned, that are at some step between a slot and done.
#[derive(Debug, Default)]
pub struct Settling(Mutex<Amount>);

impl Settling {
    pub fn add(&self, bytes: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += Amount::new(1, bytes);
    }

    pub fn remove(&self, bytes: u64) {
        let mut amount = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *amount = *amount - Amount::new(1, bytes);
    }

    pub fn get(&self) -> Amount {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
