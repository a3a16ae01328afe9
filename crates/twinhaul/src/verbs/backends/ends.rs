//! `backends check --profile`: sources and targets of a profile, opened: what they can do, and what they turn out to do when
//! it is tried. Trying is the backend's own verb `check`; a source is only read.

use crate::cli::JsonFlag;
use crate::exit::{self, Failure};
use crate::{backends, output};
use serde_json::{Value, json};
use std::path::Path;
use twinhaul_backend_host::{Limits, OpContext, Probe, Target};
use twinhaul_engine::Opened;
use twinhaul_profile::{End, Profile};
use twinhaul_units::Bytes;
use twinhaul_units::text::{show, show_bytes};

/// All ends of the profile, or the one of this name.
pub(super) fn check(profile: &Path, name: Option<&str>, json: &JsonFlag) -> Result<u8, Failure> {
    let profile = crate::verbs::run::load(profile)?;
    let loader = backends::loader()?;
    let mut told = Vec::new();
    for (what, end) in wanted(&profile, name)? {
        let opened = twinhaul_engine::open(end, what, &loader)
            .map_err(|e| Failure::new(u8::try_from(e.exit_code()).unwrap_or(exit::OTHER), e.to_string()))?;
        let probe = opened.target.probe(&OpContext::new()).map_err(|e| {
            Failure::new(exit::NOT_FOUND, format!("{what} {}: {}", show(&end.name), show(&e.to_string())))
        })?;
        let tried = tried(&opened.target)?;
        if json.json {
            told.push(document(what, &opened, &probe, tried.as_ref()));
            continue;
        }
        for line in lines(what, &opened, &probe, tried.as_ref()) {
            output::line(&line);
        }
        told.push(tried.unwrap_or_default());
    }
    if json.json {
        output::json(&told)?;
    }
    let failed = |tried: &Value| rows(tried).any(|row| row["answer"] == "failed");
    Ok(if told.iter().any(failed) { exit::OTHER } else { exit::COMPLETE })
}

fn wanted<'a>(profile: &'a Profile, name: Option<&str>) -> Result<Vec<(&'static str, &'a End)>, Failure> {
    let sources = profile.sources.iter().map(|end| ("source", end));
    let targets = profile.targets.iter().map(|end| ("target", end));
    let found: Vec<_> =
        sources.chain(targets).filter(|(_, end)| name.is_none_or(|name| name == end.name)).collect();
    match name {
        Some(name) if found.is_empty() => {
            let all: Vec<_> =
                profile.sources.iter().chain(&profile.targets).map(|end| show(&end.name)).collect();
            Err(Failure::usage(format!(
                "the profile has no source or target \"{}\"; it has {}",
                show(name),
                all.join(", ")
            )))
        }
        _ => Ok(found),
    }
}

/// `None`: the backend has no such verb.
fn tried(target: &Target) -> Result<Option<Value>, Failure> {
    let answer = target
        .ask(&OpContext::new(), "check", "{}")
        .map_err(|e| Failure::new(exit::OTHER, show(&e.to_string()).into_owned()))?;
    Ok(answer.and_then(|answer| serde_json::from_str(&answer).ok()))
}

fn rows(tried: &Value) -> impl Iterator<Item = &Value> {
    tried["rows"].as_array().into_iter().flatten()
}

fn lines(what: &str, opened: &Opened, probe: &Probe, tried: Option<&Value>) -> Vec<String> {
    let latency =
        probe.latency_us.map_or_else(String::new, |us| format!(", answered in {:.1} ms", us as f64 / 1e3));
    let medium = if probe.medium.is_empty() { opened.backend.clone() } else { probe.medium.clone() };
    let mut lines = vec![
        format!(
            "{what} {}: {} ({}){latency}",
            show(&opened.name),
            show_bytes(&probe.location),
            show(&medium)
        ),
        format!("  can: {}", opened.limits.caps),
        format!("  limits: {}", limits(&opened.limits)),
    ];
    if !probe.message.is_empty() {
        lines.push(format!("  says: {}", show(&probe.message)));
    }
    for row in tried.into_iter().flat_map(rows) {
        let text = |field: &str| show(row[field].as_str().unwrap_or_default()).into_owned();
        let answer = match text("answer").as_str() {
            "moot" => "-".to_owned(),
            "failed" => "FAILED".to_owned(),
            other => other.to_owned(),
        };
        lines.push(format!("  {answer:<6} {:<24} {}", text("what"), text("words")).trim_end().to_owned());
    }
    lines
}

/// What an object and its key may be; a limit that there is not is left out.
fn limits(of: &Limits) -> String {
    let mut all = Vec::new();
    if of.max_object > 0 {
        all.push(format!("objects up to {}", Bytes(of.max_object)));
    }
    if of.max_key_bytes > 0 {
        all.push(format!("keys up to {} bytes", of.max_key_bytes));
    }
    all.extend(of.key_rules.words().map(str::to_owned));
    if of.max_open_writers > 0 {
        all.push(format!("{} objects written at once", of.max_open_writers));
    }
    all.push(match of.mtime_precision_ns {
        0 => "times of files are not kept".to_owned(),
        ns => format!("times of files to {ns} ns"),
    });
    all.join("; ")
}

fn document(what: &str, opened: &Opened, probe: &Probe, tried: Option<&Value>) -> Value {
    json!({
        "name": opened.name, "source": what == "source", "backend": opened.backend,
        "location": show_bytes(&probe.location), "medium": probe.medium, "latency_us": probe.latency_us,
        "read_only": probe.read_only, "message": probe.message,
        "capabilities": opened.limits.caps.words().collect::<Vec<_>>(),
        "key_rules": opened.limits.key_rules.words().collect::<Vec<_>>(),
        "max_object": opened.limits.max_object, "max_key_bytes": opened.limits.max_key_bytes,
        "mtime_precision_ns": opened.limits.mtime_precision_ns,
        "rows": tried.map(|tried| tried["rows"].clone()),
    })
}
