//! The binary: verbs, flags, exit codes. Thin: each verb calls into the rooms and turns what comes back into words.

mod aside;
mod backends;
mod bundle;
mod cli;
mod demo;
mod evidence;
mod exit;
mod exit_file;
mod guards;
mod keys;
mod launch;
mod memory;
mod only;
mod output;
mod record;
mod signals;
mod state;
mod status;
mod values;
mod verbs;
mod watch;

use clap::Parser as _;
use cli::{Cli, Verb};
use exit::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(e) = color_eyre::config::HookBuilder::default().display_env_section(false).install() {
        output::error(&format!("no panic reports: {e}"));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // clap prints help and version to stdout with success, mistakes to stderr.
            let code = if e.use_stderr() { exit::USAGE } else { exit::COMPLETE };
            let _ = e.print();
            return ExitCode::from(code);
        }
    };
    match run(cli.verb) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::error(&failure.text);
            ExitCode::from(failure.code)
        }
    }
}

fn run(verb: Verb) -> Result<u8, Failure> {
    match verb {
        Verb::Run(args) => verbs::run::run(&args),
        Verb::Copy(args) => verbs::run::copy(&args),
        Verb::Demo(args) => verbs::demo::demo(&args),
        Verb::Plan(args) => verbs::plan::plan(&args),
        Verb::Attach(args) => verbs::look::attach(&args),
        Verb::Replay(args) => verbs::look::replay(&args),
        Verb::Ls(args) => verbs::look::ls(&args),
        Verb::Status(args) => verbs::look::status(&args),
        Verb::Diagnose(args) => aside::done(|| verbs::diagnose::diagnose(&args)),
        Verb::Wait(args) => verbs::look::wait(&args),
        Verb::Events(args) => verbs::look::events(&args),
        Verb::Pause(args) => verbs::control::pause(&args),
        Verb::Resume(args) => verbs::control::resume(&args),
        Verb::Rebalance(args) => verbs::control::rebalance(&args),
        Verb::Ratio(args) => verbs::control::ratio(&args),
        Verb::Drain(args) => verbs::control::drain(&args),
        Verb::Limit(args) => verbs::control::limit(&args),
        Verb::Slots(args) => verbs::control::slots(&args),
        Verb::Stop(args) => verbs::control::stop(&args),
        Verb::Chaos(args) => verbs::control::chaos(&args),
        Verb::Retry(args) => verbs::control::retry(&args),
        Verb::Verify(args) => verbs::verify::verify(&args),
        Verb::Report(args) => verbs::report::report(&args),
        Verb::Bundle(args) => verbs::bundle::bundle(&args),
        Verb::Simulate(args) => verbs::simulate::simulate(&args),
        Verb::Tape(args) => verbs::tape::tape(&args),
        Verb::Backends(verb) => verbs::backends::backends(&verb),
        Verb::Profile(cli::ProfileVerb::Check { profile }) => verbs::profile::check(&profile),
        Verb::Keys(args) => verbs::keys::keys(&args),
        Verb::Supervise { run_dir } => verbs::hidden::supervise(&run_dir),
        Verb::Planner { run_dir } => verbs::hidden::planner(&run_dir),
        Verb::Bundler { run_dir, why, if_trouble } => {
            verbs::bundle::first_trouble(&run_dir, &why, if_trouble)
        }
        Verb::Peer { run_dir, name } => verbs::hidden::peer(&run_dir, &name),
    }
}
