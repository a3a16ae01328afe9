//! Verbs that steer a run; the same commands as the console's keys, acknowledged in words.

use crate::cli::{
    ChaosArgs, DrainArgs, LimitArgs, RatioArgs, RebalanceArgs, RetryArgs, SlotsArgs, StopArgs, TargetArgs,
};
use crate::exit::{self, Failure};
use crate::exit_file;
use crate::launch::{ledger_failure, supervisor_failure};
use crate::output;
use crate::state::{self, RunDir};
use std::time::{Duration, Instant};
use twinhaul_ledger::{Reopen, Store};
use twinhaul_supervisor::{Client, SupervisorError, is_supervised};
use twinhaul_units::text::{counted, show};
use twinhaul_units::{Bytes, Dial, Rate, Ratio, Span, TransferId, Transfers};
use twinhaul_wire::{Chaos, Command, CommandResult, Outlook, Preview};

/// A peer of a supervised run that does not listen yet gets this long.
const STARTING_MAX: Duration = Duration::from_secs(5);

pub(crate) fn pause(args: &TargetArgs) -> Result<u8, Failure> {
    to_peers(args.run.as_deref(), args.peer.as_deref(), |_| Command::Pause, false)
}

pub(crate) fn resume(args: &TargetArgs) -> Result<u8, Failure> {
    to_peers(args.run.as_deref(), args.peer.as_deref(), |_| Command::Resume, false)
}

pub(crate) fn rebalance(args: &RebalanceArgs) -> Result<u8, Failure> {
    let run = state::find(args.run.as_deref())?;
    if let Some(transfers) = &args.transfer {
        return hand_over(&run, args, transfers);
    }
    let named = args.peer.as_deref().unwrap_or(&run.file.order[0]).to_owned();
    known(&run, &named)?;
    let (share, dry_run) = (args.share.get(), args.dry_run);
    // Each peer is told its own share; the one that has more hands over, the other says why it does not.
    let keep =
        |peer: &str| Command::Rebalance { keep: if peer == named { share } else { 1.0 - share }, dry_run };
    let mut refusals = Vec::new();
    for peer in run.file.order.clone() {
        match send(&run, &peer, &keep(&peer))? {
            CommandResult::Refused(r) => refusals.push(r.why),
            result => return acknowledge(&result, args.json.json),
        }
    }
    Err(Failure::new(exit::TEMPORARY, format!("nothing was moved: {}", show(&refusals.join("; ")))))
}

/// Each peer hands over those of them that it has queued.
fn hand_over(run: &RunDir, args: &RebalanceArgs, transfers: &Transfers) -> Result<u8, Failure> {
    let command = Command::HandOver { transfers: transfers.ids().to_vec(), dry_run: args.dry_run };
    if let Some(peer) = &args.peer {
        known(run, peer)?;
        return acknowledge(&send(run, peer, &command)?, args.json.json);
    }
    // Who owns them is asked first: what one hands over must not come back from the other by the same command.
    let question = Command::HandOver { transfers: transfers.ids().to_vec(), dry_run: true };
    let mut owners = Vec::new();
    let mut refusals = Vec::new();
    for peer in &run.file.order {
        match send(run, peer, &question)? {
            CommandResult::Refused(refusal) => refusals.push(refusal.why),
            _ => owners.push(peer),
        }
    }
    let [owner] = owners.as_slice() else {
        let both = "both peers have some of them: name one with --peer".to_owned();
        let why = if owners.is_empty() { refusals.join("; ") } else { both };
        return Err(Failure::new(exit::TEMPORARY, format!("nothing was moved: {}", show(&why))));
    };
    acknowledge(&send(run, owner, &command)?, args.json.json)
}

pub(crate) fn ratio(args: &RatioArgs) -> Result<u8, Failure> {
    let (run, value) = run_and_value(&args.run_and_ratio);
    let ratio = Ratio::parse(value).map_err(|e| Failure::usage(e.to_string()))?;
    let command = asked(Command::Ratio { value: ratio.get() }, args.dry_run);
    to_peers(run, Some(&args.peer), |_| command.clone(), args.json.json)
}

pub(crate) fn limit(args: &LimitArgs) -> Result<u8, Failure> {
    let dial = match &args.target {
        Some(target) => Dial::TargetLimit(target.clone()),
        None if args.shared => Dial::SharedLimit,
        None => Dial::Limit,
    };
    turn(&args.run_and_limit, args.peer.as_deref(), &dial, args.dry_run, args.json.json)
}

pub(crate) fn slots(args: &SlotsArgs) -> Result<u8, Failure> {
    let dial = args.target.as_ref().map_or(Dial::Slots, |target| Dial::TargetSlots(target.clone()));
    turn(&args.run_and_slots, args.peer.as_deref(), &dial, args.dry_run, args.json.json)
}

/// The command, or the question what it would change.
fn asked(command: Command, dry_run: bool) -> Command {
    if dry_run { Command::WhatIf { command: Box::new(command) } } else { command }
}

