//! The machine: no processor, no memory. Blamed only when somebody suffers: a busy machine is not a fault.

use crate::budget::{
    CPU_SOME, CPU_WAIT, DEATHS_WITHIN_MS, MEMORY_FULL, MEMORY_SOME, QUOTA_FACTOR, STARVED_GOT, STARVED_WAIT,
};
use crate::look::{Look, PeerLook};
use crate::{Cause, Confidence, Finding, Note, Pressure, ProcessFacts, Standing, Subject, Undo, offer};
use twinhaul_wire::EventKind;

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    let quotas = look.peers.iter().filter_map(|peer| quota(look, peer));
    [memory(look), cpu(look)].into_iter().flatten().chain(quotas).collect()
}

fn memory(look: &Look<'_>) -> Option<Finding> {
    let p = look.all.probes.memory?;
    let killed = |e: &twinhaul_wire::Event| {
        matches!(&e.kind, EventKind::Exited { words, .. } if super::is_kill(words))
            && look.now_ms.saturating_sub(e.at_ms) <= DEATHS_WITHIN_MS
    };
    let kills = look.events.iter().filter(|e| killed(e)).count();
    let hurts = p.full >= MEMORY_FULL && look.suffers() || p.some >= MEMORY_SOME && kills > 0;
    if !hurts {
        return None;
    }
    let killing =
        if kills > 0 { " A peer was killed meanwhile; the kernel does that when memory is out." } else { "" };
    let text = format!(
        "The machine is short of memory: for {:.0} % of the time some process waited for memory.{killing}",
        p.some
    );
    let found = Finding::new(Cause::MemoryPressure, Standing::Trouble, Subject::default(), text)
        .sure(if kills > 0 { Confidence::Possible } else { Confidence::Likely })
        .seen(look.notes(3, killed))
        .seen([Note::at(look.now_ms, pressure("memory", p))]);
    let dmesg =
        offer::shell("see whether the kernel killed a process", "dmesg | grep -i oom", Undo::ChangesNothing);
    Some(found.offer([dmesg, offer::act("end what else takes memory; the run goes on by itself")]))
}

fn cpu(look: &Look<'_>) -> Option<Finding> {
    let p = look.all.probes.cpu?;
    // Pressure alone may be others' affair: blamed only with threads of ours that stood ready and got no processor.
    let processes = || look.peers.iter().filter_map(PeerLook::process);
    let ours = processes().filter_map(|p| p.cpu_wait).any(|wait| wait >= CPU_WAIT);
    // A run that never got more has no better past to be compared with.
    let starves = |p: &ProcessFacts| {
        let (got, wait) = (p.cpu.unwrap_or_default(), p.cpu_wait.unwrap_or_default());
        wait >= STARVED_WAIT && got < STARVED_GOT
    };
    if p.some < CPU_SOME || !(ours && look.suffers() || processes().any(starves)) {
        return None;
    }
    let shares: Vec<String> =
        look.peers.iter().filter_map(|peer| share(peer.name(), peer.process()?)).collect();
    let text = format!(
        "The machine has too few processors for what runs on it: for {:.0} % of the time some process waited for one.",
        p.some
    );
    let found = Finding::new(Cause::CpuStarved, Standing::Trouble, Subject::default(), text)
        .sure(Confidence::Likely)
        .seen([Note::at(look.now_ms, pressure("processor", p))])
        .seen(shares.into_iter().map(|text| Note::at(look.now_ms, text)));
    let top = offer::shell("see what else runs", "top -b -n 1 | head -20", Undo::ChangesNothing);
    Some(found.offer([top]))
}

/// A group that may not run more holds a peer up, however idle the machine is.
fn quota(look: &Look<'_>, peer: &PeerLook<'_>) -> Option<Finding> {
    let process = peer.process()?;
    // A quota that is used up now and then is one that somebody chose well.
    let cpu = process.cpu.unwrap_or_default();
    let throttled = process.throttled.filter(|t| *t >= CPU_WAIT && cpu * QUOTA_FACTOR < *t)?;
    let name = peer.name();
    let text = format!(
        "The control group of {name} allows it next to no processor time: its threads ran for {:.0} % of the time and were kept from it for {:.0} %.",
        cpu * 100.0,
        throttled * 100.0
    );
    let found = Finding::new(Cause::CpuStarved, Standing::Trouble, Subject::peer(name), text)
        .seen(share(name, process).map(|text| Note::at(look.now_ms, text)));
    let pid = peer.pid()?;
    let see = format!("cat /proc/{pid}/cgroup");
    let see = offer::shell("see which group it is in", &see, Undo::ChangesNothing);
    Some(
        found.offer([
            see,
            offer::act("raise the quota of that group or container; the run goes on by itself"),
        ]),
    )
}

/// What a peer got of the processors, and what it would have taken.
fn share(name: &str, process: &ProcessFacts) -> Option<String> {
    let cpu = process.cpu? * 100.0;
    let wait =
        process.cpu_wait.map(|w| format!(", its threads stood ready without one for {:.0} %", w * 100.0));
    Some(format!("{name} got {cpu:.0} % of a processor{}", wait.unwrap_or_default()))
}

fn pressure(what: &str, p: Pressure) -> String {
    format!("{what} pressure over 10 s: some {:.0} %, full {:.0} %", p.some, p.full)
}
