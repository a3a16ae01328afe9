//! The run as lines of text, for screen readers, logs and pipes: the same model and the same words as the screen, without a
//! terminal. Events as they happen, the state when it changes much or some time has passed, and nothing that moves.

use crate::history::{History, Reader};
use crate::input::{INPUTS_MAX, Input};
use crate::link::Link;
use crate::runtime::{self, Clock};
use crate::skin::Skin;
use crate::{ConsoleError, Options, Recording, take_out, view};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};
use twinhaul_console_model::words::event::{log_line, speaker};
use twinhaul_console_model::{Effect, Left, Model, Msg, lists::level_word, state_json, update, words};
use twinhaul_units::PeerId;

/// The state is told anew at least so often while the run goes on.
const STATE_EVERY: Duration = Duration::from_secs(10);
/// How long the peers are waited for, when the state is told once.
const ONCE_WITHIN: Duration = Duration::from_secs(3);
/// How long the last events of a run that has ended are waited for.
const LAST_EVENTS_WITHIN: Duration = Duration::from_secs(3);
/// Of a recording's own time, between two looks at what it tells.
const STEP_MS: u64 = 250;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Lines until the run has ended.
    Lines,
    /// The state, once.
    Once,
    /// The state, once, as the JSON that `Ctrl-s` saves.
    OnceJson,
    /// The screen, once, as it would be drawn at this size.
    Screen(Screen),
}

/// A screen without a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns and rows.
    pub size: (u16, u16),
    /// Without other glyphs than those of ASCII.
    pub ascii: bool,
}

impl Telling {
    /// What is told at once, as lines.
    fn text(self, model: &mut Model) -> String {
        match self {
            Self::OnceJson => format!("{:#}\n", state_json(model)),
            Self::Screen(Screen { size, ascii }) => {
                model.size = size;
                take_out::picture(model, &Skin::new(ascii, false))
            }
            Self::Lines | Self::Once => format!("{}\n", state(model)),
        }
    }
}

/// Tells the run on `out`.
pub(crate) fn tell(
    options: &Options,
    history: Box<dyn History>,
    telling: Telling,
    out: &mut dyn Write,
) -> Result<Left, ConsoleError> {
    let clock = Clock::start();
    let mut model = Model::new(runtime::setup(options));
    let ended = Arc::new(AtomicBool::new(false));
    let (tx, rx) = sync_channel(INPUTS_MAX);
    let links = runtime::links(options, &tx, clock, &ended).map_err(ConsoleError::Threads)?;
    let reader = Reader::start(history, tx).map_err(ConsoleError::Threads)?;
    let began = Instant::now();
    let mut teller = Teller { ended: None, told: 0, state: String::new(), at: None };
    let left = loop {
        match rx.recv_timeout(LOOK_EVERY) {
            Ok(Input::Msg(msg)) => {
                reader.nudge();
                update(&mut model, msg, clock.now());
            }
            Ok(Input::Crashed(thread)) => break Err(ConsoleError::Crashed { thread }),
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break Ok(Left::Detached),
        }
        let effects = update(&mut model, Msg::Tick, clock.now());
        debug_assert!(effects.iter().all(|e| matches!(e, Effect::Leave(_))));
        if telling == Telling::Lines {
            if let Err(error) = teller.go_on(&model, out) {
                break Err(ConsoleError::Terminal(error));
            }
            if model.live.ended().is_some() && teller.told_the_end(&model) {
                let last = writeln!(out, "{}", state(&model)).and_then(|()| out.flush());
                break last.map(|()| Left::Ended { exit: model.live.exit() }).map_err(ConsoleError::Terminal);
            }
            // Nobody works on it and nobody will: what is there was told.
            if model.live.nobody() && model.live.past.is_some() && heard(&model) {
                break Ok(Left::Detached);
            }
        } else if heard(&model) || began.elapsed() >= ONCE_WITHIN {
            let text = telling.text(&mut model);
            break out.write_all(text.as_bytes()).map(|()| Left::Detached).map_err(ConsoleError::Terminal);
        }
    };
    ended.store(true, Ordering::Relaxed);
    links.iter().for_each(Link::close);
    reader.close();
    left
}

/// Tells a recording on `out`, up to this time of it or to its end; it goes by its own time, so nothing is waited for.
pub(crate) fn tell_recording(
    recording: Recording,
    telling: Telling,
    until: Option<Duration>,
    out: &mut dyn Write,
) -> Result<Left, ConsoleError> {
    let (mut player, mut model) = runtime::play(recording, 1)?;
    let mut told = || {
        let mut teller = Teller { ended: None, told: 0, state: String::new(), at: None };
        let mut at_ms = player.start_ms();
        let until_ms = until.map_or(player.end_ms(), |after| player.after(after));
        while telling == Telling::Lines && at_ms < until_ms {
            teller.go_on(&model, out)?;
            // Hours in which nothing was recorded are passed over.
            at_ms = (at_ms + STEP_MS).max(player.next_ms());
            player.go_to(&mut model, at_ms.min(until_ms));
        }
        player.go_to(&mut model, until_ms);
        if telling == Telling::Lines {
            teller.go_on(&model, out)?;
        }
        out.write_all(telling.text(&mut model).as_bytes())?;
        out.flush()
    };
    told().map(|()| Left::Detached).map_err(ConsoleError::Terminal)
}

