//! `diagnose`: what is wrong with a run, how that is known, what it is not, and what can be done. It does nothing itself.

use crate::cli::DiagnoseArgs;
use crate::exit::{self, Failure};
use crate::{evidence, output, state, status};
use twinhaul_console_model::words::diagnosis::page;
use twinhaul_units::text::show;

const COLUMNS: usize = 80;

pub(crate) fn diagnose(args: &DiagnoseArgs) -> Result<u8, Failure> {
    let run = state::find(args.run.as_deref())?;
    let (evidence, now_ms) = evidence::gather(&run)?;
    let diagnosis = twinhaul_diagnose::diagnose(&evidence, now_ms);
    if args.json.json {
        output::json(&diagnosis)?;
    } else {
        let clock = status::clock(diagnosis.at_ms);
        let clock = clock.split('.').next().unwrap_or_default();
        output::line(&format!("run {}  {}  {clock}", show(&diagnosis.run), evidence.state.words()));
        output::line("");
        for line in page(&diagnosis, COLUMNS, &status::clock) {
            output::line(&line.text);
        }
    }
    // A finding is what was asked for, and no failure of the command.
    Ok(exit::COMPLETE)
}
