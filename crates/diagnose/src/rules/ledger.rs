//! The ledger: somebody holds its lock, or the disk below it is slow.

use super::since;
use crate::budget::{IO_FULL, LEDGER_READ_MS};
use crate::look::{Look, PeerLook};
use crate::{
    Cause, Confidence, Finding, LedgerFacts, Note, Standing, Subject, ThreadFacts, Undo, Writer, offer, words,
};
use twinhaul_wire::{Problem, WaitReason};

/// Threads of a peer that write the ledger.
const WRITERS: [&str; 4] = ["ledger", "committer", "authoriser", "checkpointer"];

/// Less than this on the ledger's disk is worth a word.
const ROOM: u64 = 64 << 20;

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    let told: Vec<&Problem> =
        look.problems().filter(|p| matches!(p.kind.as_str(), "ledger" | "history")).collect();
    // Free slots that wait for rows: transfers in slots have theirs.
    let waits = look.heard().filter_map(|(_, s)| s.free_wait.as_ref());
    let waited = waits.filter(|w| w.reason == WaitReason::Ledger && w.is_stall()).map(|w| w.age_ms).max();
    let facts = look.all.probes.ledger.as_ref();
    let late = |f: &LedgerFacts| f.read_ms.is_none_or(|ms| ms >= LEDGER_READ_MS) || f.writer.is_some();
    let suffers = facts.is_some_and(late) && look.suffers();
    let writer = facts.and_then(|f| f.writer.as_ref());
    // Nobody but this run has anything to write there: that holds the run up at its next group.
    let stranger = writer.filter(|w| !w.ours);
    if told.is_empty() && waited.is_none() && !suffers && stranger.is_none() {
        return Vec::new();
    }
    let in_device = in_device(look);
    let slow_disk = look.all.probes.io.is_some_and(|io| io.full >= IO_FULL)
        || told.iter().any(|p| p.kind == "history")
        || !in_device.is_empty();
    let (cause, text, sure) = if let Some(w) = stranger {
        (Cause::LedgerContended, held_by_stranger(w), Confidence::Certain)
    } else if slow_disk {
        let text =
            "The disk below the ledger is slow: nothing can be recorded as done faster than it writes.";
        let sure = if in_device.is_empty() { Confidence::Likely } else { Confidence::Certain };
        (Cause::LedgerDiskSlow, text.to_owned(), sure)
    } else if let Some(w) = writer {
        let text = format!("The ledger is held up: {} has its write lock, and others wait for it.", named(w));
        (Cause::LedgerContended, text, Confidence::Likely)
    } else {
        let text =
            "The ledger answers late; whether its disk is slow or somebody holds its lock is not known.";
        (Cause::LedgerContended, text.to_owned(), Confidence::Possible)
    };
    let found = Finding::new(cause, Standing::Trouble, Subject::default(), text)
        .sure(sure)
        .seen(told.iter().map(|p| Note::at(p.since_ms, p.text.clone())))
        .seen(waited.map(|ms| Note::at(look.now_ms, format!("free slots wait for the ledger {}", since(ms)))))
        .seen(in_device.into_iter().chain(seen(facts)).map(|text| Note::at(look.now_ms, text)));
    vec![with_offers(look, found, facts)]
}

/// Threads that write the ledger and wait for a device.
fn in_device(look: &Look<'_>) -> Vec<String> {
    let threads = look
        .peers
        .iter()
        .flat_map(|peer| WRITERS.iter().filter_map(move |name| Some((peer, peer.thread(name)?))));
    let waiting = threads.filter(|(_, thread)| thread.state == Some('D'));
    let words = |(peer, t): (&PeerLook<'_>, &ThreadFacts)| {
        format!("thread {} of {} waits for a device {}", t.name, peer.name(), t.wchan)
    };
    waiting.map(words).collect()
}

/// The look at the ledger as evidence.
fn seen(facts: Option<&LedgerFacts>) -> Vec<String> {
    let Some(facts) = facts else { return Vec::new() };
    let read = match facts.read_ms {
        Some(ms) => format!("reading the ledger took {}", words::age(ms)),
        None => "reading the ledger did not end within the look".to_owned(),
    };
    let held = facts.writer.as_ref().map(|w| format!("{} had the write lock all through the look", named(w)));
    std::iter::once(read).chain(held).collect()
}

fn with_offers(look: &Look<'_>, found: Finding, facts: Option<&LedgerFacts>) -> Finding {
    let writer = facts.and_then(|f| f.writer.as_ref());
    let who = writer.map(|w| {
        let verb = format!("ps -o pid,etime,args -p {}", w.pid);
        offer::shell("see what that process is, and since when it runs", verb, Undo::ChangesNothing)
    });
    let full = facts.and_then(|f| f.free_bytes).is_some_and(|free| free < ROOM);
    let room = full.then(|| offer::act("make room on the disk of the state directory"));
    let end = match found.cause {
        Cause::LedgerDiskSlow => {
            Some("find what else writes to the disk of the state directory; the run goes on by itself")
        }
        _ if writer.is_some_and(|w| !w.ours) => Some("let that process end; the run goes on by itself"),
        _ => None,
    };
    found.offer(who).offer([offer::status(look.run())]).offer(room).offer(end.map(offer::act))
}

fn held_by_stranger(w: &Writer) -> String {
    format!(
        "The ledger is held up by a process that is not of this run: {} has its write lock, and nothing can be recorded \
         as done.",
        named(w)
    )
}

/// "process 77 (python3)".
fn named(w: &Writer) -> String {
    if w.name.is_empty() { format!("process {}", w.pid) } else { format!("process {} ({})", w.pid, w.name) }
}
