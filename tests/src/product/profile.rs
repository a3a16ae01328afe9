//! Profiles for tests, written as YAML: one source, one target, and what a test wants to be different.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// One peer's settings.
#[derive(Clone, Debug)]
pub struct Peer {
    pub slots: u32,
    /// "8 MiB/s"; `None`: not limited.
    pub limit: Option<String>,
    /// A list in one line, as YAML: `[daily 12:00-24:00 1 MiB/s]`.
    pub timetable: Option<String>,
}

/// A profile; every field is public, and [`Profile::yaml`] writes it.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    pub source: PathBuf,
    pub target: PathBuf,
    /// How the target is reached, as YAML: `backend: disk`.
    pub target_backend: String,
    pub policy: String,
    pub ratio: f64,
    pub minimum: u32,
    /// `by: count, share: 50 %`.
    pub split: String,
    pub alpha: Peer,
    pub beta: Peer,
    pub verify: String,
    pub durability: String,
    /// More top-level lines, as they are.
    pub more: String,
}

impl Profile {
    /// Learning, four slots each, no limits, everything else as a user would have it.
    pub fn new(name: &str, source: &Path, target: &Path) -> Self {
        let peer = Peer { slots: 4, limit: None, timetable: None };
        Self {
            name: name.to_owned(),
            source: source.to_owned(),
            target: target.to_owned(),
            target_backend: "backend: disk".to_owned(),
            policy: "learning".to_owned(),
            ratio: 0.5,
            minimum: 0,
            split: "by: count, share: 50 %".to_owned(),
            alpha: peer.clone(),
            beta: peer,
            verify: "hash".to_owned(),
            durability: "group".to_owned(),
            more: String::new(),
        }
    }

    /// Both limits at once.
    #[must_use]
    pub fn limits(mut self, alpha: &str, beta: &str) -> Self {
        self.alpha.limit = Some(alpha.to_owned());
        self.beta.limit = Some(beta.to_owned());
        self
    }

    pub fn yaml(&self) -> String {
        let quote = |p: &Path| serde_json::Value::from(p.to_str().expect("path in a profile")).to_string();
        let mut out = format!(
            "version: 1\nname: {}\nsources:\n  here: {{ backend: disk, root: {} }}\ntargets:\n  there: {{ {}, root: {}, create: true }}\n",
            self.name,
            quote(&self.source),
            self.target_backend,
            quote(&self.target)
        );
        let _ = writeln!(out, "routes:\n  - {{ from: here, to: there }}\nsplit: {{ {} }}", self.split);
        let _ = writeln!(
            out,
            "assistance:\n  policy: {}\n  learning: {{ ratio: {}, increment: 0.05, minimum: {}, remember: false }}\npeers:",
            self.policy, self.ratio, self.minimum
        );
        for (name, peer) in [("alpha", &self.alpha), ("beta", &self.beta)] {
            let limit = peer.limit.as_ref().map(|l| format!(", limit: {l}")).unwrap_or_default();
            let hours = peer.timetable.as_ref().map(|t| format!(", timetable: {t}")).unwrap_or_default();
            let _ = writeln!(out, "  {name}: {{ slots: {}{limit}{hours} }}", peer.slots);
        }
        let _ = write!(out, "verify: {}\ndurability: {}\n{}", self.verify, self.durability, self.more);
        out
    }
}
