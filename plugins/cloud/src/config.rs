//! The configuration of a cloud target: JSON in, checked values out, every problem with its JSON pointer.
//!
//! No I/O happens here. What a service needs is in [`crate::services`]; this file adds what is common to all. Secrets are kept only in
//! [`Config::options`] and [`Config::secrets`], and `Debug` shows neither. Entry points: [`Config::of`] and [`Config::parse`].

use std::ffi::CStr;
use std::time::Duration;

use serde_json::{Map, Value};
use twinhaul_backend_abi::{Code, Error, Problem, Result};
use twinhaul_units::{Bytes, Span};

use crate::services::{self, Need, Service};

/// Bytes of a part; grows with the object so that [`PARTS_MAX`] are enough (backends.md 4).
pub const PART: Bytes = Bytes::mib(8);
/// What S3 takes at least.
pub const PART_MIN: Bytes = Bytes::mib(5);
pub const PART_MAX: Bytes = Bytes::mib(5 * 1024);
/// Parts planned for one object; S3 allows 10,000, and a size hint may be a little wrong.
pub const PARTS_MAX: u64 = 9_000;
/// Parts of one object on their way at once.
const IN_FLIGHT: u64 = 4;
const IN_FLIGHT_MAX: u64 = 64;
/// Bytes in memory, over all open objects of one target.
const MEMORY: Bytes = Bytes::mib(256);
/// An object that is sent whole must fit into memory.
const ONE_SHOT: Bytes = Bytes::mib(128);
/// A request without an answer; one with a body has longer ([`crate::patience`]).
const TIMEOUT: Duration = Duration::from_mins(1);
const RETRIES: u64 = 5;
const RETRIES_MAX: u64 = 100;

/// JSON Schema of the configuration: what is common to all services.
pub const SCHEMA: &CStr = cr#"{"type":"object","required":["service"],"properties":{
"service":{"enum":["s3","azblob","webdav","sftp","memory","gcs","azdls","oss","cos","obs","b2","swift"]},
"prefix":{"type":"string","default":"","description":"keys are below it"},
"part_size":{"type":["string","integer"],"default":"8 MiB"},
"parts_in_flight":{"type":"integer","default":4,"description":"of one object"},
"memory":{"type":["string","integer"],"default":"256 MiB","description":"over all open objects"},
"max_object":{"type":["string","integer"],"default":"128 MiB","description":"where objects are sent whole"},
"checksum":{"enum":["crc32c","md5","none"],"default":"crc32c","description":"s3: sent with every part"},
"timeout":{"type":"string","default":"60 s","description":"a request without an answer"},
"retries":{"type":"integer","default":5,"description":"of one request"},
"times":{"enum":["kept","server"],"default":"kept","description":"listings ask each object for its own time"},
"read_only":{"type":"boolean","default":false,"description":"a source: nothing is ever written"}}}"#;

/// What is sent with every part and object, for the server to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartChecksum {
    Crc32c,
    Md5,
    None,
}

/// A checked configuration.
#[derive(Clone)]
pub struct Config {
    pub service: &'static Service,
    /// For OpenDAL, by its names; with secrets.
    pub options: Vec<(String, String)>,
    /// Their values, to be kept out of every text.
    pub secrets: Vec<String>,
    /// Without `/` at its ends.
    pub prefix: String,
    /// What a person would call the place: without secrets.
    pub location: String,
    pub part: u64,
    pub in_flight: usize,
    pub memory: u64,
    pub max_object: u64,
    pub checksum: PartChecksum,
    pub timeout: Duration,
    pub retries: u32,
    /// Listings tell each object's own time, at the cost of one request each.
    pub times_kept: bool,
    pub read_only: bool,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("location", &self.location).finish_non_exhaustive()
    }
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
        let name = fields.get("service").and_then(Value::as_str);
        let Some(service) = name.and_then(services::find) else {
            let said =
                name.map_or("nothing".to_owned(), |n| format!("\"{}\"", twinhaul_units::text::show(n)));
            let why = format!("{said} is not a service; expected one of {}", services::names());
            return (None, vec![Problem::error("/service", why)]);
        };
        let mut read = Reading { fields: &fields, problems: Vec::new(), known: vec!["service"] };
        let prefix = read.prefix();
        let (mut options, secrets) = read.of_service(service);
        let checksum = read.checksum(service);
        let config = Self {
            service,
            location: location(service, &fields, &prefix),
            part: read.size("part_size", PART, PART_MIN, PART_MAX),
            in_flight: read.number("parts_in_flight", IN_FLIGHT, IN_FLIGHT_MAX) as usize,
            memory: read.size("memory", MEMORY, PART, Bytes(u64::MAX)),
            max_object: read.size("max_object", ONE_SHOT, Bytes(1), PART_MAX),
            checksum,
            timeout: read.span("timeout", TIMEOUT),
            retries: read.number("retries", RETRIES, RETRIES_MAX) as u32,
            times_kept: read.one_of("times", &["kept", "server"]) == "kept",
            read_only: read.switch("read_only"),
            prefix,
            secrets,
            options: Vec::new(),
        };
        read.unknown(service);
        complete(&config, &fields, &mut options);
        (Some(Self { options, ..config }), read.problems)
    }
}

