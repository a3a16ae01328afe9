//! The ledger: somebody holds its lock, or the disk below it is slow.

use super::since;
use crate::budget::{DISK_CALL_MS, IO_FULL, LEDGER_READ_MS};
use crate::look::Look;
use crate::{Cause, Confidence, Finding, Note, Standing, Subject, Undo, Writer, offer, words};
use twinhaul_wire::{Problem, WaitReason};

/// Threads of a peer that write the ledger.
const WRITERS: [&str; 4] = ["ledger", "committer", "authoriser", "checkpointer"];

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    let told: Vec<&Problem> =
        look.problems().filter(|p| matches!(p.kind.as_str(), "ledger" | "history")).collect();
    let waits =
        || look.waits().filter(|(_, _, w)| w.reason == WaitReason::Ledger && w.age_ms >= DISK_CALL_MS);
    let waited = waits().map(|(_, _, w)| w.age_ms).max();
    let facts = look.all.probes.ledger.as_ref();
    let slow_read = facts
        .is_some_and(|f| f.read_ms.is_none_or(|ms| ms >= LEDGER_READ_MS) || f.writer.is_some())
        && look.suffers();
    let writer = facts.and_then(|f| f.writer.as_ref());
    // Nobody but this run has anything to write there: that holds the run up at its next group.
    let stranger = writer.filter(|w| !w.ours);
    if told.is_empty() && waited.is_none() && !slow_read && stranger.is_none() {
        return Vec::new();
    }
    let in_device: Vec<String> = look
        .peers
        .iter()
        .flat_map(|peer| WRITERS.iter().filter_map(move |name| Some((peer, peer.thread(name)?))))
        .filter(|(_, thread)| thread.state == Some('D'))
        .map(|(peer, thread)| {
            format!("thread {} of {} waits for a device {}", thread.name, peer.name(), thread.wchan)
        })
        .collect();
    let io = look.all.probes.io.is_some_and(|io| io.full >= IO_FULL);
    let (cause, text, sure) = if let Some(w) = stranger {
        let text = format!(
            "The ledger is held up by a process that is not of this run: {} has its write lock, and nothing can be recorded as done.",
            named(w)
        );
        (Cause::LedgerContended, text, Confidence::Certain)
    } else if !in_device.is_empty() || io || told.iter().any(|p| p.kind == "history") {
        let text =
            "The disk below the ledger is slow: nothing can be recorded as done faster than it writes.";
        (
            Cause::LedgerDiskSlow,
            text.to_owned(),
            if in_device.is_empty() { Confidence::Likely } else { Confidence::Certain },
        )
    } else if let Some(w) = writer {
        let text = format!("The ledger is held up: {} has its write lock, and others wait for it.", named(w));
        (Cause::LedgerContended, text, Confidence::Likely)
    } else {
        let text =
            "The ledger answers late; whether its disk is slow or somebody holds its lock is not known.";
        (Cause::LedgerContended, text.to_owned(), Confidence::Possible)
    };
    let read = facts.map(|f| match f.read_ms {
        Some(ms) => format!("reading the ledger took {}", words::age(ms)),
        None => "reading the ledger did not end within the look".to_owned(),
    });
    let found = Finding::new(cause, Standing::Trouble, Subject::default(), text)
        .sure(sure)
        .seen(told.iter().map(|p| Note::at(p.since_ms, p.text.clone())))
        .seen(waited.map(|ms| Note::at(look.now_ms, format!("transfers wait for the ledger {}", since(ms)))))
        .seen(in_device.into_iter().chain(read).map(|text| Note::at(look.now_ms, text)));
    let held = writer.map(|w| {
        let text = format!("{} had the write lock at the beginning and at the end of the look", named(w));
        Note::at(look.now_ms, text)
    });
    let who = writer.map(|w| {
        let verb = format!("ps -o pid,etime,args -p {}", w.pid);
        offer::shell("see what that process is, and since when it runs", verb, Undo::ChangesNothing)
    });
    let room = facts.and_then(|f| f.free_bytes).is_some_and(|free| free < 64 << 20);
    let room = room.then(|| offer::act("make room on the disk of the state directory"));
    let end = match cause {
        Cause::LedgerContended if stranger.is_some() => {
            Some("let that process end; the run goes on by itself")
        }
        Cause::LedgerDiskSlow => {
            Some("find what else writes to the disk of the state directory; the run goes on by itself")
        }
        _ => None,
    };
    let found = found.seen(held).offer(who).offer([offer::status(look.run())]);
    vec![found.offer(room).offer(end.map(offer::act))]
}

/// "process 77 (python3)".
fn named(w: &Writer) -> String {
    if w.name.is_empty() { format!("process {}", w.pid) } else { format!("process {} ({})", w.pid, w.name) }
}
