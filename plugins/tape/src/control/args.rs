//! Arguments of a verb: a JSON object with texts, numbers and switches.

use serde_json::{Map, Value};
use twinhaul_backend_abi::{Code, Error, Result};

/// See the module.
#[derive(Debug)]
pub(crate) struct Args(Map<String, Value>);

fn wrong(name: &str, expected: &str) -> Error {
    Error::new(Code::InvalidArg, format!("{name}: {expected}"))
}

impl Args {
    pub(crate) fn of(text: &str) -> Result<Self> {
        match serde_json::from_str(text) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            _ => Err(Error::new(Code::InvalidArg, "arguments: expected a JSON object")),
        }
    }

    /// `None` = not given.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(name, "expected a text")),
        }
    }

    pub(crate) fn need(&self, name: &str) -> Result<&str> {
        self.text(name)?.ok_or_else(|| wrong(name, "missing"))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(on)) => Ok(*on),
            Some(_) => Err(wrong(name, "expected true or false")),
        }
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| wrong(name, "expected a whole number")),
        }
    }

    pub(crate) fn list(&self, name: &str) -> Result<Vec<&str>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(all)) => {
                all.iter().map(|v| v.as_str().ok_or_else(|| wrong(name, "expected texts"))).collect()
            }
            Some(_) => Err(wrong(name, "expected a list of texts")),
        }
    }
}
