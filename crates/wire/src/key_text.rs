//! A key in JSON: text, and the exact bytes beside it where they are not text (store.md 3).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// `key` for reading, `key_b64` only when the key is not UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyText {
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_b64: Option<String>,
}

impl KeyText {
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { key: text.to_owned(), key_b64: None },
            Err(_) => Self {
                key: String::from_utf8_lossy(bytes).into_owned(),
                key_b64: Some(STANDARD.encode(bytes)),
            },
        }
    }

    /// The key's bytes as they are in storage.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.exact().unwrap_or_else(|| self.key.as_bytes().to_vec())
    }

    /// The key's bytes; `None` when `key_b64` is not base64, in what somebody else wrote.
    pub fn exact(&self) -> Option<Vec<u8>> {
        match &self.key_b64 {
            None => Some(self.key.as_bytes().to_vec()),
            Some(b64) => STANDARD.decode(b64).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        for bytes in [&b"plain"[..], b"\xff\xfe", "ü".as_bytes(), b""] {
            assert_eq!(KeyText::from_bytes(bytes).to_bytes(), bytes);
        }
    }
}