/// Whether all is known that a first look shows.
fn heard(model: &Model) -> bool {
    let board = &model.live;
    // What the ledger knows is all there is, once nobody lives.
    board.heard_all() || (board.past.is_some() && (board.ended().is_some() || board.nobody()))
}

struct Teller {
    /// Since when the run is known to have ended.
    ended: Option<Instant>,
    /// Events told.
    told: u64,
    state: String,
    at: Option<Instant>,
}

impl Teller {
    /// The supervisor tells the end at once, the ledger's last events come a moment later.
    fn told_the_end(&mut self, model: &Model) -> bool {
        let last =
            |event: &twinhaul_wire::Event| matches!(event.kind, twinhaul_wire::EventKind::RunEnded { .. });
        let since = *self.ended.get_or_insert_with(Instant::now);
        let told = model.live.past.is_some() && model.live.events.iter().rev().take(8).any(last);
        told || since.elapsed() >= LAST_EVENTS_WITHIN
    }

    fn go_on(&mut self, model: &Model, out: &mut dyn Write) -> io::Result<()> {
        let board = &model.live;
        let events = &board.events;
        let first = events.forgotten();
        for id in self.told.max(first)..first + events.len() as u64 {
            let Some(event) = events.by_id(id) else { continue };
            let who = speaker(event, &board.names).map_or("run", |peer| board.names.name(peer));
            let level = level_word(event.kind.level());
            let time = model.clock.of_day(event.at_ms);
            writeln!(out, "{time} {level:<5} {who}: {}", log_line(event, &board.names))?;
        }
        self.told = first + events.len() as u64;
        if !heard(model) {
            return Ok(());
        }
        // A word that changes is told at once; figures, which always change, from time to time.
        let words = changing(model);
        if self.state != words || self.at.is_none_or(|at| at.elapsed() >= STATE_EVERY) {
            self.state = words;
            self.at = Some(Instant::now());
            writeln!(out, "{}", state(model))?;
        }
        out.flush()
    }
}

/// What of the state is worth a line as soon as it changes.
fn changing(model: &Model) -> String {
    let board = &model.live;
    let peers = PeerId::BOTH.map(|peer| {
        let pane = board.pane(peer);
        words::peer_state(pane, board.stalled(peer, None), model.now).0
    });
    let problems: Vec<String> =
        board.problems().into_iter().map(|p| format!("{} {:?}", p.kind, p.peer)).collect();
    // In a replay the state's word holds the time, which always changes.
    let word = if model.replay.is_some() { String::new() } else { view::state_word(model) };
    format!("{word} {peers:?} {problems:?}")
}

/// The run in a few lines: how far, both peers, what is wrong.
fn state(model: &Model) -> String {
    let board = &model.live;
    let progress = board.progress();
    let part = if progress.growing { "planning".to_owned() } else { view::percent(progress.part) };
    let moved = board.end_moved(model.now);
    let moved =
        moved.map_or_else(String::new, |moved| format!(" (the end moved {})", words::forecast::moved(moved)));
    let mut lines = vec![format!(
        "{} {}: {part}, {}, {} of {} transfers, {}, eta {}{moved}",
        model.run,
        view::state_word(model),
        words::bytes_of(progress.bytes, progress.bytes_total),
        words::count(progress.transfers),
        words::count(progress.transfers_total),
        board.rate_now(model.now),
        view::eta(board.eta(model.now)),
    )];
    lines.extend(words::forecast::judged(model).map(|text| format!("  forecasts {text}")));
    for peer in PeerId::BOTH {
        let pane = board.pane(peer);
        let name = board.names.name(peer);
        let word = words::peer_state(pane, board.stalled(peer, None), model.now).0;
        let Some(s) = &pane.snapshot else {
            lines.push(format!("  {name} {word}"));
            continue;
        };
        lines.push(format!(
            "  {name} {word}: {} queued, {} of {} slots, {}, ratio {:.2}, done {}",
            words::how_many(s.queue.transfers),
            s.slots.used,
            s.slots.max,
            twinhaul_units::Rate(pane.rate_now(model.now)),
            s.ratio,
            words::count(s.done.transfers),
        ));
    }
    for problem in board.problems() {
        let next = if problem.next.is_empty() { String::new() } else { format!("; next: {}", problem.next) };
        lines.push(format!("  ! {}{next}", problem.text));
    }
    lines.join("\n")
}
