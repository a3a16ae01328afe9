//! What the run shows of itself: the snapshot, its problems, the caption.

use super::{LOOK_EVERY, Run, wall_ms};
use crate::{
    StoryAct,
    seat::{Over, Seat},
    shares::Peer,
    socket::seconds,
    story,
};
use std::time::Duration;
use twinhaul_units::Moment;
use twinhaul_wire::{Command, CommandResult, EventKind, Frame, PeerState, Problem, RunSnapshot, Totals};

/// Two that live are linked again within so long, whatever broke.
const UNLINKED_MAX: Duration = Duration::from_secs(10);
/// The ledger has not answered a look for so long: that is a problem of its own.
const LOOK_MAX: Duration = Duration::from_secs(5);

impl Run {
    /// The run, now.
    pub(super) fn picture(&self, now: Moment) -> RunSnapshot {
        let peers = || self.seats.iter().filter(|s| s.is_peer());
        let face = |s: &Seat| (s.name().to_owned(), s.supervised(now, self.stop.is_some(), &self.timing));
        RunSnapshot {
            run: self.about.run.clone(),
            name: self.about.name.clone(),
            demo: self.about.demo,
            pid: std::process::id(),
            at_ms: wall_ms(),
            state: self.state,
            policy: self.about.policy.clone(),
            started_at_ms: self.about.started_at_ms,
            ended_at_ms: None,
            // Not known yet: nothing is not all.
            totals: self.known.totals.unwrap_or(Totals { growing: !self.state.ended(), ..Totals::default() }),
            peers: peers().map(face).collect(),
            order: peers().map(|s| s.name().to_owned()).collect(),
            caption: self.about.demo.then(|| self.caption.clone()),
            problems: self.problems.clone(),
            wait: self.wait.clone(),
            exit: None,
        }
    }

    /// To subscribers when something changed, and every second; into the recording only when something changed.
    pub(super) fn publish(&mut self, now: Moment) {
        let picture = self.picture(now);
        // What is waited for changes many times a second: it goes with what else has changed, and every second.
        let timeless = |of: &RunSnapshot| RunSnapshot { at_ms: 0, wait: None, ..of.clone() };
        let changed = timeless(&picture) != timeless(&self.shown);
        if !changed && now.since(self.shown_at) < LOOK_EVERY {
            return;
        }
        self.shown_at = now;
        let frame = Frame::Run(Box::new(picture.clone()));
        self.server.publish(&frame);
        if changed {
            self.recorder.line(picture.at_ms, frame);
        }
        self.shown = picture;
    }

    /// Finds what an operator should know; what began and what ended become events.
    pub(super) fn find_problems(&mut self, now: Moment) {
        let mut found = Vec::new();
        for seat in &self.seats {
            found.extend(self.problem_of(seat, now));
        }
        found.extend(self.link_problem(now));
        found.extend(self.hung_problem());
        if let Some((words, _)) = &self.broken {
            let profile = self.about.run_dir.join("profile.yaml");
            let next = format!("twinhaul run {}", twinhaul_units::text::show(&profile.to_string_lossy()));
            found.push(problem("planner", None, format!("the plan is not whole: {words}"), next));
        }
        if !self.look_answered && now.since(self.looked_at) >= LOOK_MAX {
            let text = format!("the ledger has not answered the supervisor for {}", seconds(LOOK_MAX));
            found.push(problem("ledger", None, text, String::new()));
        }
        if self.recorder.dropped > 0 {
            let text = format!(
                "{} entries of the history were dropped: the disk is too slow",
                self.recorder.dropped
            );
            found.push(problem("history", None, text, String::new()));
        }
        let same = |a: &Problem, b: &Problem| a.kind == b.kind && a.peer == b.peer;
        for new in &mut found {
            if let Some(old) = self.problems.iter().find(|p| same(p, new)) {
                new.since_ms = old.since_ms;
            } else {
                let kind = EventKind::ProblemBegan { problem: key(new), text: new.text.clone() };
                self.recorder.event(new.since_ms, new.peer.as_deref(), kind);
            }
        }
        for old in self.problems.iter().filter(|o| !found.iter().any(|n| same(o, n))) {
            let kind = EventKind::ProblemEnded { problem: key(old) };
            self.recorder.event(wall_ms(), old.peer.as_deref(), kind);
        }
        self.problems = found;
    }

    /// Both live and have not heard each other for long.
    fn link_problem(&self, now: Moment) -> Option<Problem> {
        let [a, b] = self.seats.get(..2)? else { return None };
        let deaf = |seat: &Seat| {
            let said = seat.snapshot.as_deref().filter(|_| seat.linked && !seat.silent(now, &self.timing));
            let Some(s) = said else { return false };
            let joined = Duration::from_millis(s.up_ms) >= UNLINKED_MAX;
            let works = !matches!(
                s.state,
                PeerState::Starting | PeerState::Recovering | PeerState::Finishing | PeerState::Finished
            );
            let unheard = s.link.heard_ms_ago.is_none_or(|ms| Duration::from_millis(ms) >= UNLINKED_MAX);
            joined && works && unheard
        };
        if !deaf(a) || !deaf(b) || self.stop.is_some() {
            return None;
        }
        let text = format!(
            "{} and {} both live and do not hear each other: nobody is helped meanwhile",
            a.name(),
            b.name()
        );
        Some(problem("link", None, text, format!("twinhaul diagnose {}", self.about.run)))
    }

