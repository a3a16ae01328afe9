//! Secrets by what stands before them: a name that only secrets have, "Bearer", a user's name in a URL.

use super::REDACTED;
use crate::{refs, secret};

/// Parts of names that only secrets have; unlike a profile's, these hold for any text: `key` alone is a transfer's.
pub(super) const NAMES: [&str; 17] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "credential",
    "access_key",
    "access-key",
    "accesskey",
    "account_key",
    "accountkey",
    "private_key",
    "api_key",
    "apikey",
    "signature",
    "authorization",
    "sas",
];

/// Whether a field of this name holds a secret; `sas` must be a word of its own.
pub(super) fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let has = |part: &str| match part {
        "sas" => name.split(['_', '-', '.']).any(|word| word == "sas"),
        _ => name.contains(part),
    };
    NAMES.iter().any(|part| has(part)) && !name.ends_with("_file") && !name.ends_with("_path")
}

/// `text` without what follows a name of [`NAMES`] and `:` or `=`, or the word "Bearer"; `None`: nothing was there.
pub(super) fn named_out(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let mut out = String::new();
    let mut from = 0;
    while let Some((at, name_end)) = next_name(&lower, from) {
        let Some((start, end)) = value_after(text, &lower[at..name_end], name_end) else {
            out.push_str(&text[from..name_end]);
            from = name_end;
            continue;
        };
        out.push_str(&text[from..start]);
        out.push_str(REDACTED);
        from = end;
    }
    (from > 0 && out.contains(REDACTED)).then(|| out + &text[from..]).filter(|clean| clean != text)
}

/// Where the next name that only secrets have stands, whole words of it: `secret_access_key`.
fn next_name(lower: &str, from: usize) -> Option<(usize, usize)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut search = from;
    loop {
        let found = NAMES.iter().chain(&["bearer"]).filter_map(|name| lower[search..].find(name));
        let at = search + found.min()?;
        let end = at + lower[at..].find(|c| !is_word(c)).unwrap_or(lower.len() - at);
        let start = lower[..at]
            .rfind(|c| !is_word(c))
            .map_or(0, |n| n + lower[n..].chars().next().map_or(1, char::len_utf8));
        let word = &lower[start..end];
        if word == "bearer" || names_secret(word) {
            return Some((start, end));
        }
        search = end;
    }
}

/// The bytes of the value that a name ending at `from` is given.
fn value_after(text: &str, name: &str, from: usize) -> Option<(usize, usize)> {
    let quotes = ['"', '\'', '\\'];
    let mut at = from;
    let skip =
        |at: usize, set: &dyn Fn(char) -> bool| at + text[at..].find(|c| !set(c)).unwrap_or(text.len() - at);
    if name != "bearer" {
        at = skip(at, &|c| quotes.contains(&c) || c == ' ');
        if !text[at..].starts_with([':', '=']) {
            return None;
        }
        at += 1;
    }
    at = skip(at, &|c| quotes.contains(&c) || c == ' ' || c == '\t');
    let rest = &text[at..];
    // A reference is the way to write one, and what was taken out before is gone.
    if rest.starts_with("${") || rest.starts_with(REDACTED) || rest.starts_with("***") {
        return None;
    }
    let ends = |c: char| {
        quotes.contains(&c) || c.is_whitespace() || [',', '}', ']', '&', ';', ')', '<'].contains(&c)
    };
    let len = match text[..at].chars().last().filter(|c| quotes.contains(c)) {
        Some(quote) => quoted(rest, quote, text[..at - 1].ends_with('\\')),
        // A scheme, and then whatever belongs to it.
        None if name.ends_with("authorization") => {
            rest.find(['"', '\'', '\\', '\n', '\r']).unwrap_or(rest.len())
        }
        None => rest.find(ends).unwrap_or(rest.len()),
    };
    (len > 0).then_some((at, at + len))
}

/// How long a value is that stands in quotes; `escaped`: these are escaped themselves, in JSON within JSON.
fn quoted(rest: &str, quote: char, escaped: bool) -> usize {
    let mut passed = false;
    let end = rest.find(|c: char| {
        let ends = c == '\n' || (c == quote && !passed) || (escaped && c == '\\');
        passed = c == '\\' && !passed;
        ends
    });
    end.unwrap_or(rest.len())
}

/// `text` without the passwords of URLs; `None`: nothing was there.
pub(super) fn passwords_out(text: &str) -> Option<String> {
    let mut out = text.to_owned();
    let mut from = 0;
    let mut changed = false;
    while let Some(found) = out[from..].find("://") {
        let range = secret::url_password(&out[from..]).map(|r| from + r.start..from + r.end);
        from += found + 3;
        if let Some(range) =
            range.filter(|r| !refs::has_reference(&out[r.clone()]) && out[r.clone()] != *REDACTED)
        {
            out.replace_range(range, REDACTED);
            changed = true;
        }
    }
    changed.then_some(out)
}
