//! The walk: every case of the table, by every key in force. Once with the built-in keys, once with all of them moved.

use crate::screen::{Screen, row_of};
use crate::table::{CASES, GIVEN_UP, Place};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use twinhaul_console_model::Keys;
use twinhaul_console_model::action::{REGISTRY, Scope};
use twinhaul_console_model::keymap::{Wish, fixed};
use twinhaul_tests::product::{Lab, Profile, Run};

/// Everything has a place on it but what only large terminals show, and the stage fits.
const SIZE: (u16, u16) = (32, 120);
/// Too small for the stage, with which a demonstration begins.
const SMALL: (u16, u16) = (24, 80);
/// Transfers that take as long as it is looked at: each is 4 MiB at some 16 KiB/s.
const GOING_ON: usize = 24;

#[test]
fn every_action_is_seen_by_its_built_in_key() {
    walk(&Keys::default(), &Lab::new(), "none");
}

#[test]
fn every_action_is_seen_by_a_key_of_ones_own() {
    let lab = Lab::new();
    let wishes = all_moved();
    let keys = Keys::with(&wishes).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let lines = wishes.iter().map(|wish| format!("{}: \"{}\"\n", wish.id, wish.keys.join("")));
    let file = lab.write("moved.yaml", &lines.collect::<String>());
    lab.run(["keys".as_ref(), "check".as_ref(), file.as_os_str()]).expect_code(0);
    walk(&keys, &lab, file.to_str().unwrap());
}

/// Another key for every action that may have one.
fn all_moved() -> Vec<Wish> {
    // No capitals: those are behind the menus' keys, and the same key twice at once would be one held down.
    let letters = || ('a'..='z').chain('0'..='9').chain("!@#$%^&*()".chars()).filter(|c| *c != 'y');
    let mut main = letters().map(|c| format!("<f5>{c}"));
    let mut replay = letters().map(|c| format!("<f6>{c}"));
    let mut wishes = Vec::new();
    for row in REGISTRY.iter().filter(|row| fixed(row).is_none()) {
        let key = match row.scope {
            Scope::Main => main.next(),
            Scope::Replay => replay.next(),
            // A menu's letter, behind its menu's key.
            _ => row.keys.first().map(|key| key.to_uppercase()),
        };
        wishes.push(Wish { id: row.id.into(), keys: key.into_iter().collect() });
    }
    wishes
}

fn walk(keys: &Keys, lab: &Lab, file: &str) {
    let run = under_way(lab);
    {
        let mut demo = Screen::open(lab, &["demo", "--keys", file], keys.clone(), SMALL, "LIVE");
        through(Place::Demo, keys, &mut demo);
    }
    let mut screen = Screen::open(lab, &["attach", &run.id, "--keys", file], keys.clone(), SIZE, "LIVE");
    through(Place::Run, keys, &mut screen);
    let mut screen = Screen::open(lab, &["replay", &run.id, "--keys", file], keys.clone(), SIZE, "REPLAY 1x");
    through(Place::Replay, keys, &mut screen);
}

fn through(place: Place, keys: &Keys, screen: &mut Screen) {
    for case in CASES.iter().filter(|case| case.place == place) {
        let row = row_of(case.id);
        for key in keys.of(row.action) {
            screen.home();
            case.before.iter().for_each(|step| screen.step(step));
            screen.press(row, key.chords(), case.see);
            case.after.iter().for_each(|step| screen.step(step));
        }
    }
    assert!(!screen.text().is_empty());
}

/// A run in which some transfers were given up, because nobody may read them, and others take their time.
fn under_way(lab: &Lab) -> Run<'_> {
    let file = |path: &Path, bytes: usize, mode: u32| {
        std::fs::write(path, vec![7; bytes]).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::create_dir_all(lab.source()).unwrap();
    for n in 0..GIVEN_UP {
        file(&lab.source().join(format!("no-{n:02}")), 1, 0o000);
    }
    for n in 0..GOING_ON {
        file(&lab.source().join(format!("yes-{n:02}")), 4 << 20, 0o644);
    }
    let mut profile = Profile::new("walked", &lab.source(), &lab.target()).limits("64 KiB/s", "64 KiB/s");
    profile.more = "order: name\n".into();
    let mut command = lab.command();
    command.arg("run").arg(lab.write_profile(&profile)).arg("--detach");
    let done = lab.finish_without_override(command);
    let run = Run::named(lab, done.expect_code(0).stdout.trim());
    run.until("some are given up, others go on", |s| {
        s.failed.transfers == GIVEN_UP as u64 && s.peers.values().all(|peer| !peer.in_flight.is_empty())
    });
    run
}
