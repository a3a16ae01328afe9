//! `verify`: reads the targets again, past their caches, and compares every done transfer with the ledger.

use crate::cli::VerifyArgs;
use crate::exit::{self, Failure};
use crate::launch::ledger_failure;
use crate::{backends, output, state};
use std::collections::BTreeMap;
use twinhaul_backend_host::{Code, OpContext};
use twinhaul_engine::Opened;
use twinhaul_ledger::{Detail, NodeKind, State, View};
use twinhaul_units::Key;
use twinhaul_units::text::{show, show_bytes};

/// Mismatches printed; the rest is counted.
const SHOWN_MAX: u64 = 100;
const CHUNK: usize = 1 << 20;

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
    let (mut same, mut wrong, mut not_done, mut skipped) = (0u64, 0u64, 0u64, 0u64);
    let mut buffer = vec![0; CHUNK];
    for transfer in view.manifest() {
        let transfer = transfer.map_err(|e| ledger_failure(&e))?;
        match transfer.state {
            State::Done => {}
            State::Skipped => {
                skipped += 1;
                continue;
            }
            _ => {
                not_done += 1;
                continue;
            }
        }
        let Some(target) = targets.get(&transfer.target) else { continue };
        match compare(target, &transfer, &mut buffer) {
            Ok(()) => same += 1,
            Err(why) => {
                wrong += 1;
                if wrong <= SHOWN_MAX && !args.json.json {
                    output::line(&format!("mismatch {}: {}", show_bytes(&transfer.key), show(&why)));
                }
            }
        }
    }
    if args.json.json {
        output::json(&serde_json::json!({
            "run": run.file.run, "verified": same, "mismatched": wrong, "not_done": not_done, "skipped": skipped,
        }))?;
    } else {
        output::line(&format!(
            "{same} verified, {wrong} mismatched, {skipped} skipped (not written by this run), {not_done} not done"
        ));
    }
    Ok(match (wrong, not_done) {
        (1.., _) => exit::MISMATCH,
        (0, 1..) => exit::FAILED_TRANSFERS,
        (0, 0) => exit::COMPLETE,
    })
}

fn compare(target: &Opened, transfer: &Detail, buffer: &mut [u8]) -> Result<(), String> {
    let key = Key::new(transfer.key.clone()).map_err(|e| e.to_string())?;
    let wanted = transfer.blake3.ok_or("the ledger has no digest of it")?;
    if transfer.kind == NodeKind::Symlink {
        let attrs = target.target.get_attrs(&OpContext::new(), Some(&key)).map_err(|e| e.to_string())?;
        let link = attrs.link_target.ok_or("it is not a symbolic link")?;
        return if *blake3::hash(&link).as_bytes() == wanted {
            Ok(())
        } else {
            Err("it points elsewhere".into())
        };
    }
    for name in std::iter::once(&transfer.key).chain(&transfer.names) {
        let key = Key::new(name.clone()).map_err(|e| e.to_string())?;
        if digest(target, &key, buffer)? != wanted {
            return Err(format!("{} holds other bytes than were written", show_bytes(name)));
        }
    }
    Ok(())
}

fn digest(target: &Opened, key: &Key, buffer: &mut [u8]) -> Result<[u8; 32], String> {
    twinhaul_engine::digest_of(&OpContext::new(), target, key, buffer)
        .map_err(|e| if e.code() == Code::NotFound { "it is missing".into() } else { e.to_string() })
}
