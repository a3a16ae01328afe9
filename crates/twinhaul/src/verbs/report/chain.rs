//! Lines that hold each other, so that an edited, removed, added or reordered one is found.
//!
//! The last field of each line is `chain`: BLAKE3, in hexadecimal, of the chain value of the line before it (nothing before
//! the first line) followed by the line without that field. The bytes count as they stand in the file, so that nobody
//! has to agree with us on how JSON is written: `printf %s%s "$before" "$line" | b3sum` checks one. It is 256 bits whole,
//! because whoever makes a manifest can choose names, and so search for two that collide in half as many bits.
//! Entry points: [`Chain::link`], [`split`], [`value_after`].

const FIELD: &str = ",\"chain\":\"";
/// Of a chain value.
pub(super) const HEX_DIGITS: usize = 64;

/// The value of the last line; empty before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain(String);

impl Chain {
    /// The line to write for `body`, a JSON object.
    pub(super) fn link(&mut self, body: &str) -> String {
        self.0 = value_after(&self.0, body.as_bytes());
        format!("{}{FIELD}{}\"}}", body.strip_suffix('}').unwrap_or(body), self.0)
    }

    /// Of the last line, the summary: it stands for the whole file.
    pub(super) fn head(&self) -> &str {
        &self.0
    }
}

/// What the chain value of `body` must be behind a line with the value `before`.
pub(super) fn value_after(before: &str, body: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before.as_bytes()).update(body);
    hasher.finalize().to_hex().to_string()
}

/// A written line (without its line feed) as its body and its chain value; `None` when it has none.
pub(super) fn split(line: &[u8]) -> Option<(Vec<u8>, &str)> {
    let rest = line.strip_suffix(b"\"}")?;
    let (rest, value) = rest.split_at_checked(rest.len().checked_sub(HEX_DIGITS)?)?;
    let body = rest.strip_suffix(FIELD.as_bytes())?;
    let value = std::str::from_utf8(value).ok().filter(|v| is_value(v))?;
    Some(([body, b"}"].concat(), value))
}

/// Whether `text` can be a chain value, as it is written.
pub(super) fn is_value(text: &str) -> bool {
    text.len() == HEX_DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_apart_as_it_was_put_together() {
        let mut chain = Chain::default();
        let bodies = [r#"{"a":1}"#, r#"{"b":"x\",\"chain\":\"y"}"#];
        let lines = bodies.map(|body| chain.link(body));
        let mut before = "";
        for (line, body) in lines.iter().zip(bodies) {
            let (found, value) = split(line.as_bytes()).unwrap();
            assert_eq!(found, body.as_bytes());
            assert_eq!(value, value_after(before, body.as_bytes()));
            before = value;
        }
        assert_eq!(before, chain.head());
    }

    #[test]
    fn what_is_no_line_is_none() {
        let line = Chain::default().link(r#"{"a":1}"#);
        for broken in ["", "{}", r#"{"a":1}"#, &line[..line.len() - 1], &line[1..line.len() - 9]] {
            assert!(split(broken.as_bytes()).is_none(), "{broken}");
        }
        assert!(split(line.to_uppercase().as_bytes()).is_none());
    }

    /// With `b3sum`: `printf '{"a":1}' | b3sum`, and of that value and `{"b":2}`.
    #[test]
    fn a_stranger_can_check_it() {
        let mut chain = Chain::default();
        chain.link(r#"{"a":1}"#);
        let first = blake3::hash(br#"{"a":1}"#).to_hex().to_string();
        assert_eq!(chain.head(), first);
        chain.link(r#"{"b":2}"#);
        let both = format!("{first}{}", r#"{"b":2}"#);
        assert_eq!(chain.head(), blake3::hash(both.as_bytes()).to_hex().as_str());
    }
}
