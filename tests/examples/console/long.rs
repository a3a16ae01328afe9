//! A run of very many transfers, while events come as fast as a migration in trouble writes them.

use crate::meter::{attach, cost, key, line, nearly_all, peak_mib};
use crate::{BETWEEN_KEYS, KEYS, LOOK, SETTLES};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use twinhaul_ledger::{NewEvent, Store};
use twinhaul_tests::product::run::Run;
use twinhaul_tests::product::{Lab, poll};
use twinhaul_tests::tree;
use twinhaul_wire::Event;

/// A tree is planned so many times, each time to a target of its own: a tenth of the files does.
const COPIES: u64 = 10;
const EVENTS_A_SECOND: u64 = 1_000;
/// So often some of them are written.
const EVENTS_EVERY: Duration = Duration::from_millis(20);
/// In front of the selected row.
const MARK: char = '▸';
const WITHIN: Duration = Duration::from_secs(20);
const PLANNED_WITHIN: Duration = Duration::from_mins(15);

pub(crate) fn bench(transfers: u64) {
    let lab = Lab::new();
    let files = transfers.div_ceil(COPIES);
    println!("{} transfers of 16 KiB, {EVENTS_A_SECOND} events a second, same limits", files * COPIES);
    tree::hollow_files(&lab.source(), usize::try_from(files).unwrap_or(usize::MAX), 16 * 1024);
    let profile = lab.write("long.yaml", &profile(&lab));
    let run = Run::start(&lab, &profile);
    let planned =
        poll(PLANNED_WITHIN, || Some(run.status()).filter(|s| !s.totals.growing && s.done.transfers > 0));
    assert!(planned.is_some(), "it is not planned");
    let (ended, written) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let (ended, written, run, lab) = (&ended, &written, &run, &lab);
        let _end = End(ended);
        let ledger = lab.state().join("runs").join(&run.id).join("ledger.sqlite");
        scope.spawn(move || write_events(&ledger, ended, written));
        for (cols, rows) in [(160, 50), (80, 24)] {
            look(lab, run, (cols, rows), written);
        }
    });
}

/// Ends the writing of events, also when a look failed.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn look(lab: &Lab, run: &Run<'_>, (cols, rows): (u16, u16), written: &AtomicU64) {
    let mut session = attach(lab, run, cols, rows);
    std::thread::sleep(SETTLES);
    let (began, before) = (Instant::now(), written.load(Ordering::Relaxed));
    let (_, cpu) = cost(&session, LOOK);
    line(&format!("{cols}x{rows}, overview: processor"), &format!("{cpu:.2} %"), "");
    for keys in ["1", "\r"] {
        session.send(keys).expect("a terminal");
    }
    poll(WITHIN, || selected(&session.text())).expect("the queue's first row");
    let ends = (0..KEYS / 4).map(|n| {
        std::thread::sleep(BETWEEN_KEYS);
        let end = n % 2 == 0;
        let keys = if end { "G" } else { "g" };
        let at_once = key(&mut session, keys, |text| text.contains("row 1 of") != end);
        let began = Instant::now();
        poll(WITHIN, || selected(&session.text())).expect("the rows there");
        (at_once, at_once + began.elapsed().as_secs_f64() * 1000.0)
    });
    let (places, rows_there): (Vec<f64>, Vec<f64>) = ends.unzip();
    let (places, rows_there) = (nearly_all(places), nearly_all(rows_there));
    line(&format!("{cols}x{rows}, to a queue's other end, 99 of 100 (half)"), &places, "30 ms");
    line(&format!("{cols}x{rows}, until its rows are read from the ledger"), &rows_there, "");
    // From the end upwards: the first rows leave while they are looked at.
    session.send("G").expect("a terminal");
    let keys = (0..KEYS).map(|_| {
        std::thread::sleep(BETWEEN_KEYS);
        let above = poll(WITHIN, || above_selected(&session.text())).expect("the rows above");
        key(&mut session, "k", |text| text.lines().any(|line| line.contains(MARK) && line.contains(&above)))
    });
    let keys = nearly_all(keys.collect());
    line(&format!("{cols}x{rows}, a queue, key to screen, 99 of 100 (half)"), &keys, "30 ms");
    line(&format!("{cols}x{rows}, memory at most"), &format!("{:.0} MiB", peak_mib(&session)), "64 MiB");
    let events = (written.load(Ordering::Relaxed) - before) as f64 / began.elapsed().as_secs_f64();
    line("meanwhile written", &format!("{events:.0} events/s"), "");
}

/// The selected row, once it is read.
fn selected(text: &str) -> Option<()> {
    text.lines().any(|line| line.contains(MARK) && line.contains("/f")).then_some(())
}

/// The path in the row above the selected one.
fn above_selected(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.contains(MARK))?;
    lines.get(at.checked_sub(1)?)?.split_whitespace().find(|word| word.contains("/f")).map(str::to_owned)
}

/// What peers, planner and supervisor wrote so far, written again and again.
fn write_events(ledger: &Path, ended: &AtomicBool, written: &AtomicU64) {
    let store = Store::open(ledger).expect("the run's ledger");
    let past = store.events_since(0, 100).expect("events");
    let again = |event: &Event| NewEvent {
        at_ms: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64,
        peer: event.peer.clone(),
        incarnation: event.incarnation,
        kind: event.kind.clone(),
    };
    let began = Instant::now();
    while !ended.load(Ordering::Relaxed) {
        let due = began.elapsed().as_millis() as u64 * EVENTS_A_SECOND / 1_000;
        let before = written.load(Ordering::Relaxed);
        let events: Vec<_> = (before..due).map(|n| again(&past[n as usize % past.len()])).collect();
        store.append_events(&events).expect("events");
        written.store(due, Ordering::Relaxed);
        std::thread::sleep(EVENTS_EVERY);
    }
}

fn profile(lab: &Lab) -> String {
    let each = |line: &dyn Fn(u64) -> String| (0..COPIES).map(line).collect::<Vec<_>>().join("\n");
    let (source, target) = (lab.source(), lab.target());
    let sources = each(&|n| format!("  s{n}: {{ backend: disk, root: {} }}", source.display()));
    let targets = each(&|n| {
        format!("  t{n}: {{ backend: disk, root: {}, create: true }}", target.join(n.to_string()).display())
    });
    let routes = each(&|n| format!("  - {{ from: s{n}, to: t{n} }}"));
    format!(
        "version: 1\nname: long\nsources:\n{sources}\ntargets:\n{targets}\nroutes:\n{routes}\npeers:\n  \
         alpha: {{ slots: 4, limit: 2 MiB/s }}\n  beta: {{ slots: 4, limit: 1 MiB/s }}\n"
    )
}
