//! How speeds change, and how processes freeze, die, find themselves fenced, and come back.

use super::{Due, MEASURE_EVERY, RESTART_AFTER, World};
use crate::course::Life;
use crate::trace::Mark;
use twinhaul_assist::{Core, Event, Memory};
use twinhaul_units::{Incarnation, PeerId, Ratio};

impl World {
    /// Both join at the same moment, with the link up.
    pub(super) fn begin(&mut self) {
        for peer in PeerId::BOTH {
            let (speed, life) = self.courses[peer.index()].state(0);
            let host = self.host(peer);
            host.link.set_speed(speed);
            host.life = life;
            if life != Life::Dead {
                self.make_core(peer, Memory::fresh(Ratio::default()));
            }
        }
        for peer in PeerId::BOTH {
            let incarnation = self.books.current(peer.other());
            self.deliver(peer, Event::PeerJoined { incarnation });
            self.deliver(peer, Event::Started);
        }
    }

    fn make_core(&mut self, peer: PeerId, memory: Memory) {
        let incarnation = self.books.current(peer);
        let measure_ns = self.now_ns + MEASURE_EVERY.as_nanos() as u64;
        let core = Core::new(peer, incarnation, self.settings, memory);
        let host = self.host(peer);
        host.incarnation = incarnation;
        host.core = Some(core);
        host.measure_ns = Some(measure_ns);
    }

    pub(super) fn on_course(&mut self, peer: PeerId) {
        let i = peer.index();
        let Some(at) = self.courses[i].next(self.positions[i]) else { return };
        self.positions[i] = at;
        let (speed, life) = self.courses[i].state(at);
        let now_ns = self.now_ns;
        let host = self.host(peer);
        host.advance(now_ns);
        host.link.set_speed(speed);
        let before = std::mem::replace(&mut host.life, life);
        self.trace.note(now_ns, peer, Mark::Speed, &[speed.to_bits(), life as u64], || {
            format!("is {life:?} with {:.3} MB/s", speed / 1e6)
        });
        match (before, life) {
            (Life::Alive | Life::Frozen, Life::Dead) => self.lose(peer),
            (Life::Dead, Life::Alive) => self.join(peer),
            (Life::Frozen, Life::Alive) => self.thaw(peer),
            (Life::Dead, Life::Frozen) => self.host(peer).join_at_thaw = true,
            _ => {}
        }
    }

    /// A process ends with all it knew; its lock is free, and the other sees that as soon as word can reach it.
    fn lose(&mut self, peer: PeerId) {
        let now_ns = self.now_ns;
        let host = self.host(peer);
        let had = host.core.is_some();
        let incarnation = host.incarnation;
        host.advance(now_ns);
        if let Some(core) = &host.core {
            let memory = core.memory();
            self.memories[peer.index()] = memory;
        }
        self.host(peer).lose();
        self.tally.lost_processes += u64::from(had);
        self.trace
            .note(now_ns, peer, Mark::Lost, &[incarnation.0], || format!("process {incarnation} is gone"));
        if had {
            let after = self.net.one_way_ns();
            self.schedule(after, peer.other(), Due::Notice(Event::PeerLost));
            self.schedule(after, peer.other(), Due::Notice(Event::PeerDead { incarnation }));
        }
    }

    /// Its place was taken: whatever it has in flight is lost, and it starts again.
    pub(super) fn find_itself_fenced(&mut self, peer: PeerId) {
        self.lose(peer);
        self.schedule(RESTART_AFTER.as_nanos() as u64, peer, Due::Join);
    }

    /// What came meanwhile is handled now.
    fn thaw(&mut self, peer: PeerId) {
        if std::mem::take(&mut self.host(peer).join_at_thaw) {
            self.join(peer);
            return;
        }
        let host = self.host(peer);
        if host.core.is_none() {
            return;
        }
        if self.books.current(peer) != self.hosts[peer.index()].incarnation {
            self.find_itself_fenced(peer);
            return;
        }
        let inbox = std::mem::take(&mut self.host(peer).inbox);
        for due in inbox {
            self.on_due(peer, due);
        }
    }

    /// A new process takes the place.
    pub(super) fn join(&mut self, peer: PeerId) {
        if self.hosts[peer.index()].core.is_some() {
            return;
        }
        let now_ns = self.now_ns;
        let host = self.host(peer);
        host.advance(now_ns);
        host.join_at_thaw = false;
        let incarnation: Incarnation = self.books.join(peer);
        let memory = self.memories[peer.index()];
        self.make_core(peer, memory);
        self.trace.note(now_ns, peer, Mark::Joined, &[incarnation.0], || format!("joins as {incarnation}"));
        let after = self.net.one_way_ns();
        self.schedule(after, peer.other(), Due::Notice(Event::PeerJoined { incarnation }));
        let other = &self.hosts[peer.other().index()];
        if other.core.is_some() {
            let notice = Event::PeerJoined { incarnation: other.incarnation };
            self.schedule(after, peer, Due::Notice(notice));
        }
        self.deliver(peer, Event::Started);
    }
}
