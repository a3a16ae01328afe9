//! The command line: verbs and flags, each defined once; help and errors come from here.

use crate::values;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;
use twinhaul_console::{Screen, Telling};

/// Two engines, one load: migrate data with two peers that assist each other, and watch them do it.
#[derive(Debug, Parser)]
#[command(name = "twinhaul", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run a migration: plan it, launch both peers, open the console
    Run(RunArgs),
    /// The same as `run` without YAML: copy the tree SRC into DST
    Copy(CopyArgs),
    /// Real data, two unequal peers, the method in one minute
    Demo(DemoArgs),
    /// What would move, where, split how; writes nothing
    Plan(PlanArgs),
    /// Open the console on a run that goes on without it
    Attach(AttachArgs),
    /// Look at a run again: the same console, at any time of it
    Replay(ReplayArgs),
    /// The runs on this machine
    Ls(JsonFlag),
    /// A run's state
    Status(StatusArgs),
    /// What is wrong with a run, how that is known, what can be done; it does nothing itself
    Diagnose(DiagnoseArgs),
    /// Wait until a run has ended; its exit code is this one's
    Wait(WaitArgs),
    /// A run's history: asks, answers, assignments, failures
    Events(EventsArgs),
    /// Hold transfers before their next chunk
    Pause(TargetArgs),
    /// End a pause or a drain
    Resume(TargetArgs),
    /// Move queued transfers until the first peer has this share of the remaining bytes
    Rebalance(RebalanceArgs),
    /// Set a peer's ratio: the share of its queue it hands over when asked
    Ratio(RatioArgs),
    /// Hand a peer's queue to the other and give it no new work
    Drain(DrainArgs),
    /// Set a bandwidth limit while it runs: of a peer, of both together, or into a target
    Limit(LimitArgs),
    /// Set how many transfers a peer has in flight at a time while it runs
    Slots(SlotsArgs),
    /// End a run; it can be resumed
    Stop(StopArgs),
    /// Break something in a demonstration, on purpose
    Chaos(ChaosArgs),
    /// Try given-up transfers again
    Retry(RetryArgs),
    /// Read a run's targets again and compare with the ledger
    Verify(VerifyArgs),
    /// What a run did: totals, peers, assistance, idle share; manifest and failed list
    Report(ReportArgs),
    /// What is known of a run in one archive to give away: no contents of files, no secrets
    Bundle(BundleArgs),
    /// Policies in virtual time, against the bound that none can beat
    Simulate(SimulateArgs),
    /// Backends: what can be loaded, and whether it should be
    #[command(subcommand)]
    Backends(BackendsVerb),
    /// Tape libraries: cartridges, drives, what is on them
    Tape(crate::verbs::tape::TapeArgs),
    /// Profiles
    #[command(subcommand)]
    Profile(ProfileVerb),
    /// The console's keys, and what each does
    Keys(KeysArgs),
    #[command(hide = true)]
    Supervise { run_dir: PathBuf },
    #[command(hide = true)]
    Planner { run_dir: PathBuf },
    #[command(hide = true)]
    Bundler {
        run_dir: PathBuf,
        #[arg(long)]
        why: String,
        /// Only if a diagnosis finds trouble
        #[arg(long)]
        if_trouble: bool,
    },
    #[command(hide = true)]
    Peer {
        run_dir: PathBuf,
        #[arg(long)]
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct JsonFlag {
    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// How the console looks.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Face {
    /// Draw with ASCII only
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Colours for this kind of terminal (key T goes through them)
    #[arg(long, value_enum, value_name = "NAME", env = "TWINHAUL_THEME", default_value_t)]
    pub(crate) theme: ThemeName,
    /// Use colour: as the environment says, or in any case
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) color: When,
    /// Leave the mouse to the terminal (key M takes it)
    #[arg(long)]
    pub(crate) no_mouse: bool,
    /// Keep what is shown as an asciinema cast
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: KeysFlag,
}