/// What OpenDAL wants to be told, although our configuration does not say it.
fn complete(config: &Config, fields: &Map<String, Value>, options: &mut Vec<(String, String)>) {
    options.push(("root".to_owned(), format!("/{}", config.prefix)));
    if config.service.name != "s3" {
        return;
    }
    match config.checksum {
        PartChecksum::Crc32c => options.push(("checksum_algorithm".to_owned(), "crc32c".to_owned())),
        PartChecksum::Md5 => options.push(("checksum_algorithm".to_owned(), "md5".to_owned())),
        PartChecksum::None => {}
    }
    if !fields.contains_key("region") {
        // Those that are not Amazon take any; R2 calls it so.
        options.push(("region".to_owned(), "auto".to_owned()));
    }
    if fields.contains_key("access_key_id") {
        // What is said counts; nothing is taken from the environment or a metadata service beside it.
        options.push(("disable_config_load".to_owned(), "true".to_owned()));
        options.push(("disable_ec2_metadata".to_owned(), "true".to_owned()));
    }
}

/// `s3+http://127.0.0.1:9000/bucket/prefix`, or `s3://bucket/prefix`: what is inside another begins with it.
fn location(service: &Service, fields: &Map<String, Value>, prefix: &str) -> String {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let root = text("bucket").or_else(|| text("container")).or_else(|| text("name")).unwrap_or_default();
    let mut at = match text("endpoint") {
        Some(endpoint) => format!("{}+{}", service.name, without_login(endpoint).trim_end_matches('/')),
        None => format!("{}:/", service.name),
    };
    for part in [root, prefix].into_iter().filter(|part| !part.is_empty()) {
        at = format!("{at}/{part}");
    }
    at
}

/// An endpoint may carry a user and a password, and a query with a signature.
fn without_login(endpoint: &str) -> String {
    let endpoint = endpoint.split('?').next().unwrap_or_default();
    match endpoint.split_once("://") {
        Some((scheme, rest)) => match rest.split_once('@') {
            Some((_, host)) => format!("{scheme}://{host}"),
            None => endpoint.to_owned(),
        },
        None => endpoint.to_owned(),
    }
}

struct Reading<'a> {
    fields: &'a Map<String, Value>,
    problems: Vec<Problem>,
    known: Vec<&'a str>,
}

impl<'a> Reading<'a> {
    fn wrong(&mut self, name: &str, why: impl Into<String>) {
        self.problems.push(Problem::error(format!("/{name}"), why));
    }

