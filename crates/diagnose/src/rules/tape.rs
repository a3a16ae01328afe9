//! Tape takes its time: robots, drives, winding. Within their budget these waits are work, not faults.

use super::since;
use crate::budget::IN_USE_MS;
use crate::look::{Look, PeerLook};
use crate::{Cause, Finding, Note, Standing, Subject, offer, words};
use twinhaul_wire::{InFlight, RowState, Wait, WaitReason};

type Waiting<'a, 'b> = (&'b PeerLook<'a>, &'a InFlight, &'a Wait);

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    let of = |reasons: &[WaitReason]| -> Vec<Waiting<'_, '_>> {
        look.waits().filter(|(_, _, w)| reasons.contains(&w.reason)).collect()
    };
    let mounts = of(&[WaitReason::Mount, WaitReason::Locate]);
    let drives = of(&[WaitReason::Drive]);
    let cartridges = of(&[WaitReason::Cartridge]);
    [mounting(look, &mounts), drive(look, &drives), cartridge(look, &cartridges)]
        .into_iter()
        .flatten()
        .collect()
}

fn longest<'a, 'b, 'c>(waits: &'c [Waiting<'a, 'b>]) -> Option<&'c Waiting<'a, 'b>> {
    waits.iter().max_by_key(|(_, _, w)| w.age_ms)
}

fn seen(look: &Look<'_>, waits: &[Waiting<'_, '_>]) -> Vec<Note> {
    let mut notes: Vec<Note> = waits
        .iter()
        .map(|(peer, f, w)| {
            let detail = if w.detail.is_empty() { String::new() } else { format!(": {}", w.detail) };
            let text = format!(
                "{}: {} waits {} ({}){detail}",
                peer.name(),
                words::tail(&f.key.key),
                since(w.age_ms),
                w.reason.words()
            );
            Note::at(look.now_ms, text)
        })
        .take(4)
        .collect();
    notes.extend(drives(look));
    notes
}

/// What the library shows of its drives.
fn drives(look: &Look<'_>) -> Vec<Note> {
    let Some((_, s)) = look.heard().find(|(_, s)| s.backends.iter().any(|b| b.backend == "tape")) else {
        return Vec::new();
    };
    let rows = s.backends.iter().filter(|b| b.backend == "tape").flat_map(|b| &b.rows);
    let busy = rows.filter(|r| r.group == "drives" && r.state != RowState::Idle);
    busy.map(|r| Note::at(look.now_ms, format!("drive {}: {}", r.name, r.value))).take(4).collect()
}

/// The library that is waited for: the target of the transfer, or the source that it is recalled from.
fn library(look: &Look<'_>, flight: &InFlight) -> Subject {
    let is_target =
        look.heard().any(|(_, s)| s.targets.iter().any(|t| t.name == flight.target && t.backend == "tape"));
    let source = look.heard().flat_map(|(_, s)| &s.backends).find(|b| b.source && b.backend == "tape");
    match source.filter(|_| !is_target) {
        Some(source) => Subject::target(&source.name),
        None => Subject::target(&flight.target),
    }
}

fn mounting(look: &Look<'_>, waits: &[Waiting<'_, '_>]) -> Option<Finding> {
    let (_, flight, wait) = longest(waits)?;
    let subject = library(look, flight);
    let what = if wait.reason == WaitReason::Mount {
        "A cartridge is being mounted"
    } else {
        "A tape is being wound to its place"
    };
    let detail = if wait.detail.is_empty() { String::new() } else { format!(" ({})", wait.detail) };
    let budget = wait.budget_ms.map_or_else(|| "some minutes".to_owned(), words::age);
    if !wait.is_stall() {
        let text = format!(
            "{what}{detail}, {} so far; up to {budget} are usual, and nothing moves meanwhile.",
            words::age(wait.age_ms)
        );
        return Some(Finding::new(Cause::Mounting, Standing::Normal, subject, text).seen(seen(look, waits)));
    }
    let text = format!("{what}{detail} {}, longer than the {budget} that it may take.", since(wait.age_ms));
    let found = Finding::new(Cause::MountTooLong, Standing::Trouble, subject, text).seen(seen(look, waits));
    Some(found.offer([offer::events(look.run()), offer::act("look at the library and its drive")]))
}

fn drive(look: &Look<'_>, waits: &[Waiting<'_, '_>]) -> Option<Finding> {
    let (_, flight, wait) = longest(waits)?;
    let n = waits.len() as u64;
    let verb = if n == 1 { "waits" } else { "wait" };
    let text = format!(
        "{} {verb} for a tape drive, {}: {}.",
        words::transfers(n),
        since(wait.age_ms),
        if wait.detail.is_empty() { "all of them are in use" } else { wait.detail.as_str() }
    );
    // Others may use the drives as long as they like; that is worth a word, and no fault before the budget.
    let standing = if wait.is_stall() { Standing::Trouble } else { Standing::Normal };
    let found = Finding::new(Cause::DriveBusy, standing, library(look, flight), text).seen(seen(look, waits));
    Some(if standing == Standing::Trouble {
        found.offer([offer::act("see who has the drives: twinhaul tape ls --library …")])
    } else {
        found
    })
}

/// A cartridge that is missing is a problem of its backend (`target`); one that is only in use will come.
fn cartridge(look: &Look<'_>, waits: &[Waiting<'_, '_>]) -> Option<Finding> {
    if look.problems().any(|p| p.kind == "cartridge") {
        return None;
    }
    let (_, flight, wait) = longest(waits)?;
    let (cause, standing) = if wait.detail.contains("in use by") {
        (Cause::DriveBusy, if wait.age_ms < IN_USE_MS { Standing::Normal } else { Standing::Trouble })
    } else if wait.detail.contains("no cartridge with room") {
        (Cause::NoScratchCartridge, Standing::Trouble)
    } else {
        (Cause::CartridgeMissing, Standing::Trouble)
    };
    let text = format!("Transfers wait for a cartridge, {}: {}.", since(wait.age_ms), wait.detail);
    Some(Finding::new(cause, standing, library(look, flight), text).seen(seen(look, waits)))
}
