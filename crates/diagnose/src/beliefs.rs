//! What each peer believes of the other, how old that is, and what the other says itself: where the two differ, somebody acts on the past.

use crate::look::Look;
use crate::{Note, words};
use twinhaul_units::{Bytes, Rate, Ratio};
use twinhaul_wire::{Link, PeerSnapshot};

/// One for each peer that was heard, while the run goes on.
pub(crate) fn all(look: &Look<'_>) -> Vec<Note> {
    if look.ended() {
        return Vec::new();
    }
    let belief = |(peer, s): (&crate::look::PeerLook<'_>, &PeerSnapshot)| {
        let other = look.other(peer)?;
        let of = of(&s.link, other.name(), other.fresh());
        // As old as the last word, and not as the snapshot that tells it.
        let at_ms = s.link.heard_ms_ago.map(|ms| s.at_ms.saturating_sub(ms));
        Some(Note { at_ms, text: format!("{} of {of}", peer.name()) })
    };
    look.heard().filter_map(belief).collect()
}

fn of(link: &Link, other: &str, itself: Option<&PeerSnapshot>) -> String {
    let Some(heard_ms) = link.heard_ms_ago else { return format!("{other}: nothing was ever heard of it") };
    let age = if link.up { "heard" } else { "link down, heard" };
    let trip = link.rtt_us.map(|us| format!(", round trip {:.1} ms", us as f64 / 1000.0)).unwrap_or_default();
    let known = format!(
        "{other}: {} queued ({}), {}, ratio {}; {age} {} ago{trip}",
        link.queued,
        Bytes(link.queued_bytes),
        Rate(link.rate),
        Ratio::clamped(link.ratio),
        words::age(heard_ms)
    );
    let own = itself.map(|s| {
        let again = if s.incarnation == link.incarnation { "" } else { " as another incarnation" };
        format!("; it says{again}: {} queued, {}", s.queue.transfers, Rate(s.rate.now))
    });
    known + &own.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_believed_is_told_with_its_age_and_beside_what_is_so() {
        let mut link =
            Link { up: true, incarnation: 2, heard_ms_ago: Some(300), queued: 650, ..Link::default() };
        let mut itself = PeerSnapshot { incarnation: 2, ..PeerSnapshot::default() };
        itself.queue.transfers = 640;
        let text = of(&link, "beta", Some(&itself));
        assert!(text.starts_with("beta: 650 queued (0 B)") && text.contains("it says: 640 queued"), "{text}");
        itself.incarnation = 3;
        link.up = false;
        let text = of(&link, "beta", Some(&itself));
        assert!(text.contains("link down, heard") && text.contains("as another incarnation"), "{text}");
        link.heard_ms_ago = None;
        assert_eq!(of(&link, "beta", None), "beta: nothing was ever heard of it");
    }
}
