//! Rust source with comments and literals blanked, so that a rule never fires on a word in a sentence.
//!
//! Lines and columns stay those of the file. This is no parser: it knows comments, strings, characters and braces,
//! which is what the rules need. Entry points: [`read_all`] for a checkout, [`Source::new`] for a text.

use std::path::{Path, PathBuf};

/// One `.rs` file.
#[derive(Debug)]
pub(super) struct Source {
    /// Relative to the root, with slashes.
    pub(super) path: String,
    /// The text, with comments and the insides of literals as spaces.
    pub(super) code: String,
    /// Which lines belong to tests: `#[cfg(test)]` items, and whole files of tests.
    pub(super) tests: Vec<bool>,
}

/// Every `.rs` file of `crates`, `plugins` and `tests`, sorted by path.
pub(super) fn read_all(root: &Path) -> Result<Vec<Source>, String> {
    let mut paths = Vec::new();
    for top in ["crates", "plugins", "tests"] {
        walk(&root.join(top), &mut paths)?;
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let text =
            std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        Ok(Source::new(relative, &text))
    };
    paths.iter().map(read).collect()
}

fn walk(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<(), String> {
    let unreadable = |e: std::io::Error| format!("cannot list {}: {e}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() && path.file_name().is_some_and(|n| n != "target") {
            walk(&path, paths)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

impl Source {
    pub(super) fn new(path: impl Into<String>, text: &str) -> Self {
        let path = path.into();
        let code = blank(text);
        let whole = is_test_file(&path);
        let mut tests = vec![whole; code.lines().count()];
        if !whole {
            mark_tests(&code, &mut tests);
        }
        Self { path, code, tests }
    }

    /// Lines of code with their number from 1: neither blank nor a comment.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(i, l)| (i + 1, l)).filter(|(_, l)| !l.trim().is_empty())
    }

    /// Whether the line (from 1) belongs to tests.
    pub(super) fn is_test(&self, line: usize) -> bool {
        self.tests.get(line.wrapping_sub(1)).copied().unwrap_or(false)
    }

    /// `path:line`.
    pub(super) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

/// `crates/x/tests/a.rs`, `x/tests.rs`, `x/tests/a.rs`, and the whole package of tests.
fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn mark_tests(code: &str, tests: &mut [bool]) {
    let mut from = 0;
    while let Some(found) = code[from..].find("#[cfg(test)]") {
        let start = from + found;
        let end = item_end(code, start + "#[cfg(test)]".len());
        let (first, last) = (line_of(code, start), line_of(code, end));
        let last = last.min(tests.len());
        tests[first - 1..last].fill(true);
        from = end.max(start + 1);
    }
}

/// The line (from 1) of a byte.
pub(super) fn line_of(code: &str, byte: usize) -> usize {
    code[..byte.min(code.len())].matches('\n').count() + 1
}

/// The byte of the `;` or of the closing brace that ends the item begun at `from`.
pub(super) fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0usize;
    let mut nested = 0usize;
    for (i, b) in code.bytes().enumerate().skip(from) {
        match b {
            b'(' | b'[' => nested += 1,
            b')' | b']' => nested = nested.saturating_sub(1),
            b';' if depth == 0 && nested == 0 => return i,
            b'{' => depth += 1,
            b'}' if depth <= 1 => return i,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Replaces every byte of comments and literals but line ends (and the quotes themselves) by a space.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => line_comment(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => block_comment(bytes, at),
            b'"' => quoted(bytes, at + 1, b'"'),
            b'r' if !continues_word(bytes, at) => raw_string(bytes, at).unwrap_or(at),
            b'\'' => character(bytes, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            out.push(bytes[at]);
            at += 1;
        } else {
            out.extend(bytes[at..end].iter().map(|b| if *b == b'\n' { b'\n' } else { b' ' }));
            at = end;
        }
    }
    // Literals vanish whole, and their bytes only ever become ASCII spaces, so the rest is what it was.
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether the byte is inside a word that began before it; `br"…"` and `cr"…"` are not such words.
fn continues_word(bytes: &[u8], at: usize) -> bool {
    let word = |i: usize| bytes.get(i).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    match at.checked_sub(1) {
        None => false,
        Some(before) if matches!(bytes[before], b'b' | b'c') => before.checked_sub(1).is_some_and(word),
        Some(before) => word(before),
    }
}

fn line_comment(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| at + n)
}

fn block_comment(bytes: &[u8], at: usize) -> usize {
    let mut depth = 0usize;
    let mut i = at;
    while i < bytes.len() {
        match bytes.get(i..i + 2) {
            Some(b"/*") => {
                depth += 1;
                i += 2;
            }
            Some(b"*/") => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    bytes.len()
}

/// The end of a literal whose inside begins at `from`.
fn quoted(bytes: &[u8], from: usize, quote: u8) -> usize {
    let mut i = from;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 2,
            b if b == quote => return i + 1,
            _ => i += 1,
        }
    }
    bytes.len()
}

/// `r"…"`, `r#"…"#`; `None` when it is a word or a raw identifier.
fn raw_string(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at + 1..].iter().take_while(|b| **b == b'#').count();
    let open = at + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let inside = &bytes[open + 1..];
    let end = inside.windows(close.len()).position(|w| w == close);
    Some(end.map_or(bytes.len(), |n| open + 1 + n + close.len()))
}

/// `'x'`, `'\n'`, `'ü'`; `None` for a lifetime.
fn character(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at + 1) == Some(&b'\\') {
        return Some(quoted(bytes, at + 1, b'\''));
    }
    let rest = std::str::from_utf8(&bytes[at + 1..(at + 6).min(bytes.len())]);
    let rest = match rest {
        Ok(text) => text,
        Err(e) => std::str::from_utf8(&bytes[at + 1..at + 1 + e.valid_up_to()]).unwrap_or_default(),
    };
    let mut chars = rest.chars();
    let first = chars.next()?;
    (chars.next() == Some('\'')).then(|| at + 2 + first.len_utf8())
}

#[cfg(test)]
mod tests;