/// Which keys the console has.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct KeysFlag {
    /// The console's keys (YAML); twinhaul/keys.yaml in the place for configuration if left out, "none" for the built-in
    /// ones
    #[arg(long, value_name = "FILE", env = "TWINHAUL_KEYS")]
    pub(crate) keys: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum ThemeName {
    #[default]
    Dark,
    Light,
    Contrast,
    Mono,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum When {
    #[default]
    Auto,
    Always,
    Never,
}

/// How a run is watched.
#[derive(Clone, Debug, Args)]
pub(crate) struct Watch {
    /// No console: progress on stderr, summary on stdout
    #[arg(long)]
    pub(crate) headless: bool,
    /// Events as JSON lines on stdout, no console
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the run id and return; `attach` opens the console later
    #[arg(long, conflicts_with_all = ["headless", "json"])]
    pub(crate) detach: bool,
    /// The console shows, but cannot change anything
    #[arg(long)]
    pub(crate) read_only: bool,
    #[command(flatten)]
    pub(crate) face: Face,
    /// Start without asking (in a terminal, `run` shows what would happen and asks once)
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The profile (YAML)
    #[arg(required_unless_present = "resume")]
    pub(crate) profile: Option<PathBuf>,
    /// Go on with a run that was stopped, without listing its sources again
    #[arg(long, value_name = "RUN", conflicts_with = "profile")]
    pub(crate) resume: Option<String>,
    /// Only the keys in this list: failed.jsonl of an earlier run, or lines like {"key": "a/b"}; a directory is everything
    /// below it; - is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub(crate) only: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) watch: Watch,
}

#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    /// The directory to copy from
    pub(crate) src: PathBuf,
    /// The directory to copy into; made if missing
    pub(crate) dst: PathBuf,
    /// Keep the profile it used in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) watch: Watch,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Which story
    #[arg(default_value = "demo")]
    pub(crate) name: String,
    /// The stories there are
    #[arg(long)]
    pub(crate) list: bool,
    /// Keep the data directory instead of removing it at the end
    #[arg(long)]
    pub(crate) keep: bool,
    /// Print the story as a table while it happens
    #[arg(long)]
    pub(crate) headless: bool,
    /// Of a drill: what goes wrong; one of its own each time if left out
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) face: Face,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The profile (YAML)
    pub(crate) profile: PathBuf,
    /// Only the keys in this list, as `run` takes it
    #[arg(long, value_name = "FILE")]
    pub(crate) only: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    /// The run; the newest if left out
    pub(crate) run: Option<String>,
    #[arg(long)]
    pub(crate) read_only: bool,
    #[command(flatten)]
    pub(crate) telling: TellingArgs,
    #[command(flatten)]
    pub(crate) face: Face,
}

/// The console without its terminal.
#[derive(Debug, Args)]
pub(crate) struct TellingArgs {
    /// Lines of text, to the end of it: for screen readers, logs and pipes
    #[arg(long, conflicts_with_all = ["once", "json", "screen"])]
    pub(crate) plain: bool,
    /// The state once, as text or with --json
    #[arg(long)]
    pub(crate) once: bool,
    /// With --once: the state behind the screen as JSON
    #[arg(long, requires = "once", conflicts_with = "screen")]
    pub(crate) json: bool,
    /// The screen once, as text of this size, to show it to somebody
    #[arg(long, value_name = "COLUMNSxROWS", num_args = 0..=1, default_missing_value = "80x24", value_parser = values::size)]
    pub(crate) screen: Option<(u16, u16)>,
}

