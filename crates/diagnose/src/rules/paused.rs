//! A pause or a drain: somebody asked for it. After an hour perhaps nobody remembers.

use crate::budget::FORGOTTEN_MS;
use crate::look::{Look, PeerLook};
use crate::{Cause, Finding, Note, Standing, Subject, offer, words};
use twinhaul_wire::{EventKind, PeerSnapshot, PeerState};

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    look.heard()
        .filter_map(|(peer, s)| match s.state {
            PeerState::Paused => Some(paused(look, peer, s)),
            PeerState::Draining => Some(draining(look, peer, s)),
            _ => None,
        })
        .collect()
}

fn paused(look: &Look<'_>, peer: &PeerLook<'_>, s: &PeerSnapshot) -> Finding {
    let name = peer.name();
    let told = look.control(name, "pause");
    let by = s.paused_by.as_deref().or_else(|| told.map(|(_, by)| by));
    let by = by.map_or_else(|| "by whom is not known".to_owned(), |by| words::giver(by, "pause"));
    let since_ms = told.map(|(event, _)| look.now_ms.saturating_sub(event.at_ms));
    let ago = since_ms.map(|ms| format!(" {} ago", words::age(ms))).unwrap_or_default();
    let forgotten = since_ms.is_some_and(|ms| ms >= FORGOTTEN_MS);
    let cause = if forgotten { Cause::PausedAndForgotten } else { Cause::Paused };
    let perhaps = if forgotten { " Perhaps it was forgotten." } else { "" };
    let holds = format!("{} queued and {} in flight wait", s.queue.transfers, s.in_flight.len());
    let text = format!("{name} is paused, {by}{ago}; {holds} until it is resumed.{perhaps}");
    Finding::new(cause, Standing::OnPurpose, Subject::peer(name), text)
        .seen(look.notes(3, |e| is_control(&e.kind, name, &["pause", "resume"])))
        .seen([Note::at(s.at_ms, format!("{name}: paused, {holds}"))])
        .offer([offer::resume_peer(look.run(), name)])
}

fn is_control(kind: &EventKind, peer: &str, verbs: &[&str]) -> bool {
    let EventKind::Control { command, .. } = kind else { return false };
    verbs.iter().any(|verb| command.starts_with(&format!("twinhaul {verb} ")))
        && words::names_peer(command, peer)
}

fn draining(look: &Look<'_>, peer: &PeerLook<'_>, s: &PeerSnapshot) -> Finding {
    let name = peer.name();
    let by = look.control(name, "drain").map(|(event, by)| {
        format!(", {} {} ago", words::giver(by, "drain"), words::age(look.now_ms.saturating_sub(event.at_ms)))
    });
    let text = format!(
        "{name} is drained{}: it hands its queue over and takes no new work.",
        by.unwrap_or_default()
    );
    Finding::new(Cause::Draining, Standing::OnPurpose, Subject::peer(name), text)
        .seen(look.notes(2, |e| is_control(&e.kind, name, &["drain"])))
        .seen([Note::at(
            s.at_ms,
            format!("{name}: {} queued, {} in flight", s.queue.transfers, s.in_flight.len()),
        )])
        .offer([offer::resume_peer(look.run(), name)])
}