    fn problem_of(&self, seat: &Seat, now: Moment) -> Option<Problem> {
        if !seat.is_peer() {
            return None;
        }
        let run = &self.about.run;
        let name = seat.name();
        let why = seat.last_exit.as_deref().unwrap_or_default();
        let of = |kind, text, next| Some(problem(kind, Some(name), text, next));
        if seat.away && seat.over.is_none() {
            return of("restarting", why.to_owned(), format!("twinhaul events {run}"));
        }
        match seat.over {
            Some(Over::GaveUp { restarts, .. }) => {
                let text = format!("{name} is not started any more after {restarts} restarts; {why}");
                return of("gave_up", text, format!("twinhaul diagnose {run}"));
            }
            Some(Over::Fatal(_)) => return of("ended", why.to_owned(), format!("twinhaul diagnose {run}")),
            Some(Over::Finished(_) | Over::Stopped) | None => {}
        }
        if seat.silent(now, &self.timing) {
            let text = format!("{name} has not answered for {}", seconds(self.timing.silent_max));
            return of("silent", text, format!("twinhaul diagnose {run}"));
        }
        if seat.late(now, &self.timing) {
            let text = format!(
                "{name} runs and its socket did not answer within {}",
                seconds(self.timing.ready_max)
            );
            return of("not_ready", text, format!("twinhaul diagnose {run}"));
        }
        None
    }

    /// Limits that both peers share go to whoever can use them.
    pub(super) fn divide_limits(&mut self, now: Moment) {
        let peers = [seen(&self.seats[0]), seen(&self.seats[1])];
        for (at, dial, part) in self.shares.divide(now, peers) {
            let link = self.seats[at].link.as_ref();
            // A link that is full or down: the next look decides anew.
            let _ = link.and_then(|link| link.request("supervisor", Command::Share { dial, part }));
        }
    }

    /// Steps of the story whose time has come, and the caption.
    pub(super) fn tell_story(&mut self, now: Moment) {
        if !self.about.demo {
            return;
        }
        if self.stop.is_none() {
            let part = self.part_done();
            while let Some(step) = self.story.due(&self.telling, part, now) {
                self.telling.said(&step.say);
                match step.act {
                    None => {}
                    Some((peer, StoryAct::Limit(rate))) => self.limit(&peer, rate),
                    Some((peer, StoryAct::Chaos(what))) => drop(self.chaos("story", &peer, what)),
                }
            }
        }
        self.caption_now();
    }

    /// Of all bytes, the part that is done; 0 while the plan grows.
    fn part_done(&self) -> f64 {
        let Some(totals) = self.known.totals.filter(|t| !t.growing && t.bytes > 0) else { return 0.0 };
        let done = |s: &twinhaul_wire::PeerSnapshot| s.done.bytes + s.skipped.bytes;
        let done: u64 = self.seats.iter().filter_map(|s| s.snapshot.as_deref()).map(done).sum();
        done as f64 / totals.bytes as f64
    }

    /// Says the caption, when it is a new one.
    pub(super) fn caption_now(&mut self) {
        let caption = story::caption(&self.telling);
        if self.about.demo && caption != self.caption {
            self.caption = caption;
            self.event(None, EventKind::Say { text: self.caption.clone() });
        }
    }

    fn limit(&mut self, peer: &str, rate: Option<u64>) {
        let command = Command::limit(rate);
        let words = command.verb(&self.about.run, Some(peer));
        let link = self.seats.iter().find(|s| s.name() == peer).and_then(|s| s.link.as_ref());
        let Some(answer) = link.and_then(|l| l.request("story", command)) else {
            let result = format!("{peer} cannot be reached");
            let kind = EventKind::Control { command: words, by: "story".into(), result };
            return self.event(None, kind);
        };
        let inputs = self.inputs.clone();
        let (within, peer) = (self.timing.answer_max, peer.to_owned());
        tokio::spawn(async move {
            let result = super::commands::answered(&peer, answer, within).await;
            let result = match result {
                Ok(CommandResult::Done(text)) => text,
                Ok(CommandResult::Refused(refusal)) => refusal.why,
                Ok(CommandResult::Status(_) | CommandResult::Preview(_) | CommandResult::Outlook(_)) => {
                    "taken".into()
                }
                Err(why) => why,
            };
            let _ = inputs.send(super::Input::Told { command: words, result }).await;
        });
    }
}

pub(super) fn problem(kind: &str, peer: Option<&str>, text: String, next: String) -> Problem {
    let peer = peer.map(str::to_owned);
    Problem { kind: kind.into(), peer, since_ms: wall_ms(), text, next, ..Problem::default() }
}

/// A problem's name in the events: its kind and its peer.
fn key(problem: &Problem) -> String {
    match &problem.peer {
        Some(peer) => format!("{} {peer}", problem.kind),
        None => problem.kind.clone(),
    }
}

fn seen(seat: &Seat) -> Peer<'_> {
    if seat.process.is_none() {
        return Peer::Gone;
    }
    seat.snapshot.as_deref().map_or(Peer::Unknown, Peer::Known)
}
