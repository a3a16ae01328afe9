//! What the terminal is sent, kept as an asciinema cast (version 2): a header, then one line for each piece, with its time.
//!
//! Keys are not kept: what is typed into a prompt is nobody else's business. A cast that cannot be written ends, and the
//! console goes on.

use serde_json::json;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Bytes of a cast at most: an hour of a busy console at 160x50.
const CAST_BYTES_MAX: u64 = 64 << 20;

struct Cast {
    out: BufWriter<File>,
    began: Instant,
    bytes: u64,
}

static CAST: Mutex<Option<Cast>> = Mutex::new(None);

/// Begins a cast of a terminal of this size; there is one at a time.
pub(crate) fn begin(path: &Path, (width, height): (u16, u16)) -> io::Result<()> {
    let mut cast = Cast { out: BufWriter::new(File::create(path)?), began: Instant::now(), bytes: 0 };
    let header = json!({
        "version": 2, "width": width, "height": height, "title": "twinhaul",
        "env": { "TERM": std::env::var("TERM").unwrap_or_default() },
    });
    writeln!(cast.out, "{header}")?;
    *CAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(cast);
    Ok(())
}

/// The terminal has another size from now on.
pub(crate) fn resized(width: u16, height: u16) {
    keep("r", format!("{width}x{height}").as_bytes());
}

/// Keeps a piece: "o" for output.
pub(crate) fn keep(kind: &str, bytes: &[u8]) {
    let mut place = CAST.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(cast) = place.as_mut() else { return };
    let line = json!([cast.began.elapsed().as_secs_f64(), kind, String::from_utf8_lossy(bytes)]).to_string();
    cast.bytes += line.len() as u64 + 1;
    if cast.bytes > CAST_BYTES_MAX || writeln!(cast.out, "{line}").is_err() {
        *place = None;
    }
}

/// Ends the cast.
pub(crate) fn end() {
    if let Some(mut cast) = CAST.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = cast.out.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_has_a_header_and_timed_output() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("demo.cast");
        begin(&path, (80, 24)).unwrap();
        keep("o", "\x1b[2J\u{2588} \"x\"".as_bytes());
        resized(160, 50);
        end();
        keep("o", b"after the end");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!((&lines[2][1], &lines[2][2]), (&json!("r"), &json!("160x50")));
        assert_eq!(
            (&lines[0]["version"], &lines[0]["width"], &lines[0]["height"]),
            (&json!(2), &json!(80), &json!(24))
        );
        assert!(lines[1][0].as_f64().unwrap() >= 0.0);
        assert_eq!((&lines[1][1], &lines[1][2]), (&json!("o"), &json!("\x1b[2J\u{2588} \"x\"")));
    }
}
