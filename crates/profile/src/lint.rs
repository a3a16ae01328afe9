//! What is allowed in a profile and probably not meant.
//!
//! Pure: looks at the profile only; never at the machine. A lint never stops a run.
//! Entry point: [`lint`].

use crate::{
    fields,
    model::{Learning, OnExists, Policy, Profile, Verify},
};
use std::fmt;
use twinhaul_units::{Rate, text::show};

/// A warning; `Display` gives "line 7: … [verify-none]".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// A stable word for scripts, such as `verify-none`.
    pub code: &'static str,
    /// From 1; unknown for what is not written in the file.
    pub line: Option<u32>,
    /// Safe to print.
    pub message: String,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {} [{}]", self.message, self.code),
            None => write!(f, "{} [{}]", self.message, self.code),
        }
    }
}

/// A limit below this is more often a slip of the unit than meant.
const LIMIT_SUSPICIOUS: Rate = Rate(64 << 10);
/// Backends that come with twinhaul.
const BACKENDS: [&str; 3] = ["disk", "tape", "cloud"];

/// Every warning, in the order of the rules.
pub fn lint(profile: &Profile) -> Vec<Lint> {
    let mut out = Out { profile, found: Vec::new() };
    out.safety();
    out.peers();
    out.ends();
    out.routes();
    out.learning();
    out.found
}

struct Out<'a> {
    profile: &'a Profile,
    found: Vec<Lint>,
}

impl Out<'_> {
    fn add(&mut self, code: &'static str, path: &str, message: impl Into<String>) {
        let line = self.profile.marks.place(path).map(|p| p.line);
        self.found.push(Lint { code, line, message: message.into() });
    }

    fn safety(&mut self) {
        if self.profile.verify == Verify::None {
            self.add("verify-none", "verify", "nothing will be verified; hash costs little");
        }
        if self.profile.on_exists == OnExists::Overwrite {
            self.add("overwrite", "on_exists", "objects that are already at the target will be replaced");
        }
    }

    fn peers(&mut self) {
        let [first, second] = &self.profile.peers;
        for peer in &self.profile.peers {
            if let Some(limit) = peer.bandwidth.limit.filter(|l| *l < LIMIT_SUSPICIOUS) {
                let path = format!("peers.{}.limit", peer.name);
                self.add(
                    "limit-low",
                    &path,
                    format!("{limit} for {} is very slow; is the unit right?", peer.name),
                );
            }
        }
        if let (Some(a), Some(b)) = (&first.targets, &second.targets)
            && !a.iter().any(|t| b.contains(t))
        {
            self.add(
                "no-common-target",
                "peers",
                format!(
                    "{} and {} reach no target in common, so neither can assist the other",
                    first.name, second.name
                ),
            );
        }
        if let (Some(a), Some(b)) = (first.bandwidth.limit, second.bandwidth.limit)
            && (a.0 / 100 > b.0 || b.0 / 100 > a.0)
        {
            self.add("limits-far-apart", "peers", format!(
                "limits of {a} and {b} differ by more than 100 times; the slower peer will do next to nothing"
            ));
        }
    }

    fn ends(&mut self) {
        let p = self.profile;
        for (side, end) in
            p.sources.iter().map(|e| ("sources", e)).chain(p.targets.iter().map(|e| ("targets", e)))
        {
            if end.plugin.is_none() && !BACKENDS.contains(&end.backend.as_str()) {
                let near = fields::nearest(&end.backend, BACKENDS).map(|n| format!("; did you mean {n}?"));
                self.add(
                    "backend-unknown",
                    &format!("{side}.{}.backend", end.name),
                    format!(
                        "backend {} does not come with twinhaul and must be found as a plugin{}",
                        end.backend,
                        near.unwrap_or_default()
                    ),
                );
            }
            if end.plugin.is_some() && end.pin.is_none() {
                self.add(
                    "plugin-unpinned",
                    &format!("{side}.{}.plugin", end.name),
                    "a plugin without a pin is loaded whatever it holds; pin: takes its BLAKE3",
                );
            }
        }
    }

    fn routes(&mut self) {
        let p = self.profile;
        for source in &p.sources {
            let mut own = p.routes.iter().filter(|r| r.from == source.name).peekable();
            let path = format!("sources.{}", source.name);
            if own.peek().is_none() {
                self.add("source-unused", &path, format!("no route begins at source {}", source.name));
            } else if !own.any(crate::Route::takes_all) {
                self.add(
                    "route-partial",
                    &path,
                    format!("keys of {} that match no route stay where they are", source.name),
                );
            }
        }
        for target in p.targets.iter().filter(|t| !p.routes.iter().any(|r| r.to == t.name)) {
            self.add(
                "target-unused",
                &format!("targets.{}", target.name),
                format!("no route leads to target {}", target.name),
            );
        }
        for (i, a) in p.routes.iter().enumerate() {
            let twin =
                p.routes[..i].iter().find(|b| b.from != a.from && b.to == a.to && b.prefix == a.prefix);
            if let Some(b) = twin {
                self.add(
                    "keys-collide",
                    &format!("routes[{i}]"),
                    format!(
                        "equal keys of {} and {} meet at {}; give each its own prefix",
                        b.from,
                        a.from,
                        show(&a.to)
                    ),
                );
            }
        }
    }

    fn learning(&mut self) {
        let a = &self.profile.assistance;
        match a.policy {
            Policy::None => self.add("no-assistance", "assistance.policy", "no peer will assist the other"),
            Policy::Learning if a.learning.increment <= 0.0 => {
                self.add("increment-zero", "assistance.learning.increment", "the ratios will never move");
            }
            Policy::Learning | Policy::Balanced => {}
        }
        if a.policy == Policy::None && a.learning != Learning::default() {
            self.add("learning-unused", "assistance.learning", "policy none does not look at these numbers");
        }
    }
}
