//! Literal secrets: finds them, refuses them, and keeps them out of messages (faults.md, threat 10).
//!
//! A value counts as secret by the name of its key, or because it is a password inside a URL. References (`${env:…}`,
//! `${file:…}`) are the way to write one. Must never put a value it refuses into a message.
//! Entry points: [`check`] for a tree, [`masked_line`] for a line that is about to be shown.

use crate::{
    error::Fault,
    node::{Node, Value},
    refs,
};
use std::ops::Range;
use twinhaul_units::text::show;

/// Parts of a name that make its value a secret.
const PARTS: [&str; 7] = ["key", "secret", "token", "password", "passwd", "passphrase", "credential"];
/// Names that contain such a part and hold no secret.
const HARMLESS: [&str; 16] = [
    "credential_file",
    "credential_path",
    "key_encoding",
    "key_file",
    "key_id_file",
    "key_path",
    "key_prefix",
    "key_suffix",
    "keyspace",
    "kms_key_id",
    "max_key_bytes",
    "private_key_file",
    "private_key_path",
    "server_side_encryption_aws_kms_key_id",
    "token_uri",
    "token_url",
];
/// Values below `sources.NAME` and `targets.NAME` inherit from their parents' names; above, names are the author's.
const FREE_LEVELS: usize = 2;

/// Whether a value under this name must not be written out.
pub(crate) fn is_key_like(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    !HARMLESS.contains(&name.as_str())
        && (PARTS.iter().any(|part| name.contains(part)) || name.split('_').any(|word| word == "sas"))
}

/// Refuses the first literal secret in the tree.
pub(crate) fn check(root: &Node) -> Result<(), Fault> {
    check_below(root, None, 0)
}

fn check_below(node: &Node, secret_name: Option<&str>, level: usize) -> Result<(), Fault> {
    match &node.value {
        Value::Map(entries) => entries.iter().try_for_each(|e| {
            let inherited = secret_name.filter(|_| level > FREE_LEVELS);
            let own = is_key_like(&e.key).then_some(e.key.as_str());
            check_below(&e.node, own.or(inherited), level + 1)
        }),
        Value::List(items) => items.iter().try_for_each(|n| check_below(n, secret_name, level + 1)),
        Value::Text(text) if text.is_empty() || refs::has_reference(text) => Ok(()),
        Value::Text(text) if url_password(text).is_some() => {
            Err(refuse(node, "a password inside a URL".into()))
        }
        Value::Text(_) | Value::Whole(_) | Value::Negative(_) | Value::Float(_) => match secret_name {
            Some(name) => Err(refuse(node, format!("a secret written out under \"{}\"", show(name)))),
            None => Ok(()),
        },
        Value::Nothing | Value::Bool(_) => Ok(()),
    }
}

fn refuse(node: &Node, what: String) -> Fault {
    Fault { hidden: true, ..Fault::at(node.place, what) }
        .help("write ${env:NAME} or ${file:/path} instead; profiles are copied into the run's directory")
}

/// Where the password stands in `scheme://user:password@host`.
pub(crate) fn url_password(text: &str) -> Option<Range<usize>> {
    let start = text.find("://")? + 3;
    let authority = &text[start..];
    let authority = &authority[..authority.find(['/', '?', '#', ' ']).unwrap_or(authority.len())];
    let at = authority.rfind('@')?;
    let colon = authority[..at].find(':')?;
    (colon + 1 < at).then_some(start + colon + 1..start + at)
}

/// Line `index` of `text`, counted from 0, without literal secrets: those on it, and one that it continues.
pub(crate) fn masked_line(text: &str, index: usize) -> Option<String> {
    masked(text).nth(index)
}

/// The lines of `text` as [`masked_line`] shows them.
pub(crate) fn masked(text: &str) -> impl Iterator<Item = String> {
    // The lines above that the present one can belong to: how far right, and whether a secret goes on below it.
    let mut above: Vec<(usize, bool)> = Vec::new();
    text.lines().map(move |line| {
        let content = line.trim_start();
        if content.is_empty() {
            return line.to_owned();
        }
        // An item of a list may stand as far left as the key that it belongs to.
        let depth = 2 * (line.len() - content.len()) + usize::from(content.starts_with('-'));
        while above.last().is_some_and(|(other, _)| *other >= depth) {
            above.pop();
        }
        let inside = above.iter().any(|(_, secret)| *secret);
        above.push((depth, ends_in_secret(line)));
        if inside {
            return line.chars().map(|c| if c.is_whitespace() { c } else { '*' }).collect();
        }
        mask(line)
    })
}

