//! The core's words and the wire's words for the same things.

use twinhaul_assist::{AskId, Episode, Message, Millionths, OpId, Pace};
use twinhaul_units::{Bytes, Incarnation, LotId, Moment, Rate, TransferId};
use twinhaul_wire::{AssignWhy, Message as Wire, Rule};

pub(super) fn why(why: twinhaul_assist::AssignWhy) -> AssignWhy {
    match why {
        twinhaul_assist::AssignWhy::Assistance => AssignWhy::Assistance,
        twinhaul_assist::AssignWhy::Rebalance => AssignWhy::Rebalance,
        twinhaul_assist::AssignWhy::Drain => AssignWhy::Drain,
    }
}

pub(super) fn fence_why(why: twinhaul_assist::FenceWhy) -> &'static str {
    match why {
        twinhaul_assist::FenceWhy::Dead => "its process is gone",
        twinhaul_assist::FenceWhy::LeaseOver => "nothing was heard of it for the length of a lease",
        twinhaul_assist::FenceWhy::Silent => "it was silent, and there was nothing else to do",
    }
}

pub(super) fn rule(rule: twinhaul_assist::Rule) -> Rule {
    match rule {
        twinhaul_assist::Rule::Claim6_1 => Rule::R61,
        twinhaul_assist::Rule::Claim6_2 => Rule::R62,
        twinhaul_assist::Rule::Claim7_1 => Rule::R71,
        twinhaul_assist::Rule::Claim7_2 => Rule::R72,
        twinhaul_assist::Rule::Operator => Rule::Operator,
    }
}

const fn pace_out(pace: Pace) -> twinhaul_wire::Pace {
    twinhaul_wire::Pace { per_byte_ps: pace.per_byte_ps, per_transfer_ns: pace.per_transfer_ns }
}

const fn pace_in(pace: twinhaul_wire::Pace) -> Pace {
    Pace { per_byte_ps: pace.per_byte_ps, per_transfer_ns: pace.per_transfer_ns }
}

pub(super) fn to_wire(message: Message) -> Wire {
    match message {
        Message::Ask { ask_id, episode, rate, queued, idle_slots, left, pace } => Wire::Ask {
            ask_id: ask_id.0,
            episode: episode.0,
            rate: rate.0,
            queued,
            idle_slots,
            left: left.0,
            pace: pace_out(pace),
        },
        Message::Needed {
            ask_id,
            op,
            lots,
            count,
            bytes,
            ratio,
            portion,
            minimum,
            queued,
            portion_bytes,
            remaining_bytes,
            ranges,
            pace,
        } => Wire::Needed {
            ask_id: ask_id.0,
            op: op.0,
            lots: lots.into_iter().map(|l| l.0).collect(),
            count,
            bytes: bytes.0,
            ratio: ratio.get(),
            portion: portion.get(),
            minimum,
            queued,
            portion_bytes: portion_bytes.0,
            remaining_bytes: remaining_bytes.0,
            ranges,
            pace: pace_out(pace),
        },
        Message::NotNeeded {
            ask_id,
            ratio,
            portion,
            minimum,
            queued,
            portion_bytes,
            remaining_bytes,
            pace,
        } => Wire::NotNeeded {
            ask_id: ask_id.0,
            ratio: ratio.get(),
            portion: portion.get(),
            minimum,
            queued,
            portion_bytes: portion_bytes.0,
            remaining_bytes: remaining_bytes.0,
            pace: pace_out(pace),
        },
        Message::Given { op, lots, count, bytes } => {
            Wire::Given { op: op.0, lots: lots.into_iter().map(|l| l.0).collect(), count, bytes: bytes.0 }
        }
        Message::RangeDone { id, from, to } => Wire::RangeDone { id: id.0, from, to },
        Message::Taken { old, new, count, bytes } => {
            Wire::Taken { old: old.0, new: new.0, count, bytes: bytes.0 }
        }
        Message::Heartbeat {
            queued,
            queued_bytes,
            in_flight,
            rate,
            ratio,
            paused,
            left,
            pace,
            sent,
            echo,
        } => Wire::Heartbeat {
            queued,
            queued_bytes: queued_bytes.0,
            in_flight,
            rate: rate.0,
            ratio: ratio.get(),
            paused,
            left: left.0,
            pace: pace_out(pace),
            sent: sent.0,
            echo: echo.map(|at| at.0),
        },
    }
}

