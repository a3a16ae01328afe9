//! The one sanitiser: every text from outside (file names, error messages, profile text, plugin text) passes
//! through here before a terminal or a log line sees it (faults.md, threats 15 and 16).
//!
//! What could move the cursor, change colours, reorder text or hide in it becomes visible as `\x1b` or `\u{202e}`.

use std::borrow::Cow;
use std::fmt::Write as _;

/// "1 transfer", "12 transfers": so many of what `one` is called.
pub fn counted(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// `s` with every control, bidirectional, zero-width, tag and private-use character made visible.
pub fn show(s: &str) -> Cow<'_, str> {
    if s.chars().all(is_safe) {
        return Cow::Borrowed(s);
    }
    let mut out = String::with_capacity(s.len() + 16);
    for c in s.chars() {
        push(&mut out, c);
    }
    Cow::Owned(out)
}

/// As [`show`], for bytes; what is not UTF-8 becomes `\xNN`.
pub fn show_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&show(chunk.valid()));
        for b in chunk.invalid() {
            let _ = write!(out, "\\x{b:02x}");
        }
    }
    out
}

fn push(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        c if is_safe(c) => out.push(c),
        c if (c as u32) < 0x100 => {
            let _ = write!(out, "\\x{:02x}", c as u32);
        }
        c => {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        }
    }
}

/// The whole path of `key` below `root`, as [`show_bytes`].
pub fn show_place(root: &[u8], key: &[u8]) -> String {
    show_bytes(&[root.strip_suffix(b"/").unwrap_or(root), key].join(&b'/'))
}

/// Whether a terminal shows `c` as itself and nothing else happens.
pub fn is_safe(c: char) -> bool {
    !matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'          // C0, DEL, C1
        | '\u{ad}'                                 // soft hyphen
        | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'                  // zero width, direction marks
        | '\u{2028}'..='\u{202e}'                  // separators, embeddings, overrides
        | '\u{2060}'..='\u{206f}'                  // isolates and the rest of the block
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{fffe}' | '\u{ffff}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e000}'..='\u{f8ff}'                  // private use
        | '\u{e0000}'..='\u{10ffff}'               // tags, variation selectors, private planes
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dangerous_text_becomes_visible() {
        for (raw, shown) in [
            ("plain ü 漢", "plain ü 漢"),
            ("\x1b[2J", "\\x1b[2J"),
            ("a\nFAKE", "a\\nFAKE"),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
            ("\u{9b}31m", "\\x9b31m"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
            ("\u{e0041}", "\\u{e0041}"),
        ] {
            assert_eq!(show(raw), shown);
        }
        assert_eq!(show_bytes(b"\xff\xfea\x1b"), "\\xff\\xfea\\x1b");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_is_safe_when_it_comes_out(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(show_bytes(&bytes).chars().all(is_safe));
        }
    }
}
