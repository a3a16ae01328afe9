//! The story of a demo: when its steps fire, and what the caption says (demo.md).
//!
//! Pure: derived from the peers' snapshots and events, never from the clock, so that a slower machine is told the truth as well.
//! Entry points: [`StoryState::look`], [`caption`], [`Story::due`].

use crate::{StoryStep, StoryWhen};
use std::{collections::VecDeque, time::Duration};
use twinhaul_units::Moment;
use twinhaul_wire::{Event, EventKind, PeerSnapshot, Rule};

/// What a backend calls it when its server asks to slow down.
const RATE_LIMIT: &str = "rate_limit";

/// The steps that have not fired.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    steps: VecDeque<StoryStep>,
    fires_at: Option<Moment>,
}

impl Story {
    pub(crate) fn new(steps: Vec<StoryStep>) -> Self {
        Self { steps: steps.into(), fires_at: None }
    }

    /// The next step, when what it waits for has happened and its wait is over. `part`: of all bytes, done.
    pub(crate) fn due(&mut self, telling: &StoryState, part: f64, now: Moment) -> Option<StoryStep> {
        let next = self.steps.front()?;
        if self.fires_at.is_none() && telling.has_seen(next.when, part) {
            self.fires_at = Some(now + next.wait);
        }
        self.fires_at.filter(|at| *at <= now)?;
        self.fires_at = None;
        self.steps.pop_front()
    }
}

/// The last thing worth a caption.
#[derive(Clone, Debug, Default, PartialEq)]
enum Beat {
    #[default]
    Opening,
    /// The owner (index) assigned a portion of `ratio` to the other peer.
    Given {
        owner: usize,
        ratio: f64,
        why: Turn,
    },
    /// The owner said "no assistance needed".
    Alone {
        owner: usize,
    },
    /// Ranges of a transfer in flight were lent to this peer, and nothing else.
    Lent {
        to: usize,
    },
    /// This peer took over what the other had.
    TookOver {
        by: usize,
        transfers: u64,
    },
    /// This peer is back, as a new incarnation.
    Back {
        peer: usize,
    },
    Said(String),
    Complete {
        done: u64,
        total: u64,
        verified: bool,
        took: Duration,
    },
}

/// How an assignment relates to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    First,
    /// The same direction, the owner's ratio unchanged.
    Again,
    /// The same direction; the owner's ratio grew for the first time.
    TooLittle,
    /// It grew again.
    More,
    /// It grew, after the arrow had turned.
    LearnsToo,
    /// The other direction: the former owner asks, its ratio shrank because it had given too much.
    HadGivenTooMuch,
    /// The other direction.
    Turned,
}

/// What the snapshots have told so far, by peer index.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct StoryState {
    names: [String; 2],
    /// Assistance given by each peer as the owner, over all its incarnations: now counted, and before its last restart.
    needed: [u64; 2],
    needed_seen: [u64; 2],
    transfers_seen: [u64; 2],
    not_needed_seen: [u64; 2],
    /// Each owner's ratio at its last assignment, and how often it had grown from one to the next.
    ratio: [Option<f64>; 2],
    growths: u32,
    /// Whether ratios are learned: else they are worked out anew each time, and say nothing about the time before.
    learns: bool,
    lent: u64,
    taken_over: u64,
    returned: u64,
    rate_limited: u64,
    last_owner: Option<usize>,
    turns: u32,
    /// Seconds that each peer would have needed for what it had before the first assignment.
    alone_s: [Option<f64>; 2],
    beat: Beat,
}

impl StoryState {
    /// `learns`: the policy is the claims' method, to the letter.
    pub(crate) fn new(names: [String; 2], learns: bool) -> Self {
        Self { names, learns, ..Self::default() }
    }

    fn has_seen(&self, when: StoryWhen, part: f64) -> bool {
        match when {
            StoryWhen::Assistance(n) => self.needed() >= n,
            StoryWhen::Ranges(n) => self.lent >= n,
            StoryWhen::Done(share) => part >= share,
            // One that was killed for its lock of the ledger comes back without having been taken over.
            StoryWhen::TakenOver => self.taken_over > 0 || self.returned > 0,
            StoryWhen::Returned => self.returned > 0,
            StoryWhen::RateLimited => self.rate_limited > 0,
        }
    }

