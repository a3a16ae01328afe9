//! `twinhaul tape …`: verbs of the tape backend, reached through `target_control`; this program knows no cartridge.
//!
//! What the backend waits for goes to stderr, what it answers to stdout. Ctrl-C ends a wait.

mod args;

use crate::exit::{self, Failure};
use crate::signals::Signals;
use crate::{backends, output};
pub(crate) use args::{InitArgs, TapeArgs, TapeVerb};
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use twinhaul_backend_host::{BackendError, Code, OpContext};
use twinhaul_units::text::show;

const BACKEND: &str = "tape";

pub(crate) fn tape(args: &TapeArgs) -> Result<u8, Failure> {
    let config = config(args)?;
    let (verb, mut fields) = words(&args.verb)?;
    fields.insert("json".to_owned(), args.json.into());
    let library = backends::loader()?
        .load(BACKEND, None, None)
        .map_err(|e| Failure::new(exit::NOT_FOUND, format!("{e}. Build it: cargo build -p twinhaul-tape")))?;
    let signals = Arc::new(Signals::install()?);
    let stop = Arc::clone(&signals);
    let op = OpContext::new().polled(move || stop.interrupts() > 0 || stop.terminated());
    let shown = Mutex::new(String::new());
    let op = op.on_wait(move |reason, detail| {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let now = reason.map_or(String::new(), |r| format!("waiting for {}: {}", r.word(), show(detail)));
        // The same wait is told once, however often it is looked at.
        if now != *shown && !now.is_empty() {
            output::say(&now);
        }
        *shown = now;
    });
    let target = library.open(&config.to_string(), &op).map_err(|e| failure(&e))?;
    let raw = matches!(args.verb, TapeVerb::Cat { .. });
    let mut text = Vec::new();
    let mut sink = |bytes: &[u8]| {
        if raw {
            return match std::io::stdout().lock().write_all(bytes) {
                Ok(()) => ControlFlow::Continue(()),
                // Whoever reads has had enough.
                Err(_) => ControlFlow::Break(()),
            };
        }
        text.extend_from_slice(bytes);
        while let Some(end) = text.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            output::line(&show(&String::from_utf8_lossy(&line[..end])));
        }
        ControlFlow::Continue(())
    };
    let answer = target.control(&op, verb, &Value::Object(fields).to_string(), &mut sink);
    answer.map(|()| exit::COMPLETE).map_err(|e| failure(&e))
}

fn failure(e: &BackendError) -> Failure {
    let code = match e.code() {
        Code::NotFound => exit::NOT_FOUND,
        Code::InvalidArg | Code::InvalidConfig => exit::USAGE,
        Code::Corrupt => exit::MISMATCH,
        Code::Busy | Code::Offline => exit::TEMPORARY,
        Code::Cancelled => exit::INTERRUPTED,
        _ => exit::OTHER,
    };
    Failure::new(code, show(&e.to_string()).into_owned())
}

/// The library, and what it is to be made of.
fn config(args: &TapeArgs) -> Result<Value, Failure> {
    let path = std::path::absolute(&args.library).map_err(|e| Failure::other("finding the library", e))?;
    let mut config = Map::new();
    config.insert("library".to_owned(), text_of(&path)?.into());
    if let TapeVerb::Init(init) = &args.verb {
        config.insert("bare".to_owned(), true.into());
        shape(init, &mut config);
    }
    Ok(Value::Object(config))
}

fn shape(init: &InitArgs, config: &mut Map<String, Value>) {
    let fields = [
        ("drives", init.drives.map(Value::from)),
        ("slots", init.slots.map(Value::from)),
        ("cartridges", init.cartridges.map(Value::from)),
        ("capacity", init.capacity.clone().map(Value::from)),
        ("labels", init.labels.clone().map(Value::from)),
        ("pool", init.pool.clone().map(Value::from)),
    ];
    config.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
}

fn text_of(path: &Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| Failure::usage("the path is not UTF-8"))
}

/// The backend's name of a verb, and its arguments.
fn words(verb: &TapeVerb) -> Result<(&'static str, Map<String, Value>), Failure> {
    let (name, fields) = match verb {
        TapeVerb::Init(init) => ("init", json!({"add": init.add, "prefix": init.prefix})),
        TapeVerb::Ls => ("ls", json!({})),
        TapeVerb::Map { barcode } => ("map", json!({"barcode": barcode})),
        TapeVerb::Cat { barcode, file, key } => {
            ("cat", json!({"barcode": barcode, "file": file, "key": key}))
        }
        TapeVerb::Scan { barcode } => ("scan", json!({"barcode": barcode})),
        TapeVerb::Verify { barcodes } => ("verify", json!({"barcodes": barcodes})),
        TapeVerb::Rebuild => ("rebuild", json!({})),
        TapeVerb::Reclaim { barcode, below } => ("reclaim", json!({"barcode": barcode, "below": below})),
        TapeVerb::Export { barcode, to, format } => {
            let to = std::path::absolute(to).map_err(|e| Failure::other("finding the file", e))?;
            ("export", json!({"barcode": barcode, "to": text_of(&to)?, "format": format}))
        }
        TapeVerb::Label { barcode, force, labels } => {
            ("label", json!({"barcode": barcode, "force": force, "labels": labels}))
        }
        TapeVerb::Import { barcode, from } => {
            let from = from.as_deref().map(text_of).transpose()?;
            ("import", json!({"barcode": barcode, "from": from}))
        }
        TapeVerb::Eject { barcode } => ("eject", json!({"barcode": barcode})),
        TapeVerb::Protect { barcode, off } => ("protect", json!({"barcode": barcode, "off": off})),
    };
    match fields {
        Value::Object(fields) => Ok((name, fields)),
        _ => Err(Failure::usage("arguments")),
    }
}