/// `None` for what the core need not hear.
pub(super) fn from_wire(message: Wire) -> Option<Message> {
    let lots = |lots: Vec<u64>| lots.into_iter().map(LotId).collect();
    Some(match message {
        Wire::Ask { ask_id, episode, rate, queued, idle_slots, left, pace } => Message::Ask {
            ask_id: AskId(ask_id),
            episode: Episode(episode),
            rate: Rate(rate),
            queued,
            idle_slots,
            left: Bytes(left),
            pace: pace_in(pace),
        },
        Wire::Needed {
            ask_id,
            op,
            lots: named,
            count,
            bytes,
            ratio,
            portion,
            minimum,
            queued,
            portion_bytes,
            remaining_bytes,
            ranges,
            pace,
        } => Message::Needed {
            ask_id: AskId(ask_id),
            op: OpId(op),
            lots: lots(named),
            count,
            bytes: Bytes(bytes),
            ratio: Millionths::from_f64(ratio),
            portion: Millionths::from_f64(portion),
            minimum,
            queued,
            portion_bytes: Bytes(portion_bytes),
            remaining_bytes: Bytes(remaining_bytes),
            ranges,
            pace: pace_in(pace),
        },
        Wire::NotNeeded { ask_id, ratio, portion, minimum, queued, portion_bytes, remaining_bytes, pace } => {
            Message::NotNeeded {
                ask_id: AskId(ask_id),
                ratio: Millionths::from_f64(ratio),
                portion: Millionths::from_f64(portion),
                minimum,
                queued,
                portion_bytes: Bytes(portion_bytes),
                remaining_bytes: Bytes(remaining_bytes),
                pace: pace_in(pace),
            }
        }
        Wire::Given { op, lots: named, count, bytes } => {
            Message::Given { op: OpId(op), lots: lots(named), count, bytes: Bytes(bytes) }
        }
        Wire::RangeDone { id, from, to } => Message::RangeDone { id: TransferId(id), from, to },
        Wire::Taken { old, new, count, bytes } => {
            Message::Taken { old: Incarnation(old), new: Incarnation(new), count, bytes: Bytes(bytes) }
        }
        Wire::Heartbeat { queued, queued_bytes, in_flight, rate, ratio, paused, left, pace, sent, echo } => {
            Message::Heartbeat {
                queued,
                queued_bytes: Bytes(queued_bytes),
                in_flight,
                rate: Rate(rate),
                ratio: Millionths::from_f64(ratio),
                paused,
                left: Bytes(left),
                pace: pace_in(pace),
                sent: Moment(sent),
                echo: echo.map(Moment),
            }
        }
        Wire::Bye { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_comes_back_as_it_went() {
        let ratio = Millionths::from_f64(0.55);
        let portion = ratio.times(1236);
        let pace = Pace { per_byte_ps: 10_000, per_transfer_ns: 500_000 };
        let (portion_bytes, remaining_bytes) = (Bytes(70), Bytes(100));
        for message in [
            Message::Ask {
                ask_id: AskId(1),
                episode: Episode(2),
                rate: Rate(3),
                queued: 0,
                idle_slots: 1,
                left: Bytes(8),
                pace,
            },
            Message::Needed {
                ask_id: AskId(1),
                op: OpId(9),
                lots: vec![LotId(4)],
                count: 679,
                bytes: Bytes(5),
                ratio,
                portion,
                minimum: 4,
                queued: 1236,
                portion_bytes,
                remaining_bytes,
                ranges: 2,
                pace,
            },
            Message::NotNeeded {
                ask_id: AskId(1),
                ratio,
                portion,
                minimum: 4,
                queued: 1,
                portion_bytes,
                remaining_bytes,
                pace,
            },
            Message::Given { op: OpId(1), lots: vec![], count: 1, bytes: Bytes(1) },
            Message::RangeDone { id: TransferId(7), from: 1 << 20, to: 5 << 20 },
            Message::Taken { old: Incarnation(3), new: Incarnation(4), count: 9, bytes: Bytes(1) },
            Message::Heartbeat {
                queued: 1,
                queued_bytes: Bytes(2),
                in_flight: 3,
                rate: Rate(4),
                ratio,
                paused: true,
                left: Bytes(5),
                pace,
                sent: Moment(6),
                echo: Some(Moment(7)),
            },
        ] {
            assert_eq!(from_wire(to_wire(message.clone())), Some(message));
        }
    }
}