impl TellingArgs {
    /// `None`: it is shown on the terminal.
    pub(crate) fn of(&self, face: &Face) -> Option<Telling> {
        let ascii = || twinhaul_console::ascii(face.ascii.then_some(true));
        match (self.plain, self.once, self.screen) {
            (true, ..) => Some(Telling::Lines),
            (.., Some(size)) => Some(Telling::Screen(Screen { size, ascii: ascii() })),
            (_, true, _) if self.json => Some(Telling::OnceJson),
            (_, true, _) => Some(Telling::Once),
            _ => None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The run, or a file: its recording, or its bundle, from any machine; the newest run if left out
    #[arg(value_name = "RUN|FILE")]
    pub(crate) run: Option<String>,
    #[command(flatten)]
    pub(crate) telling: TellingArgs,
    /// So long after its beginning, as 1:30 or 90s: from there on; with --once and --screen how it stood then, with --plain up to it
    #[arg(long, value_name = "TIME", value_parser = values::position)]
    pub(crate) at: Option<Duration>,
    /// How fast it goes on: 1 is as it was
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) speed: u32,
    #[command(flatten)]
    pub(crate) face: Face,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The run; the newest if left out
    pub(crate) run: Option<String>,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
    /// Again each second, until it ends
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiagnoseArgs {
    /// The run; the newest if left out
    pub(crate) run: Option<String>,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    pub(crate) run: Option<String>,
    /// Give up after this long (exit code 10): "90 s", "2 h"
    #[arg(long, value_parser = values::span)]
    pub(crate) timeout: Option<twinhaul_units::Span>,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    pub(crate) run: Option<String>,
    /// Go on until the run has ended
    #[arg(long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// The run; the newest if left out
    pub(crate) run: Option<String>,
    /// Only this peer
    #[arg(long)]
    pub(crate) peer: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RebalanceArgs {
    pub(crate) run: Option<String>,
    /// The first peer's share of the remaining bytes
    #[arg(long, default_value = "50 %", value_parser = values::share)]
    pub(crate) share: twinhaul_units::Share,
    /// Whose share it is, if not the first peer's; with --transfer, who hands over
    #[arg(long)]
    pub(crate) peer: Option<String>,
    /// Hand over these, wherever they stand in the queue of whoever owns them: ids and spans, as in 12,40-44. What has started stays
    #[arg(long, value_name = "IDS", value_parser = values::transfers, conflicts_with = "share")]
    pub(crate) transfer: Option<twinhaul_units::Transfers>,
    /// Show what would move, move nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Args)]
pub(crate) struct RatioArgs {
    /// [RUN] and the ratio, 0.05 to 0.95
    #[arg(num_args = 1..=2, required = true, value_names = ["RUN", "RATIO"])]
    pub(crate) run_and_ratio: Vec<String>,
    /// The owner whose ratio it is
    #[arg(long)]
    pub(crate) peer: String,
    /// Show what would change, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Args)]
pub(crate) struct DrainArgs {
    pub(crate) run: Option<String>,
    #[arg(long)]
    pub(crate) peer: String,
    /// Show what would move, move nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// [RUN] and the limit: "16 MiB/s", "none", or "profile" (its limit and timetable again)
    #[arg(num_args = 1..=3, required = true, value_names = ["RUN", "LIMIT"])]
    pub(crate) run_and_limit: Vec<String>,
    /// Only this peer; each of both if left out
    #[arg(long, conflicts_with_all = ["shared", "target"])]
    pub(crate) peer: Option<String>,
    /// One limit for both peers together
    #[arg(long, conflicts_with = "target")]
    pub(crate) shared: bool,
    /// One limit for what both peers write to this target
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// Show what would change, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Args)]
pub(crate) struct SlotsArgs {
    /// [RUN] and the number of transfers in flight: 1 to 256, or "profile" (its number again); with --target also "none"
    #[arg(num_args = 1..=2, required = true, value_names = ["RUN", "SLOTS"])]
    pub(crate) run_and_slots: Vec<String>,
    /// Only this peer; each of both if left out
    #[arg(long)]
    pub(crate) peer: Option<String>,
    /// Only transfers into this target
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// Show what would change, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    pub(crate) run: Option<String>,
    /// Finish what is in flight first
    #[arg(long)]
    pub(crate) drain: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ChaosArgs {
    /// [RUN] and what happens: freeze, thaw; kill, crash; cut, mend (the link); write, leave (the source); storm, calm (the store)
    #[arg(num_args = 1..=2, required = true, value_names = ["RUN", "WHAT"])]
    pub(crate) run_and_what: Vec<String>,
    /// To whom
    #[arg(long)]
    pub(crate) peer: String,
}

#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    pub(crate) run: Option<String>,
    /// Only this transfer
    #[arg(long)]
    pub(crate) transfer: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The run; the newest if left out
    pub(crate) run: Option<String>,
    /// Only the N-th of T equal samples ("1/10"): together they are everything, each transfer once, and the same at any time
    #[arg(long, value_name = "N/T", value_parser = values::sample)]
    pub(crate) sample: Option<values::Sample>,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run; the newest if left out. With --check also a file: a manifest or a failed list, wherever it is
    #[arg(value_name = "RUN|FILE")]
    pub(crate) run: Option<String>,
    /// Write nothing: read manifest and failed list again, and tell whether a line was changed
    #[arg(long)]
    pub(crate) check: bool,
    /// With --check: the head must be this one, which was kept elsewhere
    #[arg(long, value_name = "HEAD", requires = "check", value_parser = values::head)]
    pub(crate) head: Option<String>,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// The run; the newest if left out
    pub(crate) run: Option<String>,
    /// Where: a file, or a directory; twinhaul-bundle-RUN-TIME.tar here if left out
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// A family of scenarios (YAML), or a directory with several, whose grid.yaml is taken; the shipped ones if left out
    #[arg(long, value_name = "PATH")]
    pub(crate) grid: Option<PathBuf>,
    /// These families instead of the grid: setup, network, faults, or what the directory holds; "all" for every one
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) family: Vec<String>,
    /// Only these policies: none, learning, steal-half, balanced
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) policy: Vec<String>,
    /// Seeds: "7", or from-to as "1-8"; several, all runs under each
    #[arg(long, value_name = "N", default_value = "1", value_delimiter = ',', value_parser = values::seeds)]
    pub(crate) seed: Vec<values::Seeds>,
    /// Only scenarios that hold these values: "none,!1s,sizes=giant|pareto,short"
    #[arg(long, value_name = "TERMS", default_value = "")]
    pub(crate) filter: String,
    /// Only this one
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<String>,
    /// With --scenario: everything that happens, in its order
    #[arg(long, requires = "scenario")]
    pub(crate) trace: bool,
    /// Peers record how far their large transfers in flight are so often ("1 s"), so that a take-over goes on from
    /// there; or "none". As the family says, or the product does, if left out
    #[arg(long, value_name = "SPAN", value_parser = values::checkpoint)]
    pub(crate) checkpoint: Option<values::Checkpoint>,
    /// One more table, by transfers, sizes, speeds, round-trip, slots, setup, disturbance, network or length
    #[arg(long, value_name = "AXIS")]
    pub(crate) by: Option<String>,
    /// How many of the worst are named
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) worst: usize,
    /// Threads; all processors if left out. The figures do not depend on it
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackendsVerb {
    /// The backends found, and where
    List(JsonFlag),
    /// Probe one library in a throw-away process: what it is, what it can do; or with --profile a source or target
    Check {
        /// A file, or the name of an installed backend; with --profile a source or target, all if left out
        #[arg(required_unless_present = "profile")]
        library: Option<PathBuf>,
        /// Opens sources and targets of this profile and tries what they do; a target is written to, and cleaned
        #[arg(long, value_name = "PROFILE", conflicts_with = "in_child")]
        profile: Option<PathBuf>,
        #[command(flatten)]
        json: JsonFlag,
        #[arg(long, hide = true)]
        in_child: bool,
    },
    /// Run the conformance suite against a library
    Conformance {
        /// A file, or the name of an installed backend
        library: PathBuf,
        /// The target's configuration as JSON; for disk: '{"root":"/tmp/x"}'
        #[arg(long, default_value = "{}")]
        config: String,
        #[command(flatten)]
        json: JsonFlag,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileVerb {
    /// Read a profile and say what is wrong with it
    Check { profile: PathBuf },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<KeysVerb>,
    #[command(flatten)]
    pub(crate) keys: KeysFlag,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysVerb {
    /// Read a keys file and say what is wrong with it
    Check {
        /// The file; the one in force if left out
        file: Option<PathBuf>,
    },
}
