//! The learning rule (claims 6 and 7, protocol.md 2): each peer changes only its own ratio, from its own memory of
//! who assisted whom at the previous execution of step 1.3 or 1.4.
//!
//! | owner of the ratio | the asker is back first: += | the owner ran dry first: -= |
//! |---|---|---|
//! | first peer | claim 7.1 | claim 6.2 |
//! | second peer | claim 6.1 | claim 7.2 |

use super::Core;
use crate::flaw::Flaw;
use crate::{Effect, Last, Memory, Millionths, Policy, Report, Rule};
use twinhaul_units::{PeerId, Ratio};

/// Limits of the correction (protocol.md 4).
pub(super) const CORRECTION_MIN: Millionths = Millionths(600_000);
pub(super) const CORRECTION_MAX: Millionths = Millionths(1_400_000);

/// What this peer has learned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Learned {
    pub(super) ratio: Millionths,
    /// The ratio without the moves of the tail: what the next run begins with.
    pub(super) remembered: Millionths,
    /// `balanced`: what the portion is multiplied by, because paces alone were wrong before (protocol.md 4).
    pub(super) correction: Millionths,
    /// `balanced`: the latest ratio that was determined.
    pub(super) determined: Option<Millionths>,
    pub(super) last: Last,
    /// A decrease that the answer to the open Ask decides about: remembered, or noise of the tail.
    pub(super) unproven: bool,
}

impl Learned {
    pub(super) fn new(memory: Memory) -> Self {
        let (ratio, remembered) = (memory.live.into(), memory.ratio.into());
        Self {
            ratio,
            remembered,
            correction: Millionths::whole(1),
            determined: None,
            last: memory.last,
            unproven: false,
        }
    }
}

impl Core {
    /// The other peer asks, for the first time in its episode: it has completed. If it had assisted this peer before,
    /// the last portion was too small (claims 6.1, 7.1).
    pub(super) fn asker_is_back(&mut self, out: &mut Vec<Effect>) {
        if self.learned.last != Last::ItHelpedMe || self.tuning.policy == Policy::StealHalf {
            return;
        }
        let rule = match self.me {
            PeerId::First => Rule::Claim7_1,
            PeerId::Second => Rule::Claim6_1,
        };
        let step = self.tuning.increment;
        if self.tuning.policy == Policy::Balanced {
            let more = Millionths(self.learned.correction.0.saturating_add(step.0));
            self.correct(more, rule, out);
            return;
        }
        if self.is_above_noise(self.queued()) {
            self.learned.remembered = self.learned.remembered.raised(step);
        }
        let raised = self.learned.ratio.raised(step);
        let unclamped = Millionths(self.learned.ratio.0 + step.0);
        self.move_ratio(if self.tuning.has(Flaw::RatioUnclamped) { unclamped } else { raised }, rule, out);
    }

    /// This peer has completed and is about to ask, for the first time in its episode. If it had been assisted before,
    /// it gave too much away (claims 6.2, 7.2).
    pub(super) fn ran_dry_first(&mut self, out: &mut Vec<Effect>) {
        if self.learned.last != Last::ItHelpedMe || self.tuning.policy == Policy::StealHalf {
            return;
        }
        let rule = match self.me {
            PeerId::First => Rule::Claim6_2,
            PeerId::Second => Rule::Claim7_2,
        };
        if self.tuning.policy == Policy::Balanced {
            let less = Millionths(self.learned.correction.0.saturating_sub(self.tuning.increment.0));
            self.correct(less, rule, out);
            return;
        }
        self.learned.unproven = true;
        self.move_ratio(self.learned.ratio.lowered(self.tuning.increment), rule, out);
    }

    /// The answer says how much the asked owner had queued: only now is it known whether this peer ran dry early, or
    /// merely a moment before the other at the end of all work.
    pub(super) fn prove_decrease(&mut self, queued_at_owner: u64) {
        if std::mem::take(&mut self.learned.unproven) && self.is_above_noise(queued_at_owner) {
            self.learned.remembered = self.learned.remembered.lowered(self.tuning.increment);
        }
    }

    /// Moves made while fewer transfers are queued than there are slots are noise of the tail, and not remembered.
    fn is_above_noise(&self, queued: u64) -> bool {
        queued >= self.tuning.slots as u64
    }

    /// An operator's word counts for the next run too.
    pub(super) fn set_ratio(&mut self, ratio: Ratio, out: &mut Vec<Effect>) {
        self.learned.remembered = ratio.into();
        self.learned.unproven = false;
        self.move_ratio(ratio.into(), Rule::Operator, out);
    }

    /// The increments of claims 6 and 7, applied to what was determined from paces.
    fn correct(&mut self, new: Millionths, rule: Rule, out: &mut Vec<Effect>) {
        let old = std::mem::replace(&mut self.learned.correction, new.clamp(CORRECTION_MIN, CORRECTION_MAX));
        let shown = self.learned.determined.unwrap_or(self.learned.ratio);
        let moved = shown.get() * self.learned.correction.get() / old.get();
        self.learned.determined = Some(Millionths::from_f64(moved.min(1.0)));
        let (old, new) = (shown.ratio(), Ratio::clamped(moved));
        out.push(Effect::Report(Report::RatioMoved { old, new, rule }));
    }

    fn move_ratio(&mut self, new: Millionths, rule: Rule, out: &mut Vec<Effect>) {
        let old = std::mem::replace(&mut self.learned.ratio, new);
        out.push(Effect::Report(Report::RatioMoved { old: old.ratio(), new: new.ratio(), rule }));
    }
}
