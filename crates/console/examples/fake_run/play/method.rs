//! The method's rule in small: who asks, what is handed over, how a ratio moves, and the story of the demonstration.

use super::{ASK_AGAIN_S, Last, MIB, NAMES, Play, RUN, Scene, now_ms};
use twinhaul_units::{PeerId, Ratio};
use twinhaul_wire::{AssignWhy, EventKind, LotIds, RatioMove, Rule};

impl Play {
    /// The rule of the method, for `peer` as the one who completes.
    pub(super) fn assist(&mut self, peer: PeerId) {
        let (me, other) = (peer.index(), peer.other().index());
        let p = &self.peers[me];
        let idle = p.slots.iter().filter(|s| s.is_none()).count() as u32;
        if idle == 0 || !p.queue.is_empty() || p.paused || self.stopping {
            return;
        }
        if self.peers[other].queue.is_empty() && self.peers[other].slots.iter().all(Option::is_none) {
            return;
        }
        if p.in_episode && self.t - p.asked_at < ASK_AGAIN_S {
            return;
        }
        let begins = !p.in_episode;
        if begins && p.last == Last::HelpedMe {
            self.ratio(peer, -0.05, if me == 0 { Rule::R62 } else { Rule::R72 });
        }
        self.asks += 1;
        let ask_id = self.asks;
        self.peers[me].in_episode = true;
        self.peers[me].asked_at = self.t;
        self.peers[me].got.asked += 1;
        self.peers[other].gave.asked += 1;
        let rate = self.peers[me].rate as u64;
        self.tell(Some(peer), EventKind::Ask { ask_id, idle_slots: idle, rate, queued: 0 });
        if begins && self.peers[other].last == Last::HelpedMe {
            self.ratio(peer.other(), 0.05, if other == 0 { Rule::R71 } else { Rule::R61 });
        }
        self.answer(peer, ask_id);
    }

    fn answer(&mut self, asker: PeerId, ask_id: u64) {
        let (me, other) = (asker.index(), asker.other().index());
        let queued = self.peers[other].queue.len() as u64;
        let ratio = self.peers[other].ratio;
        let portion = ratio * queued as f64;
        let minimum = self.minimum;
        if portion <= minimum as f64 {
            self.peers[me].got.not_needed += 1;
            self.peers[other].gave.not_needed += 1;
            (self.peers[me].last, self.peers[other].last) = (Last::None, Last::None);
            self.tell(
                Some(asker),
                EventKind::NotNeeded { ask_id, ratio, portion, minimum, queued, rtt_us: 420 },
            );
            return;
        }
        let count = (portion as u64).max(1);
        let op = self.events.len() as u64;
        let bytes = self.hand_over(asker.other(), count, AssignWhy::Assistance);
        for assisted in [&mut self.peers[me].got, &mut self.peers[other].gave] {
            assisted.needed += 1;
            assisted.transfers += count;
            assisted.bytes += bytes;
        }
        (self.peers[me].last, self.peers[other].last) = (Last::IHelped, Last::HelpedMe);
        self.peers[me].in_episode = false;
        self.needed += 1;
        self.tell(
            Some(asker),
            EventKind::Needed { ask_id, op, count, bytes, ratio, portion, minimum, queued, rtt_us: 25_300 },
        );
        let [a, b] = NAMES;
        match (self.needed, asker) {
            (1, _) => self.say(&format!("{a} is done. It asks. {b} gives half.")),
            (2, PeerId::First) => self.say("Back already: half was too little."),
            (3, PeerId::First) => self.say("Learning: more each time."),
            (_, PeerId::Second) => {
                let text = format!(
                    "The arrow turns: {b} had given too much, and now helps {a}. No key was pressed."
                );
                self.say(&text);
            }
            _ => {}
        }
    }

    pub(super) fn hand_over(&mut self, from: PeerId, count: u64, why: AssignWhy) -> u64 {
        let giver = &mut self.peers[from.index()];
        let keep = giver.queue.len().saturating_sub(count as usize);
        let portion = giver.queue.split_off(keep);
        let bytes = portion.iter().map(|f| f.bytes as u64).sum();
        let ids = |f: &super::File| LotIds { first: f.id, last: f.id };
        let lots = portion.iter().take(32).map(ids).collect();
        self.peers[from.other().index()].queue.extend(portion);
        let to = NAMES[from.other().index()].to_owned();
        let op = self.events.len() as u64;
        self.tell(Some(from), EventKind::Assigned { op, to, count, bytes, why, lots });
        bytes
    }

    pub(super) fn ratio(&mut self, peer: PeerId, by: f64, rule: Rule) {
        let p = &mut self.peers[peer.index()];
        let old = p.ratio;
        p.ratio = Ratio::clamped(old + by).get();
        let new = p.ratio;
        p.moves.push(RatioMove { at_ms: now_ms(), old, new, rule });
        self.tell(Some(peer), EventKind::Ratio { old, new, rule });
    }

    pub(super) fn story(&mut self) {
        if self.scene != Scene::Demo {
            return;
        }
        if self.story == 0 && self.needed >= 3 {
            self.story = 1;
            self.throttle(128.0 / 1024.0, "128 KiB/s", "Now we hurt alpha. Watch who asks.");
        } else if self.story == 1 && self.needed >= 6 {
            self.story = 2;
            self.throttle(16.0, "16 MiB/s", "The throttle is lifted.");
        }
    }

    fn throttle(&mut self, mib: f64, words: &str, say: &str) {
        self.peers[0].limit = mib * MIB;
        let command = format!("twinhaul limit {RUN} --peer alpha '{words}'");
        self.tell(None, EventKind::Control { command, by: "story".into(), result: "limited".into() });
        self.say(say);
    }
}
