//! What may still go wrong: so many faults of each class, so many passings of time. A part of the state, so that a
//! search with a fault less is a part of one with a fault more.

use crate::swarm::Class;
use crate::world::{Action, Thread, World};
use twinhaul_units::{PeerId, TransferId};

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// By class.
    pub(crate) faults: [u8; Class::ALL.len()],
    /// How often a timer may fire.
    pub(crate) ticks: u8,
    /// How often a lease may pass in silence.
    pub(crate) leases: u8,
}

/// Parts in a hundred of true time at which a wild clock runs.
const SPEEDS: [u64; 2] = [1, 1000];

impl Budget {
    fn has(&self, class: Class) -> bool {
        self.faults[class as usize] > 0
    }

    /// Every fault that can happen now, and time.
    pub(super) fn faults(&self, world: &World, out: &mut Vec<Action>) {
        if self.leases > 0 {
            out.push(Action::Pass { micros: world.setup().lease_us() });
        }
        let processes = 0..world.processes.len();
        for (process, _) in world.processes.iter().enumerate().filter(|(_, p)| p.frozen) {
            out.push(Action::Wake { process });
        }
        if world.peers_cut {
            out.push(Action::MendPeers);
        }
        let cut = PeerId::BOTH.into_iter().filter(|peer| world.ledger_cut[peer.index()]);
        out.extend(cut.map(|peer| Action::MendLedger { peer }));
        for class in Class::ALL.into_iter().filter(|class| self.has(*class)) {
            match class {
                Class::Loss => out.extend((0..world.letters.len()).map(|letter| Action::Lose { letter })),
                Class::Doubling => {
                    let twice = |letter| Action::Deliver { letter, keep: true };
                    out.extend((0..world.letters.len()).map(twice));
                }
                Class::Crash => out.extend(processes.clone().map(|process| Action::Crash { process })),
                Class::Freeze => {
                    let awake = processes.clone().filter(|at| !world.processes[*at].frozen);
                    out.extend(awake.map(|process| Action::Freeze { process }));
                }
                Class::SecondCopy => {
                    out.extend(PeerId::BOTH.map(|peer| Action::Start { peer, second: true }));
                }
                Class::PowerLoss => out.extend(losses(world)),
                Class::CutPeers if !world.peers_cut => out.push(Action::CutPeers),
                Class::CutPeers => {}
                Class::CutLedger => {
                    let whole = PeerId::BOTH.into_iter().filter(|peer| !world.ledger_cut[peer.index()]);
                    out.extend(whole.map(|peer| Action::CutLedger { peer }));
                }
                Class::LostAnswers => {
                    out.extend(processes.clone().map(|process| Action::LoseAnswer { process }));
                }
                Class::FailingSync => {
                    out.extend(processes.clone().map(|process| Action::FailSync { process }));
                }
                Class::ChangingSource => {
                    let ids = (0..world.setup().transfers()).map(TransferId);
                    out.extend(ids.map(|id| Action::ChangeSource { id }));
                }
                Class::WildClocks => {
                    let wild = |peer| SPEEDS.map(|percent| Action::ClockSpeed { peer, percent });
                    out.extend(PeerId::BOTH.into_iter().flat_map(wild));
                }
                Class::HandOver => {
                    let may = processes.clone().filter(|at| world.may_hand_over(*at));
                    out.extend(
                        may.flat_map(|process| {
                            wishes(world).map(move |ids| Action::HandOver { process, ids })
                        }),
                    );
                }
                Class::Sign => {
                    let signs = processes
                        .clone()
                        .flat_map(|process| [false, true].map(|former| Action::Sign { process, former }));
                    out.extend(signs);
                }
            }
        }
    }

    /// What is left after an action; `None`: there was not enough.
    pub(super) fn after(mut self, action: Action) -> Option<Self> {
        let class = match action {
            Action::Step { thread: Thread::Timer, .. } => {
                self.ticks = self.ticks.checked_sub(1)?;
                return Some(self);
            }
            Action::Pass { .. } => {
                self.leases = self.leases.checked_sub(1)?;
                return Some(self);
            }
            Action::Lose { .. } => Class::Loss,
            Action::Deliver { keep: true, .. } => Class::Doubling,
            Action::Crash { .. } => Class::Crash,
            Action::Freeze { .. } => Class::Freeze,
            Action::Start { second: true, .. } => Class::SecondCopy,
            Action::PowerLoss { .. } => Class::PowerLoss,
            Action::CutPeers => Class::CutPeers,
            Action::CutLedger { .. } => Class::CutLedger,
            Action::LoseAnswer { .. } => Class::LostAnswers,
            Action::FailSync { .. } => Class::FailingSync,
            Action::ChangeSource { .. } => Class::ChangingSource,
            Action::ClockSpeed { .. } => Class::WildClocks,
            Action::HandOver { .. } => Class::HandOver,
            Action::Sign { .. } => Class::Sign,
            _ => return Some(self),
        };
        let left = &mut self.faults[class as usize];
        *left = left.checked_sub(1)?;
        Some(self)
    }
}

/// What an operator may name: each one transfer, and all of them.
fn wishes(world: &World) -> impl Iterator<Item = u64> {
    let n = world.setup().transfers().min(u64::BITS.into());
    let all = u64::MAX.checked_shr(64 - n as u32).unwrap_or(0);
    (0..n).map(|id| 1 << id).chain((n > 1).then_some(all))
}

/// The power fails; each set of names that were not synced may be gone.
fn losses(world: &World) -> impl Iterator<Item = Action> {
    let unsynced = world.target.publics.iter().enumerate();
    let unsynced = unsynced.filter(|(_, p)| p.as_ref().is_some_and(|p| p.before.is_some()));
    let at: Vec<usize> = unsynced.map(|(at, _)| at).collect();
    (0..1u64 << at.len()).map(move |set| {
        let names = at.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, at)| 1 << at).sum();
        Action::PowerLoss { names }
    })
}
