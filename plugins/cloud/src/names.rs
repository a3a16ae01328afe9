//! Keys and paths: a key is the path below the configured prefix, byte for byte; what cannot be one is refused before bytes move.

use twinhaul_backend_abi::{Code, Key, KeyRules, Result};

use crate::fail::about;

/// Private objects: uploads that are under way, and the canary of [`crate::canary`].
pub(crate) const PRIVATE: &str = ".twinhaul";
/// What is written to find out what a service does; beside, not below: a directory that a file server makes for it would stay.
pub(crate) const TRIAL: &str = ".twinhaul-trial-";
/// The longest key of S3, Azure and Google, prefix included.
pub(crate) const KEY_MAX: u32 = 1024;
/// XML, which listings come in, has no way to write control characters.
const RULES: KeyRules = KeyRules::UTF8.with(KeyRules::PRINTABLE);

/// Of one service.
pub(crate) fn rules(service: &str) -> KeyRules {
    let azure = service.starts_with("az");
    let files = matches!(service, "webdav" | "sftp");
    let mut rules = RULES;
    if azure {
        // Azure takes it for a slash (found by trying azurite).
        rules = rules.with(KeyRules::NO_BACKSLASHES);
    }
    if files {
        rules = rules.with(KeyRules::NO_PREFIXES);
    }
    rules
}

/// What only some services refuse, before they change it.
pub(crate) fn fits(service: &str, doing: &str, key: &Key) -> Result<()> {
    if rules(service).contains(KeyRules::NO_BACKSLASHES) && key.as_bytes().contains(&b'\\') {
        let why = "this service takes a backslash for a slash";
        return Err(about(Code::InvalidArg, doing, key.as_bytes(), why));
    }
    Ok(())
}

/// The path of an object.
pub(crate) fn path<'a>(doing: &str, key: &'a Key) -> Result<&'a str> {
    let refuse = |why: &str| Err(about(Code::InvalidArg, doing, key.as_bytes(), why));
    let Ok(path) = std::str::from_utf8(key.as_bytes()) else {
        return refuse("this service takes only UTF-8 names");
    };
    if path.is_empty() {
        return refuse("the root is no object");
    }
    if path.chars().any(char::is_control) {
        return refuse("this service takes no control characters in names");
    }
    if is_private(path) {
        return refuse("this name is private to twinhaul");
    }
    Ok(path)
}

/// Of a path below the configured prefix.
pub(crate) fn is_private(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    first == PRIVATE || first.starts_with(TRIAL)
}

/// The path of a prefix, for listing: the root is `/`.
pub(crate) fn directory(doing: &str, key: Option<&Key>) -> Result<String> {
    match key.filter(|k| !k.as_bytes().is_empty()) {
        Some(key) => Ok(format!("{}/", path(doing, key)?)),
        None => Ok("/".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_stay_and_private_names_are_refused() {
        let key = |s: &str| Key::new(s).unwrap();
        assert_eq!(path("x", &key(" a ")).unwrap(), " a ");
        assert_eq!(directory("x", Some(&key("a b"))).unwrap(), "a b/");
        assert_eq!(directory("x", None).unwrap(), "/");
        assert!(path("x", &key(".twinhaul/x")).is_err());
        assert!(path("x", &key(".twinhaul2")).is_ok());
        assert!(path("x", &key(".twinhaul-trial-00/a")).is_err());
        assert!(path("x", &Key::new(b"a\xff".to_vec()).unwrap()).is_err());
        assert!(path("x", &key("a\nb")).is_err());
    }
}
