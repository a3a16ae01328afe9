//! The verbs of this backend, which reach it through `target_control`; asked by `twinhaul plan` and `twinhaul backends check`.

use std::ffi::CStr;

use twinhaul_backend_abi::{Code, Error, Flow, Op, Result};

use crate::target::Shared;
use crate::{check, cost};

/// The verbs, for help texts.
pub(crate) const VERBS: &CStr = cr#"[
{"verb":"cost","help":"requests and bytes that a plan will take, by class","args":[{"name":"opens","help":"how often the target is opened"},{"name":"write","help":"[[size, how many], ...] of what is written"},{"name":"read","help":"the same of what is read"},{"name":"read_back","help":"true: what is written is read again"}]},
{"verb":"check","help":"what the service really does, found out by doing it","args":[]}
]"#;

pub(crate) fn control(
    shared: &Shared,
    op: &Op<'_>,
    verb: &str,
    args: &str,
    out: &mut dyn FnMut(&[u8]) -> Flow,
) -> Result<()> {
    let answer = match verb {
        "cost" => cost::cost(&shared.config, args)?,
        "check" => check::check(shared, op)?,
        _ => return Err(Error::new(Code::Unsupported, "cloud has no such verb; it has cost and check")),
    };
    let _ = out(answer.to_string().as_bytes());
    Ok(())
}