    /// Takes in what a peer tells.
    pub(crate) fn hear(&mut self, event: &Event) {
        let index = |name: &str| self.names.iter().position(|n| n == name);
        let Some(peer) = event.peer.as_deref().and_then(index) else { return };
        match &event.kind {
            EventKind::RangesLent { count, .. } => self.lent += count,
            EventKind::TakenOver { count, .. } => {
                self.taken_over += 1;
                self.beat = Beat::TookOver { by: peer, transfers: *count };
            }
            EventKind::Joined { .. } if event.incarnation > 1 => {
                self.returned += 1;
                self.beat = Beat::Back { peer };
            }
            EventKind::ProblemBegan { problem, .. } if problem.split(' ').next() == Some(RATE_LIMIT) => {
                self.rate_limited += 1;
            }
            _ => {}
        }
    }

    /// Assistances so far, both directions.
    pub(crate) fn needed(&self) -> u64 {
        self.needed.iter().sum()
    }

    /// A step of the story was told.
    pub(crate) fn said(&mut self, text: &str) {
        self.beat = Beat::Said(text.to_owned());
    }

    /// The run is complete.
    pub(crate) fn complete(&mut self, done: u64, total: u64, verified: bool, took: Duration) {
        self.beat = Beat::Complete { done, total, verified, took };
    }

    /// Takes in a new snapshot of the peer `owner`; `other` is the latest of the other peer.
    pub(crate) fn look(&mut self, owner: usize, snapshot: &PeerSnapshot, other: Option<&PeerSnapshot>) {
        if self.needed() == 0 {
            // While an assignment is being written its transfers are in no queue: the most is what it began with.
            let seen = [alone(snapshot), self.alone_s[owner]];
            self.alone_s[owner] = seen.into_iter().flatten().reduce(f64::max);
        }
        self.learn_why_it_turned(owner, snapshot);
        let given = grown(&mut self.needed_seen[owner], snapshot.was_assisted.needed);
        let moved = grown(&mut self.transfers_seen[owner], snapshot.was_assisted.transfers);
        let refused = grown(&mut self.not_needed_seen[owner], snapshot.was_assisted.not_needed);
        self.needed[owner] += given;
        if given > 0 && moved == 0 && snapshot.was_assisted.ranges > 0 {
            self.beat = Beat::Lent { to: 1 - owner };
        } else if given > 0 {
            let why = self.turn(owner, snapshot.ratio, other);
            self.beat = Beat::Given { owner, ratio: snapshot.ratio, why };
        } else if refused > 0 {
            self.beat = Beat::Alone { owner };
        }
    }

    /// The asker's own snapshot, with the move of its ratio, may come after the owner's that told of the assignment.
    fn learn_why_it_turned(&mut self, asker: usize, snapshot: &PeerSnapshot) {
        if let Beat::Given { owner, why, .. } = &mut self.beat
            && *why == Turn::Turned
            && *owner != asker
            && was_lowered(Some(snapshot))
        {
            *why = Turn::HadGivenTooMuch;
        }
    }

    fn turn(&mut self, owner: usize, ratio: f64, asker: Option<&PeerSnapshot>) -> Turn {
        let before = self.ratio[owner].replace(ratio);
        let grew = self.learns && before.is_some_and(|b| ratio > b + f64::EPSILON);
        let turned = self.last_owner.is_some_and(|last| last != owner);
        let first = self.last_owner.replace(owner).is_none();
        if turned {
            self.turns += 1;
            return if was_lowered(asker) { Turn::HadGivenTooMuch } else { Turn::Turned };
        }
        if grew {
            self.growths += 1;
        }
        match (first, grew, self.turns, self.growths) {
            (true, ..) => Turn::First,
            (_, false, ..) => Turn::Again,
            (_, true, 1.., _) => Turn::LearnsToo,
            (_, true, 0, 1) => Turn::TooLittle,
            (_, true, 0, _) => Turn::More,
        }
    }
}