fn turn(words: &[String], peer: Option<&str>, dial: &Dial, dry_run: bool, json: bool) -> Result<u8, Failure> {
    // A rate has two words, and nobody quotes them: 2 MiB/s.
    let (run, to) = match dial.read(&words.join(" ")) {
        Ok(to) => (None, to),
        Err(e) => {
            let (run, value) = words
                .split_first()
                .filter(|(_, value)| !value.is_empty())
                .ok_or_else(|| Failure::usage(e.to_string()))?;
            let to = dial.read(&value.join(" ")).map_err(|e| Failure::usage(e.to_string()))?;
            (Some(run.as_str()), to)
        }
    };
    let command = asked(Command::Turn { dial: dial.clone(), to }, dry_run);
    to_peers(run, peer, |_| command.clone(), json)
}

fn run_and_value(words: &[String]) -> (Option<&str>, &str) {
    match words {
        [run, value, ..] => (Some(run), value),
        [value] => (None, value),
        [] => (None, ""),
    }
}

pub(crate) fn drain(args: &DrainArgs) -> Result<u8, Failure> {
    let dry_run = args.dry_run;
    to_peers(args.run.as_deref(), Some(&args.peer), |_| Command::Drain { dry_run }, args.json.json)
}

pub(crate) fn stop(args: &StopArgs) -> Result<u8, Failure> {
    let run = state::find(args.run.as_deref())?;
    still_runs(&run)?;
    let command = Command::Stop { drain: args.drain };
    match send(&run, "supervisor", &command) {
        Ok(result) => acknowledge(&result, false),
        // Without a supervisor the peers still listen.
        Err(_) => to_peers(Some(&run.file.run), None, |_| command.clone(), false),
    }
}

pub(crate) fn chaos(args: &ChaosArgs) -> Result<u8, Failure> {
    let (run, words) = run_and_value(&args.run_and_what);
    let run = state::find(run)?;
    known(&run, &args.peer)?;
    still_runs(&run)?;
    let what = Chaos::of(words).ok_or_else(|| {
        let all: Vec<&str> = Chaos::ALL.iter().map(|c| c.words()).collect();
        Failure::usage(format!("expected one of {}, found \"{}\"", all.join(", "), show(words)))
    })?;
    let result = send(&run, "supervisor", &Command::Chaos { peer: args.peer.clone(), what })?;
    acknowledge(&result, false)
}

pub(crate) fn retry(args: &RetryArgs) -> Result<u8, Failure> {
    let run = state::find(args.run.as_deref())?;
    if exit_file::read(&run.path).is_some() {
        return retry_ended(&run, args.transfer);
    }
    let first = run.file.order[0].clone();
    let result = send(&run, &first, &Command::Retry { transfer: args.transfer })?;
    acknowledge(&result, false)
}

/// A run that has ended takes its failed transfers back; going on with it tries them.
fn retry_ended(run: &RunDir, transfer: Option<u64>) -> Result<u8, Failure> {
    let which = transfer.map_or(Reopen::All, |id| Reopen::Some(vec![TransferId(id)]));
    let store = Store::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
    let reopened = store.reopen_failed(&which).map_err(|e| ledger_failure(&e))?;
    if reopened == 0 {
        return Err(Failure::new(
            exit::TEMPORARY,
            "refused: there are no such failed transfers. Try: twinhaul report",
        ));
    }
    output::line(&format!(
        "{} queued again; go on: twinhaul run --resume {}",
        counted(reopened, "failed transfer"),
        run.file.run
    ));
    Ok(exit::COMPLETE)
}

/// A run that has ended cannot be stopped.
fn still_runs(run: &RunDir) -> Result<(), Failure> {
    match exit_file::read(&run.path) {
        Some(end) => {
            let text = format!("run {} has ended already, with code {}", run.file.run, end.code);
            Err(Failure::new(exit::TEMPORARY, text))
        }
        None => Ok(()),
    }
}

fn known(run: &RunDir, peer: &str) -> Result<(), Failure> {
    if run.file.order.iter().any(|p| p == peer) {
        return Ok(());
    }
    let [a, b] = &run.file.order;
    Err(Failure::usage(format!("there is no peer \"{}\"; the peers are {a} and {b}", show(peer))))
}

fn to_peers(
    run: Option<&str>,
    peer: Option<&str>,
    command: impl Fn(&str) -> Command,
    json: bool,
) -> Result<u8, Failure> {
    let run = state::find(run)?;
    let peers = match peer {
        Some(peer) => {
            known(&run, peer)?;
            vec![peer.to_owned()]
        }
        None => run.file.order.to_vec(),
    };
    if json && peers.len() > 1 {
        return to_peers_as_json(&run, &peers, command);
    }
    let mut worst = exit::COMPLETE;
    for peer in peers {
        let result = send(&run, &peer, &command(&peer))?;
        worst = worst.max(acknowledge(&result, json)?);
    }
    Ok(worst)
}

