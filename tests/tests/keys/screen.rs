//! A console in a terminal, and what is seen on it. Nothing here waits for a time: only for what must appear, with a bound.

use crate::table::{See, Step};
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;
use twinhaul_console_model::action::{self, Action, REGISTRY, Row};
use twinhaul_console_model::{Chord, Key, Keys};
use twinhaul_testkit::pty::{PtyCommand, PtySession};
use twinhaul_tests::product::{self, Lab};

/// How long something may take to appear. Not an expectation: only an end.
const LONG: Duration = Duration::from_mins(1);
/// A dialog takes keys only after it was seen for a quarter of a second.
const SEEN: Duration = Duration::from_millis(400);
/// What another program writes over the screen.
const SCRIBBLE: &str = "~~another program~~";
/// What Esc takes away at most: four layers, a message, the full screen, a filter, marks.
const BACK: usize = 8;
/// Esc as terminals send it that keep it apart from a letter after Alt: the byte alone would have to be waited for.
const ESC: &str = "\x1b[27u";
/// What says that something lies over the panels, or that Esc has something to take away.
const IN_FRONT: [&str; 4] = ["Esc", "[ Cancel ]", "turns it round", " marked"];

/// The console and its keys.
pub(crate) struct Screen {
    session: PtySession,
    keys: Keys,
}

impl Screen {
    /// `twinhaul` in a terminal of `rows` x `cols` with the lab's surroundings, once it shows `first`.
    pub(crate) fn open(lab: &Lab, args: &[&str], keys: Keys, (rows, cols): (u16, u16), first: &str) -> Self {
        let text = |path: &std::path::Path| path.to_str().expect("a plain path").to_owned();
        let mut command = PtyCommand::new(product::exe())
            .env("TWINHAUL_STATE", &text(lab.state()))
            .env("HOME", &text(&lab.path("")))
            .env("TMPDIR", &text(&lab.path("")));
        for arg in args {
            command = command.arg(arg);
        }
        let session = PtySession::spawn(command, rows, cols).unwrap();
        session.wait_for(first, LONG).unwrap();
        Self { session, keys }
    }

    pub(crate) fn text(&self) -> String {
        self.session.text()
    }

    /// Presses Esc until nothing can lie over the panels any more. Keys are heard in their order: what the screen shows
    /// meanwhile, half a frame perhaps, does not matter.
    pub(crate) fn home(&mut self) {
        self.session.send(&ESC.repeat(BACK)).expect("the terminal is there");
        let help = format!("{} help", self.keys.first(Action::Help));
        self.wait("Esc leads home", |session| {
            let text = session.text();
            let footer = text.lines().last().unwrap_or_default();
            let panels = text.contains("3 In flight") && text.contains("4 Assistance");
            panels && footer.contains(&help) && !IN_FRONT.iter().any(|word| text.contains(word))
        });
    }

    /// Goes a step, and waits until it is done.
    pub(crate) fn step(&mut self, (keys, see): &Step) {
        let before = Seen::of(&self.session);
        let mut chords = Chord::parse_all(keys);
        if let Some(id) = keys.strip_prefix('@') {
            let (id, times) = id.split_once(' ').unwrap_or((id, "1"));
            let row = row(id);
            chords = self.keys.of(row.action).first().map(|key| key.chords().to_vec()).unwrap_or_default();
            assert!(!chords.is_empty(), "{keys} has no key");
            chords = chords.repeat(times.parse().expect("a number of times"));
            wait_as_a_person(row);
        }
        self.type_in(&chords);
        self.see(&format!("after {keys}"), *see, &before, &chords);
    }

    /// Presses a key of `row`, and sees what must be seen, which was not there before.
    pub(crate) fn press(&mut self, row: &Row, chords: &[Chord], see: See) {
        let shown: Vec<String> = chords.iter().map(ToString::to_string).collect();
        let what = format!("{} by {}", row.id, shown.join(" "));
        wait_as_a_person(row);
        let before = Seen::of(&self.session);
        match see {
            See::Clean => {
                let line =
                    self.text().lines().position(|line| line.contains("3 In flight")).expect("the panel");
                self.session.scribble(u16::try_from(line).expect("a row"), 40, SCRIBBLE);
            }
            // The panels of the overview are seen to come where another one has the whole screen.
            See::Panel if holds(see, &self.session, &before, chords) => {
                self.step(&("6", See::Text("6 Log")));
            }
            _ => {}
        }
        self.wait(&format!("{what}: not there before"), |session| !holds(see, session, &before, chords));
        self.type_in(chords);
        self.see(&what, see, &before, chords);
        if matches!(see, See::Stopped) {
            let pid = Pid::from_raw(self.session.pid().expect("a process").cast_signed()).expect("a pid");
            kill_process(pid, Signal::CONT).expect("it goes on");
            self.wait("the screen is back", |s| s.alternate_screen() && s.text().contains("3 In flight"));
        }
    }

