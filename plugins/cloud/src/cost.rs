//! What a plan will cost in requests: counted by the same rules by which they are sent (`writer`, `reader`, `uploads`, `canary`).
//!
//! Without trouble: nothing is sent twice, no connection breaks, nobody is taken over.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use twinhaul_backend_abi::{Code, Error, Result};

use crate::class::Class;
use crate::config::Config;
use crate::reader::PIECE;
use crate::services::Upload;
use crate::writer::part_of;

/// Objects of one size.
type Sized = (u64, u64);

/// What is planned. What is written is looked for first, whatever the profile says of what exists, but where nothing is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Planned {
    /// Processes that open the target.
    opens: u64,
    write: Vec<Sized>,
    read: Vec<Sized>,
    read_back: bool,
    /// The target holds nothing: it is written without a look.
    vacant: bool,
}

#[derive(Debug, Default)]
struct Sum {
    requests: BTreeMap<&'static str, u64>,
    sent: u64,
    received: u64,
}

impl Sum {
    fn add(&mut self, class: Class, times: u64) {
        if times > 0 {
            let sum = self.requests.entry(class.word()).or_default();
            *sum = sum.saturating_add(times);
        }
    }

    /// With one look: a planner's at the place, or a peer's for what a former life left.
    fn open(&mut self, read_only: bool, times: u64) {
        self.add(Class::List, times);
        if read_only {
            return;
        }
        self.add(Class::Put, 2 * times);
        self.add(Class::Head, times);
        self.add(Class::Delete, times);
    }

    fn look(&mut self, config: &Config, times: u64) {
        // WebDAV has no other way than to list one.
        self.add(if config.service.name == "webdav" { Class::List } else { Class::Head }, times);
    }

    fn read(&mut self, config: &Config, (size, times): Sized) {
        self.look(config, times);
        self.add(Class::Get, size.div_ceil(PIECE).saturating_mul(times));
        self.received = self.received.saturating_add(size.saturating_mul(times));
    }

    fn write(&mut self, config: &Config, vacant: bool, (size, times): Sized) {
        if !vacant {
            // Whether it is there already.
            self.look(config, times);
        }
        self.sent = self.sent.saturating_add(size.saturating_mul(times));
        let part = part_of(config.part, size);
        if config.service.upload == Upload::OneShot || size <= part {
            return self.add(Class::Put, times);
        }
        // Once more before a large upload, because its service says so only at the end.
        self.look(config, times);
        self.add(Class::Part, size.div_ceil(part).saturating_mul(times));
        self.add(Class::Complete, times);
        if config.service.name == "s3" {
            // The mark by which a sweep finds the upload, and what uploads there were.
            self.add(Class::List, times);
            self.add(Class::Put, times);
            self.add(Class::Delete, times);
        }
        if !config.service.name.starts_with("az") {
            self.add(Class::Create, times);
        }
    }

    fn json(&self) -> Value {
        let requests: serde_json::Map<_, _> =
            self.requests.iter().map(|(class, n)| ((*class).to_owned(), json!({"sent": n}))).collect();
        json!({"requests": requests, "bytes_sent": self.sent, "bytes_received": self.received})
    }
}

/// # Errors
/// [`Code::InvalidArg`]: the question is not understood; [`Code::Unsupported`]: this service is not reached by HTTP.
pub(crate) fn cost(config: &Config, args: &str) -> Result<Value> {
    let planned: Planned =
        serde_json::from_str(args).map_err(|e| Error::new(Code::InvalidArg, format!("cost: {e}")))?;
    if matches!(config.service.name, "sftp" | "memory") {
        let why = format!("{} counts no requests", config.service.name);
        return Err(Error::new(Code::Unsupported, why));
    }
    let mut sum = Sum::default();
    sum.open(config.read_only, planned.opens);
    for sized in planned.write {
        sum.write(config, planned.vacant, sized);
        if planned.read_back {
            sum.read(config, sized);
        }
    }
    for sized in planned.read {
        sum.read(config, sized);
    }
    Ok(sum.json())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(service: &str) -> Config {
        let json = match service {
            "azblob" => {
                r#"{"service": "azblob", "container": "c", "endpoint": "https://h", "account_key": "eA=="}"#
            }
            "memory" => r#"{"service": "memory"}"#,
            _ => r#"{"service": "s3", "bucket": "b", "region": "r"}"#,
        };
        Config::of(json).unwrap()
    }

    fn sent(cost: &Value, class: &str) -> u64 {
        cost["requests"][class]["sent"].as_u64().unwrap_or(0)
    }

    #[test]
    fn small_objects_are_a_look_and_a_put_and_large_ones_are_parts() {
        let args = r#"{"write": [[0, 2], [1000, 3], [20971520, 1]], "read_back": true}"#;
        let s3 = cost(&config("s3"), args).unwrap();
        assert_eq!((sent(&s3, "put"), sent(&s3, "part"), sent(&s3, "complete_upload")), (6, 3, 1));
        assert_eq!((sent(&s3, "head"), sent(&s3, "get"), sent(&s3, "list")), (6 + 1 + 6, 3 + 3, 1));
        assert_eq!(s3["bytes_sent"], 3000 + 20_971_520);
        let vacant = cost(&config("s3"), &args.replace("{\"write", "{\"vacant\": true, \"write")).unwrap();
        assert_eq!(sent(&vacant, "head"), 1 + 6);
        let azure = cost(&config("azblob"), args).unwrap();
        assert_eq!((sent(&azure, "create_upload"), sent(&azure, "list"), sent(&azure, "put")), (0, 0, 5));
    }

    #[test]
    fn who_counts_nothing_and_what_is_not_understood_is_refused() {
        assert_eq!(cost(&config("memory"), "{}").unwrap_err().code, Code::Unsupported);
        assert_eq!(cost(&config("s3"), "{\"sizes\": []}").unwrap_err().code, Code::InvalidArg);
    }
}
