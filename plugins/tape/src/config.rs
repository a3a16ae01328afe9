//! The configuration of a tape target: JSON in, checked values out, every problem with its JSON pointer.
//!
//! No I/O happens here. What a library is made of (`drives`, `cartridges`, …) counts only when it is made; a library that is there
//! says itself what it is. Entry points: [`Config::of`] and [`Config::parse`].

use std::ffi::CStr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use twinhaul_backend_abi::{Code, Error, Problem, Result};
use twinhaul_units::{Bytes, Span};

use crate::format::labels::Charset;
use crate::format::{BLOCK, BLOCK_LARGE};

/// A data set closes at this size (backends.md 3).
const CLOSE_BYTES: Bytes = Bytes::mib(64);
/// A data set closes at this age.
const CLOSE_AGE: Duration = Duration::from_secs(30);
const IDLE_UNMOUNT: Duration = Duration::from_secs(30);
/// How long a drive is kept while others wait for one.
const TURN: Duration = Duration::from_secs(5);
const CAPACITY: Bytes = Bytes::mib(1024);
/// The pool of whoever says none.
pub(crate) const DEFAULT_POOL: &str = "default";
/// Below this no block, labels and early warning fit.
pub const CAPACITY_MIN: Bytes = Bytes::kib(512);
pub const DRIVES_MAX: u64 = 64;
pub const SLOTS_MAX: u64 = 10_000;
pub const SPEEDUP_MAX: u64 = 1_000;

/// JSON Schema of the configuration.
pub const SCHEMA: &CStr = cr#"{"type":"object","required":["library"],"additionalProperties":false,"properties":{
"library":{"type":"string","pattern":"^/","description":"absolute path of the library's directory"},
"pool":{"type":"string","default":"default","description":"cartridges that this target writes to"},
"create":{"type":"boolean","default":false,"description":"make the library when it is missing, with the fields below"},
"drives":{"type":"integer","default":1},
"slots":{"type":"integer","default":40},
"cartridges":{"type":"integer","default":4,"description":"made and labelled with the library"},
"capacity":{"type":["string","integer"],"default":"1 GiB","description":"of each cartridge"},
"labels":{"enum":["ibm","ansi"],"default":"ibm"},
"block":{"enum":[32256,64512],"default":32256},
"close_bytes":{"type":["string","integer"],"default":"64 MiB","description":"a data set closes at this size"},
"close_age":{"type":"string","default":"30 s","description":"a data set closes at this age"},
"idle_unmount":{"type":"string","default":"30 s"},
"turn":{"type":"string","default":"5 s","description":"how long a drive is kept while others wait"},
"timing":{"enum":["off","lto8"],"default":"off","description":"simulated times of a real drive, for demonstrations"},
"speedup":{"type":"integer","default":1,"description":"simulated times are divided by this"},
"bare":{"type":"boolean","default":false,"description":"open without a library, for `tape init`"}}}"#;

/// What a library is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub drives: u32,
    pub slots: u32,
    pub cartridges: u32,
    pub capacity: u64,
    pub labels: Charset,
    pub block: u32,
}

impl Default for Shape {
    fn default() -> Self {
        Self { drives: 1, slots: 40, cartridges: 4, capacity: CAPACITY.0, labels: Charset::Ibm, block: BLOCK }
    }
}

/// A checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub library: PathBuf,
    pub pool: String,
    pub create: bool,
    pub shape: Shape,
    /// Said, and not the default: for cartridges that are added.
    pub capacity: Option<u64>,
    pub labels: Option<Charset>,
    pub close_bytes: u64,
    pub close_age: Duration,
    pub idle_unmount: Duration,
    /// `None` = not said.
    pub turn: Option<Duration>,
    /// The time model is on, and times are divided by this.
    pub speedup: Option<u32>,
    pub bare: bool,
}

