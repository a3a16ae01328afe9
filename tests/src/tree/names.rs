//! Names that are legal on Linux and that programs trip over.

/// Each is one component: no slash, no NUL, at most 255 bytes, and not `.twinhaul`.
pub fn awkward() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = TEXTS.iter().map(|n| n.as_bytes().to_vec()).collect();
    names.extend(BYTES.iter().map(|n| n.to_vec()));
    names.push(vec![b'n'; 255]);
    names.push([&[b'm'; 252][..], "\u{6f22}".as_bytes()].concat());
    names
}

const TEXTS: &[&str] = &[
    "a b  c",
    " leading",
    "trailing ",
    "\u{e9}-nfc",
    "e\u{301}-nfd",
    "\u{6f22}\u{5b57}",
    "\u{1f69a} lorry",
    "line\nbreak",
    "two\n\nbreaks\n",
    "carriage\rreturn",
    "tab\there",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]52;c;aGVsbG8=\x07",
    "\u{9b}31m",
    "bell\x07backspace\x08delete\x7f",
    "\u{202e}gpj.exe",
    "\u{2066}isolate\u{2069}",
    "\u{200f}right",
    "zero\u{200b}width",
    "\u{feff}mark",
    "-rf",
    "--help",
    "-",
    "back\\slash",
    "quote'\"`$(touch x);&|<>",
    "*?[a-z]{b,c}",
    "~",
    "#hash",
    "%41%2f",
    "...",
    "..a",
    "name.",
    "a:b",
    "con",
    "CASE",
    "case",
    ".twinhaul-like",
    ".twinhaul.tmp",
    "twinhaul",
    "ledger.sqlite",
    "${env:HOME}",
    "=1+1",
];

const BYTES: &[&[u8]] =
    &[b"\xff\xfe", b"latin1-\xe9", b"cut \xe6\xbc", b"\xed\xa0\x80 surrogate", b"\xc0\xaf slash"];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_can_stand_in_a_directory_and_none_is_ours() {
        let names = awkward();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for name in &names {
            assert!(twinhaul_units::Key::new(name.clone()).is_ok(), "{name:?}");
            assert!(!name.contains(&b'/') && name != b".twinhaul", "{name:?}");
        }
        assert!(names.iter().any(|n| n.len() == 255));
        assert!(names.iter().any(|n| std::str::from_utf8(n).is_err()));
    }
}
