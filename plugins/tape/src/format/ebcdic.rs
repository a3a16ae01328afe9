//! Characters of labels in code page 037, as far as they are the same in 500 and 1047 (tape-format.md 2.3).
//!
//! Written are only `A-Z 0-9 space . - _ = / :`; what is read and not known becomes `?`.

/// The code of a character that labels may hold; anything else is written as `?`.
pub fn encode(c: u8) -> u8 {
    match c {
        b'A'..=b'I' => 0xC1 + (c - b'A'),
        b'J'..=b'R' => 0xD1 + (c - b'J'),
        b'S'..=b'Z' => 0xE2 + (c - b'S'),
        b'0'..=b'9' => 0xF0 + (c - b'0'),
        b' ' => 0x40,
        b'.' => 0x4B,
        b'-' => 0x60,
        b'/' => 0x61,
        b'_' => 0x6D,
        b':' => 0x7A,
        b'=' => 0x7E,
        _ => 0x6F,
    }
}

/// The character behind a code, lower case included (others write it).
pub fn decode(e: u8) -> u8 {
    match e {
        0xC1..=0xC9 => b'A' + (e - 0xC1),
        0xD1..=0xD9 => b'J' + (e - 0xD1),
        0xE2..=0xE9 => b'S' + (e - 0xE2),
        0x81..=0x89 => b'a' + (e - 0x81),
        0x91..=0x99 => b'j' + (e - 0x91),
        0xA2..=0xA9 => b's' + (e - 0xA2),
        0xF0..=0xF9 => b'0' + (e - 0xF0),
        0x40 | 0x00 => b' ',
        0x4B => b'.',
        0x60 => b'-',
        0x61 => b'/',
        0x6D => b'_',
        0x7A => b':',
        0x7E => b'=',
        _ => b'?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_labels_hold_goes_there_and_back() {
        for c in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .-_=/:" {
            assert_eq!(decode(encode(*c)), *c);
        }
        let vol1: Vec<u8> = b"VOL1A00002".iter().map(|c| encode(*c)).collect();
        assert_eq!(vol1, [0xe5, 0xd6, 0xd3, 0xf1, 0xc1, 0xf0, 0xf0, 0xf0, 0xf0, 0xf2]);
        assert_eq!(encode(b'a'), encode(b'?'));
    }
}