    fn get(&mut self, name: &'a str) -> Option<&'a Value> {
        self.known.push(name);
        self.fields.get(name).filter(|v| !v.is_null())
    }

    /// The fields of one service, by OpenDAL's names, and which of the values are secrets.
    fn of_service(&mut self, service: &'static Service) -> (Vec<(String, String)>, Vec<String>) {
        let (mut options, mut secrets) = (Vec::new(), Vec::new());
        for field in service.fields {
            let Some(value) = self.get(field.ours) else {
                if field.need == Need::Required {
                    let (name, what) = (service.name, field.help);
                    self.wrong(field.ours, format!("{name} needs it: {what}"));
                }
                continue;
            };
            let text = match value {
                Value::String(text) if !text.is_empty() => text.clone(),
                Value::Bool(on) => on.to_string(),
                Value::Number(n) => n.to_string(),
                _ => {
                    self.wrong(field.ours, "expected a text that is not empty");
                    continue;
                }
            };
            if text.chars().any(char::is_control) {
                // A key file often ends in a line break, and a signature with it never fits.
                self.wrong(field.ours, "holds a line break or another control character");
                continue;
            }
            if field.secret {
                secrets.push(text.clone());
            }
            if field.ours == "endpoint" && service.name != "sftp" && !text.contains("://") {
                self.wrong("endpoint", "expected a URL: https://… (or http://… without TLS)");
            }
            if !field.theirs.is_empty() {
                options.push((field.theirs.to_owned(), text));
            }
        }
        self.groups(service);
        (options, secrets)
    }

    fn groups(&mut self, service: &'static Service) {
        for group in 1..=2u8 {
            let there = |need: Need| {
                let members: Vec<_> = service.fields.iter().filter(|f| f.need == need).collect();
                let said = members.iter().filter(|f| self.fields.contains_key(f.ours)).count();
                let names = members.iter().map(|f| f.ours).collect::<Vec<_>>();
                (members.len(), said, names)
            };
            let (all, said, names) = there(Need::OneOf(group));
            if all > 0 && said == 0 {
                let why = format!("{} needs {}", service.name, names.join(" or "));
                self.wrong(names[0], why);
            }
            let (all, said, names) = there(Need::Together(group));
            if said > 0 && said < all {
                let why = format!("{} go together: give all of them, or none", names.join(" and "));
                self.wrong(names[0], why);
            }
        }
    }

    fn prefix(&mut self) -> String {
        let Some(value) = self.get("prefix") else { return String::new() };
        let prefix = value.as_str().unwrap_or_default().trim_matches('/').to_owned();
        let bad = value.as_str().is_none()
            || prefix != prefix.trim()
            || prefix.split('/').any(|c| matches!(c, "." | "..") || (c.is_empty() && !prefix.is_empty()))
            || prefix.chars().any(char::is_control);
        if bad {
            self.wrong("prefix", "expected a path such as archive/2026, without spaces at its ends");
        }
        prefix
    }

    fn checksum(&mut self, service: &'static Service) -> PartChecksum {
        if service.name != "s3" {
            return PartChecksum::None;
        }
        match self.one_of("checksum", &["crc32c", "md5", "none"]) {
            "md5" => PartChecksum::Md5,
            "none" => PartChecksum::None,
            _ => PartChecksum::Crc32c,
        }
    }

    /// The first is the default.
    fn one_of(&mut self, name: &'static str, choices: &[&'static str]) -> &'static str {
        let Some(value) = self.get(name) else { return choices[0] };
        if let Some(choice) = choices.iter().find(|c| value.as_str() == Some(c)) {
            return choice;
        }
        self.wrong(name, format!("expected one of {}", choices.join(", ")));
        choices[0]
    }

    fn switch(&mut self, name: &'static str) -> bool {
        match self.get(name) {
            None => false,
            Some(Value::Bool(on)) => *on,
            Some(_) => {
                self.wrong(name, "expected true or false");
                false
            }
        }
    }

    fn number(&mut self, name: &'static str, default: u64, max: u64) -> u64 {
        let Some(value) = self.get(name) else { return default };
        if let Some(n) = value.as_u64().filter(|n| (1..=max).contains(n)) {
            return n;
        }
        self.wrong(name, format!("expected a number from 1 to {max}"));
        default
    }

    fn size(&mut self, name: &'static str, default: Bytes, min: Bytes, max: Bytes) -> u64 {
        let Some(value) = self.get(name) else { return default.0 };
        let bytes = match value {
            Value::Number(n) => n.as_u64(),
            Value::String(text) => Bytes::parse(text).ok().map(|b| b.0),
            _ => None,
        };
        match bytes {
            Some(n) if n >= min.0 && n <= max.0 => n,
            Some(_) => {
                self.wrong(name, format!("expected at least {min} and at most {max}"));
                default.0
            }
            None => {
                self.wrong(name, format!("expected a size such as \"{default}\""));
                default.0
            }
        }
    }

    fn span(&mut self, name: &'static str, default: Duration) -> Duration {
        let Some(value) = self.get(name) else { return default };
        match value.as_str().and_then(|text| Span::parse(text).ok()) {
            Some(span) if !span.0.is_zero() => span.0,
            _ => {
                self.wrong(name, "expected a time such as \"60 s\"");
                default
            }
        }
    }

    fn unknown(&mut self, service: &'static Service) {
        let names: Vec<String> =
            self.fields.keys().filter(|k| !self.known.contains(&k.as_str())).cloned().collect();
        for name in names {
            let known = service.fields.iter().map(|f| f.ours).collect::<Vec<_>>().join(", ");
            let shown = twinhaul_units::text::show(&name).into_owned();
            let why = format!("service {} has no such field; it has {known}", service.name);
            self.problems.push(Problem::error(format!("/{shown}"), why));
        }
    }
}

#[cfg(test)]
mod tests;
