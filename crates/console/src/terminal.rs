//! The terminal contract: whatever happens, the shell gets its terminal back.
//!
//! The guard exists before raw mode; restoring is idempotent and undoes every mode that was set; a panic in any thread
//! restores first and speaks afterwards. A frame is written in one piece and only while the terminal is ours: a thread
//! that panics in the middle of a draw cannot leave half a frame on the operator's screen.

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, queue};
use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Presses and the wheel, in the form that knows large screens. Not crossterm's own sequence: that asks for every movement
/// too, and each one would wake the console.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// The terminal is in our modes.
static OURS: AtomicBool = AtomicBool::new(false);

/// Gives the terminal back when dropped.
#[derive(Debug)]
pub(crate) struct Guard(());

impl Guard {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste, no cursor; and the mouse, if wanted.
    pub(crate) fn enter(mouse: bool) -> io::Result<Self> {
        let guard = Self(());
        take(mouse)?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes the terminal again after it was given back.
pub(crate) fn take(mouse: bool) -> io::Result<()> {
    // Before the first mode is set, so that a failure half-way is undone too.
    OURS.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    let mut out = io::stdout().lock();
    queue!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
    if mouse {
        out.write_all(MOUSE_ON)?;
    }
    out.flush()
}

/// Gives the terminal back; does nothing when it is not ours. Errors have nowhere to go: a terminal that is gone
/// needs no restoring.
pub(crate) fn restore() {
    let mut out = io::stdout().lock();
    if OURS.swap(false, Ordering::SeqCst) {
        // Whether it was taken or not: a mouse that types into the shell is worse than a few bytes.
        let _ = out.write_all(MOUSE_OFF);
        let _ = queue!(out, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

/// Whether frames may be written.
pub(crate) fn ours() -> bool {
    OURS.load(Ordering::SeqCst)
}

/// Takes the mouse, or gives it back.
pub(crate) fn mouse(take: bool) -> io::Result<()> {
    write(if take { MOUSE_ON } else { MOUSE_OFF })
}

/// Writes in one piece, while the terminal is ours. What is no picture (the clipboard, the mouse) goes this way: no cast keeps it.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if ours() { out.write_all(bytes).and_then(|()| out.flush()) } else { Ok(()) }
}

/// Collects a frame and writes it in one piece.
#[derive(Debug, Default)]
pub(crate) struct FrameWriter {
    frame: Vec<u8>,
}

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if ours() {
            crate::cast::keep("o", &self.frame);
        }
        let written = write(&self.frame);
        self.frame.clear();
        written
    }
}

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

/// While it lives, a panic in any thread gives the terminal back before it is told.
pub(crate) struct PanicGuard {
    before: Arc<Hook>,
}

impl PanicGuard {
    pub(crate) fn install() -> Self {
        let before: Arc<Hook> = panic::take_hook().into();
        let tell = Arc::clone(&before);
        panic::set_hook(Box::new(move |info| {
            restore();
            tell(info);
        }));
        Self { before }
    }
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        // Hooks cannot be changed by a thread that is panicking; the process is about to end then.
        if !std::thread::panicking() {
            let before = Arc::clone(&self.before);
            panic::set_hook(Box::new(move |info| before(info)));
        }
    }
}