/// One document for all of them, by name; a refusal is in it, and the exit code tells it.
fn to_peers_as_json(
    run: &RunDir,
    peers: &[String],
    command: impl Fn(&str) -> Command,
) -> Result<u8, Failure> {
    let mut told = serde_json::Map::new();
    let mut refused = false;
    for peer in peers {
        let result = send(run, peer, &command(peer))?;
        refused |= matches!(result, CommandResult::Refused(_));
        told.insert(peer.clone(), document(&result)?);
    }
    output::json(&told)?;
    Ok(if refused { exit::TEMPORARY } else { exit::COMPLETE })
}

fn send(run: &RunDir, name: &str, command: &Command) -> Result<CommandResult, Failure> {
    let hint = |f: Failure| {
        let next = match exit_file::read(&run.path).map(|end| end.code) {
            Some(exit::COMPLETE) => "It is complete. See: twinhaul report",
            Some(_) => "It has ended; go on: twinhaul run --resume",
            None => "See: twinhaul status",
        };
        Failure { text: format!("{}. {next} {}", f.text, run.file.run), ..f }
    };
    let deadline = Instant::now() + STARTING_MAX;
    loop {
        let sent = Client::connect(&run.path, name).and_then(|mut client| client.request(command.clone()));
        match sent {
            // Between a run's start (or a peer's restart) and its socket there is a moment.
            Err(SupervisorError::Unreachable { .. })
                if is_supervised(&run.path).is_some() && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(50));
            }
            sent => return sent.map_err(|e| hint(supervisor_failure(&e))),
        }
    }
}

/// A preview and an outlook are documents of their own.
fn document(result: &CommandResult) -> Result<serde_json::Value, Failure> {
    let value = match result {
        CommandResult::Preview(preview) => serde_json::to_value(preview),
        CommandResult::Outlook(outlook) => serde_json::to_value(outlook),
        other => serde_json::to_value(other),
    };
    value.map_err(|e| Failure::other("JSON", e))
}

fn acknowledge(result: &CommandResult, json: bool) -> Result<u8, Failure> {
    if json {
        output::json(&document(result)?)?;
    }
    match result {
        CommandResult::Done(words) if !json => output::line(&show(words)),
        CommandResult::Preview(preview) if !json => {
            for line in preview_lines(preview) {
                output::line(&line);
            }
        }
        CommandResult::Outlook(outlook) if !json => {
            for line in outlook_lines(outlook) {
                output::line(&line);
            }
        }
        CommandResult::Refused(refusal) => {
            let next = if refusal.next.is_empty() {
                String::new()
            } else {
                format!(". Try: {}", show(&refusal.next))
            };
            return Err(Failure::new(exit::TEMPORARY, format!("refused: {}{next}", show(&refusal.why))));
        }
        CommandResult::Done(_)
        | CommandResult::Preview(_)
        | CommandResult::Outlook(_)
        | CommandResult::Status(_) => {}
    }
    Ok(exit::COMPLETE)
}

fn eta(s: Option<f64>) -> String {
    s.and_then(|s| Duration::try_from_secs_f64(s).ok()).map_or("--:--".to_owned(), |d| Span(d).to_string())
}

fn outlook_lines(o: &Outlook) -> Vec<String> {
    let [now, after] = &o.setting;
    let rate = |rate: Option<u64>| rate.map_or("not known".to_owned(), |rate| Rate(rate).to_string());
    let mut lines =
        vec![format!("{}: {} now, {} then; nothing was changed", show(&o.peer), show(now), show(after))];
    lines.push(match o.gives {
        Some([now, after]) => {
            format!("  gives       now {now}  then {after} transfers ({})", show(&o.basis))
        }
        None => {
            format!("  rate        now {}  then {} ({})", rate(o.rate[0]), rate(o.rate[1]), show(&o.basis))
        }
    });
    lines.push(format!("  ends in     now {}  then {}", eta(o.eta_now_s), eta(o.eta_after_s)));
    lines
}

fn preview_lines(p: &Preview) -> Vec<String> {
    let side = |name: &str, i: usize| {
        let (now, after) = (p.now[i], p.after[i]);
        format!(
            "  {:<10} now {} ({})  after {} ({})",
            show(name),
            now.transfers,
            Bytes(now.bytes),
            after.transfers,
            Bytes(after.bytes)
        )
    };
    vec![
        format!(
            "would move {} transfers, {} from {} to {}; nothing was moved",
            p.transfers,
            Bytes(p.bytes),
            show(&p.from),
            show(&p.to)
        ),
        side(&p.from, 0),
        side(&p.to, 1),
        format!(
            "  ends in     now {}  after {}  (at their present rates, and if neither assisted the other)",
            eta(p.eta_now_s),
            eta(p.eta_after_s)
        ),
    ]
}
