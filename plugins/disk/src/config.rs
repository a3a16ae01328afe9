//! The configuration of a disk target: JSON in, checked values out, every problem with its JSON pointer.
//!
//! No I/O happens here. Entry points: [`Config::of`] and [`Config::parse`].

use std::ffi::CStr;
use std::path::PathBuf;

use serde_json::{Map, Value};
use twinhaul_backend_abi::{Code, Error, Problem, Result};
use twinhaul_units::Bytes;

/// Objects from this size on are read past the page cache, so that a migration does not empty it (backends.md 2).
const DIRECT_ABOVE: Bytes = Bytes::mib(64);

/// JSON Schema of the configuration.
pub const SCHEMA: &CStr = cr#"{"type":"object","required":["root"],"additionalProperties":false,"properties":{
"root":{"type":"string","pattern":"^/","description":"absolute path of the directory"},
"create":{"type":"boolean","default":false,"description":"make the directory when it is missing"},
"direct_above":{"type":["string","integer"],"default":"64 MiB","description":"objects from this size on are read past the page cache"},
"xattrs":{"type":"boolean","default":true,"description":"read and keep user.* extended attributes"},
"reflink":{"type":"boolean","default":true,"description":"share the blocks of a source on the same file system, where it can"}}}"#;

/// A checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Absolute. May lead through symlinks: it is what the user wrote, and resolved once.
    pub root: PathBuf,
    /// Make `root` when it is missing.
    pub create: bool,
    pub direct_above: Bytes,
    pub xattrs: bool,
    /// Share blocks with a source on the same file system, where it can.
    pub reflink: bool,
}

impl Config {
    /// # Errors
    /// [`Code::InvalidConfig`] with the first problem.
    pub fn of(json: &str) -> Result<Self> {
        match Self::parse(json) {
            (Some(config), problems) if problems.is_empty() => Ok(config),
            (_, problems) => {
                let first = problems.first().map_or(String::new(), |p| format!("{}: {}", p.path, p.message));
                Err(Error::new(Code::InvalidConfig, first))
            }
        }
    }

    /// What can be read of it, and all that is wrong.
    pub fn parse(json: &str) -> (Option<Self>, Vec<Problem>) {
        let fields = match serde_json::from_str(json) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return (None, vec![Problem::error("", "expected an object")]),
            Err(e) => return (None, vec![Problem::error("", format!("not JSON: {e}"))]),
        };
        let mut problems = Vec::new();
        let root = root(&fields, &mut problems);
        let create = switch(&fields, "create", false, &mut problems);
        let direct_above = size(&fields, "direct_above", DIRECT_ABOVE, &mut problems);
        let xattrs = switch(&fields, "xattrs", true, &mut problems);
        let reflink = switch(&fields, "reflink", true, &mut problems);
        for key in fields.keys() {
            if !matches!(key.as_str(), "root" | "create" | "direct_above" | "xattrs" | "reflink") {
                let known = "unknown key; known are root, create, direct_above, xattrs and reflink";
                problems.push(Problem::error(pointer(key), known));
            }
        }
        (root.map(|root| Self { root, create, direct_above, xattrs, reflink }), problems)
    }
}

/// RFC 6901: `~` and `/` of a key are escaped.
fn pointer(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn root(fields: &Map<String, Value>, problems: &mut Vec<Problem>) -> Option<PathBuf> {
    let wrong = match fields.get("root") {
        None => "missing; expected the absolute path of a directory",
        Some(Value::String(path)) if path.contains('\0') => "holds a NUL character",
        Some(Value::String(path)) if path.starts_with('/') => return Some(PathBuf::from(path)),
        Some(Value::String(_)) => "expected an absolute path, beginning with /",
        Some(_) => "expected a text: the absolute path of a directory",
    };
    problems.push(Problem::error("/root", wrong));
    None
}

fn switch(fields: &Map<String, Value>, key: &str, default: bool, problems: &mut Vec<Problem>) -> bool {
    match fields.get(key) {
        None => default,
        Some(Value::Bool(value)) => *value,
        Some(_) => {
            problems.push(Problem::error(pointer(key), "expected true or false"));
            default
        }
    }
}

fn size(fields: &Map<String, Value>, key: &str, default: Bytes, problems: &mut Vec<Problem>) -> Bytes {
    let parsed = match fields.get(key) {
        None => return default,
        Some(Value::Number(n)) => n.as_u64().map(Bytes),
        Some(Value::String(text)) => Bytes::parse(text).ok(),
        Some(_) => None,
    };
    parsed.unwrap_or_else(|| {
        problems.push(Problem::error(pointer(key), "expected a size such as \"64 MiB\" or 67108864"));
        default
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_configuration_is_read() {
        let json = r#"{"root":"/srv/a","create":true,"direct_above":"1 MiB","xattrs":false,"reflink":false}"#;
        let config = Config::of(json).unwrap();
        let root = PathBuf::from("/srv/a");
        assert_eq!(
            config,
            Config { root, create: true, direct_above: Bytes::mib(1), xattrs: false, reflink: false }
        );
        assert_eq!(Config::of(r#"{"root":"/","direct_above":4096}"#).unwrap().direct_above, Bytes(4096));
    }

    #[test]
    fn every_problem_is_named_with_its_place() {
        let (_, problems) = Config::parse(r#"{"root":"srv","create":1,"direct_above":-1,"fsynk/":true}"#);
        let mut places: Vec<_> = problems.iter().map(|p| p.path.as_str()).collect();
        places.sort_unstable();
        assert_eq!(places, ["/create", "/direct_above", "/fsynk~1", "/root"]);
        for bad in ["", "[]", "{}", r#"{"root":"/a\u0000b"}"#] {
            assert_eq!(Config::of(bad).unwrap_err().code, Code::InvalidConfig, "{bad}");
        }
    }

    #[test]
    fn the_schema_is_json_and_names_the_same_keys() {
        let schema: Value = serde_json::from_str(SCHEMA.to_str().unwrap()).unwrap();
        let keys: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["create", "direct_above", "reflink", "root", "xattrs"]);
    }
}
