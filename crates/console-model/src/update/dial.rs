//! What is typed for a limit or a number of slots: "16 MiB/s", "shared 50 MiB/s", "target vault none", "4".

use crate::control::{Question, Target};
use twinhaul_units::{Dial, Rate, Turned};
use twinhaul_wire::PeerSnapshot;

/// # Errors
/// In words, when it cannot be read.
pub(super) fn typed(question: Question, text: &str) -> Result<(Dial, Turned), String> {
    let limit = question == Question::Limit;
    let (dial, value) = match text.split_once(char::is_whitespace) {
        Some(("shared", value)) if limit => (Dial::SharedLimit, value),
        Some(("target", rest)) => {
            let (target, value) =
                rest.trim().split_once(char::is_whitespace).ok_or("a target is followed by its value")?;
            let target = target.to_owned();
            (if limit { Dial::TargetLimit(target) } else { Dial::TargetSlots(target) }, value)
        }
        _ => (if limit { Dial::Limit } else { Dial::Slots }, text),
    };
    let to = dial.read(value).map_err(|e| e.to_string())?;
    Ok((dial, to))
}

/// What a dialog says of it.
pub(super) fn text(dial: &Dial, to: Turned) -> String {
    let whose = match dial {
        Dial::Limit | Dial::Slots => String::new(),
        Dial::SharedLimit => " by both peers together".to_owned(),
        Dial::TargetLimit(target) => format!(" into {target}, by both peers together"),
        Dial::TargetSlots(target) => format!(" into {target}, by each peer"),
    };
    match to {
        Turned::Set(rate) if dial.is_limit() => format!("At most {}{whose} from now on.", Rate(rate)),
        Turned::Set(slots) => {
            format!("{slots} transfers at a time{whose} from now on. Those that are too many are finished.")
        }
        Turned::Lifted => "No limit any more.".to_owned(),
        Turned::AsProfiled if dial.is_limit() => "The profile's limit and timetable hold again.".to_owned(),
        Turned::AsProfiled => "The profile's number holds again.".to_owned(),
    }
}

/// Whose dial it is, whoever was chosen: what both share is turned at both.
pub(super) const fn turned_at(dial: &Dial, target: Target) -> Target {
    match dial {
        Dial::Limit | Dial::Slots => target,
        Dial::SharedLimit | Dial::TargetLimit(_) | Dial::TargetSlots(_) => Target::Both,
    }
}

/// What holds now, in words.
pub(super) fn now(s: &PeerSnapshot, dial: &Dial) -> String {
    let shown = s.dials.iter().find(|d| d.dial == *dial);
    let value = match dial {
        Dial::Limit => s.limit,
        Dial::Slots => Some(s.slots.max.into()),
        _ => shown.and_then(|d| d.value),
    };
    value_words(dial, value)
}

/// What will hold, in words; what the profile says is known only to the peer.
pub(super) fn after(dial: &Dial, to: Turned) -> String {
    match to {
        Turned::AsProfiled => "as the profile says".to_owned(),
        Turned::Lifted => value_words(dial, None),
        Turned::Set(value) => value_words(dial, Some(value)),
    }
}

fn value_words(dial: &Dial, value: Option<u64>) -> String {
    match value {
        None => "no limit".to_owned(),
        Some(rate) if dial.is_limit() => Rate(rate).to_string(),
        Some(slots) => format!("{slots} slots"),
    }
}

/// How far it was turned before.
pub(super) fn before(s: &PeerSnapshot, dial: &Dial) -> Turned {
    match s.dials.iter().find(|d| d.dial == *dial && d.turned) {
        Some(turned) => turned.value.map_or(Turned::Lifted, Turned::Set),
        None => Turned::AsProfiled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_or_refused_in_words() {
        let read = |question, text: &str| match typed(question, text) {
            Ok((dial, to)) => format!("{dial}: {to}"),
            Err(why) => panic!("{why}"),
        };
        assert_eq!(read(Question::Limit, "16 MiB/s"), "limit: 16777216");
        assert_eq!(read(Question::Limit, "shared 1 KiB/s"), "limit of both peers: 1024");
        assert_eq!(read(Question::Limit, "target vault none"), "limit of target vault: none");
        assert_eq!(read(Question::Slots, "4"), "slots: 4");
        assert_eq!(read(Question::Slots, "target vault profile"), "slots of target vault: profile");
        for (question, bad) in [
            (Question::Limit, "fast"),
            (Question::Limit, "target vault"),
            (Question::Slots, "shared 4"),
            (Question::Slots, "-1"),
        ] {
            assert!(typed(question, bad).is_err(), "{bad}");
        }
    }
}
