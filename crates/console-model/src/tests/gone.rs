//! A window of a transfer stays of use when the transfer has left both peers.

use crate::board::StoredRow;
use crate::sample::{self, drive, peer_msg, tell};
use crate::{Clean, Effect, Model, Msg};
use twinhaul_units::PeerId;
use twinhaul_wire::{PeerSnapshot, QueueRow};

/// The window of the first transfer in flight, and its id.
fn opened() -> (Model, u64) {
    let mut model = sample::mid_run();
    drive(&mut model, "3g<enter>");
    let id = model.flights()[0].1.id;
    (model, id)
}

#[test]
fn what_became_of_it_is_read_once_no_peer_tells_of_it() {
    let (mut model, id) = opened();
    assert!(tell(&mut model, Msg::Tick).is_empty(), "its peer tells of it");
    tell(&mut model, peer_msg(PeerId::First, &PeerSnapshot { in_flight: Vec::new(), ..sample::alpha() }));
    assert_eq!(tell(&mut model, Msg::Tick), [Effect::FollowTransfers(vec![id])]);
    let row = QueueRow { id, ..QueueRow::default() };
    let row = StoredRow { row, state: "done".into(), attempts: 1 };
    tell(&mut model, Msg::Followed(vec![Clean::new(row.clone()).unwrap()]));
    assert_eq!(model.ui.gone, Some(row));
    assert!(model.desk.notes.is_empty(), "nobody asked for a note");
    drive(&mut model, "f");
    assert!(tell(&mut model, Msg::Tick).is_empty(), "what is frozen does not change");
    drive(&mut model, "f<esc>");
    assert!(tell(&mut model, Msg::Tick).is_empty(), "nobody looks any more");
    assert_eq!(model.ui.gone, None, "what it was then is not what it is later");
}
