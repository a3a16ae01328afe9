//! `keys`: which keys the console has; `keys check`: what is wrong with a keys file.

use crate::cli::{KeysArgs, KeysVerb};
use crate::exit::{self, Failure};
use crate::keys::{self, InForce};
use crate::output;
use crate::state::shown;
use twinhaul_console_model::action::{Danger, Group, REGISTRY, Row};
use twinhaul_console_model::keymap::{Sequence, fixed};
use twinhaul_console_model::{Keys, fit};

pub(crate) fn keys(args: &KeysArgs) -> Result<u8, Failure> {
    match &args.verb {
        Some(KeysVerb::Check { file: Some(file) }) => check(&keys::load(file)?),
        Some(KeysVerb::Check { file: None }) => check(&keys::in_force(&args.keys)?),
        None => {
            let found = keys::in_force(&args.keys)?;
            if args.json.json {
                json(&found)?;
            } else {
                sheet(&found);
            }
            Ok(exit::COMPLETE)
        }
    }
}

#[allow(clippy::unnecessary_wraps, reason = "as the other verbs")]
fn check(found: &InForce) -> Result<u8, Failure> {
    let own = REGISTRY.iter().filter(|row| found.keys.is_custom(row)).count();
    let what = match (&found.file, keys::place()) {
        (Some(file), _) => format!("{}: no mistakes found; other keys than built in: {own}", shown(file)),
        (None, Some(place)) => format!("no keys file, nothing to check; it would be {}", shown(&place)),
        (None, None) => "no keys file, nothing to check".to_owned(),
    };
    output::line(&what);
    Ok(exit::COMPLETE)
}

/// One line for each action: its name in a keys file, its keys, what it does.
fn sheet(found: &InForce) {
    let keys =
        |row: &Row| Some(found.keys.shown(row)).filter(|s| !s.is_empty()).unwrap_or_else(|| "-".into());
    let widest = |width: &dyn Fn(&'static Row) -> usize| REGISTRY.iter().map(width).max().unwrap_or(0);
    let (id_width, key_width) = (widest(&|row| row.id.len()), widest(&|row| fit::width(&keys(row))));
    for group in Group::ALL {
        output::line(group.words());
        for row in REGISTRY.iter().filter(|row| row.group == group) {
            let sign = if found.keys.is_custom(row) { "*" } else { " " };
            let (id, keys) = (fit::left(row.id, id_width), fit::left(&keys(row), key_width));
            output::line(&format!("{sign} {id}  {keys}  {}{}", row.help, takes(row)));
        }
    }
    let own = REGISTRY.iter().any(|row| found.keys.is_custom(row));
    match (&found.file, keys::place()) {
        (Some(file), _) => output::say(&format!("from {}", shown(file))),
        (None, Some(place)) => output::say(&format!("built in; keys of your own go into {}", shown(&place))),
        (None, None) => {}
    }
    if own {
        output::say("* other keys than built in");
    }
}

const fn takes(row: &Row) -> &'static str {
    match row.danger {
        Danger::None => "",
        Danger::Confirm => "; asks",
        Danger::Name => "; asks for a name",
    }
}

fn json(found: &InForce) -> Result<(), Failure> {
    let written = |keys: &[Sequence]| keys.iter().map(Sequence::written).collect::<Vec<_>>();
    let built_in = Keys::default();
    let action = |row: &Row| {
        serde_json::json!({
            "id": row.id,
            "scope": row.scope.words(),
            "keys": written(found.keys.of(row.action)),
            "built_in": written(built_in.of(row.action)),
            "shown": found.keys.shown(row),
            "title": row.title,
            "help": row.help,
            "asks": match row.danger {
                Danger::None => "no",
                Danger::Confirm => "yes",
                Danger::Name => "name",
            },
            "fixed": fixed(row),
        })
    };
    let actions: Vec<_> = REGISTRY.iter().map(action).collect();
    let file = found.file.as_deref().map(shown);
    output::json(&serde_json::json!({ "file": file, "actions": actions }))
}
