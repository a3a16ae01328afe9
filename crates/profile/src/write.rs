//! A profile as YAML: every value that differs from its default, and the ones that people look for.
//!
//! What is written reads back as an equal profile; secrets stay references. Never writes a number in a rounded form.
//! Entry points: [`Profile::to_yaml`], [`Profile::frozen`].

use crate::{
    Bandwidth, FROZEN_NAME,
    model::{
        Coordination, Durability, End, OnExists, PeerAct, PeerConfig, Policy, Profile, Route, Side, Split,
        StoryAct, StoryStep, StoryWhen, TargetMustBe, Verify,
    },
    read::{DURABILITY, ON_EXISTS, ORDERS, POLICY, TARGET_MUST_BE, VERIFY},
};
use serde_json::Value;
use std::fmt::Write as _;
use twinhaul_units::{Bytes, ParseError, Rate, Share, Span, text};

impl Profile {
    /// The text for the run's frozen copy: as it was loaded, comments included, if that still says the same, else
    /// as [`Self::to_yaml`] writes it. Secrets are unresolved in both.
    pub fn frozen(&self) -> String {
        match self.marks.text() {
            Some(text) if crate::parse(text, FROZEN_NAME).is_ok_and(|p| p == *self) => text.to_owned(),
            _ => self.to_yaml(),
        }
    }

    /// The effective profile.
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        line(&mut out, 0, "version", &self.version.to_string());
        line(&mut out, 0, "name", &scalar(&self.name));
        if self.demo {
            line(&mut out, 0, "demo", "true");
        }
        self.write_demo(&mut out);
        for (key, ends) in [("sources", &self.sources), ("targets", &self.targets)] {
            open(&mut out, 0, key);
            for end in ends {
                write_end(&mut out, end);
            }
        }
        open(&mut out, 0, "routes");
        self.routes.iter().for_each(|r| write_route(&mut out, r));
        self.write_method(&mut out);
        line(&mut out, 0, "verify", word(&VERIFY, self.verify));
        line(&mut out, 0, "on_exists", word(&ON_EXISTS, self.on_exists));
        line(&mut out, 0, "durability", word(&DURABILITY, self.durability));
        match self.coordination {
            Coordination::Embedded => line(&mut out, 0, "coordination", "embedded"),
        }
        write_must_be(&mut out, 0, self.target_must_be);
        if self.allow_root_fs {
            line(&mut out, 0, "allow_root_fs", "true");
        }
        line(&mut out, 0, "order", word(&ORDERS, self.order));
        write_bandwidth(&mut out, 0, &self.bandwidth);
        out
    }

    fn write_demo(&self, out: &mut String) {
        if let Some(data) = &self.data {
            open(out, 0, "data");
            line(out, 1, "files", &data.files.to_string());
            line(out, 1, "size", &bytes(data.size));
            line(out, 1, "seed", &data.seed.to_string());
            if let Some(jitter) = data.jitter {
                line(out, 1, "jitter", &share(jitter));
            }
            if let Some(giant) = data.giant {
                line(out, 1, "giant", &bytes(giant));
            }
            if let Some(store) = data.store {
                open(out, 1, "store");
                line(out, 2, "delay", &span(store.delay));
                line(out, 2, "share", &share(store.share));
                line(out, 2, "retry_after", &span(store.retry_after));
            }
        }
        if !self.story.is_empty() {
            open(out, 0, "story");
        }
        for StoryStep { when, wait, act, say } in &self.story {
            match when {
                StoryWhen::Assistance(n) => item(out, "after_assistance", &n.to_string()),
                StoryWhen::Ranges(n) => item(out, "after_ranges", &n.to_string()),
                StoryWhen::Done(part) => item(out, "at", &share(*part)),
                StoryWhen::TakenOver => item(out, "after", "take-over"),
                StoryWhen::Returned => item(out, "after", "return"),
                StoryWhen::RateLimited => item(out, "after", "rate-limit"),
            }
            line(out, 2, "wait", &span(*wait));
            match act {
                None => {}
                Some(StoryAct::Storm) => line(out, 2, "do", "storm"),
                Some(StoryAct::Calm) => line(out, 2, "do", "calm"),
                Some(StoryAct::ToPeer(peer, act)) => {
                    line(out, 2, "peer", &scalar(&self.peer(*peer).name));
                    match act {
                        PeerAct::Limit(limit) => line(out, 2, "limit", &rate(*limit)),
                        PeerAct::Unlimited => line(out, 2, "limit", "none"),
                        PeerAct::Freeze => line(out, 2, "do", "freeze"),
                        PeerAct::Thaw => line(out, 2, "do", "thaw"),
                        PeerAct::Kill => line(out, 2, "do", "kill"),
                    }
                }
            }
            line(out, 2, "say", &quoted(say));
        }
    }

    fn write_method(&self, out: &mut String) {
        open(out, 0, "split");
        match &self.split {
            Split::Count(s) => {
                line(out, 1, "by", "count");
                line(out, 1, "share", &share(*s));
            }
            Split::Bytes(s) => {
                line(out, 1, "by", "bytes");
                line(out, 1, "share", &share(*s));
            }
            Split::Pattern { first } => {
                line(out, 1, "by", "pattern");
                line(out, 1, "first", &quoted(first.as_str()));
            }
        }
        let learning = &self.assistance.learning;
        open(out, 0, "assistance");
        line(out, 1, "policy", word::<Policy>(&POLICY, self.assistance.policy));
        open(out, 1, "learning");
        line(out, 2, "ratio", &learning.ratio.get().to_string());
        line(out, 2, "increment", &learning.increment.to_string());
        line(out, 2, "minimum", &learning.minimum.to_string());
        line(out, 2, "remember", if learning.remember { "true" } else { "false" });
        open(out, 0, "peers");
        self.peers.iter().for_each(|p| write_peer(out, p));
    }
}

