//! The checked configuration: what a profile says, in types, with every default filled in (architecture.md 6).
//!
//! Holds no secret: references stay as they were written. Built by `read` from YAML or by `copy` from two paths; not
//! built field by field elsewhere, because names, routes and reachability are checked against each other there.
//! Entry points: [`Profile`], its questions [`Profile::route`], [`Profile::reaches`], [`Profile::target`].

use crate::{marks::Marks, pattern::Pattern, timetable::Bandwidth};
use twinhaul_units::{Bytes, Key, KeyError, PeerId, Rate, Ratio, Share, Span};

/// The one version of the format.
pub const VERSION: u64 = 1;

/// A whole migration. Two profiles are equal when they say the same, wherever in a file they say it.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub version: u64,
    /// Letters, digits, `.`, `_`, `-`; a run's name begins with it.
    pub name: String,
    /// Whether `data`, `story` and the chaos menu exist (demo.md).
    pub demo: bool,
    pub data: Option<DemoData>,
    pub story: Vec<StoryStep>,
    /// In the profile's order; at least one.
    pub sources: Vec<End>,
    /// In the profile's order; at least one.
    pub targets: Vec<End>,
    /// In order: the first match wins. At least one.
    pub routes: Vec<Route>,
    pub split: Split,
    pub assistance: Assistance,
    /// The claims' first and second peer, in the profile's order.
    pub peers: [PeerConfig; 2],
    pub verify: Verify,
    pub on_exists: OnExists,
    pub durability: Durability,
    pub coordination: Coordination,
    /// As written; [`Profile::target_must_be`] has the default and a target's own word.
    pub target_must_be: Option<TargetMustBe>,
    pub allow_root_fs: bool,
    pub order: Order,
    /// Of both peers together.
    pub bandwidth: Bandwidth,
    pub(crate) marks: Marks,
}

/// Which side of a migration an [`End`] is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Target,
}

/// A configured instance of a backend: a source or a target.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    pub side: Side,
    pub name: String,
    /// `disk`, `tape`, `cloud`, or the name of another plugin.
    pub backend: String,
    /// The plugin's shared library, when it is not found by the backend's name.
    pub plugin: Option<String>,
    /// BLAKE3 that the library must have: `blake3:` and 64 lowercase hex digits (faults.md, threat 6).
    pub pin: Option<String>,
    /// A target's own word; `None` follows the profile.
    pub allow_root_fs: Option<bool>,
    /// A target's own word; `None` follows the profile.
    pub target_must_be: Option<TargetMustBe>,
    /// Into a target, of both peers together.
    pub bandwidth: Bandwidth,
    /// Transfers in flight into a target at a time, of each peer; 1 to [`SLOTS_MAX`]. `None`: as many as the peer has.
    pub slots_per_peer: Option<u32>,
    /// Everything else, for the backend's open. References are unresolved: see [`End::resolve`].
    pub config: serde_json::Map<String, serde_json::Value>,
    pub(crate) marks: Marks,
}

/// Which keys of a source go to which target.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    pub from: String,
    /// `None` matches every key.
    pub matching: Option<Pattern>,
    pub to: String,
    /// Put before every key; empty, or ends in a slash.
    pub prefix: String,
}

/// The initial division of the transfers (claims 1.1, 1.2).
#[derive(Clone, Debug, PartialEq)]
pub enum Split {
    /// By number; the share is the first peer's.
    Count(Share),
    /// By size; the share is the first peer's.
    Bytes(Share),
    /// Keys that match go to the first peer, the others to the second.
    Pattern { first: Pattern },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assistance {
    pub policy: Policy,
    pub learning: Learning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The portion determined from measured rates and bytes, so that both peers finish at the same moment; the last
    /// large transfers are done by both (protocol.md 3).
    Balanced,
    /// The claims, literally (protocol.md 2).
    Learning,
    /// The static split, for comparison.
    None,
}

/// How the ratios begin and move (claims 4.1 to 7.2); the same for both peers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learning {
    pub ratio: Ratio,
    /// From 0 (never moves) to [`INCREMENT_MAX`].
    pub increment: f64,
    /// An owner hands over only if ratio x queued is greater; in transfers.
    pub minimum: u64,
    /// Whether the next run of this profile begins with the ratios that this one ends with.
    pub remember: bool,
}

/// Largest step of a ratio.
pub const INCREMENT_MAX: f64 = 0.5;

#[derive(Clone, Debug, PartialEq)]
pub struct PeerConfig {
    pub name: String,
    /// Transfers in flight at a time; 1 to [`SLOTS_MAX`].
    pub slots: u32,
    pub bandwidth: Bandwidth,
    /// The targets that this peer reaches; `None` reaches all.
    pub targets: Option<Vec<String>>,
}

/// Most slots of a peer.
pub const SLOTS_MAX: u32 = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    None,
    /// Compares the digest of what was written with that of what was read.
    Hash,
    /// Reads the target again, past its cache.
    ReadBack,
    /// Reads the target again, from its cache where that has it: finds what software does wrong, not what the medium does.
    ReadBackCached,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExists {
    SkipSame,
    Overwrite,
    Fail,
}

/// When transfers become durable and done (store.md 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    Each,
    Group,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordination {
    /// One `SQLite` file per run, on this machine (store.md 1).
    Embedded,
}

/// What a target may hold before anything is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetMustBe {
    Empty,
    /// Empty, or written by an earlier run of this profile.
    Mine,
    Any,
}

