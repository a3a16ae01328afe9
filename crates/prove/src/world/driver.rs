//! The driver: what the core is told, and what it wants done.

use super::{World, letters::Letter};
use crate::process::Job;
use crate::seen::Rare;
use twinhaul_assist::{Effect, Event, Last, Message, Refusal, Report};
use twinhaul_ledger::{Assign, AssignWhy, TakeOver};
use twinhaul_units::Bytes;

impl World {
    /// Hands an event to the core of a process and carries out what it wants.
    pub(crate) fn tell(&mut self, at: usize, event: Event) {
        let now = self.now(self.processes[at].me);
        let mut effects = Vec::new();
        if let Some(core) = &mut self.processes[at].core {
            core.handle(now, event, &mut effects);
        }
        for effect in effects {
            self.carry_out(at, effect);
        }
        self.mark_idle(at);
    }

    /// Told when the action that is under way is over.
    pub(crate) fn later(&mut self, at: usize, event: Event) {
        let process = &self.processes[at];
        self.untold.push((process.me, process.incarnation, event));
    }

    /// Tells what has waited for the end of the action.
    pub(crate) fn tell_the_rest(&mut self) {
        while !self.untold.is_empty() {
            let (me, incarnation, event) = self.untold.remove(0);
            let at = self.processes.iter().position(|p| (p.me, p.incarnation) == (me, incarnation));
            if let Some(at) = at {
                self.tell(at, event);
            }
        }
    }

    fn carry_out(&mut self, at: usize, effect: Effect) {
        match effect {
            Effect::Assign { op, asker_incarnation, intervals, cuts, why, .. } => {
                let cuts = self.cut(at, op.0, &cuts);
                if intervals.is_empty() && cuts.is_empty() {
                    // Everything had been claimed meanwhile. The ledger never hears of this number.
                    self.cuts_decided(at, op.0, false);
                    self.later(at, Event::Refused { op, why: Refusal::LotChanged });
                    return;
                }
                self.check_named(at, why, &intervals);
                let intervals = self.with_started(at, why, intervals);
                let process = &self.processes[at];
                let assign = Assign {
                    op: op.0,
                    from: process.me,
                    from_incarnation: process.incarnation,
                    to: process.me.other(),
                    to_incarnation: asker_incarnation,
                    intervals,
                    cuts,
                    why: match why {
                        twinhaul_assist::AssignWhy::Assistance => AssignWhy::Assistance,
                        twinhaul_assist::AssignWhy::Rebalance => AssignWhy::Rebalance,
                        twinhaul_assist::AssignWhy::Drain => AssignWhy::Drain,
                    },
                };
                self.processes[at].jobs.push_back(Job::Assign(assign));
            }
            Effect::LoadLots { limit } => {
                let process = &mut self.processes[at];
                if process.taking.is_some() {
                    process.later_load = Some(limit);
                } else {
                    process.jobs.push_back(Job::Load { limit });
                }
            }
            Effect::Fence { op, incarnation } => {
                let (by, by_incarnation) = self.place_of(at);
                self.wish(at, TakeOver { op: op.0, by, by_incarnation, dead_incarnation: incarnation });
            }
            Effect::Start(unit) => self.start(at, unit, false),
            Effect::Send(message) => self.send(at, message),
            Effect::Timer { at: moment } => self.processes[at].timer = Some(moment),
            Effect::Report(report) => self.note(at, report),
            Effect::StartRange(range) => self.start_range(at, range),
            Effect::Split(cut) => self.split(at, cut),
            Effect::Abandon { range } => self.abandon(at, &range),
        }
    }

    /// One take-over at a time. The engine refuses another for the time being, and its core asks again; here, where asking
    /// again takes no time, it waits.
    fn wish(&mut self, at: usize, take: TakeOver) {
        let process = &mut self.processes[at];
        match process.taking {
            Some(op) if op == take.op => {} // the same number again is the same wish
            Some(_) => process.later_take_over = Some(take),
            None => process.begin_to_take(take),
        }
    }

