//! What stands in `manifest.jsonl` and `failed.jsonl`: a header, a line for each transfer, and a summary whose sums close.
//!
//! Everything is the ledger's: the same ledger gives the same bytes, so that a head that was kept elsewhere still fits after
//! the report is written again. Fields are only added.

use crate::state::RunDir;
use crate::status;
use serde::{Deserialize, Serialize};
use twinhaul_ledger::{Detail, NodeKind, State};
use twinhaul_profile::Profile;
use twinhaul_wire::{KeyText, QueueSize};

/// Raised when a field changes its meaning.
pub(super) const VERSION: u32 = 1;

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    #[serde(rename = "twinhaul manifest")]
    Manifest,
    #[serde(rename = "twinhaul failed")]
    Failed,
}

impl Kind {
    pub(super) const fn file(self) -> &'static str {
        match self {
            Self::Manifest => "manifest.jsonl",
            Self::Failed => "failed.jsonl",
        }
    }
}

/// The first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: Kind,
    pub(super) version: u32,
    pub(super) run: String,
    pub(super) profile: String,
    /// BLAKE3 of the frozen profile.
    pub(super) profile_hash: String,
    /// When the run was made.
    pub(super) created_at: Option<String>,
}

/// The last line. Sums count bytes as planned, as `status` does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Summary {
    #[serde(rename = "summary")]
    pub(super) is_last: bool,
    /// Of transfers, between the first and this one.
    pub(super) lines: u64,
    #[serde(flatten)]
    pub(super) sums: Sums,
    /// In the manifest: the head of the failed list that was written with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failed_list: Option<String>,
}

/// discovered = done + skipped + failed + remaining, of the lines of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) discovered: QueueSize,
    pub(super) done: QueueSize,
    pub(super) skipped: QueueSize,
    pub(super) failed: QueueSize,
    pub(super) remaining: QueueSize,
}

impl Sums {
    /// One more transfer; `state` as it is written.
    pub(super) fn add(&mut self, state: &str, bytes: u64) {
        let of = match state {
            "done" => &mut self.done,
            "skipped" => &mut self.skipped,
            "failed" => &mut self.failed,
            _ => &mut self.remaining,
        };
        for sum in [of, &mut self.discovered] {
            sum.transfers += 1;
            // In a file from elsewhere a size may be anything.
            sum.bytes = sum.bytes.saturating_add(bytes);
        }
    }

    /// With their names, for comparing.
    pub(super) fn named(&self) -> [(&'static str, QueueSize); 5] {
        [
            ("discovered", self.discovered),
            ("done", self.done),
            ("skipped", self.skipped),
            ("failed", self.failed),
            ("remaining", self.remaining),
        ]
    }
}

/// One transfer.
#[derive(Debug, Serialize)]
struct Line {
    id: u64,
    #[serde(flatten)]
    key: KeyText,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_key_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    kind: &'static str,
    /// Further names of a hard-link group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<KeyText>,
    /// At the target, once it is there.
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    planned_size: Option<u64>,
    state: &'static str,
    blake3: Option<String>,
    /// As the target told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    verified: bool,
    peer: Option<String>,
    attempts: u32,
    started_at: Option<String>,
    settled_at: Option<String>,
    lost: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
}

/// Writes lines of one run.
#[derive(Debug)]
pub(super) struct Names {
    sources: Vec<String>,
    targets: Vec<String>,
    peers: [String; 2],
}

impl Names {
    /// Without a profile, sources and targets have no names.
    pub(super) fn new(run: &RunDir, profile: Option<&Profile>) -> Self {
        let names = |ends: &[twinhaul_profile::End]| ends.iter().map(|end| end.name.clone()).collect();
        Self {
            sources: profile.map(|p| names(&p.sources)).unwrap_or_default(),
            targets: profile.map(|p| names(&p.targets)).unwrap_or_default(),
            peers: run.file.order.clone(),
        }
    }

    /// A transfer's line without its chain value.
    pub(super) fn body(&self, t: &Detail) -> serde_json::Result<String> {
        let at_source = (t.source_key != t.key).then(|| KeyText::from_bytes(&t.source_key));
        let (source_key, source_key_b64) = at_source.map_or((None, None), |k| (Some(k.key), k.key_b64));
        let size = t.actual_size.unwrap_or(t.size);
        serde_json::to_string(&Line {
            id: t.id.0,
            key: KeyText::from_bytes(&t.key),
            source: self.sources.get(usize::from(t.source)).cloned(),
            source_key,
            source_key_b64,
            target: self.targets.get(usize::from(t.target)).cloned(),
            kind: match t.kind {
                NodeKind::File => "file",
                NodeKind::Symlink => "symlink",
                NodeKind::HardLinkGroup => "hard_links",
            },
            names: t.names.iter().map(|name| KeyText::from_bytes(name)).collect(),
            size,
            planned_size: (size != t.size).then_some(t.size),
            state: t.state.words(),
            blake3: t.blake3.map(|d| blake3::Hash::from_bytes(d).to_hex().to_string()),
            etag: t.etag.clone(),
            verified: t.verified,
            peer: t.by.map(|p| self.peers[p.index()].clone()),
            attempts: t.attempts_in_all(),
            started_at: t.started_at_ms.and_then(status::timestamp),
            settled_at: t.settled_at_ms.and_then(status::timestamp),
            lost: lost_words(t.lost),
            first_error: t.first_error.clone(),
            error: t.error.clone(),
            class: t.class.clone(),
        })
    }
}

/// The metadata that the target could not keep.
pub(super) fn lost_words(bits: u32) -> Vec<&'static str> {
    const NAMES: [(u32, &str); 7] = [
        (1, "owner"),
        (2, "mode"),
        (4, "mtime"),
        (8, "xattr"),
        (16, "holes"),
        (32, "links"),
        (64, "user metadata"),
    ];
    NAMES.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect()
}

/// Whether a transfer belongs in this file.
pub(super) fn belongs(kind: Kind, state: State) -> bool {
    kind == Kind::Manifest || state == State::Failed
}