/// The order of the transfers inside a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Largest first.
    Size,
    /// By key.
    Name,
    /// Oldest first, by the time of modification.
    Age,
    /// The largest, the smallest, the second largest, and so on: large ones fill the line while small ones are opened and closed.
    Mixed,
}

/// The files that the demonstration makes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DemoData {
    pub files: u64,
    pub size: Bytes,
    pub seed: u64,
    /// How far a file's size may lie from `size`, as a share of it; `None` makes all the same.
    pub jitter: Option<Share>,
    /// One more file, so large.
    pub giant: Option<Bytes>,
    /// An object store that the demonstration starts.
    pub store: Option<DemoStore>,
}

/// A store on this machine, which an end reaches by `endpoint: "@demo"`; and how it is in a storm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DemoStore {
    /// Every request takes so much longer.
    pub delay: Span,
    /// In a storm it refuses this part of the requests,
    pub share: Share,
    /// and asks to come again after so long, in whole seconds.
    pub retry_after: Span,
}

impl DemoData {
    /// Bytes of all files, without the jitter.
    pub fn bytes(&self) -> Bytes {
        Bytes(self.files.saturating_mul(self.size.0).saturating_add(self.giant.unwrap_or_default().0))
    }
}

/// What a step of a story waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StoryWhen {
    /// So many assignments were made in the run.
    Assistance(u64),
    /// So many ranges of transfers in flight were lent.
    Ranges(u64),
    /// This part of all bytes is at the target.
    Done(Share),
    /// A peer took over what the other had.
    TakenOver,
    /// A peer came back, as a new incarnation.
    Returned,
    /// A server asked a peer to slow down.
    RateLimited,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoryAct {
    ToPeer(PeerId, PeerAct),
    /// The store asks everybody to slow down; it serves everybody again.
    Storm,
    Calm,
}

/// What a step does to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAct {
    Limit(Rate),
    Unlimited,
    /// The process stands still; it goes on; it is gone.
    Freeze,
    Thaw,
    Kill,
}

/// Something that the demonstration does, at an event and never at a clock time.
#[derive(Clone, Debug, PartialEq)]
pub struct StoryStep {
    /// The step waits for this, and then `wait`.
    pub when: StoryWhen,
    pub wait: Span,
    /// `None`: it only speaks.
    pub act: Option<StoryAct>,
    pub say: String,
}

impl Profile {
    pub fn source(&self, name: &str) -> Option<&End> {
        self.sources.iter().find(|e| e.name == name)
    }

    pub fn target(&self, name: &str) -> Option<&End> {
        self.targets.iter().find(|e| e.name == name)
    }

    pub fn peer(&self, peer: PeerId) -> &PeerConfig {
        &self.peers[peer.index()]
    }

    /// Which peer has this name.
    pub fn peer_named(&self, name: &str) -> Option<PeerId> {
        PeerId::BOTH.into_iter().find(|p| self.peer(*p).name == name)
    }

    /// Whether a peer can write to a target.
    pub fn reaches(&self, peer: PeerId, target: &str) -> bool {
        self.peer(peer).targets.as_ref().is_none_or(|all| all.iter().any(|t| t == target))
    }

    /// The first route that takes `key` of `source`; `None` leaves the object where it is. Keys are bytes.
    pub fn route(&self, source: &str, key: &[u8]) -> Option<&Route> {
        self.routes.iter().find(|r| r.takes(source, key))
    }

    /// What `target` may hold before the run: its own word, else the profile's, else `empty` when existing objects
    /// would be overwritten and `any` when they would not.
    pub fn target_must_be(&self, target: &End) -> TargetMustBe {
        target.target_must_be.or(self.target_must_be).unwrap_or(match self.on_exists {
            OnExists::Overwrite => TargetMustBe::Empty,
            OnExists::SkipSame | OnExists::Fail => TargetMustBe::Any,
        })
    }

    /// Whether `target` may be a bare mount point on the root file system.
    pub fn allows_root_fs(&self, target: &End) -> bool {
        target.allow_root_fs.unwrap_or(self.allow_root_fs)
    }
}

impl Route {
    pub fn takes(&self, source: &str, key: &[u8]) -> bool {
        self.from == source && self.matching.as_ref().is_none_or(|m| m.is_match(key))
    }

    /// Whether no key of the source is left for a later route.
    pub fn takes_all(&self) -> bool {
        self.matching.as_ref().is_none_or(Pattern::matches_all)
    }

    /// The key at the target.
    ///
    /// # Errors
    /// When the prefix makes it longer than a key may be.
    pub fn target_key(&self, key: &Key) -> Result<Key, KeyError> {
        key.under(self.prefix.as_bytes())
    }
}

impl Default for Assistance {
    fn default() -> Self {
        Self { policy: Policy::Balanced, learning: Learning::default() }
    }
}

/// The defaults of protocol.md 2.
impl Default for Learning {
    fn default() -> Self {
        Self { ratio: Ratio::default(), increment: 0.05, minimum: 0, remember: true }
    }
}

impl PeerConfig {
    /// A peer with the default slots that reaches every target.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), slots: 8, bandwidth: Bandwidth::default(), targets: None }
    }

    /// The two peers of a profile that names none.
    pub fn defaults() -> [Self; 2] {
        [Self::named("alpha"), Self::named("beta")]
    }
}
