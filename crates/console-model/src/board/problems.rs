//! What is wrong: what the peers and the supervisor report, and what the console sees itself. A problem that is over in
//! a moment (a restart) stays in the list, because nobody may have looked in that moment.

use super::Board;
use twinhaul_units::PeerId;
use twinhaul_wire::Problem;

impl Board {
    /// Problems that the run and both peers report, and those that only the console can see; each once.
    pub fn problems(&self) -> Vec<Problem> {
        let mut out: Vec<Problem> = Vec::new();
        for peer in PeerId::BOTH {
            let snapshot = self.pane(peer).snapshot.as_ref();
            for problem in snapshot.into_iter().flat_map(|s| &s.problems) {
                let mut problem = problem.clone();
                problem.peer = problem.peer.or_else(|| Some(self.names.name(peer).to_owned()));
                let same = |p: &&mut Problem| {
                    (&p.kind, p.transfer, &p.text) == (&problem.kind, problem.transfer, &problem.text)
                };
                match out.iter_mut().find(same) {
                    // Both peers meet it, in the same words: it is the run's.
                    Some(known) if known.peer != problem.peer => known.peer = None,
                    Some(_) => {}
                    None => out.push(problem),
                }
            }
        }
        for problem in self.run.iter().flat_map(|run| &run.problems) {
            let same = |p: &Problem| {
                (&p.kind, &p.peer, p.transfer) == (&problem.kind, &problem.peer, problem.transfer)
            };
            if !out.iter().any(same) {
                out.push(problem.clone());
            }
        }
        out.extend(self.unsupervised());
        out.extend(PeerId::BOTH.into_iter().filter_map(|peer| self.restarts(peer)));
        out.extend(self.failures());
        out
    }

    /// Nobody would restart a peer or end the run.
    fn unsupervised(&self) -> Option<Problem> {
        if self.ended().is_some() || !self.run_link.gone() {
            return None;
        }
        let (text, verb) = if self.panes.iter().any(|pane| pane.link.is_up()) {
            let text = "the supervisor is gone; the peers go on, but nobody restarts them or ends the run";
            (text, "attach")
        } else {
            ("no process of this run is there; what is done is in the ledger", "run --resume")
        };
        Some(Problem {
            kind: "supervisor".into(),
            since_ms: self.events.last().map_or(0, |event| event.at_ms),
            text: text.into(),
            next: self.verb(verb),
            ..Problem::default()
        })
    }

    fn restarts(&self, peer: PeerId) -> Option<Problem> {
        let run = self.run.as_ref().filter(|_| self.ended().is_none())?;
        let name = self.names.name(peer);
        let supervised = run.peers.get(name).filter(|s| s.restarts > 0)?;
        let times = if supervised.restarts == 1 { "once" } else { "more than once" };
        let why = supervised.last_exit.as_ref().map(|why| format!("; last: {why}")).unwrap_or_default();
        Some(Problem {
            kind: "restarts".into(),
            peer: Some(name.to_owned()),
            since_ms: self.told[peer.index()].exited_at_ms.unwrap_or(run.at_ms),
            text: format!("{name} was restarted {times} ({}){why}", supervised.restarts),
            next: self.verb("events"),
            ..Problem::default()
        })
    }

    fn failures(&self) -> Option<Problem> {
        let failed = self.progress().failed;
        if failed == 0 {
            return None;
        }
        let last = self.given_up().into_iter().next();
        let last_words = last.map(|event| crate::words::event::log_line(event, &self.names));
        Some(Problem {
            kind: "failed".into(),
            since_ms: last.map_or(0, |event| event.at_ms),
            text: format!(
                "{} given up{}",
                crate::words::how_many(failed),
                last_words.map(|words| format!("; the last: {words}")).unwrap_or_default()
            ),
            next: match self.ended() {
                Some(_) => self.verb("report"),
                None => format!("mend the cause first (panel 9), then {}", self.verb("retry")),
            },
            ..Problem::default()
        })
    }

    /// `twinhaul <verb> <run>`; the run's name as far as anybody told it.
    fn verb(&self, verb: &str) -> String {
        let run = self.run.as_ref().map(|run| run.run.as_str());
        let run = run.or_else(|| self.past.as_ref().map(|past| past.run.as_str())).unwrap_or_default();
        format!("twinhaul {verb} {run}").trim_end().to_owned()
    }
}
