//! The usual suspects: what each finding is not, and how that is known. Only what was looked at clears anybody.

use crate::budget::{CPU_SOME, IO_FULL, LEDGER_READ_MS, MEMORY_FULL, MOVING_MS};
use crate::look::{Look, PeerLook};
use crate::{Cause, Finding, RuledOut, Standing, words};
use twinhaul_units::Bytes;
use twinhaul_wire::PeerState;

/// Fewer free bytes than this clear nobody.
const ROOM: u64 = 256 << 20;

/// Gives each fault the suspects that the evidence clears for it.
pub(crate) fn rule_out(look: &Look<'_>, findings: &mut [Finding]) {
    // What holds now is no evidence about a run that has ended.
    if look.ended() {
        return;
    }
    let found: Vec<Cause> = findings.iter().map(|f| f.cause).collect();
    for finding in findings.iter_mut().filter(|f| f.standing != Standing::Normal) {
        let about = finding.subject.peer.as_deref();
        let peers: Vec<&PeerLook<'_>> =
            look.peers.iter().filter(|p| about.is_none_or(|name| p.name() == name)).collect();
        let suspects = of_peers(look, &peers).into_iter().chain(of_run(look));
        finding.ruled_out =
            suspects.filter(|s| !found.contains(&s.cause) && s.cause != finding.cause).collect();
    }
}

/// What the evidence clears for the whole run.
pub(crate) fn cleared(look: &Look<'_>, findings: &[Finding]) -> Vec<RuledOut> {
    if look.ended() {
        return Vec::new();
    }
    let peers: Vec<&PeerLook<'_>> = look.peers.iter().collect();
    let suspects = of_peers(look, &peers).into_iter().chain(of_run(look));
    suspects.filter(|s| !findings.iter().any(|f| f.cause == s.cause)).collect()
}

fn out(cause: Cause, how: impl Into<String>) -> RuledOut {
    RuledOut { cause, how: how.into() }
}

fn of_peers(look: &Look<'_>, peers: &[&PeerLook<'_>]) -> Vec<RuledOut> {
    let mut all = Vec::new();
    if peers.is_empty() {
        return all;
    }
    let each = |ok: fn(&PeerLook<'_>) -> bool| peers.iter().all(|p| ok(p));
    let say = |f: &dyn Fn(&PeerLook<'_>) -> String| peers.iter().map(|p| f(p)).collect::<Vec<_>>().join(", ");
    if each(|p| {
        p.process().is_some_and(|p| {
            p.groups_known && p.frozen.is_none() && !matches!(p.state, Some('T' | 't') | None)
        })
    }) {
        let states = say(&|p| {
            format!("{} in state {}{}", p.name(), p.process().and_then(|p| p.state).unwrap_or('?'), cpu(p))
        });
        all.push(out(Cause::PeerFrozen, states));
    }
    if each(|p| p.lives() == Some(true)) {
        let alive = say(&|p| {
            p.pid()
                .map_or_else(|| format!("{} lives", p.name()), |pid| format!("{} lives, pid {pid}", p.name()))
        });
        all.push(out(Cause::PeerDead, alive));
    }
    if each(|p| p.fresh().is_some_and(|s| s.link.up && s.link.heard_ms_ago.is_some_and(|ms| ms < MOVING_MS)))
    {
        let rtt = peers.iter().filter_map(|p| p.fresh()?.link.rtt_us).max();
        let rtt = rtt.map(|us| format!(", round trip {:.1} ms", us as f64 / 1000.0)).unwrap_or_default();
        all.push(out(Cause::LinkDown, format!("the peers hear each other{rtt}")));
    }
    if each(|p| {
        p.fresh().is_some_and(|s| {
            s.limit.is_none() && !s.dials.iter().any(|d| d.dial.is_limit() && d.value.is_some())
        })
    }) {
        all.push(out(Cause::Throttled, "no limit is set"));
    }
    if each(|p| p.fresh().is_some_and(|s| s.state != PeerState::Paused && s.paused_by.is_none())) {
        all.push(out(
            Cause::Paused,
            format!("{} not paused", if peers.len() == 1 { "it is" } else { "they are" }),
        ));
    }
    if look.all.snapshot.is_some() && each(|p| p.supervised.is_some_and(|s| s.restarts == 0)) {
        all.push(out(Cause::PeerRestarting, "no restart so far"));
    }
    all
}

fn cpu(peer: &PeerLook<'_>) -> String {
    peer.process()
        .and_then(|p| p.cpu)
        .map(|cpu| format!(", {:.0} % of a processor", cpu * 100.0))
        .unwrap_or_default()
}

fn of_run(look: &Look<'_>) -> Vec<RuledOut> {
    let probes = &look.all.probes;
    let mut all = Vec::new();
    if !probes.spaces.is_empty()
        && probes.spaces.iter().all(|s| s.free_bytes.is_some_and(|b| b >= ROOM) && s.free_inodes != Some(0))
    {
        let free =
            |s: &crate::Space| format!("{}: {} free", s.target, Bytes(s.free_bytes.unwrap_or_default()));
        all.push(out(Cause::TargetFull, probes.spaces.iter().map(free).collect::<Vec<_>>().join(", ")));
    }
    let ledger = probes.ledger.as_ref().filter(|l| l.writer.is_none()).and_then(|l| l.read_ms);
    if let Some(ms) = ledger.filter(|ms| *ms < LEDGER_READ_MS) {
        all.push(out(
            Cause::LedgerContended,
            format!("nobody holds its write lock; read in {}", words::age(ms)),
        ));
    }
    if let Some(io) = probes.io.filter(|p| p.full < IO_FULL) {
        all.push(out(
            Cause::LedgerDiskSlow,
            format!("disk pressure {:.0} % (full {:.0} %)", io.some, io.full),
        ));
    }
    if let Some(p) = probes.cpu.filter(|p| p.some < CPU_SOME) {
        all.push(out(Cause::CpuStarved, format!("processor pressure {:.0} %", p.some)));
    }
    if let Some(p) = probes.memory.filter(|p| p.full < MEMORY_FULL) {
        all.push(out(Cause::MemoryPressure, format!("memory pressure {:.0} %", p.some)));
    }
    all
}
