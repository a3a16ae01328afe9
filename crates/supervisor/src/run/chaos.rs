//! Something goes wrong on purpose: only in a demonstration, whose data is its own. The menu, the stories and the drill do it here.
//!
//! Entry point: [`Run::chaos`].

use super::Run;
use crate::Sky;
use crate::scribbler::Scribbler;
use crate::seat::Seat;
use rustix::process::Signal;
use twinhaul_wire::{Chaos, Command, CommandResult, EventKind, Refusal, Weather};

/// Who does it in secret: the history tells nothing, and no death is said to be on purpose. Somebody is to find it.
const DRILL: &str = "drill";

impl Run {
    /// Does `what` to `peer`, as `by` wants it.
    pub(super) fn chaos(&mut self, by: &str, peer: &str, what: Chaos) -> CommandResult {
        let refused = |why: String| CommandResult::Refused(Refusal { why, next: "twinhaul demo".into() });
        if !self.about.demo {
            return refused("only a demonstration breaks on purpose".into());
        }
        let done = match what {
            Chaos::Freeze => self.signal(peer, Signal::STOP, None).map(|()| format!("{peer} stands still")),
            Chaos::Thaw => self.signal(peer, Signal::CONT, None).map(|()| format!("{peer} goes on")),
            Chaos::Kill => self.signal(peer, Signal::KILL, Some(by)).map(|()| format!("{peer} is gone")),
            Chaos::Crash => {
                self.signal(peer, Signal::ABORT, Some(by)).map(|()| format!("{peer} has crashed"))
            }
            Chaos::Cut => {
                self.cut(true);
                Ok("neither peer hears the other".to_owned())
            }
            Chaos::Mend => {
                self.cut(false);
                Ok("the peers hear each other again".to_owned())
            }
            Chaos::Write => self.scribble().map(|()| "files change while they are copied".to_owned()),
            Chaos::Leave => {
                self.scribbler = None;
                Ok("nobody writes into the files any more".to_owned())
            }
            Chaos::Storm => self.weather(|sky| &sky.storm).map(|()| "the store asks to slow down".to_owned()),
            Chaos::Calm => self.weather(|sky| &sky.fair).map(|()| "the store serves again".to_owned()),
        };
        let result = match done {
            Ok(result) => result,
            Err(why) => return refused(why),
        };
        if by != DRILL {
            let command = Command::Chaos { peer: peer.to_owned(), what }.verb(&self.about.run, None);
            self.event(None, EventKind::Control { command, by: by.to_owned(), result: result.clone() });
        }
        CommandResult::Done(result)
    }

    /// `ends`: who wants it to end by this, so that its death is no riddle.
    fn signal(&mut self, peer: &str, signal: Signal, ends: Option<&str>) -> Result<(), String> {
        let seat = self.seats.iter_mut().find(|s| s.is_peer() && s.name() == peer);
        let seat = seat.filter(|s| s.process.is_some()).ok_or_else(|| format!("{peer} does not run"))?;
        if let Some(by) = ends.filter(|by| *by != DRILL) {
            seat.killed_for = Some(format!("on purpose, by the {by}"));
        }
        if let Some(process) = &seat.process {
            process.signal(signal);
        }
        Ok(())
    }

    fn cut(&mut self, is_cut: bool) {
        self.is_cut = is_cut;
        let what = if is_cut { Chaos::Cut } else { Chaos::Mend };
        self.seats.iter().filter(|s| s.is_peer() && s.linked).for_each(|seat| tell(seat, what));
    }

    /// A peer that has just come: the link stays cut for it too.
    pub(super) fn is_cut_for(&self, seat: &Seat) {
        if self.is_cut {
            tell(seat, Chaos::Cut);
        }
    }

    fn scribble(&mut self) -> Result<(), String> {
        if self.scribbler.is_none() {
            let source = self.about.demo_source.clone().ok_or("its source is not a directory of its own")?;
            self.scribbler = Some(Scribbler::start(source).map_err(|e| e.to_string())?);
        }
        Ok(())
    }

    /// The store reads it with its next request.
    fn weather(&self, of: impl Fn(&Sky) -> &Weather) -> Result<(), String> {
        let sky =
            self.about.demo_sky.as_ref().ok_or("it has no store with weather: twinhaul demo cloud has")?;
        let new = sky.file.with_extension("new");
        let write = || {
            std::fs::write(&new, of(sky).line())?;
            std::fs::rename(&new, &sky.file)
        };
        write().map_err(|e| format!("tell the store: {e}"))
    }

    /// At each tick: what is being copied now.
    pub(super) fn tick_chaos(&self) {
        if let Some(scribbler) = &self.scribbler {
            let snapshots = self.seats.iter().filter_map(|s| s.snapshot.as_deref());
            scribbler
                .into(snapshots.flat_map(|s| &s.in_flight).map(|flight| flight.key.key.clone()).collect());
        }
    }
}

/// Whether it obeys is seen by what both say of each other; one that cannot be told now is told when it has come.
fn tell(seat: &Seat, what: Chaos) {
    let command = Command::Chaos { peer: seat.name().to_owned(), what };
    drop(seat.link.as_ref().and_then(|link| link.request("supervisor", command)));
}
