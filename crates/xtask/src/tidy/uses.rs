//! `use` trees written out: `use std::{fs, io::Read as R};` is `std::fs` and `std::io::Read`.
//!
//! A rule about a path must see it however it was imported.

use super::source::{Source, line_of};

/// Every imported path of a file, with the line on which its statement begins.
pub(super) fn paths(source: &Source) -> Vec<(usize, String)> {
    let code = &source.code;
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = next_use(code, from) {
        let end = code[at..].find(';').map_or(code.len(), |n| at + n);
        let tree: String = code[at + "use".len()..end].split_whitespace().collect::<Vec<_>>().join(" ");
        expand("", &tree, &mut |path| found.push((line_of(code, at), path)));
        from = end;
    }
    found
}

/// The next `use` that is a word of its own and begins a statement.
fn next_use(code: &str, mut from: usize) -> Option<usize> {
    while let Some(n) = code.get(from..)?.find("use ") {
        let at = from + n;
        let before = code[..at].trim_end_matches([' ', '\t']);
        if before.is_empty() || before.ends_with(['\n', ';', '{', '}', ')', ']']) || before.ends_with("pub") {
            return Some(at);
        }
        from = at + 4;
    }
    None
}

fn expand(prefix: &str, tree: &str, give: &mut impl FnMut(String)) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        let path = path.strip_suffix("::self").unwrap_or(path);
        let whole =
            if path == "self" { prefix.trim_end_matches("::").to_owned() } else { format!("{prefix}{path}") };
        give(whole.trim_start_matches("::").replace(' ', ""));
        return;
    };
    let head = format!("{prefix}{}", tree[..open].trim());
    let close = tree.rfind('}').unwrap_or(tree.len());
    for part in split_at_commas(&tree[open + 1..close]) {
        if !part.trim().is_empty() {
            expand(&head, part, give);
        }
    }
}

/// Splits at commas that stand in no inner braces.
fn split_at_commas(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_written_out() {
        let text = "use std::{\n    fs,\n    io::{self, Read as R},\n};\npub(crate) use a::b as c;\nfn f() { use d::*; }\n// use no::no;\nlet reuse = 1; reuse ;\n";
        let found = paths(&Source::new("a.rs", text));
        let expected = [(1, "std::fs"), (1, "std::io"), (1, "std::io::Read"), (5, "a::b"), (6, "d::*")];
        assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
    }
}