/// Whether the last key of a line is key-like and its value goes on below.
fn ends_in_secret(line: &str) -> bool {
    let mut last = None;
    let mut from = 0;
    while let Some((name, value)) = next_pair(line, from) {
        from = value.start;
        last = Some((name, value));
    }
    last.is_some_and(|(name, value)| is_key_like(&line[name]) && !refs::has_reference(&line[value]))
}

/// `line` with the characters of every literal secret replaced by `*`; as long as before, so that columns hold.
fn mask(line: &str) -> String {
    let mut out = line.to_owned();
    let mut from = 0;
    while let Some((name, value)) = next_pair(line, from) {
        from = value.start;
        if is_key_like(&line[name]) && !refs::has_reference(&line[value.clone()]) {
            from = value.end;
            blank(&mut out, line, value);
        }
    }
    // More than one URL fits in a line of flow YAML.
    let mut from = 0;
    while let Some(found) = line[from..].find("://") {
        if let Some(range) = url_password(&line[from..]) {
            let range = from + range.start..from + range.end;
            if !refs::has_reference(&line[range.clone()]) {
                blank(&mut out, line, range);
            }
        }
        from += found + 3;
    }
    out
}

/// Replaces a range of characters by as many stars. `out` holds the characters of `line`, some already starred.
fn blank(out: &mut String, line: &str, range: Range<usize>) {
    let first = line[..range.start].chars().count();
    let count = line[range].chars().count();
    *out = out
        .chars()
        .enumerate()
        .map(|(i, c)| if (first..first + count).contains(&i) { '*' } else { c })
        .collect();
}

/// The next `name: value` at or after byte `from`: the bytes of the name and of the value.
fn next_pair(line: &str, from: usize) -> Option<(Range<usize>, Range<usize>)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '.';
    let mut search = from;
    loop {
        let colon = search + line[search..].find(':')?;
        let before = line[..colon].trim_end().trim_end_matches(['"', '\'']);
        let start = before.char_indices().rev().take_while(|(_, c)| is_word(*c)).last().map(|(i, _)| i);
        let Some(start) = start.filter(|s| *s >= from) else {
            search = colon + 1;
            continue;
        };
        let rest = &line[colon + 1..];
        let value = colon + 1 + (rest.len() - rest.trim_start().len());
        return Some((start..before.len(), value..value_end(line, value)));
    }
}

/// Where the value that begins at byte `start` ends; too far rather than too near.
fn value_end(line: &str, start: usize) -> usize {
    let rest = &line[start..];
    let in_flow = line[..start].contains('{');
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let mut escaped = false;
            for (i, c) in rest.char_indices().skip(1) {
                if c == quote && !escaped {
                    return start + i + 1;
                }
                escaped = c == '\\' && quote == '"' && !escaped;
            }
            line.len()
        }
        Some('{' | '[') | None => line.len(),
        Some(_) if in_flow => start + rest.find([',', '}']).unwrap_or(rest.len()),
        Some(_) => line.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hold_secrets() {
        for name in
            ["secret_access_key", "access_key_id", "apikey", "SAS_TOKEN", "sas", "db-password", "credential"]
        {
            assert!(is_key_like(name), "{name}");
        }
        for name in ["key_prefix", "disaster", "region", "keyspace", "Token-URI", "bucket"] {
            assert!(!is_key_like(name), "{name}");
        }
    }

    #[test]
    fn masked_lines_keep_their_length_and_lose_their_secrets() {
        for (line, masked) in [
            ("  secret_key: hunter2", "  secret_key: *******"),
            ("{ bucket: b, password: \"a\\\"b\", x: 1 }", "{ bucket: b, password: ******, x: 1 }"),
            ("{ token: abc, region: eu }", "{ token: ***, region: eu }"),
            ("\"token\" : 'it' # c", "\"token\" : **** # c"),
            ("key: ${env:K}", "key: ${env:K}"),
            ("url: https://u:pw@h/, b: ftp://x:yz@h", "url: https://u:**@h/, b: ftp://x:**@h"),
            ("tökén: x, secret: ü漢", "tökén: x, secret: **"),
            ("secret: [a, b]", "secret: ******"),
            ("a: b: token: hunter2", "a: b: token: *******"),
            ("root: /data", "root: /data"),
        ] {
            assert_eq!(mask(line), masked, "{line}");
        }
    }

    #[test]
    fn secrets_that_go_on_below_their_key_are_masked_too() {
        let text = "b:\n  private_key: |\n    MIIE: abc\n\n    def\n  tokens:\n  - one\n  region: eu\n";
        for (index, masked) in
            [(2, "    ***** ***"), (4, "    ***"), (6, "  * ***"), (7, "  region: eu"), (0, "b:")]
        {
            assert_eq!(masked_line(text, index).as_deref(), Some(masked), "{index}");
        }
        assert_eq!(masked_line(text, 99), None);
    }
}
