//! What is written: bytes that are different everywhere, so that a mix or a shift shows; checksums; awkward names.

use twinhaul_backend_abi::KeyRules;

/// `n` bytes that depend on `seed` and on every position.
pub(super) fn pattern(n: usize, seed: u64) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(n + 8);
    while out.len() < n {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out.extend_from_slice(&x.to_le_bytes());
    }
    out.truncate(n);
    out
}

/// CRC-32C (Castagnoli), big-endian as the cloud services write it.
pub(super) fn crc32c(bytes: &[u8]) -> Vec<u8> {
    let crc = bytes.iter().fold(!0u32, |crc, b| {
        (0..8).fold(crc ^ u32::from(*b), |c, _| if c & 1 == 1 { (c >> 1) ^ 0x82f6_3b78 } else { c >> 1 })
    });
    (!crc).to_be_bytes().to_vec()
}

/// Sixty names that have broken programs, each one component or a path.
pub(super) fn awkward_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        " ",
        "  two  spaces  ",
        " leading",
        "trailing ",
        "tab\there",
        "new\nline",
        "carriage\rreturn",
        "\u{7}bell",
        "esc\u{1b}[2J",
        "\u{1b}]0;title\u{7}",
        "\u{9b}31m",
        "del\u{7f}",
        "-rf",
        "--help",
        "-",
        "~",
        "~root",
        "$HOME",
        "${env:X}",
        "`id`",
        "$(id)",
        "a;b",
        "a&b",
        "a|b",
        "a>b",
        "a<b",
        "quote'",
        "double\"",
        "back\\slash",
        "back\\..\\slash",
        "star*",
        "question?",
        "[a-z]",
        "{a,b}",
        "#hash",
        "%41",
        "%2e%2e%2f",
        "%",
        "a+b",
        "a=b",
        "a,b",
        "a:b",
        "C:",
        "...",
        "..a",
        ".hidden",
        "trailing.",
        "CON",
        "nul.txt",
        "\u{fc}ml\u{e4}ut",
        "u\u{308}mlaut",
        "\u{6f22}\u{5b57}",
        "\u{1f600}",
        "\u{202e}gpj.exe",
        "zero\u{200b}width",
        "\u{feff}bom",
        "deep/er/and/deeper/still",
    ]
    .iter()
    .map(|s| s.as_bytes().to_vec())
    .collect();
    names.push(b"invalid\xff\xfeutf8".to_vec());
    names.push(b"\xc0\xafoverlong".to_vec());
    names.push(vec![b'x'; 255]);
    names
}

/// Whether a target with these rules and sizes says that it holds `key` (0 = no limit).
pub(super) fn holds(key: &[u8], rules: KeyRules, max_key: u32, max_component: u32) -> bool {
    let fits = |len: usize, max: u32| max == 0 || len <= max as usize;
    let text = std::str::from_utf8(key);
    fits(key.len(), max_key)
        && key.split(|b| *b == b'/').all(|c| fits(c.len(), max_component))
        && !(rules.contains(KeyRules::NO_BACKSLASHES) && key.contains(&b'\\'))
        && (!rules.contains(KeyRules::UTF8) || text.is_ok())
        && (!rules.contains(KeyRules::PRINTABLE)
            || text.map_or(!key.iter().any(u8::is_ascii_control), |t| !t.chars().any(char::is_control)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_sixty_names_and_all_are_keys() {
        let names = awkward_names();
        assert_eq!(names.len(), 60);
        for name in &names {
            assert!(twinhaul_units::Key::new(name.clone()).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn the_checksum_is_castagnoli() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283u32.to_be_bytes());
    }

    #[test]
    fn rules_keep_names_out() {
        assert!(holds(b"\xff", KeyRules::NONE, 0, 0));
        assert!(!holds(b"\xff", KeyRules::UTF8, 0, 0));
        assert!(!holds(b"a\nb", KeyRules::PRINTABLE, 0, 0));
        assert!(!holds(b"a\\b", KeyRules::NO_BACKSLASHES, 0, 0));
        assert!(!holds(b"abc/d", KeyRules::NONE, 4, 0));
        assert!(!holds(b"abc/d", KeyRules::NONE, 0, 2));
    }
}