    fn see(&self, what: &str, see: See, before: &Seen, chords: &[Chord]) {
        self.wait(&format!("{what}: {see:?}"), |session| holds(see, session, before, chords));
    }

    fn wait(&self, what: &str, holds: impl Fn(&PtySession) -> bool) {
        self.session.wait_until(what, LONG, holds).unwrap_or_else(|e| panic!("{e}"));
    }

    fn type_in(&mut self, chords: &[Chord]) {
        let keys: String = chords.iter().map(|chord| bytes(*chord)).collect();
        self.session.send(&keys).expect("the terminal is there");
    }
}

/// Only there is time a part of the matter: a dialog that nobody could have seen is not confirmed.
fn wait_as_a_person(row: &Row) {
    if row.action == Action::Confirm {
        std::thread::sleep(SEEN);
    }
}

fn row(id: &str) -> &'static Row {
    REGISTRY.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("there is no action {id}"))
}

/// What there was before a key.
struct Seen {
    text: String,
    second: u64,
}

impl Seen {
    fn of(session: &PtySession) -> Self {
        let text = session.text();
        Self { second: times(&text).map_or(0, |(at, _)| at), text }
    }
}

fn holds(see: See, session: &PtySession, before: &Seen, chords: &[Chord]) -> bool {
    let text = session.text();
    match see {
        See::Text(words) => text.contains(words),
        See::Gone(words) => !text.contains(words),
        See::Focus(words) => session.reversed().contains(words),
        See::Row(fits) => selected(&text).is_some_and(fits),
        See::Second(fits) => times(&text).is_some_and(|(at, _)| fits(before.second, at)),
        See::End => times(&text).is_some_and(|(at, length)| at == length),
        See::Other => text != before.text,
        See::Panel => chords.first().is_some_and(|chord| text.contains(panel(*chord))),
        See::Clean => !text.contains(SCRIBBLE),
        See::Stopped => stopped(session),
    }
}

/// The number of the selected row of panel 9: its files are called `no-07`.
fn selected(text: &str) -> Option<usize> {
    let line = text.lines().find(|line| line.contains('▸') && line.contains("no-"))?;
    line.split_once("no-")?.1.get(..2)?.parse().ok()
}

/// Where a replay is and how long it is, in seconds: `REPLAY held 00:12/01:00`.
fn times(text: &str) -> Option<(u64, u64)> {
    let (at, length) = text.split_once("REPLAY ")?.1.split_whitespace().nth(1)?.split_once('/')?;
    let read =
        |clock: &str| clock.split(':').try_fold(0, |all, part| Some(all * 60 + part.parse::<u64>().ok()?));
    Some((read(at)?, read(length)?))
}

fn panel(chord: Chord) -> &'static str {
    match chord.key {
        Key::Char('1') => "1 alpha",
        Key::Char('2') => "2 beta",
        Key::Char('3') => "3 In flight",
        Key::Char('4') => "4 Assistance",
        Key::Char('5') => "5 Throughput",
        Key::Char('6') => "6 Log",
        Key::Char('7') => "7 Messages",
        Key::Char('8') => "8 Storage",
        Key::Char('9') => "9 Given up",
        other => panic!("{other:?} is no panel"),
    }
}

fn stopped(session: &PtySession) -> bool {
    let stat =
        std::fs::read_to_string(format!("/proc/{}/stat", session.pid().unwrap_or(0))).unwrap_or_default();
    stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('T')
}

/// What a terminal sends for a key.
fn bytes(chord: Chord) -> String {
    match chord.key {
        Key::Char(c) if chord.ctrl => char::from(u8::try_from(c).expect("a letter") & 0x1f).to_string(),
        Key::Char(c) => c.to_string(),
        Key::Enter => "\r".into(),
        Key::Esc => "\x1b".into(),
        Key::Tab => "\t".into(),
        Key::BackTab => "\x1b[Z".into(),
        Key::Up => "\x1b[A".into(),
        Key::Down => "\x1b[B".into(),
        Key::Right => "\x1b[C".into(),
        Key::Left => "\x1b[D".into(),
        Key::Home => "\x1b[H".into(),
        Key::End => "\x1b[F".into(),
        Key::PageUp => "\x1b[5~".into(),
        Key::PageDown => "\x1b[6~".into(),
        Key::Backspace => "\x7f".into(),
        Key::F(n @ 1..=4) => format!("\x1bO{}", char::from(b'O' + n)),
        Key::F(n) => format!("\x1b[{}~", [15, 17, 18, 19, 20, 21, 23, 24][usize::from(n) - 5]),
    }
}

/// The row of a case.
pub(crate) fn row_of(id: &str) -> &'static Row {
    let row = row(id);
    assert!(action::row(row.action).is_some_and(|found| found.id == row.id));
    row
}
