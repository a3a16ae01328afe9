//! What came of the trials: right causes first, false alarms, and which cause was taken for which.

use super::{Kind, Situation, fault_named, offers_no_way_back};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use twinhaul_diagnose::{Cause, Diagnosis, Standing, Verdict};

/// How one trial went.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The cause that stood first when it was over; `None`: nothing wrong.
    said: Option<Cause>,
    /// When the right one stood first.
    right_after: Option<Duration>,
    right: bool,
    /// What was called a fault and is none, or another fault than the one there was.
    wrong: Vec<Cause>,
    /// One of these stood beside an offer that cannot be taken back.
    no_way_back: bool,
    /// Could not be held, or broke down.
    not_held: Option<String>,
}

impl Answer {
    pub(super) fn impossible() -> Self {
        Self { not_held: Some("not possible on this machine".to_owned()), ..Self::default() }
    }

    pub(super) fn broken(words: String) -> Self {
        Self { not_held: Some(words), ..Self::default() }
    }

    pub const fn is_right(&self) -> bool {
        self.right
    }

    /// One look at the diagnosis.
    pub(super) fn look(&mut self, situation: &Situation, d: &Diagnosis, after: Duration) {
        self.said = d.findings.first().filter(|f| f.standing != Standing::Normal).map(|f| f.cause);
        let fault = fault_named(d);
        let is_right = match situation.kind {
            Kind::Fault => fault.is_some_and(|cause| situation.right.contains(&cause)),
            Kind::Asked => {
                let first = d.findings.first().map(|f| f.cause);
                d.verdict == Verdict::OnPurpose && first.is_some_and(|cause| situation.right.contains(&cause))
            }
            Kind::Odd => d.findings.iter().any(|f| situation.right.contains(&f.cause)),
        };
        if is_right {
            self.right = true;
            self.right_after.get_or_insert(after);
        }
        if let Some(cause) = fault.filter(|_| !is_right || situation.kind == Kind::Odd) {
            if !self.wrong.contains(&cause) {
                self.wrong.push(cause);
            }
            self.no_way_back |= offers_no_way_back(d);
        }
    }

    /// It is over: what looks odd was right if no fault was seen in it.
    pub(super) fn end(&mut self, situation: &Situation) {
        if situation.kind == Kind::Odd {
            self.right = (self.right || situation.right.is_empty()) && self.wrong.is_empty();
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.not_held {
            return write!(f, "not held: {why}");
        }
        let said = self.said.map_or("nothing wrong", Cause::words);
        let after = self.right_after.map_or_else(String::new, |d| format!(" after {:.1} s", d.as_secs_f64()));
        let verdict = if self.right { "right" } else { "WRONG" };
        write!(f, "said {said}{after}: {verdict}")?;
        if !self.wrong.is_empty() {
            let words: Vec<&str> = self.wrong.iter().map(|c| c.words()).collect();
            write!(f, " (and for a while: {})", words.join(", "))?;
        }
        Ok(())
    }
}

/// Trials that were held, by situation.
#[derive(Debug, Default)]
pub struct Score {
    rows: BTreeMap<&'static str, Vec<(usize, Answer)>>,
    kinds: BTreeMap<&'static str, Situation>,
}

impl Score {
    pub(super) fn add(&mut self, trial: usize, situation: &Situation, answer: Answer) {
        self.kinds.insert(situation.name, *situation);
        self.rows.entry(situation.name).or_default().push((trial, answer));
    }

    fn answers(&self) -> impl Iterator<Item = (&Situation, &Answer)> {
        self.rows
            .iter()
            .filter_map(|(name, all)| Some((self.kinds.get(name)?, all)))
            .flat_map(|(s, all)| all.iter().map(move |(_, answer)| (s, answer)))
    }

    fn held(&self) -> impl Iterator<Item = (&Situation, &Answer)> {
        self.answers().filter(|(_, a)| a.not_held.is_none())
    }

    fn count(&self, is_so: impl Fn(&Situation, &Answer) -> bool) -> usize {
        self.held().filter(|(s, a)| is_so(s, a)).count()
    }

    /// What the issue asks for: right first in 95 of 100, no false alarm, nothing wrong beside an offer without a way back.
    pub fn is_good(&self) -> bool {
        let (held, right) = (self.count(|_, _| true), self.count(|_, a| a.right));
        held > 0
            && self.answers().count() == held
            && right * 100 >= held * 95
            && self.false_alarms() == 0
            && self.no_way_back() == 0
    }

    fn false_alarms(&self) -> usize {
        self.count(|s, a| s.kind != Kind::Fault && !a.wrong.is_empty())
    }

    fn no_way_back(&self) -> usize {
        self.count(|_, a| a.no_way_back)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<58} {:>5} {:>5}  {:>8}  said instead", "situation", "held", "right", "median")?;
        for (name, all) in &self.rows {
            let held: Vec<&Answer> = all.iter().map(|(_, a)| a).filter(|a| a.not_held.is_none()).collect();
            let right = held.iter().filter(|a| a.right).count();
            let mut after: Vec<Duration> = held.iter().filter_map(|a| a.right_after).collect();
            after.sort_unstable();
            let median = after
                .get(after.len() / 2)
                .map_or_else(|| "-".to_owned(), |d| format!("{:.1} s", d.as_secs_f64()));
            let mut instead: Vec<String> = held
                .iter()
                .filter(|a| !a.right)
                .map(|a| a.wrong.last().copied().or(a.said).map_or("nothing wrong", Cause::words).to_owned())
                .collect();
            instead.extend(all.iter().filter_map(|(n, a)| {
                Some(format!("trial {n} not held: {}", first_line(a.not_held.as_ref()?)))
            }));
            instead.sort_unstable();
            instead.dedup();
            writeln!(f, "{name:<58} {:>5} {right:>5}  {median:>8}  {}", held.len(), instead.join("; "))?;
        }
        writeln!(f, "\nrecall by cause")?;
        let mut causes: BTreeMap<Cause, (usize, usize)> = BTreeMap::new();
        for (s, a) in self.held() {
            if let Some(cause) = s.right.first() {
                let of = causes.entry(*cause).or_default();
                *of = (of.0 + usize::from(a.right), of.1 + 1);
            }
        }
        for (cause, (right, held)) in causes {
            writeln!(f, "  {:<40} {right} of {held}", cause.words())?;
        }
        let (held, right) = (self.count(|_, _| true), self.count(|_, a| a.right));
        writeln!(
            f,
            "\n{held} trials of {}: right cause first in {right} ({:.1} %), false alarms {}, wrong beside an offer that cannot be undone {}",
            self.answers().count(),
            right as f64 * 100.0 / held.max(1) as f64,
            self.false_alarms(),
            self.no_way_back()
        )
    }
}

fn first_line(words: &str) -> &str {
    words.lines().next().unwrap_or_default()
}
