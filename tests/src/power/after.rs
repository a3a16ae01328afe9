//! A disk after a power cut: whether its ledger kept its promises, and whether the run goes on from there.

use super::cut::Cut;
use super::scene::Recording;
use crate::mounts::Mounted;
use crate::product::Run;
use crate::product::end::{assert_nobody_is_left, examine};
use crate::same;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use twinhaul_ledger::{Detail, NodeKind, RANGE_ALIGN, State, Store, View};
use twinhaul_wire::EventKind;

/// A disk after a power cut whose ledger kept its promises.
#[derive(Debug)]
pub struct Recovered<'a> {
    recording: &'a Recording,
    mounted: [Mounted; 2],
    pub cut: Cut,
    pub left: Left,
}

/// What a ledger says.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// Everything that had been planned.
    pub rows: Vec<Detail>,
    /// The plan is not complete: such a run does not go on, as its design says.
    growing: bool,
    /// Large transfers whose beginning is safe: they go on behind it.
    pub parts: usize,
}

impl Left {
    /// How many transfers are in a state.
    pub fn count(&self, state: State) -> usize {
        self.rows.iter().filter(|row| row.state == state).count()
    }

    fn done(&self) -> impl Iterator<Item = &Detail> {
        self.rows.iter().filter(|row| row.state == State::Done)
    }
}

impl<'a> Recovered<'a> {
    /// There is no run on it.
    pub(super) fn empty(recording: &'a Recording, mounted: [Mounted; 2], cut: Cut) -> Self {
        Self { recording, mounted, cut, left: Left::default() }
    }

    /// Done is done: nothing that was seen is missing, and what is said is there, whole and exact.
    pub(super) fn judged(
        recording: &'a Recording,
        mounted: [Mounted; 2],
        cut: Cut,
        left: Left,
        acknowledged: &BTreeSet<u64>,
    ) -> Result<Self, String> {
        let done: BTreeSet<u64> = left.done().map(|row| row.id.0).collect();
        let missing = acknowledged.difference(&done).count();
        if missing > 0 {
            return Err(format!("{missing} transfers had been seen done and are not done any more"));
        }
        let (source, target) = (recording.lab.source(), recording.lab.target());
        let mut wrong = String::new();
        for row in left.done() {
            for name in [&row.key].into_iter().chain(&row.names) {
                let name = std::str::from_utf8(name).map_err(|e| e.to_string())?;
                if let Err(what) = compare(row.kind, &source.join(name), &target.join(name)) {
                    let _ = writeln!(wrong, "{name}: {what}");
                }
            }
        }
        if wrong.is_empty() {
            return Ok(Self { recording, mounted, cut, left });
        }
        Err(format!("done and not there:\n{wrong}"))
    }

    fn run(&self) -> Run<'_> {
        Run::named(&self.recording.lab, &self.recording.run)
    }

    /// The product's own reading of what is done; then the run goes on to its end, after which everything is as in any run.
    /// Whether it went on: a run whose plan was not complete begins anew.
    ///
    /// # Panics
    /// When something is not so.
    pub fn go_on(self) -> bool {
        let (lab, run) = (&self.recording.lab, self.run());
        self.verify(&run);
        let resumed = lab.run(["run", "--resume", &run.id, "--detach"]);
        let went_on = resumed.code == 0;
        if went_on {
            self.end(&run);
            examine(&run);
            let goes_on =
                |kind: &EventKind| matches!(kind, EventKind::Info { text } if text.contains("goes on at"));
            let parts = run.kinds().iter().filter(|kind| goes_on(kind)).count();
            assert!(parts >= self.left.parts, "{}: a part that was safe has been done again", self.cut);
        } else {
            let may_begin_anew = self.left.growing || self.cut.at < self.recording.answered;
            assert!(may_begin_anew, "{}: the run cannot go on: {resumed}", self.cut);
            let run = Run::start(lab, &lab.path("profile.yaml"));
            self.end(&run);
            same::assert_same(&lab.source(), &lab.target());
        }
        self.mounted.into_iter().try_for_each(Mounted::end).unwrap_or_else(|e| panic!("{e}"));
        went_on
    }

    /// The product finds nothing wrong with what is done.
    fn verify(&self, run: &Run<'_>) {
        let told = run.verb("verify", &["--json"]);
        match serde_json::from_str::<serde_json::Value>(&told.stdout) {
            Ok(told) => {
                let found = [&told["mismatched"], &told["verified"]].map(serde_json::Value::as_u64);
                let wanted = [Some(0), Some(self.left.count(State::Done) as u64)];
                assert_eq!(found, wanted, "{}: {told}", self.cut);
            }
            Err(e) => assert!(self.cut.at < self.recording.answered, "{}: verify: {e}\n{told}", self.cut),
        }
    }

    /// Waits for a good end, no longer than it must take.
    fn end(&self, run: &Run<'_>) {
        // It may be over before it hears of it.
        let _ = run.verb("limit", &["none"]);
        let done = run.wait();
        assert_eq!(done.code, 0, "{}: {done}", self.cut);
        assert_nobody_is_left(run);
    }
}

/// Whether an object is as its original; only bytes are looked at, as everything else is at the end.
fn compare(kind: NodeKind, original: &Path, copy: &Path) -> Result<(), String> {
    let read = |path: &Path| match kind {
        NodeKind::Symlink => std::fs::read_link(path).map(|to| to.into_os_string().into_encoded_bytes()),
        _ => std::fs::read(path),
    };
    let (wanted, found) =
        (read(original).map_err(|e| e.to_string())?, read(copy).map_err(|e| e.to_string())?);
    if wanted == found {
        return Ok(());
    }
    let at = wanted.iter().zip(&found).take_while(|(a, b)| a == b).count();
    Err(format!("{} bytes instead of {}, other at {at}", found.len(), wanted.len()))
}

/// What a sound ledger says. A copy is read, so that the product meets what the power cut left.
pub(super) fn read(ledger: &Path, copy: &Path) -> Result<Left, String> {
    let _ = std::fs::remove_dir_all(copy);
    std::fs::create_dir(copy).map_err(|e| e.to_string())?;
    let path = copy.join("ledger.sqlite");
    std::fs::copy(ledger, &path).map_err(|e| format!("the ledger: {e}"))?;
    let _ = std::fs::copy(beside(ledger, "-wal"), beside(&path, "-wal"));
    let store = Store::open(&path).map_err(|e| format!("the ledger: {e}"))?;
    store.check().map_err(|e| format!("the ledger: {e}"))?;
    let broken = store.check_invariants().map_err(|e| e.to_string())?;
    if !broken.is_empty() {
        return Err(format!("the ledger breaks its rules: {broken:#?}"));
    }
    drop(store);
    let view = View::open(&path).map_err(|e| e.to_string())?;
    let growing = view.totals().map_err(|e| e.to_string())?.growing;
    let rows: Vec<Detail> = view.manifest().collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    let mut left = Left { rows, growing, parts: 0 };
    for row in left.rows.iter().filter(|row| row.state == State::Planned) {
        let checkpoint = view.checkpoint(row.id).map_err(|e| e.to_string())?;
        let covered = checkpoint.map(|c| c.covered()).unwrap_or_default();
        left.parts += usize::from(covered.first().is_some_and(|(from, to)| *from == 0 && *to >= RANGE_ALIGN));
    }
    Ok(left)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