impl Config {
    /// How long a drive is kept while others wait: long enough to be worth a mount, whatever that costs.
    pub fn turn_after(&self, mount: Duration) -> Duration {
        self.turn.unwrap_or_else(|| TURN.max(mount * 4))
    }

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
        let mut read = Reading { fields: &fields, problems: Vec::new(), known: Vec::new() };
        let library = read.path("library");
        let (pool, create, shape) = (read.pool(), read.switch("create"), read.shape());
        let config = Self {
            library: library.clone().unwrap_or_default(),
            pool,
            create,
            capacity: fields.contains_key("capacity").then_some(shape.capacity),
            labels: fields.contains_key("labels").then_some(shape.labels),
            shape,
            close_bytes: read.size("close_bytes", CLOSE_BYTES, Bytes(1)),
            close_age: read.span("close_age").unwrap_or(CLOSE_AGE),
            idle_unmount: read.span("idle_unmount").unwrap_or(IDLE_UNMOUNT),
            turn: read.span("turn"),
            speedup: read.speedup(),
            bare: read.switch("bare"),
        };
        read.unknown();
        (library.map(|_| config), read.problems)
    }
}

struct Reading<'a> {
    fields: &'a Map<String, Value>,
    problems: Vec<Problem>,
    known: Vec<&'static str>,
}

