//! What is taken off the screen: rows to the terminal's clipboard (OSC 52, which also works over SSH), screens to files.
//!
//! Whether a terminal took a copy it does not say: what was copied is in a file too, and the message names it.

use crate::skin::Skin;
use crate::{terminal, view};
use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;
use jiff::Zoned;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use twinhaul_console_model::Model;

/// Of a run's directory: what its operators took off their screens.
pub(crate) const SHELF: &str = "console";
/// Bytes that terminals take from OSC 52 at least (xterm's limit); more goes to the file alone.
const CLIPBOARD_MAX: usize = 74_994;

/// Asks the terminal to copy `text`. Returns what to say of it.
pub(crate) fn copy(shelf: &Path, text: &str, what: &str) -> io::Result<String> {
    fs::create_dir_all(shelf)?;
    let file = shelf.join("copied.txt");
    fs::write(&file, format!("{text}\n"))?;
    let also = file.display();
    if text.len().div_ceil(3) * 4 > CLIPBOARD_MAX {
        return Ok(format!("too long for a terminal's clipboard; it is in {also}"));
    }
    terminal::write(&sequence(text, std::env::var_os("TMUX").is_some())?)?;
    Ok(format!("copied: {what}  (also in {also})"))
}

/// The escape sequence; within tmux once for tmux itself and once for the terminal around it.
fn sequence(text: &str, in_tmux: bool) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    queue!(plain, CopyToClipboard::to_clipboard_from(text))?;
    if !in_tmux {
        return Ok(plain);
    }
    let mut both = plain.clone();
    both.extend_from_slice(b"\x1bPtmux;");
    for byte in plain {
        if byte == 0x1b {
            both.push(0x1b);
        }
        both.push(byte);
    }
    both.extend_from_slice(b"\x1b\\");
    Ok(both)
}

/// The screen as it is drawn, as text.
pub(crate) fn picture(model: &Model, skin: &Skin) -> String {
    let (w, h) = model.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    view::draw(model, skin, &mut buf);
    let mut text = String::new();
    for y in 0..h {
        let row: String =
            (0..w).filter_map(|x| buf.cell((x, y))).map(ratatui::buffer::Cell::symbol).collect();
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Writes both files; an earlier save of the same second is not overwritten. Returns what to say of it.
pub(crate) fn save(shelf: &Path, screen: &str, state: &str) -> io::Result<String> {
    fs::create_dir_all(shelf)?;
    let stem = Zoned::now().strftime("screen-%Y%m%d-%H%M%S").to_string();
    let names = (0..100).map(|n| if n == 0 { stem.clone() } else { format!("{stem}-{n}") });
    for name in names {
        let text = shelf.join(format!("{name}.txt"));
        let mut file = match fs::File::create_new(&text) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
            file => file?,
        };
        file.write_all(screen.as_bytes())?;
        fs::write(shelf.join(format!("{name}.json")), state)?;
        return Ok(format!("saved: {name}.txt and .json in {}", shelf.display()));
    }
    Err(io::Error::other("a hundred screens were saved in this second already"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_osc_52_and_goes_through_tmux() {
        assert_eq!(sequence("a/path", false).unwrap(), b"\x1b]52;c;YS9wYXRo\x1b\\");
        let both = sequence("a/path", true).unwrap();
        assert_eq!(both, b"\x1b]52;c;YS9wYXRo\x1b\\\x1bPtmux;\x1b\x1b]52;c;YS9wYXRo\x1b\x1b\\\x1b\\");
    }

    #[test]
    fn saves_of_one_second_do_not_overwrite_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = dir.path().join(SHELF);
        for _ in 0..3 {
            save(&shelf, "screen\n", "{}\n").unwrap();
        }
        let mut kinds: Vec<_> = fs::read_dir(&shelf)
            .unwrap()
            .map(|e| e.unwrap().path().extension().unwrap().to_owned())
            .collect();
        kinds.sort();
        assert_eq!(kinds, ["json", "json", "json", "txt", "txt", "txt"]);
    }
}
