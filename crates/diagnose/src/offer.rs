//! The offers that several rules make. Each verb exists; a test of the binary types them.

use crate::{Offer, Undo};
use twinhaul_units::{Dial, Turned};
use twinhaul_wire::Command;

fn offer(text: impl Into<String>, verb: impl Into<String>, undo: Undo) -> Offer {
    Offer { text: text.into(), verb: verb.into(), undo, danger: false }
}

/// Something to do where nothing can be typed.
pub(crate) fn act(text: impl Into<String>) -> Offer {
    offer(text, "", Undo::NotKnown)
}

/// A command that somebody else (a backend, the run) named as the way out.
pub(crate) fn told(verb: &str) -> Offer {
    if verb.starts_with("twinhaul ") {
        offer("what the run itself says helps", verb, Undo::NotKnown)
    } else {
        act(verb)
    }
}

pub(crate) fn events(run: &str) -> Offer {
    offer("see what happens as it happens", format!("twinhaul events {run} --follow"), Undo::ChangesNothing)
}

pub(crate) fn status(run: &str) -> Offer {
    offer("see the state of the run", format!("twinhaul status {run}"), Undo::ChangesNothing)
}

pub(crate) fn again(run: &str) -> Offer {
    let text = "look at the processes too, and not only at what they say";
    offer(text, format!("twinhaul diagnose {run}"), Undo::ChangesNothing)
}

pub(crate) fn report(run: &str) -> Offer {
    let text = "all failed transfers with their errors, in report/failed.jsonl";
    offer(text, format!("twinhaul report {run}"), Undo::ChangesNothing)
}

pub(crate) fn resume_peer(run: &str, peer: &str) -> Offer {
    let verb = format!("twinhaul resume {run} --peer {peer}");
    offer(format!("let {peer} go on"), verb, Undo::By(format!("twinhaul pause {run} --peer {peer}")))
}

pub(crate) fn lift_limit(run: &str, peer: &str, dial: &Dial, limit: u64) -> Offer {
    let turn = |to| Command::Turn { dial: dial.clone(), to }.verb(run, Some(peer));
    let text = format!("let {peer} move as fast as it can; a rate in place of none is a new limit");
    offer(text, turn(Turned::Lifted), Undo::By(turn(Turned::Set(limit))))
}

pub(crate) fn limit_lower(run: &str, peer: &str) -> Offer {
    let verb = format!("twinhaul limit {run} --peer {peer} '10 MiB/s'");
    let text = "ask less of it: a limit, here as an example";
    offer(text, verb, Undo::By(format!("twinhaul limit {run} --peer {peer} none")))
}

pub(crate) fn drain(run: &str, peer: &str) -> Offer {
    let verb = format!("twinhaul drain {run} --peer {peer}");
    let text = format!("hand the queue of {peer} to the other peer (--dry-run shows it first)");
    offer(text, verb, Undo::By(format!("twinhaul resume {run} --peer {peer}")))
}

pub(crate) fn retry(run: &str, transfer: Option<u64>) -> Offer {
    let which = transfer.map(|id| format!(" --transfer {id}")).unwrap_or_default();
    let text = "try the given-up ones again, once the reason is gone";
    offer(text, format!("twinhaul retry {run}{which}"), Undo::CannotBeUndone)
}

pub(crate) fn attach(run: &str) -> Offer {
    let text = "start a new supervisor, which adopts the peers that run, and open the console";
    offer(text, format!("twinhaul attach {run}"), Undo::CannotBeUndone)
}

pub(crate) fn go_on(run: &str) -> Offer {
    let text = "go on with the run; what is done stays done";
    offer(text, format!("twinhaul run --resume {run}"), Undo::By(format!("twinhaul stop {run}")))
}

/// The whole run: for what only a new start of both peers changes.
pub(crate) fn stop_and_go_on(run: &str) -> Offer {
    let verb = format!("twinhaul stop {run}; twinhaul run --resume {run}");
    let text = "stop the run and go on with new processes; what is done stays done";
    Offer { danger: true, ..offer(text, verb, Undo::CannotBeUndone) }
}

pub(crate) fn wake(pid: u32) -> Offer {
    let text = "wake it; if it was taken over meanwhile it is refused, ends, and is started anew";
    offer(text, format!("kill -CONT {pid}"), Undo::By(format!("kill -STOP {pid}")))
}

/// Ends one process of a peer that the supervisor starts again.
pub(crate) fn kill(pid: u32, peer: &str) -> Offer {
    let text = format!("end {peer}; it is started again, and what it had in flight is done again");
    Offer { danger: true, ..offer(text, format!("kill -KILL {pid}"), Undo::CannotBeUndone) }
}

pub(crate) fn shell(text: &str, verb: impl Into<String>, undo: Undo) -> Offer {
    offer(text, verb, undo)
}