/// Whether the last move of its ratio was that of a peer that had given too much (claims 6.2, 7.2).
fn was_lowered(peer: Option<&PeerSnapshot>) -> bool {
    peer.and_then(|p| p.ratio_moves.last()).is_some_and(|m| matches!(m.rule, Rule::R62 | Rule::R72))
}

/// How much a counter grew; a smaller value means that its peer was started again.
fn grown(seen: &mut u64, now: u64) -> u64 {
    let before = std::mem::replace(seen, now);
    now.checked_sub(before).unwrap_or(now)
}

/// Seconds this peer would need at its limit for all that it owns or has done.
fn alone(snapshot: &PeerSnapshot) -> Option<f64> {
    let in_flight: u64 = snapshot.in_flight.iter().map(|t| t.bytes).sum();
    let bytes = snapshot.queue.bytes + in_flight + snapshot.settling.bytes + snapshot.done.bytes;
    let limit = snapshot.limit.filter(|l| *l > 0)?;
    (bytes > 0).then_some(bytes as f64 / limit as f64)
}

/// The sentence under the picture (demo.md, column "caption").
pub(crate) fn caption(state: &StoryState) -> String {
    let name = |i: usize| state.names[i].as_str();
    match &state.beat {
        Beat::Opening => "Two engines. Each has its own queue.".into(),
        Beat::Given { owner, ratio, why } => {
            given(name(*owner), name(1 - *owner), *ratio, *why, state.learns)
        }
        Beat::Alone { owner } => format!("{} can finish alone.", name(*owner)),
        Beat::Lent { to } => format!("One large file is left: {} writes a part of it too.", name(*to)),
        Beat::TookOver { by, transfers } => {
            let (by, from) = (name(*by), name(1 - *by));
            format!("{from} is not heard. {by} takes over: {} transfers go on.", thousands(*transfers))
        }
        Beat::Back { peer } => format!("{} is back, as a new incarnation, and asks for work.", name(*peer)),
        Beat::Said(text) => text.clone(),
        Beat::Complete { done, total, verified, took } => {
            let what = if *verified { "verified" } else { "done" };
            let (done, total) = (thousands(*done), thousands(*total));
            let took_s = took.as_secs_f64();
            match state.alone_s {
                // Whom a server or a robot held up would not have been done by its limit alone.
                [Some(first), Some(second)] if state.rate_limited == 0 && first.max(second) > took_s => {
                    let without = clock(first.max(second));
                    format!("{done} of {total} {what}. {}; without assistance {without}.", clock(took_s))
                }
                _ => format!("{done} of {total} {what}. {}.", clock(took_s)),
            }
        }
    }
}

fn given(owner: &str, asker: &str, ratio: f64, why: Turn, learns: bool) -> String {
    let portion =
        if (0.495..0.505).contains(&ratio) { "half".into() } else { format!("{ratio:.2} of its queue") };
    match why {
        // Asking ahead of the end, as the balanced policy does, is not being done.
        Turn::First | Turn::Again if !learns => format!("{asker} asks. {owner} gives {portion}."),
        Turn::First => format!("{asker} is done. It asks. {owner} gives {portion}."),
        Turn::Again => format!("{asker} is done again. {owner} gives {portion}."),
        Turn::TooLittle => "Back already: half was too little.".into(),
        Turn::More => "Learning: more each time.".into(),
        Turn::LearnsToo => format!("{owner} learns too."),
        Turn::HadGivenTooMuch => {
            format!("The arrow turns: {asker} had given too much, and now helps {owner}. No key was pressed.")
        }
        Turn::Turned => {
            format!("The arrow turns: {asker} is done first, and now helps {owner}. No key was pressed.")
        }
    }
}

