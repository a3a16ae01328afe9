//! What the played peers answer to an operator's command.

use super::{MIB, NAMES, Peer, Play, RUN};
use twinhaul_units::{Dial, PeerId, Turned};
use twinhaul_wire::{
    AssignWhy, Command, CommandResult, EventKind, Outlook, Preview, QueueSize, Refusal, Request, Rule,
};

impl Play {
    pub(crate) fn control(&mut self, peer: Option<PeerId>, request: &Request) -> CommandResult {
        let refused = |why: &str| CommandResult::Refused(Refusal { why: why.into(), next: String::new() });
        let Some(peer) = peer else {
            return match request.command {
                Command::Stop { drain } => {
                    self.stopping = true;
                    if !drain {
                        self.peers.iter_mut().flat_map(|p| &mut p.slots).for_each(|slot| *slot = None);
                    }
                    CommandResult::Done("both peers end".into())
                }
                _ => refused("the supervisor only stops"),
            };
        };
        let me = peer.index();
        let what = match request.command {
            Command::Pause => {
                self.peers[me].paused = true;
                "paused".to_owned()
            }
            Command::Resume => {
                self.peers[me].paused = false;
                "resumed".to_owned()
            }
            Command::Ratio { value } => {
                let old = self.peers[me].ratio;
                self.ratio(peer, value - old, Rule::Operator);
                format!("ratio {old:.2} to {value:.2}")
            }
            Command::Turn { dial: Dial::Limit, to } => {
                let rate = if let Turned::Set(rate) = to { Some(rate) } else { None };
                self.peers[me].limit = rate.map_or(812.0 * MIB, |r| r as f64);
                self.peers[me].limited = rate.is_some();
                "limited".to_owned()
            }
            Command::Rebalance { keep, dry_run } => {
                return self.rebalance(peer, keep, dry_run, AssignWhy::Rebalance);
            }
            Command::Drain { dry_run } => return self.rebalance(peer, 0.0, dry_run, AssignWhy::Drain),
            Command::WhatIf { ref command } => return self.what_if(peer, command),
            Command::HandOver { .. } => return refused("it has none of them queued"),
            _ => return refused("not in this play"),
        };
        let command = request.command.verb(RUN, Some(NAMES[me]));
        self.tell(Some(peer), EventKind::Control { command, by: request.by.clone(), result: what.clone() });
        CommandResult::Done(what)
    }

    fn what_if(&self, peer: PeerId, command: &Command) -> CommandResult {
        let p = &self.peers[peer.index()];
        let rate = p.one_min as u64;
        let after = match command {
            Command::Turn { to: Turned::Set(limit), .. } => Some(rate.min(*limit)),
            _ => Some(rate),
        };
        CommandResult::Outlook(Outlook {
            peer: NAMES[peer.index()].into(),
            rate: [Some(rate), after],
            basis: "the limit".into(),
            ..Outlook::default()
        })
    }

    fn rebalance(&mut self, peer: PeerId, keep: f64, dry_run: bool, why: AssignWhy) -> CommandResult {
        let size = |p: &Peer| QueueSize {
            transfers: p.queue.len() as u64,
            bytes: p.queue.iter().map(|f| f.bytes as u64).sum(),
        };
        let now = [size(&self.peers[peer.index()]), size(&self.peers[peer.other().index()])];
        let wanted = (now[0].bytes as f64 - keep * (now[0].bytes + now[1].bytes) as f64).max(0.0);
        let mut transfers = 0;
        let mut bytes = 0;
        for file in self.peers[peer.index()].queue.iter().rev() {
            if bytes as f64 >= wanted {
                break;
            }
            transfers += 1;
            bytes += file.bytes as u64;
        }
        if transfers == 0 {
            let why = "it has less than that share".into();
            return CommandResult::Refused(Refusal { why, next: String::new() });
        }
        if !dry_run {
            self.hand_over(peer, transfers, why);
            return CommandResult::Done(format!("{} hands over {transfers} transfers", NAMES[peer.index()]));
        }
        let less = |q: QueueSize| QueueSize { transfers: q.transfers - transfers, bytes: q.bytes - bytes };
        let more = |q: QueueSize| QueueSize { transfers: q.transfers + transfers, bytes: q.bytes + bytes };
        let after = [less(now[0]), more(now[1])];
        let rates = [self.peers[peer.index()].one_min, self.peers[peer.other().index()].one_min];
        let eta = |q: [QueueSize; 2]| {
            let ends = [q[0].bytes as f64 / rates[0], q[1].bytes as f64 / rates[1]];
            Some(ends[0].max(ends[1])).filter(|s| s.is_finite())
        };
        CommandResult::Preview(Preview {
            from: NAMES[peer.index()].into(),
            to: NAMES[peer.other().index()].into(),
            transfers,
            bytes,
            now,
            after,
            eta_now_s: eta(now),
            eta_after_s: eta(after),
        })
    }
}