    /// A letter that finds no room, or no way, is lost: messages are wake-ups.
    fn send(&mut self, at: usize, message: Message) {
        let answers = match &message {
            Message::Needed { ask_id, .. } => Some((*ask_id, true)),
            Message::NotNeeded { ask_id, .. } => Some((*ask_id, false)),
            _ => None,
        };
        if let Some((ask_id, needed)) = answers
            && let Some((before, was_needed)) = self.processes[at].notes.answered.replace((ask_id, needed))
            && before == ask_id
        {
            self.saw(if needed && !was_needed { Rare::Pushed } else { Rare::AnsweredTwice });
        }
        let process = &self.processes[at];
        let letter = Letter { to: process.me.other(), from: process.incarnation, message };
        if self.peers_cut || self.letters.len() >= self.setup.letters || self.letters.contains(&letter) {
            return;
        }
        self.letters.push(letter);
    }

    fn note(&mut self, at: usize, report: Report) {
        match report {
            Report::AskSent { resent, .. } => {
                self.processes[at].notes.idle_since = None;
                if resent {
                    self.saw(Rare::AskResent);
                }
            }
            // The wait begins anew.
            Report::AnswerReceived { .. } => self.processes[at].notes.idle_since = None,
            Report::AnswerGiven { figures, .. } => self.check_portion(at, &figures),
            Report::ControlRefused { .. } => self.saw(Rare::HandOverRefused),
            Report::AssignRefused { why: Refusal::ReceiverNotCurrent, .. } => self.saw(Rare::AssignedToStale),
            Report::RatioMoved { rule, .. } => {
                self.check_rule(at, rule);
                if !self.setup.remember {
                    return;
                }
                let process = &mut self.processes[at];
                let Some(memory) = process.core.as_ref().map(twinhaul_assist::Core::memory) else { return };
                let (ratio, live) = (memory.ratio.get().to_bits(), memory.live.get().to_bits());
                process.jobs.push_back(Job::Remember { ratio, live, last: last_word(memory.last) });
            }
            _ => {}
        }
    }

    /// The latest process of the peer gets a letter; whether there was one to take it.
    pub(crate) fn deliver(&mut self, letter: usize, keep: bool) -> bool {
        let Some(found) = self.letters.get(letter) else { return false };
        let Some(at) = self.latest(found.to) else { return false };
        let process = &self.processes[at];
        if self.peers_cut || process.frozen || process.core.is_none() {
            return false;
        }
        let letter = if keep { self.letters[letter].clone() } else { self.letters.remove(letter) };
        self.saw_letter(at, &letter, keep);
        if let Message::Ask { episode, .. } = letter.message {
            self.measure(at);
            self.processes[at].notes.hears = Some((letter.from, episode));
        }
        let before = self.held(at);
        self.believe(at, &letter.message);
        self.tell(at, Event::Message { from_incarnation: letter.from, msg: letter.message });
        self.check_messages_move_nothing(at, before);
        true
    }

    fn saw_letter(&mut self, at: usize, letter: &Letter, keep: bool) {
        let known = self.processes[at].core.as_ref().and_then(|core| core.peer().0);
        if known.is_some_and(|known| known != letter.from) {
            self.saw(Rare::LettersStale);
        }
        if keep {
            self.saw(Rare::LettersDoubled);
        }
    }

    /// Tells the core what was moved, if this setup measures.
    pub(crate) fn measure(&mut self, at: usize) {
        if !self.setup.measured {
            return;
        }
        let moved = Bytes(self.processes[at].notes.moved);
        let parts = self.progress(at);
        self.tell(at, Event::Measured { moved, parts });
    }

    /// The timer of a process, if it is due.
    pub(crate) fn tick(&mut self, at: usize) -> bool {
        let process = &self.processes[at];
        let due = process.timer.is_some_and(|timer| timer <= self.now(process.me));
        if process.frozen || !due || process.core.is_none() {
            return false;
        }
        self.processes[at].timer = None;
        self.measure(at);
        self.tell(at, Event::Tick);
        self.check_asks_again(at);
        true
    }

    /// Transfers that the core of a process has, wherever in it.
    pub(crate) fn held(&self, at: usize) -> u64 {
        self.processes[at]
            .core
            .as_ref()
            .map_or(0, |core| core.queued() + core.pinned() + core.reserved() + core.in_flight().len() as u64)
    }
}

pub(crate) const fn last_word(last: Last) -> &'static str {
    match last {
        Last::None => "none",
        Last::ItHelpedMe => "it_helped_me",
        Last::IHelpedIt => "i_helped_it",
    }
}

pub(crate) fn last_from(word: &str) -> Last {
    [Last::ItHelpedMe, Last::IHelpedIt].into_iter().find(|l| word == last_word(*l)).unwrap_or_default()
}