fn clock(seconds: f64) -> String {
    let s = seconds.round() as u64;
    format!("{}:{:02}", s / 60, s % 60)
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_wire::{Assisted, QueueSize, RatioMove};

    const MIB: u64 = 1 << 20;

    fn peer(name: &str, ratio: f64, needed: u64, not_needed: u64) -> PeerSnapshot {
        let was_assisted = Assisted { needed, not_needed, ..Assisted::default() };
        PeerSnapshot { peer: name.into(), ratio, was_assisted, ..PeerSnapshot::default() }
    }

    fn owning(mut snapshot: PeerSnapshot, transfers: u64, limit: u64) -> PeerSnapshot {
        snapshot.queue = QueueSize { transfers, bytes: transfers * 128 * 1024 };
        snapshot.limit = Some(limit);
        snapshot
    }

    fn lowered(mut snapshot: PeerSnapshot, rule: Rule) -> PeerSnapshot {
        let new = snapshot.ratio;
        snapshot.ratio_moves.push(RatioMove { at_ms: 0, old: new + 0.05, new, rule });
        snapshot
    }

    /// The table of demo.md, row by row.
    #[test]
    fn the_demo_is_told_as_designed() {
        let mut state = StoryState::new(["alpha".into(), "beta".into()], true);
        let mut alpha = owning(peer("alpha", 0.5, 0, 0), 480, 16 * MIB);
        let mut beta = owning(peer("beta", 0.5, 0, 0), 2720, 5 * MIB / 4);
        state.look(0, &alpha, Some(&beta));
        state.look(1, &beta, Some(&alpha));
        assert_eq!(caption(&state), "Two engines. Each has its own queue.");

        let tell = |state: &mut StoryState, owner: usize, owning: &PeerSnapshot, other: &PeerSnapshot| {
            state.look(owner, owning, Some(other));
            caption(state)
        };
        beta = peer("beta", 0.5, 1, 0);
        assert_eq!(tell(&mut state, 1, &beta, &alpha), "alpha is done. It asks. beta gives half.");
        beta = peer("beta", 0.55, 2, 0);
        assert_eq!(tell(&mut state, 1, &beta, &alpha), "Back already: half was too little.");
        beta = peer("beta", 0.60, 3, 0);
        assert_eq!(tell(&mut state, 1, &beta, &alpha), "Learning: more each time.");
        assert_eq!(state.needed(), 3);
        state.said("Now we hurt alpha. Watch who asks.");
        assert_eq!(tell(&mut state, 1, &beta, &alpha), "Now we hurt alpha. Watch who asks.");
        beta = lowered(peer("beta", 0.55, 3, 0), Rule::R62);
        alpha = peer("alpha", 0.5, 1, 0);
        assert_eq!(
            tell(&mut state, 0, &alpha, &beta),
            "The arrow turns: beta had given too much, and now helps alpha. No key was pressed."
        );
        alpha = peer("alpha", 0.55, 2, 0);
        assert_eq!(tell(&mut state, 0, &alpha, &beta), "alpha learns too.");
        beta.was_assisted.not_needed = 1;
        assert_eq!(tell(&mut state, 1, &beta, &alpha), "beta can finish alone.");
        state.complete(3200, 3200, true, Duration::from_secs(59));
        assert_eq!(caption(&state), "3,200 of 3,200 verified. 0:59; without assistance 4:32.");
    }

    #[test]
    fn a_turn_without_a_lowered_ratio_claims_none() {
        let mut state = StoryState::new(["a".into(), "b".into()], true);
        state.look(1, &peer("b", 0.43, 1, 0), None);
        assert_eq!(caption(&state), "a is done. It asks. b gives 0.43 of its queue.");
        state.look(0, &peer("a", 0.2, 1, 0), Some(&peer("b", 0.43, 1, 0)));
        assert_eq!(caption(&state), "The arrow turns: b is done first, and now helps a. No key was pressed.");
    }

    #[test]
    fn a_restarted_peer_does_not_take_assistance_back() {
        let mut state = StoryState::new(["a".into(), "b".into()], true);
        state.look(1, &peer("b", 0.5, 3, 0), None);
        state.look(1, &peer("b", 0.5, 0, 0), None);
        state.look(1, &peer("b", 0.5, 1, 0), None);
        assert_eq!(state.needed(), 4);
    }

    #[test]
    fn without_limits_nothing_is_claimed_about_the_time_without_assistance() {
        let mut state = StoryState::new(["a".into(), "b".into()], true);
        state.complete(12_345, 12_345, false, Duration::from_secs(61));
        assert_eq!(caption(&state), "12,345 of 12,345 done. 1:01.");
        let mounts = StoryState { alone_s: [Some(33.0), Some(9.0)], ..state.clone() };
        assert_eq!(
            caption(&mounts),
            "12,345 of 12,345 done. 1:01.",
            "its limits were not what took the time"
        );
        let held_up = StoryState { rate_limited: 1, alone_s: [Some(99.0), Some(9.0)], ..state };
        assert_eq!(caption(&held_up), "12,345 of 12,345 done. 1:01.");
    }

    #[test]
    fn steps_fire_in_order_by_event_and_then_wait() {
        let step = |after, wait| StoryStep {
            when: StoryWhen::Assistance(after),
            wait: Duration::from_secs(wait),
            act: None,
            say: after.to_string(),
        };
        let mut story = Story::new(vec![step(3, 1), step(6, 2)]);
        let at = |s: u64| Moment(s * 1_000_000);
        let mut due = |needed, now| {
            let telling = StoryState { needed: [needed, 0], ..StoryState::default() };
            story.due(&telling, 0.0, now)
        };
        assert_eq!(due(2, at(100)), None);
        assert_eq!(due(3, at(101)), None);
        assert_eq!(due(3, at(102)).unwrap().say, "3");
        assert_eq!(due(5, at(110)), None);
        assert_eq!(due(7, at(120)), None);
        assert_eq!(due(7, at(122)).unwrap().say, "6");
        assert_eq!(due(9, at(200)), None);
    }

    #[test]
    fn each_kind_of_event_is_waited_for_and_told() {
        let event = |peer: &str, incarnation, kind| Event {
            seq: 1,
            at_ms: 0,
            peer: Some(peer.into()),
            incarnation,
            kind,
        };
        let mut state = StoryState::new(["a".into(), "b".into()], false);
        assert!(!state.has_seen(StoryWhen::Done(0.3), 0.29) && state.has_seen(StoryWhen::Done(0.3), 0.3));
        state.hear(&event("a", 1, EventKind::Joined { pid: 1 }));
        assert!(!state.has_seen(StoryWhen::Returned, 1.0), "the first time is no return");
        let lent = EventKind::RangesLent { op: 1, to: "a".into(), count: 2, bytes: 9, ranges: Vec::new() };
        state.hear(&event("b", 1, lent));
        assert!(state.has_seen(StoryWhen::Ranges(2), 0.0) && !state.has_seen(StoryWhen::Ranges(3), 0.0));
        let was_assisted = Assisted { needed: 1, ranges: 2, range_bytes: 9, ..Assisted::default() };
        state.look(1, &PeerSnapshot { peer: "b".into(), was_assisted, ..PeerSnapshot::default() }, None);
        assert_eq!(caption(&state), "One large file is left: a writes a part of it too.");
        let taken = EventKind::TakenOver {
            from: "a".into(),
            fenced: 1,
            count: 1200,
            bytes: 9,
            discarded: 0,
            accepted: 0,
            why: String::new(),
        };
        state.hear(&event("b", 1, taken));
        assert!(state.has_seen(StoryWhen::TakenOver, 0.0));
        assert_eq!(caption(&state), "a is not heard. b takes over: 1,200 transfers go on.");
        let problem =
            |problem: &str| EventKind::ProblemBegan { problem: problem.into(), text: String::new() };
        state.hear(&event("a", 1, problem("rate_limits vault")));
        assert!(!state.has_seen(StoryWhen::RateLimited, 0.0));
        state.hear(&event("a", 1, problem("rate_limit vault")));
        assert!(state.has_seen(StoryWhen::RateLimited, 0.0));
        state.hear(&event("a", 2, EventKind::Joined { pid: 2 }));
        assert!(state.has_seen(StoryWhen::Returned, 0.0));
        assert_eq!(caption(&state), "a is back, as a new incarnation, and asks for work.");
    }

    #[test]
    fn a_policy_that_learns_nothing_is_not_said_to() {
        let mut state = StoryState::new(["a".into(), "b".into()], false);
        state.look(1, &peer("b", 0.5, 1, 0), None);
        state.look(1, &peer("b", 0.7, 2, 0), None);
        assert_eq!(caption(&state), "a asks. b gives 0.70 of its queue.");
    }
}
