//! `verify`: reads the targets again, past their caches, and compares every done transfer with the ledger; or one of equal
//! samples of them, so that everything is proven in so many nights.

mod reading;

use crate::cli::VerifyArgs;
use crate::exit::{self, Failure};
use crate::launch::ledger_failure;
use crate::values::Sample;
use crate::{backends, output, state};
use reading::{Mismatch, Read, Reading};
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use twinhaul_engine::Opened;
use twinhaul_ledger::{State, View};
use twinhaul_units::Bytes;
use twinhaul_units::text::{show, show_bytes};
use twinhaul_wire::KeyText;

/// Mismatches printed; the rest is counted.
const SHOWN_MAX: usize = 100;

pub(crate) fn verify(args: &VerifyArgs) -> Result<u8, Failure> {
    let run = state::find(args.run.as_deref())?;
    let profile = super::run::load_frozen(&run)?;
    let loader = backends::loader()?;
    let mut targets: BTreeMap<u16, Opened> = BTreeMap::new();
    for (index, end) in (0u16..).zip(&profile.targets) {
        let opened = twinhaul_engine::open(end, "target", &loader)
            .map_err(|e| Failure::new(u8::try_from(e.exit_code()).unwrap_or(1), e.to_string()))?;
        targets.insert(index, opened);
    }
    let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
    let done = view.counters().map_err(|e| ledger_failure(&e))?.sum(State::Done);
    let on_terminal = std::io::stderr().is_terminal();
    let shown: Mutex<Vec<Mismatch>> = Mutex::default();
    let found = |mismatch: Mismatch| {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.len() >= SHOWN_MAX {
            return;
        }
        if !args.json.json {
            output::progress_end(on_terminal);
            output::line(&words(&mismatch));
        }
        shown.push(mismatch);
    };
    let reading = Reading {
        targets: &targets,
        sample: args.sample,
        // Of a sample nobody knows before how large its objects are; what is shown is about right.
        expected: done.transfers / args.sample.map_or(1, |s| s.of),
        found: &found,
        on_terminal,
    };
    let read = reading.all(view.manifest())?;
    let shown = shown.into_inner().unwrap_or_else(PoisonError::into_inner);
    if args.json.json {
        as_json(&run.file.run, args.sample, &read, &shown)?;
    } else {
        as_words(args.sample, &read);
    }
    Ok(match (read.wrong, read.not_done) {
        (1.., _) => exit::MISMATCH,
        (0, 1..) => exit::FAILED_TRANSFERS,
        (0, 0) => exit::COMPLETE,
    })
}

fn words(mismatch: &Mismatch) -> String {
    let Mismatch { target, key, why, .. } = mismatch;
    format!("mismatch at {}, {}: {}", show(target), show_bytes(key), show(why))
}

fn as_words(sample: Option<Sample>, read: &Read) {
    if read.wrong > SHOWN_MAX as u64 {
        output::line(&format!("... and {} more mismatches", read.wrong - SHOWN_MAX as u64));
    }
    if let Some(Sample { n, of }) = sample {
        output::line(&format!(
            "sample {n}/{of}: {} of {} done transfers, {}",
            read.chosen,
            read.done,
            Bytes(read.bytes)
        ));
    }
    output::line(&format!(
        "{} verified, {} mismatched, {} skipped (not written by this run), {} not done",
        read.same, read.wrong, read.skipped, read.not_done
    ));
}

fn as_json(run: &str, sample: Option<Sample>, read: &Read, shown: &[Mismatch]) -> Result<(), Failure> {
    let mismatches: Vec<_> = shown
        .iter()
        .map(|m| {
            let key = KeyText::from_bytes(&m.key);
            serde_json::json!({
                "transfer": m.id.0, "target": m.target, "key": key.key, "key_b64": key.key_b64, "why": m.why,
            })
        })
        .collect();
    output::json(&serde_json::json!({
        "run": run,
        "sample": sample.map(|s| s.n),
        "of": sample.map(|s| s.of),
        "done": read.done,
        "read": read.chosen,
        "bytes": read.bytes,
        "verified": read.same,
        "mismatched": read.wrong,
        "mismatches": mismatches,
        "not_done": read.not_done,
        "skipped": read.skipped,
    }))
}