impl Reading<'_> {
    fn get(&mut self, key: &'static str) -> Option<&Value> {
        self.known.push(key);
        self.fields.get(key)
    }

    fn wrong(&mut self, key: &str, expected: &str) {
        // RFC 6901: `~` and `/` of a key are escaped.
        let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        self.problems.push(Problem::error(pointer, expected));
    }

    fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let wrong = match self.get(key) {
            None => "missing; expected the absolute path of a library's directory",
            Some(Value::String(path)) if path.contains('\0') => "holds a NUL character",
            Some(Value::String(path)) if path.starts_with('/') => return Some(PathBuf::from(path)),
            Some(_) => "expected an absolute path, beginning with /",
        };
        self.wrong(key, wrong);
        None
    }

    fn pool(&mut self) -> String {
        let good = |p: &str| {
            !p.is_empty()
                && p.len() <= 32
                && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
        };
        match self.get("pool") {
            None => DEFAULT_POOL.to_owned(),
            Some(Value::String(pool)) if good(pool) => pool.clone(),
            Some(_) => {
                self.wrong("pool", "expected a name of a-z, 0-9, - and _");
                String::new()
            }
        }
    }

    fn switch(&mut self, key: &'static str) -> bool {
        match self.get(key) {
            None => false,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                self.wrong(key, "expected true or false");
                false
            }
        }
    }

    fn number(&mut self, key: &'static str, default: u64, least: u64, most: u64) -> u32 {
        let n = match self.get(key) {
            None => Some(default),
            Some(value) => value.as_u64(),
        };
        match n {
            Some(n) if (least..=most).contains(&n) => n as u32,
            _ => {
                self.wrong(key, &format!("expected a whole number from {least} to {most}"));
                default as u32
            }
        }
    }

    fn size(&mut self, key: &'static str, default: Bytes, least: Bytes) -> u64 {
        let parsed = match self.get(key) {
            None => return default.0,
            Some(Value::Number(n)) => n.as_u64().map(Bytes),
            Some(Value::String(text)) => Bytes::parse(text).ok(),
            Some(_) => None,
        };
        match parsed {
            Some(size) if size >= least => size.0,
            Some(_) => {
                self.wrong(key, &format!("expected at least {least}, or not even a block fits"));
                default.0
            }
            None => {
                self.wrong(key, "expected a size such as \"64 MiB\" or 67108864");
                default.0
            }
        }
    }

    fn span(&mut self, key: &'static str) -> Option<Duration> {
        let parsed = match self.get(key)? {
            Value::String(text) => Span::parse(text).ok().map(|span| span.0),
            Value::Number(n) => n.as_u64().map(Duration::from_secs),
            _ => None,
        };
        if parsed.is_none() {
            self.wrong(key, "expected a time such as \"30 s\" or \"5 min\"");
        }
        parsed
    }

    fn shape(&mut self) -> Shape {
        let plain = Shape::default();
        let drives = self.number("drives", u64::from(plain.drives), 1, DRIVES_MAX);
        let slots = self.number("slots", u64::from(plain.slots), 1, SLOTS_MAX);
        let cartridges = self.number("cartridges", u64::from(plain.cartridges), 0, SLOTS_MAX);
        if cartridges > slots {
            self.wrong("cartridges", &format!("there are only {slots} slots"));
        }
        let labels = match self.get("labels") {
            None => Some(plain.labels),
            Some(value) => value.as_str().and_then(Charset::of),
        };
        if labels.is_none() {
            self.wrong("labels", "expected ibm or ansi");
        }
        let block = match self.get("block").map(Value::as_u64) {
            None => Some(BLOCK),
            Some(Some(n)) if n == u64::from(BLOCK) || n == u64::from(BLOCK_LARGE) => Some(n as u32),
            Some(_) => None,
        };
        if block.is_none() {
            self.wrong("block", "expected 32256 or 64512: what other people's tools read");
        }
        Shape {
            drives,
            slots,
            cartridges,
            capacity: self.size("capacity", CAPACITY, CAPACITY_MIN),
            labels: labels.unwrap_or_default(),
            block: block.unwrap_or(BLOCK),
        }
    }

    fn speedup(&mut self) -> Option<u32> {
        let on = match self.get("timing") {
            None => false,
            Some(Value::String(word)) if word == "off" => false,
            Some(Value::String(word)) if word == "lto8" => true,
            Some(_) => {
                self.wrong("timing", "expected off or lto8");
                false
            }
        };
        let speedup = self.number("speedup", 1, 1, SPEEDUP_MAX);
        on.then_some(speedup)
    }

    fn unknown(&mut self) {
        let strangers: Vec<String> =
            self.fields.keys().filter(|k| !self.known.contains(&k.as_str())).cloned().collect();
        for key in strangers {
            let known = format!("unknown key; known are {}", self.known.join(", "));
            self.wrong(&key, &known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_configuration_is_read() {
        let json = r#"{"library":"/vtl/main","pool":"archive","create":true,"drives":2,"slots":8,"cartridges":5,
            "capacity":"20 MiB","labels":"ansi","block":64512,"close_bytes":"1 MiB","close_age":"2 s",
            "idle_unmount":"1 s","turn":"3 s","timing":"lto8","speedup":100}"#;
        let c = Config::of(json).unwrap();
        assert_eq!((c.shape.drives, c.shape.slots, c.shape.cartridges), (2, 8, 5));
        assert_eq!((c.shape.capacity, c.shape.block, c.shape.labels), (20 << 20, 64_512, Charset::Ansi));
        assert_eq!((c.close_bytes, c.close_age, c.speedup), (1 << 20, Duration::from_secs(2), Some(100)));
        assert_eq!(c.turn_after(Duration::from_mins(1)), Duration::from_secs(3));
        let plain = Config::of(r#"{"library":"/a"}"#).unwrap();
        assert_eq!(
            (plain.close_bytes, plain.close_age, plain.speedup),
            (64 << 20, Duration::from_secs(30), None)
        );
        assert_eq!(plain.turn_after(Duration::from_mins(1)), Duration::from_mins(4));
    }

    #[test]
    fn every_problem_is_named_with_its_place() {
        let (_, problems) = Config::parse(
            r#"{"library":"vtl","drives":0,"cartridges":50,"capacity":"4 KiB","block":1000,"labels":"utf8",
                "timing":"slow","speedup":0,"pool":"A b","close_age":true,"drive~":1}"#,
        );
        let mut places: Vec<_> = problems.iter().map(|p| p.path.as_str()).collect();
        places.sort_unstable();
        assert_eq!(
            places,
            [
                "/block",
                "/capacity",
                "/cartridges",
                "/close_age",
                "/drives",
                "/drive~0",
                "/labels",
                "/library",
                "/pool",
                "/speedup",
                "/timing"
            ]
        );
        for bad in ["", "[]", "{}", r#"{"library":"/a\u0000b"}"#] {
            assert_eq!(Config::of(bad).unwrap_err().code, Code::InvalidConfig, "{bad}");
        }
    }

    #[test]
    fn the_schema_is_json_and_names_the_same_keys() {
        let schema: Value = serde_json::from_str(SCHEMA.to_str().unwrap()).unwrap();
        let mut keys: Vec<_> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        let none = Map::new();
        let mut read = Reading { fields: &none, problems: Vec::new(), known: Vec::new() };
        let _ = (read.path("library"), read.pool(), read.switch("create"), read.shape(), read.speedup());
        let mut known = read.known;
        known.extend(["close_bytes", "close_age", "idle_unmount", "turn", "bare"]);
        known.sort_unstable();
        assert_eq!(keys, known);
    }
}
