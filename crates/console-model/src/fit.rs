//! Making text fit a column. Paths lose their *left* part, because the name says more than the root; ids and numbers
//! are never cut: their columns are dropped whole instead. Widths are terminal columns, not characters.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that `s` takes.
pub fn width(s: &str) -> usize {
    s.width()
}

/// `s` in at most `max` columns; what does not fit is cut from the left and replaced by `mark`.
pub fn cut_left(s: &str, max: usize, mark: &str) -> String {
    if width(s) <= max {
        return s.to_owned();
    }
    let room = max.saturating_sub(width(mark));
    if room == 0 {
        return cut_right(s, max, "");
    }
    let mut used = 0;
    let mut start = s.len();
    for (at, c) in s.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        start = at;
    }
    format!("{mark}{}", &s[start..])
}

/// `s` in at most `max` columns; what does not fit is cut from the right and replaced by `mark`.
pub fn cut_right(s: &str, max: usize, mark: &str) -> String {
    if width(s) <= max {
        return s.to_owned();
    }
    let mark = if width(mark) >= max { "" } else { mark };
    let room = max - width(mark);
    let mut used = 0;
    let mut out = String::new();
    for c in s.chars() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        out.push(c);
    }
    out + mark
}

/// At most `rows` of `lines`; the last one then is what `more` says of how many are left out.
pub fn rows<T>(mut lines: Vec<T>, rows: usize, more: impl FnOnce(usize) -> T) -> Vec<T> {
    let Some(room) = rows.checked_sub(1) else { return Vec::new() };
    if lines.len() > rows {
        let left_out = lines.split_off(room).len();
        lines.push(more(left_out));
    }
    lines
}

/// `s` padded on the right to `w` columns, or cut.
pub fn left(s: &str, w: usize) -> String {
    let mut out = cut_right(s, w, "");
    out.extend(std::iter::repeat_n(' ', w.saturating_sub(width(&out))));
    out
}

/// `s` padded on the left to `w` columns; never cut (it holds a number).
pub fn right(s: &str, w: usize) -> String {
    let mut out = " ".repeat(w.saturating_sub(width(s)));
    out.push_str(s);
    out
}

/// Words broken into lines of at most `w` columns; a longer word is broken inside.
pub fn wrap(s: &str, w: usize) -> Vec<String> {
    let w = w.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in s.split(' ') {
        let mut word = word.to_owned();
        let gap = usize::from(!line.is_empty());
        if width(&line) + gap + width(&word) > w && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        while width(&word) > w {
            let head = cut_right(&word, w, "");
            if head.is_empty() {
                break;
            }
            word = word[head.len()..].to_owned();
            lines.push(head);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_their_end() {
        for (path, max, shown) in [
            ("lane3/S112_R1.fastq.gz", 22, "lane3/S112_R1.fastq.gz"),
            ("run88/lane3/S112_R1.fastq.gz", 22, "…ane3/S112_R1.fastq.gz"),
            ("漢字漢字.raw", 7, "…字.raw"),
            ("abc", 1, "a"),
            ("abc", 0, ""),
        ] {
            let cut = cut_left(path, max, "…");
            assert_eq!(cut, shown);
            assert!(width(&cut) <= max);
        }
    }

    #[test]
    fn lines_wrap_at_words() {
        assert_eq!(wrap("the arrow turns: now", 10), ["the arrow", "turns: now"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("漢", 1), ["漢"]);
    }
}
