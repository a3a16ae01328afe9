//! `diagnose`: what is wrong with a run, how that is known, what it is not, and what can be done. It does nothing itself.

mod page;

use crate::cli::DiagnoseArgs;
use crate::exit::{self, Failure};
use crate::{evidence, output, state};

pub(crate) fn diagnose(args: &DiagnoseArgs) -> Result<u8, Failure> {
    let run = state::find(args.run.as_deref())?;
    let (evidence, now_ms) = evidence::gather(&run)?;
    let diagnosis = twinhaul_diagnose::diagnose(&evidence, now_ms);
    if args.json.json {
        output::json(&diagnosis)?;
    } else {
        for line in page::lines(&diagnosis, evidence.state.words()) {
            output::line(&line);
        }
    }
    // A finding is what was asked for, and no failure of the command.
    Ok(exit::COMPLETE)
}
