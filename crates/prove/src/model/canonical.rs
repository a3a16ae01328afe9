//! One state for all that go on alike.

use super::State;
use crate::swarm::Class;
use crate::world::{Calm, World};
use twinhaul_units::Moment;

impl State {
    /// Puts the one that stands for all of them in place of this one.
    pub(super) fn make_canonical(&mut self) {
        let never = |class: Class| self.left.faults[class as usize] == 0;
        let calm = Calm {
            sources: never(Class::ChangingSource),
            media: never(Class::PowerLoss) && never(Class::FailingSync),
        };
        self.world.hasten(calm);
        while self.world.setup().brisk && self.world.go_briskly() {
            self.world.hasten(calm);
        }
        let timeless = self.left.leases == 0;
        if timeless {
            // How fast a clock runs decides nothing any more: a drain begins with clocks that are right.
            self.world.clocks.speed = [100; 2];
            self.left.faults[Class::WildClocks as usize] = 0;
        }
        self.world.drop_dead_letters(timeless);
        self.world.forget_what_decides_nothing();
        self.world.renumber();
    }
}

impl World {
    pub(super) fn forget_what_decides_nothing(&mut self) {
        self.letters.forget_figures();
        let settled = self.all_settled();
        for at in 0..self.processes.len() {
            let now = self.now(self.processes[at].me);
            let process = &mut self.processes[at];
            if let Some(core) = &mut process.core {
                if settled {
                    core.forget_questions();
                }
                core.forget_what_decides_nothing(now);
            }
            // A timer that is due is due, since whenever.
            process.timer = process.timer.map(|timer| if timer <= now { Moment::ZERO } else { timer });
        }
    }
}
