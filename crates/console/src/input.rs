//! What reaches the loop: messages for the model, and what concerns the process itself (signals, a thread that died).
//! One bounded channel; a full one makes the senders wait.

use crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use rustix::event::{PollFd, PollFlags, Timespec};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;
use twinhaul_console_model::{Chord, Key, Msg, Press};

/// Inputs waiting for the loop at most.
pub(crate) const INPUTS_MAX: usize = 4096;
/// How often the reader looks whether the console has ended.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// One thing for the loop.
#[derive(Debug)]
pub(crate) enum Input {
    Msg(Msg),
    /// The mouse, at a cell.
    Mouse {
        x: u16,
        y: u16,
        what: Pointer,
    },
    /// Asked to end by this signal.
    Signal(i32),
    /// Asked to stop (Ctrl-Z from outside).
    Suspend,
    /// The process goes on after a stop: the screen may show anything.
    Continued,
    /// The terminal cannot be read any more.
    KeysEnded(io::Error),
    /// A thread panicked; its name.
    Crashed(String),
}

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pointer {
    /// The wheel.
    Up,
    Down,
    /// The left button was pressed.
    Click,
}

/// Starts a thread whose panic reaches the loop.
pub(crate) fn spawn(
    name: &str,
    tx: SyncSender<Input>,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<thread::JoinHandle<()>> {
    let bell = Bell { name: name.to_owned(), tx };
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _bell = bell;
        body();
    })
}

/// Rings when its thread dies of a panic.
struct Bell {
    name: String,
    tx: SyncSender<Input>,
}

impl Drop for Bell {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.tx.try_send(Input::Crashed(std::mem::take(&mut self.name)));
        }
    }
}

/// Reads keys, pastes and sizes until `ended`.
pub(crate) fn read_terminal(tx: &SyncSender<Input>, ended: &AtomicBool) {
    // The library reads many keys at once and hands them out one by one: what it still has, no wait for the terminal would tell.
    let mut more = false;
    while !ended.load(Ordering::Relaxed) {
        let wait = if std::mem::take(&mut more) { Duration::ZERO } else { LOOK_EVERY };
        let event = wait_for_terminal(wait).and_then(|()| event::poll(Duration::ZERO));
        let input = match event.and_then(|some| if some { event::read().map(Some) } else { Ok(None) }) {
            Ok(event) => {
                more = event.is_some();
                event.and_then(input_of)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let _ = tx.send(Input::KeysEnded(error));
                return;
            }
        };
        if let Some(input) = input
            && tx.send(input).is_err()
        {
            return;
        }
    }
}

/// Waits until the terminal has something to read, at most so long. A terminal that has hung up is an error
/// here, because the library's own poll would spin on it for ever.
fn wait_for_terminal(most: Duration) -> io::Result<()> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        // The library reads the controlling terminal then; it has a descriptor of its own.
        event::poll(most)?;
        return Ok(());
    }
    let limit = Timespec::try_from(most).map_err(io::Error::other)?;
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    rustix::event::poll(&mut fds, Some(&limit))?;
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    if fds[0].revents().intersects(gone) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal hung up"));
    }
    Ok(())
}

fn input_of(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) => press(key).map(|press| Input::Msg(Msg::Key(press))),
        Event::Paste(text) => Some(Input::Msg(Msg::Paste(text))),
        Event::Resize(w, h) => Some(Input::Msg(Msg::Resize { w, h })),
        Event::Mouse(mouse) => {
            pointer(mouse.kind).map(|what| Input::Mouse { x: mouse.column, y: mouse.row, what })
        }
        Event::FocusGained | Event::FocusLost => None,
    }
}

fn pointer(kind: MouseEventKind) -> Option<Pointer> {
    match kind {
        MouseEventKind::ScrollUp => Some(Pointer::Up),
        MouseEventKind::ScrollDown => Some(Pointer::Down),
        MouseEventKind::Down(MouseButton::Left) => Some(Pointer::Click),
        _ => None,
    }
}

/// A key event as the model knows it; releases and unknown keys are nothing.
fn press(event: KeyEvent) -> Option<Press> {
    if event.kind == KeyEventKind::Release || event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    let key = match event.code {
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => Key::BackTab,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::F(n) => Key::F(n),
        _ => return None,
    };
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    Some(Press { chord: Chord { key, ctrl }, repeat: event.kind == KeyEventKind::Repeat })
}

/// Turns signals into inputs. The first one that asks to end is for the loop; a second one restores the terminal and
/// does what the signal does by default.
pub(crate) fn watch_signals(
    tx: SyncSender<Input>,
    ended: Arc<AtomicBool>,
) -> io::Result<signal_hook::iterator::Handle> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH])?;
    let handle = signals.handle();
    spawn("signals", tx.clone(), move || {
        let mut asked = false;
        for signal in &mut signals {
            let input = match signal {
                SIGTSTP => Input::Suspend,
                SIGCONT => Input::Continued,
                SIGWINCH => match crossterm::terminal::size() {
                    Ok((w, h)) => Input::Msg(Msg::Resize { w, h }),
                    Err(_) => continue,
                },
                signal if asked => {
                    crate::terminal::restore();
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                    continue;
                }
                signal => {
                    asked = true;
                    Input::Signal(signal)
                }
            };
            // Never wait here: a second signal must be heard even if the loop is stuck.
            let _ = tx.try_send(input);
            if ended.load(Ordering::Relaxed) {
                return;
            }
        }
    })?;
    Ok(handle)
}

/// A second, for what changes by the mere passing of time.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_chords() {
        let key = |code, modifiers, kind| press(KeyEvent { kind, ..KeyEvent::new(code, modifiers) });
        let (none, ctrl) = (KeyModifiers::NONE, KeyModifiers::CONTROL);
        let chord = |code, modifiers| key(code, modifiers, KeyEventKind::Press).map(|p| p.chord.to_string());
        assert_eq!(chord(KeyCode::Char('z'), ctrl).as_deref(), Some("Ctrl-z"));
        assert_eq!(chord(KeyCode::Tab, KeyModifiers::SHIFT).as_deref(), Some("S-Tab"));
        assert_eq!(chord(KeyCode::Char('y'), KeyModifiers::ALT), None);
        assert_eq!(key(KeyCode::Char('y'), none, KeyEventKind::Release), None);
        assert!(key(KeyCode::Char('y'), none, KeyEventKind::Repeat).unwrap().repeat);
    }
}
