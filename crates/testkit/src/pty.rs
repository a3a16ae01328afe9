//! A program in a pseudo-terminal, and what its screen shows: for tests of real terminal behaviour.
//!
//! The emulator never gets a size that it panics on (none, or very narrow after a wider one), whatever the program is
//! told; waiting has a limit and fails with the screen's text.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a waiting test looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A program to run: path, arguments, variables over an environment that is otherwise inherited.
#[derive(Clone, Debug)]
pub struct PtyCommand {
    builder: CommandBuilder,
}

impl PtyCommand {
    pub fn new(program: impl AsRef<Path>) -> Self {
        let mut builder = CommandBuilder::new(program.as_ref());
        builder.env("TERM", "xterm-256color");
        builder.env("LC_ALL", "C.UTF-8");
        builder.env_remove("NO_COLOR");
        Self { builder }
    }

    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.builder.arg(arg);
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.builder.env(name, value);
        self
    }
}

/// A running program and its screen.
pub struct PtySession {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    // Held so that the terminal and its modes outlive the program.
    _slave: Box<dyn SlavePty + Send>,
    writer: Box<dyn Write + Send>,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    parser: vt100::Parser,
    bytes: u64,
}

impl std::fmt::Debug for PtySession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PtySession").field("pid", &self.child.process_id()).finish_non_exhaustive()
    }
}

/// Smallest screen that the emulator survives being resized to.
const EMULATED_MIN: (u16, u16) = (2, 8);

fn emulated(rows: u16, cols: u16) -> (u16, u16) {
    (rows.max(EMULATED_MIN.0), cols.max(EMULATED_MIN.1))
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows: rows.max(1), cols: cols.max(1), pixel_width: 0, pixel_height: 0 }
}

impl PtySession {
    /// Starts `command` in a terminal of `rows` x `cols` (each at least 1).
    ///
    /// # Errors
    /// In words: no pseudo-terminal, or the program could not be started.
    pub fn spawn(command: PtyCommand, rows: u16, cols: u16) -> Result<Self, String> {
        let pair =
            native_pty_system().openpty(size(rows, cols)).map_err(|e| format!("no pseudo-terminal: {e}"))?;
        let reader = pair.master.try_clone_reader().map_err(|e| format!("no reader: {e}"))?;
        let writer = pair.master.take_writer().map_err(|e| format!("no writer: {e}"))?;
        let child = pair.slave.spawn_command(command.builder).map_err(|e| format!("not started: {e}"))?;
        let (screen_rows, screen_cols) = emulated(rows, cols);
        let parser = vt100::Parser::new(screen_rows, screen_cols, 0);
        let shared = Arc::new(Mutex::new(Shared { parser, bytes: 0 }));
        let sink = Arc::clone(&shared);
        std::thread::spawn(move || read(reader, &sink));
        Ok(Self { child, master: pair.master, _slave: pair.slave, writer, shared })
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program's process id.
    pub fn pid(&self) -> Option<u32> {
        self.child.process_id()
    }

    /// The screen's text.
    pub fn text(&self) -> String {
        self.shared().parser.screen().contents()
    }

    /// Whether the program is on the alternate screen.
    pub fn alternate_screen(&self) -> bool {
        self.shared().parser.screen().alternate_screen()
    }

    /// Whether the cursor is hidden.
    pub fn cursor_hidden(&self) -> bool {
        self.shared().parser.screen().hide_cursor()
    }

    /// Whether pasted text is marked.
    pub fn bracketed_paste(&self) -> bool {
        self.shared().parser.screen().bracketed_paste()
    }

    /// Whether any cell of the screen has a colour of its own.
    pub fn colored(&self) -> bool {
        let shared = self.shared();
        let screen = shared.parser.screen();
        let (rows, cols) = screen.size();
        let cells = (0..rows).flat_map(|row| (0..cols).filter_map(move |col| screen.cell(row, col)));
        cells
            .into_iter()
            .any(|cell| cell.fgcolor() != vt100::Color::Default || cell.bgcolor() != vt100::Color::Default)
    }

    /// The text that is shown reversed: what has the focus, what is selected.
    pub fn reversed(&self) -> String {
        let shared = self.shared();
        let screen = shared.parser.screen();
        let (rows, cols) = screen.size();
        let row = |y| {
            let cells = (0..cols).filter_map(move |x| screen.cell(y, x)).filter(|cell| cell.inverse());
            cells.map(|cell| if cell.has_contents() { cell.contents() } else { " " }).collect::<String>()
        };
        (0..rows).map(row).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// Writes `text` into the picture, at a row and a column counted from 0, as another program on the same terminal would.
    pub fn scribble(&self, row: u16, col: u16, text: &str) {
        let text = format!("\x1b7\x1b[{};{}H{text}\x1b8", row + 1, col + 1);
        self.shared().parser.process(text.as_bytes());
    }

    /// Bytes that the program wrote so far.
    pub fn bytes(&self) -> u64 {
        self.shared().bytes
    }

    /// The terminal's modes, as text to compare.
    pub fn modes(&self) -> String {
        self.master.get_termios().map_or_else(String::new, |modes| {
            format!("{:?} {:?} {:?}", modes.input_flags, modes.output_flags, modes.local_flags)
        })
    }

    /// Types.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn send(&mut self, keys: &str) -> std::io::Result<()> {
        self.writer.write_all(keys.as_bytes())?;
        self.writer.flush()
    }

    /// Changes the terminal's size (each at least 1); the program is told.
    ///
    /// # Errors
    /// In words, when the terminal refuses.
    pub fn resize(&mut self, rows: u16, cols: u16) -> Result<(), String> {
        let (screen_rows, screen_cols) = emulated(rows, cols);
        self.shared().parser.screen_mut().set_size(screen_rows, screen_cols);
        self.master.resize(size(rows, cols)).map_err(|e| e.to_string())
    }

    /// Waits until `true_now` holds.
    ///
    /// # Errors
    /// `what` and the screen's text, when it did not within `limit`.
    pub fn wait_until(
        &self,
        what: &str,
        limit: Duration,
        true_now: impl Fn(&Self) -> bool,
    ) -> Result<(), String> {
        let start = Instant::now();
        while !true_now(self) {
            if start.elapsed() > limit {
                return Err(format!("{what}: not within {limit:?}; the screen:\n{}", self.text()));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Waits until the screen shows `text`.
    ///
    /// # Errors
    /// As [`Self::wait_until`].
    pub fn wait_for(&self, text: &str, limit: Duration) -> Result<(), String> {
        self.wait_until(text, limit, |session| session.text().contains(text))
    }

    /// Waits for the end of the program; its exit code.
    ///
    /// # Errors
    /// When it did not end within `limit`; with the screen's text.
    pub fn wait_exit(&mut self, limit: Duration) -> Result<u32, String> {
        let start = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break Ok(status.exit_code()),
                Ok(None) if start.elapsed() > limit => {
                    break Err(format!("did not end within {limit:?}; the screen:\n{}", self.text()));
                }
                Ok(None) => std::thread::sleep(LOOK_EVERY),
                Err(error) => break Err(error.to_string()),
            }
        }
    }
}

impl Drop for PtySession {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut reader: Box<dyn Read + Send>, shared: &Mutex<Shared>) {
    let mut chunk = [0; 16 * 1024];
    while let Ok(n @ 1..) = reader.read(&mut chunk) {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.parser.process(&chunk[..n]);
        shared.bytes += n as u64;
    }
}
