//! What a run sent to services that charge by request: as its processes counted it, summed by source and target.
//!
//! A process that was killed told nothing: then the sums are said to be at least that.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use twinhaul_console_model::words;
use twinhaul_units::text::show;
use twinhaul_wire::{Event, EventKind, Requests};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// By name, and whether it is a source.
    places: BTreeMap<(String, bool), Requests>,
    /// Lives of peers that began, and those that told.
    joined: BTreeSet<(String, u64)>,
    told: BTreeSet<(String, u64)>,
}

impl Counted {
    pub(super) fn take(&mut self, event: &Event) {
        let life = event.peer.clone().map(|peer| (peer, event.incarnation));
        match &event.kind {
            EventKind::Joined { .. } => self.joined.extend(life),
            EventKind::Requests { place, source, counts } => {
                *self.places.entry((place.clone(), *source)).or_default() += counts;
            }
            // The last thing that a peer says: with nothing counted before, it had nothing to count.
            EventKind::PeerFinished { .. } => self.told.extend(life),
            _ => {}
        }
    }

    /// Lives of peers that have not told: killed, or not at their end.
    fn untold(&self) -> usize {
        self.joined.difference(&self.told).count()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let untold = match self.untold() {
            0 => String::new(),
            1 => "; at least: one engine has not told".to_owned(),
            n => format!("; at least: {n} engines have not told"),
        };
        let line = |((place, source), counts): (&(String, bool), &Requests)| {
            let way = if *source { "from" } else { "to" };
            format!("  requests {way} {place}: {}{untold}", show(&words::event::requests(counts)))
        };
        self.places.iter().map(line).collect()
    }

    /// One object for each place; none where nothing counts requests.
    pub(super) fn json(&self) -> Value {
        let place = |((place, source), counts): (&(String, bool), &Requests)| {
            json!({
                "place": place, "source": source, "by_class": counts.by_class, "noted": counts.noted, "sent": counts.sent(),
                "bytes_sent": counts.bytes_sent, "bytes_received": counts.bytes_received,
                "at_least": self.untold() > 0,
            })
        };
        self.places.iter().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(peer: Option<&str>, incarnation: u64, kind: EventKind) -> Event {
        Event { seq: 1, at_ms: 0, peer: peer.map(str::to_owned), incarnation, kind }
    }

    #[test]
    fn lives_are_summed_and_a_killed_one_makes_it_at_least() {
        let counts = Requests::of_json(r#"{"requests": {"put": {"sent": 2}}, "bytes_sent": 7}"#).unwrap();
        let told = |incarnation| {
            let kind = EventKind::Requests { place: "t".into(), source: false, counts: counts.clone() };
            event(Some("alpha"), incarnation, kind)
        };
        let finished = |incarnation| {
            let kind =
                EventKind::PeerFinished { transfers: 1, bytes: 1, idle_slot_ms: 0, up_ms: 1, slots: 1 };
            event(Some("alpha"), incarnation, kind)
        };
        let mut all = Counted::default();
        assert!(all.lines().is_empty());
        all.take(&event(Some("alpha"), 1, EventKind::Joined { pid: 1 }));
        all.take(&told(1));
        all.take(&finished(1));
        assert_eq!(all.lines(), ["  requests to t: 2 put; 7 B sent, 0 B received"]);
        all.take(&event(Some("alpha"), 2, EventKind::Joined { pid: 2 }));
        assert!(all.lines()[0].ends_with("one engine has not told"), "{:?}", all.lines());
        all.take(&told(2));
        all.take(&finished(2));
        // Who reaches no place that counts has told that, too.
        all.take(&event(Some("beta"), 1, EventKind::Joined { pid: 3 }));
        all.take(&Event { peer: Some("beta".into()), ..finished(1) });
        assert_eq!(all.json()[0]["by_class"]["put"]["sent"], 4);
        assert_eq!(all.json()[0]["at_least"], false);
    }
}
