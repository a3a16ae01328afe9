//! How the model changes: dispatch only. Each concern has its file; none of them blocks, sends or draws.

pub mod control;
mod data;
pub mod diagnosis;
mod dial;
mod dialog;
mod filter;
mod gone;
pub mod help;
pub mod items;
mod key;
pub mod leave;
pub mod menu;
mod mouse;
pub mod nav;
pub mod palette;
mod queue;
mod queue_search;
mod replies;
mod retry;
mod take_out;
mod undo;

pub use take_out::state_json;

use crate::ui::Layer;
use crate::{Effect, Model, Msg, SizeClass};
use twinhaul_units::Moment;

/// Takes one message at `now`, and says what is to be done.
pub fn update(model: &mut Model, msg: Msg, now: Moment) -> Vec<Effect> {
    // Time goes back in a replay only.
    model.now = if matches!(msg, Msg::Rewound) { now } else { model.now.max(now) };
    if !matches!(msg, Msg::Drawn) {
        model.touch();
    }
    match msg {
        Msg::Key(press) => key::press(model, press),
        Msg::Mouse(mouse) => mouse::mouse(model, mouse),
        Msg::Paste(text) => key::paste(model, &text),
        Msg::Resize { w, h } => {
            model.size = (w, h);
            if model.class() == SizeClass::Status {
                // What cannot be drawn any more must not take keys.
                model.ui.layers.retain(Layer::fits_any_size);
            }
            Vec::new()
        }
        Msg::Link(to, state) => data::link(model, to, state),
        Msg::Peer(peer, snapshot) => data::peer(model, peer, snapshot.into_inner()),
        Msg::Run(run) => data::run(model, run.into_inner()),
        Msg::Reply(reply) => replies::reply(model, reply.into_inner()),
        Msg::Event(event) => data::event(model, event.into_inner()),
        Msg::History(events) => data::history(model, events),
        Msg::Page(page) => queue::page(model, page),
        Msg::Found(found) => queue_search::found(model, found),
        Msg::Place { peer, id, place } => queue_search::placed(model, peer, id, place),
        Msg::Failed { rows, more } => data::failed(model, rows, more),
        Msg::Transfers { beat, rows } => {
            let rows = rows.into_iter().map(crate::Clean::into_inner).collect();
            model.ui.stored = Some((beat, rows));
            Vec::new()
        }
        Msg::Followed(rows) => {
            let rows: Vec<_> = rows.into_iter().map(crate::Clean::into_inner).collect();
            gone::found(model, &rows);
            retry::followed(model, &rows)
        }
        Msg::Rates(rates) => data::rates(model, &rates),
        Msg::Past(past) => data::past(model, *past),
        Msg::Rewound => data::rewound(model),
        Msg::Diagnosis(told) => diagnosis::come(model, &told),
        Msg::Bundled(made) => take_out::bundled(model, &made),
        Msg::Trouble(text) => {
            replies::note(model, crate::words::Mood::Bad, &crate::clean::text(&text));
            Vec::new()
        }
        Msg::Told(text) => {
            data::say(model, crate::words::Mood::Good, &crate::clean::text(&text));
            Vec::new()
        }
        Msg::Drawn => dialog::drawn(model),
        Msg::Tick => data::tick(model),
    }
}
