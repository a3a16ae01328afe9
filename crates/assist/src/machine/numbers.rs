//! The numbers that tie questions to answers and wishes to outcomes, wherever a core has one, for the model check alone.
//!
//! They only grow, and only their order is ever looked at; so how many questions there were before is no state. Nothing
//! else that grows is like them: of incarnations the sum decides how long a silence must last ([`super::suspect`]), and
//! epochs and incarnations are in the names of objects.

use super::Core;
use crate::{AskId, Episode, Message, OpId};
use twinhaul_units::{Incarnation, PeerId};

/// One such number.
#[doc(hidden)]
#[derive(Debug)]
pub enum Number<'a> {
    /// A question, and who asked it.
    Ask(PeerId, &'a mut AskId),
    /// An episode, and whose it was, in which life.
    Episode(PeerId, Incarnation, &'a mut Episode),
    /// An assignment or a take-over.
    Op(&'a mut OpId),
}

#[doc(hidden)]
impl Core {
    /// Shows every number here that something else may have too. Where this core counts on from is in
    /// [`Self::count_from`].
    pub fn each_number(&mut self, each: &mut dyn FnMut(Number<'_>)) {
        let (me, other) = (self.me, self.me.other());
        let asking = &mut self.asking;
        asking.asked().for_each(|ask| each(Number::Ask(me, ask)));
        if asking.open {
            each(Number::Episode(me, self.incarnation, &mut asking.episode));
        }
        let owning = &mut self.owning;
        if let Some(heard) = &mut owning.heard {
            heard.each_number(other, each);
        }
        let parked = owning.parked.iter_mut().map(|(ask, _)| ask);
        parked.for_each(|ask| each(Number::Ask(other, ask)));
        for pending in &mut owning.pending {
            each(Number::Op(&mut pending.op));
            pending.ask_id.iter_mut().for_each(|ask| each(Number::Ask(other, ask)));
        }
        self.watch.fencing_op().into_iter().for_each(|op| each(Number::Op(op)));
    }

    /// The next question, the next episode and the next wish get the numbers behind these.
    pub fn count_from(&mut self, ask: u64, episode: u64, op: u64) {
        self.asking.count_from(AskId::new(self.incarnation, ask));
        if !self.asking.open {
            self.asking.episode = Episode(episode);
        }
        self.owning.ops = op;
    }

    /// Whether this core may yet ask for the operation of this number: its outcome is not known here.
    pub fn awaits(&self, op: OpId) -> bool {
        self.owning.pending.iter().any(|pending| pending.op == op) || self.watch.awaits(op)
    }
}

#[doc(hidden)]
impl Message {
    /// Shows the numbers in a message about a question of `asker`.
    pub fn each_number(&mut self, asker: PeerId, each: &mut dyn FnMut(Number<'_>)) {
        match self {
            Self::Ask { ask_id, episode, .. } => {
                each(Number::Ask(asker, ask_id));
                each(Number::Episode(asker, ask_id.incarnation(), episode));
            }
            Self::Needed { ask_id, .. } | Self::NotNeeded { ask_id, .. } => each(Number::Ask(asker, ask_id)),
            Self::Given { .. } | Self::RangeDone { .. } | Self::Taken { .. } | Self::Heartbeat { .. } => {}
        }
    }
}