fn write_end(out: &mut String, end: &End) {
    open(out, 1, &scalar(&end.name));
    line(out, 2, "backend", &scalar(&end.backend));
    if let Some(plugin) = &end.plugin {
        line(out, 2, "plugin", &scalar(plugin));
    }
    if let Some(pin) = &end.pin {
        line(out, 2, "pin", &quoted(pin));
    }
    if let (Side::Target, Some(allow)) = (end.side, end.allow_root_fs) {
        line(out, 2, "allow_root_fs", if allow { "true" } else { "false" });
    }
    write_must_be(out, 2, end.target_must_be);
    write_bandwidth(out, 2, &end.bandwidth);
    if let Some(slots) = end.slots_per_peer {
        line(out, 2, "slots_per_peer", &slots.to_string());
    }
    for (key, value) in &end.config {
        line(out, 2, &scalar(key), &flow(value));
    }
}

fn write_bandwidth(out: &mut String, depth: usize, bandwidth: &Bandwidth) {
    if let Some(limit) = bandwidth.limit {
        line(out, depth, "limit", &rate(limit));
    }
    if !bandwidth.timetable.is_empty() {
        let lines: Vec<_> = bandwidth.timetable.iter().map(|hours| quoted(&hours.to_string())).collect();
        line(out, depth, "timetable", &format!("[{}]", lines.join(", ")));
    }
}

fn write_must_be(out: &mut String, depth: usize, must_be: Option<TargetMustBe>) {
    if let Some(must_be) = must_be {
        line(out, depth, "target_must_be", word(&TARGET_MUST_BE, must_be));
    }
}

fn write_route(out: &mut String, route: &Route) {
    item(out, "from", &scalar(&route.from));
    if let Some(pattern) = &route.matching {
        line(out, 2, "match", &quoted(pattern.as_str()));
    }
    line(out, 2, "to", &scalar(&route.to));
    if !route.prefix.is_empty() {
        line(out, 2, "prefix", &scalar(&route.prefix));
    }
}

fn write_peer(out: &mut String, peer: &PeerConfig) {
    open(out, 1, &scalar(&peer.name));
    line(out, 2, "slots", &peer.slots.to_string());
    write_bandwidth(out, 2, &peer.bandwidth);
    if let Some(targets) = &peer.targets {
        let names: Vec<_> = targets.iter().map(|t| scalar(t)).collect();
        line(out, 2, "targets", &format!("[{}]", names.join(", ")));
    }
}

fn open(out: &mut String, depth: usize, key: &str) {
    let _ = writeln!(out, "{}{key}:", "  ".repeat(depth));
}

fn line(out: &mut String, depth: usize, key: &str, value: &str) {
    let _ = writeln!(out, "{}{key}: {value}", "  ".repeat(depth));
}

/// The first key of a list's entry; the others follow at depth 2.
fn item(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "  - {key}: {value}");
}

impl Verify {
    /// As the profile writes it.
    pub fn word(self) -> &'static str {
        word(&VERIFY, self)
    }
}

impl OnExists {
    /// As the profile writes it.
    pub fn word(self) -> &'static str {
        word(&ON_EXISTS, self)
    }
}

impl Durability {
    /// As the profile writes it.
    pub fn word(self) -> &'static str {
        word(&DURABILITY, self)
    }
}

fn word<T: PartialEq + Copy>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, v)| *v == value).map_or("", |(w, _)| w)
}

/// Text, plain where it cannot be taken for anything else.
pub(crate) fn scalar(s: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let begins = s.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let special = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if begins && s.chars().all(plain) && !special.contains(&s.to_ascii_lowercase().as_str()) {
        s.to_owned()
    } else {
        quoted(s)
    }
}

/// Text in double quotes; what a terminal or a YAML reader might stumble over is escaped.
pub(crate) fn quoted(s: &str) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        let _ = match c {
            '"' => out.write_str("\\\""),
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\t' => out.write_str("\\t"),
            c if text::is_safe(c) => out.write_char(c),
            c if (c as u32) < 0x100 => write!(out, "\\x{:02X}", c as u32),
            c if (c as u32) < 0x1_0000 => write!(out, "\\u{:04X}", c as u32),
            c => write!(out, "\\U{:08X}", c as u32),
        };
    }
    out.push('"');
    out
}

/// A backend's value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(s) => scalar(s),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let all: Vec<_> = map.iter().map(|(k, v)| format!("{}: {}", scalar(k), flow(v))).collect();
            format!("{{{}}}", all.join(", "))
        }
    }
}

/// `shown` if it reads back as `value`, else `exact`.
fn lossless<T: PartialEq + Copy>(
    value: T,
    shown: String,
    exact: impl FnOnce() -> String,
    parse: impl Fn(&str) -> Result<T, ParseError>,
) -> String {
    if parse(&shown).is_ok_and(|back| back == value) { shown } else { exact() }
}

fn bytes(b: Bytes) -> String {
    lossless(b, b.to_string(), || format!("{} B", b.0), Bytes::parse)
}

fn rate(r: Rate) -> String {
    lossless(r, r.to_string(), || format!("{} B/s", r.0), Rate::parse)
}

fn share(s: Share) -> String {
    lossless(s, s.to_string(), || s.get().to_string(), Share::parse)
}

fn span(s: Span) -> String {
    let millis = || format!("{} ms", s.0.as_millis());
    lossless(
        s,
        s.to_string(),
        || lossless(s, millis(), || format!("{} s", s.0.as_secs_f64()), Span::parse),
        Span::parse,
    )
}

#[cfg(test)]
mod tests;
