//! A verb whose process may never end: what it looks at may lie on a disk that does not answer, and a process with a thread in such
//! a call cannot even be killed. A child does the work, and whoever waits for the result waits no longer than for that.
//!
//! The child marks the end of what it writes itself, because a pipe to a process that cannot end is never closed.

use crate::exit::{self, Failure};
use crate::output;
use std::io::{Read, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Set for the child.
const ASIDE: &str = "TWINHAUL_ASIDE";
/// Ends what the child writes; its exit code follows. No text of ours holds it.
const END: u8 = 0;
/// Longer than any look takes that gives up by itself.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// What a verb writes that is done aside; the rest is not read.
const OUTPUT_BYTES_MAX: u64 = 64 << 20;

/// Does `work` in a child that is started like this very process, and passes on what it writes.
///
/// # Errors
/// Those of the work are written by the child. [`exit::TIME_LIMIT`] when it does not come back.
pub(crate) fn done(work: impl FnOnce() -> Result<u8, Failure>) -> Result<u8, Failure> {
    if std::env::var_os(ASIDE).is_some() {
        let code = work().unwrap_or_else(|failure| {
            output::error(&failure.text);
            failure.code
        });
        let mut out = std::io::stdout();
        // Whoever waited has gone: then nobody wants it.
        let _ = out.write_all(&[END, code]).and_then(|()| out.flush());
        return Ok(code);
    }
    let Ok(own) = std::env::current_exe() else { return work() };
    let mut child = Command::new(own);
    child.args(std::env::args_os().skip(1)).env(ASIDE, "1").stdin(Stdio::null()).stdout(Stdio::piped());
    let Ok(mut child) = child.spawn() else { return work() };
    let (told, answer) = channel();
    if let Some(from) = child.stdout.take() {
        let _ = std::thread::Builder::new().spawn(move || told.send(passed_on(from)));
    }
    match answer.recv_timeout(ANSWER_MAX) {
        Ok(Some(code)) => Ok(code),
        // It ended without a word: then it can be waited for.
        Ok(None) => Ok(child.wait().ok().and_then(|s| u8::try_from(s.code()?).ok()).unwrap_or(exit::OTHER)),
        Err(_) => {
            let _ = child.kill();
            let text = "the look itself does not come back: the disk below the state directory, or this executable's, does not \
                        answer. See what waits for it: ps -eo pid,stat,wchan:30,args | grep ' D'";
            Err(Failure::new(exit::TIME_LIMIT, text))
        }
    }
}

/// Writes what the child writes, up to its mark; its exit code.
fn passed_on(from: impl Read) -> Option<u8> {
    let mut bytes = std::io::BufReader::new(from.take(OUTPUT_BYTES_MAX)).bytes();
    let mut text = Vec::new();
    let code = loop {
        match bytes.next() {
            Some(Ok(END)) => break bytes.next().and_then(Result::ok),
            Some(Ok(byte)) => text.push(byte),
            Some(Err(_)) | None => break None,
        }
    };
    // A reader that has gone is no error.
    let mut out = std::io::stdout();
    let _ = out.write_all(&text).and_then(|()| out.flush());
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives these bytes, and never ends.
    struct Stuck(Vec<u8>);

    impl Read for Stuck {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            assert!(!self.0.is_empty(), "read on after the mark");
            let n = into.len().min(self.0.len());
            into[..n].copy_from_slice(&self.0[..n]);
            self.0.drain(..n);
            Ok(n)
        }
    }

    #[test]
    fn the_mark_ends_it_though_the_pipe_stays_open() {
        assert_eq!(passed_on(Stuck(vec![END, 4])), Some(4));
        assert_eq!(passed_on(&[b'x'][..]), None);
    }
}
