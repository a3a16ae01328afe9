//! The panel that the console shows of a library (plugins/README.md): drives first, then who waits, then cartridges, those
//! that need somebody before those that do not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use twinhaul_units::{Bytes, Span};

use crate::catalogue::cartridges::{Cartridge, State};
use crate::target::Shared;

/// Rows of cartridges; a library has up to 10,000.
const CARTRIDGES_MAX: usize = 24;
/// Rows of waiters.
const WAITERS_MAX: usize = 12;

/// `all` is the status without the panel.
pub(super) fn panel(shared: &Shared, known: &[Cartridge], all: &Value) -> Value {
    let list = |name: &str| all[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let (drives, queue) = (list("drives"), list("queue"));
    let mut rows: Vec<Value> = drives.iter().map(drive).collect();
    rows.extend(queue.iter().take(WAITERS_MAX).map(waiter));
    let mut shown: Vec<&Cartridge> = known.iter().collect();
    shown.sort_by_key(|c| (rank(c, drives), c.barcode.clone()));
    let more = shown.len().saturating_sub(CARTRIDGES_MAX) + queue.len().saturating_sub(WAITERS_MAX);
    rows.extend(shown.into_iter().take(CARTRIDGES_MAX).map(|c| cartridge(c, drives)));
    json!({
        "shared": true,
        "headline": headline(shared, known, drives, queue),
        "simulated": super::simulated(shared),
        "rows": rows,
        "more": more,
        "problems": problems(shared, known, queue),
    })
}

fn text<'a>(of: &'a Value, field: &str) -> &'a str {
    of[field].as_str().unwrap_or_default()
}

fn headline(shared: &Shared, known: &[Cartridge], drives: &[Value], queue: &[Value]) -> String {
    let busy = drives.iter().filter(|d| text(d, "state") != "empty").count();
    let of_pool = || known.iter().filter(|c| c.pool == shared.config.pool);
    let scratch = of_pool().filter(|c| c.state == State::Scratch && !c.protected).count();
    let writable = |c: &&Cartridge| matches!(c.state, State::Scratch | State::Filling) && !c.protected;
    let room: u64 = of_pool().filter(writable).map(|c| c.capacity.saturating_sub(c.used)).sum();
    let wait = match queue.len() {
        0 => String::new(),
        1 => ", 1 waits".to_owned(),
        n => format!(", {n} wait"),
    };
    format!(
        "{busy}/{} drives{wait}; pool {}: {scratch} scratch, {} free",
        drives.len(),
        shared.config.pool,
        Bytes(room)
    )
}

/// "A00003L8 writing    4 / 231 / 45.2 %": data set, block, per cent, like `mt tell`.
fn drive(d: &Value) -> Value {
    let name = format!("drive {}", d["drive"]);
    let state = text(d, "state");
    if state == "empty" {
        return json!({"group": "drives", "name": name, "value": "empty", "state": "idle"});
    }
    let number = |field: &str| d[field].as_u64();
    let position = match (number("file"), number("block"), d["percent"].as_f64()) {
        (Some(file), Some(block), Some(percent)) if file > 0 => {
            format!("  {file} / {block} / {percent:.1} %")
        }
        (_, _, Some(percent)) => format!("  {percent:.1} %"),
        _ => String::new(),
    };
    let hitches = match number("backhitches") {
        None | Some(0) => String::new(),
        Some(1) => "  1 backhitch".to_owned(),
        Some(n) => format!("  {n} backhitches"),
    };
    let word = match state {
        "loading" | "unloading" => "waiting",
        "ready" => "idle",
        _ => "busy",
    };
    let value = format!("{} {state:9}{position}{hitches}", text(d, "cartridge"));
    json!({"group": "drives", "name": name, "value": value.trim_end(), "state": word, "pid": d["pid"]})
}

fn waiter(t: &Value) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let since = t["since_ms"].as_u64().map(|ms| now.saturating_sub(Duration::from_millis(ms)));
    let age = since.map(|d| match d.as_secs() {
        s @ 0..120 => format!(", {s} s"),
        s => format!(", {}", Span(Duration::from_secs(s))),
    });
    let age = age.unwrap_or_default();
    let wants = text(t, "wants");
    let value = if t["next"].is_string() { wants.to_owned() } else { format!("for {wants}") };
    let state = if t["next"].is_string() { "bad" } else { "waiting" };
    json!({"group": "waits", "name": "waits", "value": format!("{value}{age}"), "state": state, "pid": t["pid"]})
}

/// The lower, the more somebody wants to see it.
fn rank(c: &Cartridge, drives: &[Value]) -> u32 {
    match c.state {
        State::Suspect | State::Quarantined | State::Missing | State::Unlabelled => 0,
        _ if drives.iter().any(|d| text(d, "cartridge") == c.barcode) => 1,
        State::Filling => 2,
        State::ReadOnly => 3,
        State::Full => 4,
        State::Exported => 5,
        State::Scratch => 6,
    }
}

fn cartridge(c: &Cartridge, drives: &[Value]) -> Value {
    let percent = c.used as f64 * 100.0 / c.capacity.max(1) as f64;
    let place = drives.iter().find(|d| text(d, "cartridge") == c.barcode);
    let place = place.map(|d| format!("  in drive {}", d["drive"])).unwrap_or_default();
    let pool = if c.pool.is_empty() { "-" } else { &c.pool };
    let protected = if c.protected { "  protected" } else { "" };
    let reason = if c.reason.is_empty() { String::new() } else { format!("  {}", c.reason) };
    let value = format!(
        "{:11} {percent:>5.1} % of {:>8}  {:>4} sets  {:>3} mounts  {pool}{place}{protected}{reason}",
        c.state.word(),
        Bytes(c.capacity).to_string(),
        c.sets,
        c.mounts
    );
    let state = match c.state {
        State::Suspect | State::Quarantined | State::Unlabelled => "bad",
        State::Missing | State::ReadOnly | State::Exported => "warn",
        State::Filling => "good",
        State::Scratch | State::Full => "idle",
    };
    json!({"group": "cartridges", "name": c.barcode, "value": value, "state": state})
}

/// What somebody has to do something about: bring a cartridge, look at one.
fn problems(shared: &Shared, known: &[Cartridge], queue: &[Value]) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for t in queue.iter().filter(|t| t["next"].is_string()) {
        let one = json!({"kind": "cartridge", "words": t["wants"], "next_command": t["next"]});
        if !out.contains(&one) {
            out.push(one);
        }
    }
    for c in known {
        let verb = match c.state {
            State::Suspect => "verify",
            State::Quarantined if c.generation == 0 => "import",
            State::Quarantined => "scan",
            State::Missing => "import",
            State::Unlabelled => "label --force",
            State::ReadOnly if !c.reason.is_empty() => "scan",
            _ => continue,
        };
        let words = format!("cartridge {} is {}: {}", c.barcode, c.state.word(), c.reason);
        let next = shared.library.command(&format!("{verb} {}", c.barcode));
        out.push(json!({"kind": c.state.word(), "words": words, "next_command": next}));
    }
    out
}
