//! A process that is there and is kept from running: stopped by a signal, traced, or in a frozen control group. And one
//! that is silent for a reason that nobody can see.

use super::{since, sure_if};
use crate::look::{Look, PeerLook};
use crate::{Cause, Confidence, Finding, Note, ProcessFacts, Standing, Subject, Undo, offer, words};
use twinhaul_wire::{Event, EventKind};

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    look.peers.iter().filter_map(|peer| frozen(look, peer).or_else(|| silent(look, peer))).collect()
}

fn frozen(look: &Look<'_>, peer: &PeerLook<'_>) -> Option<Finding> {
    let process = peer.process()?;
    let (name, pid) = (peer.name(), process.pid);
    let (how, seen) = match (&process.frozen, process.state) {
        (Some(group), _) => {
            let seen = format!("the control group {} of {name} (pid {pid}) is frozen", group.path);
            ("its control group is frozen", seen)
        }
        (None, Some('T')) => {
            let seen =
                format!("process {pid} of {name} is in state T: stopped by a signal{}", quiet(process));
            ("its process was stopped by a signal (SIGSTOP or SIGTSTP)", seen)
        }
        (None, Some('t')) => {
            let seen = format!("process {pid} of {name} is in state t: a debugger holds it");
            ("a debugger holds its process", seen)
        }
        _ => return None,
    };
    let silent = peer.age_ms().filter(|_| peer.fresh().is_none()).map(|ms| format!(", silent {}", since(ms)));
    let text = format!(
        "{name} is frozen: {how}{}. It does nothing until it is let go on.{}",
        silent.unwrap_or_default(),
        taken_over(look, name)
    );
    let found = Finding::new(Cause::PeerFrozen, Standing::Trouble, Subject::peer(name), text)
        .seen(words::word_of(peer.of))
        .seen(look.notes(4, |e| is_about(e, name)))
        .seen([Note::at(look.now_ms, seen)]);
    let wake = match (&process.frozen, process.state) {
        (Some(group), _) => {
            offer::shell("let its control group run again", &group.thaw, Undo::By(group.freeze.clone()))
        }
        (None, Some('t')) => offer::act("let the debugger detach"),
        _ => offer::wake(pid),
    };
    // A signal reaches a frozen control group only when it is thawed.
    let kill = process.frozen.is_none().then(|| offer::kill(pid, name));
    Some(found.offer([wake]).offer(kill))
}

/// ", it took no processor time for 300 ms".
fn quiet(process: &ProcessFacts) -> String {
    match process.cpu {
        Some(cpu) if cpu < 0.005 => format!(", no processor time in {}", words::age(process.watched_ms)),
        _ => String::new(),
    }
}

/// Whether the other peer has its work already.
fn taken_over(look: &Look<'_>, name: &str) -> String {
    let last = look.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::TakenOver { from, count, .. } if from == name => Some(format!(
            " {} has taken over its {}.",
            event.peer.as_deref().unwrap_or("The other peer"),
            words::transfers(*count)
        )),
        EventKind::Joined { .. } if event.peer.as_deref() == Some(name) => Some(String::new()),
        _ => None,
    });
    last.unwrap_or_default()
}

/// Not a routine event of a healthy run, and about this peer.
fn is_about(event: &Event, name: &str) -> bool {
    match &event.kind {
        EventKind::Suspected { other, .. } => other == name,
        EventKind::TakenOver { from, .. } => from == name,
        EventKind::Joined { .. } => event.peer.as_deref() == Some(name),
        EventKind::ProblemBegan { problem, .. } => problem.ends_with(&format!(" {name}")),
        _ => false,
    }
}

fn silent(look: &Look<'_>, peer: &PeerLook<'_>) -> Option<Finding> {
    if !peer.is_silent() || peer.is_over() {
        return None;
    }
    let name = peer.name();
    let heard = match peer.age_ms() {
        Some(ms) => format!("{name} has said nothing {}", since(ms)),
        None => format!("{name} does not answer"),
    };
    let process = peer.process();
    let seen = process.map(|p| Note::at(look.now_ms, seen(name, p)));
    let why = match process {
        Some(p) if p.state == Some('R') => {
            "Its process lives and runs, is not stopped and not in a frozen group; why it says nothing is not known"
        }
        Some(p) if p.state == Some('D') => {
            "Its process waits for a device in the kernel; which one, its threads tell"
        }
        Some(_) => "Its process lives and is not stopped; why it says nothing is not known",
        None => "Whether it is frozen, hangs or gets no processor is not known from here",
    };
    let found =
        Finding::new(Cause::PeerSilent, Standing::Trouble, Subject::peer(name), format!("{heard}. {why}."))
            .sure(if process.is_some() {
                sure_if(peer.of.answered == Some(false))
            } else {
                Confidence::Likely
            })
            .seen(words::word_of(peer.of))
            .seen(look.notes(4, |e| is_about(e, name)))
            .seen(seen);
    let again = process.is_none().then(|| offer::again(look.run()));
    let kill = process.map(|p| offer::kill(p.pid, name));
    Some(found.offer(again).offer([offer::events(look.run())]).offer(kill))
}

/// A process as evidence.
fn seen(name: &str, p: &ProcessFacts) -> String {
    let state = p.state.map_or_else(String::new, |s| format!(", state {s}"));
    let cpu = p.cpu.map_or_else(String::new, |cpu| format!(", {:.0} % of a processor", cpu * 100.0));
    let stuck: Vec<&str> =
        p.threads.iter().filter(|t| t.state == Some('D')).map(|t| t.name.as_str()).take(4).collect();
    let stuck = if stuck.is_empty() {
        String::new()
    } else {
        format!("; waiting for a device: {}", stuck.join(", "))
    };
    format!("process {} of {name}{state}{cpu}{stuck}", p.pid)
}
