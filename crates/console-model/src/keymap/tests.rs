//! What a keys file may say, what it may not, and what follows from it.

use super::*;
use crate::action::Danger;

fn wish(id: &str, keys: &[&str]) -> Wish {
    Wish { id: id.into(), keys: keys.iter().map(ToString::to_string).collect() }
}

fn refused(wishes: &[Wish]) -> String {
    let mistakes = Keys::with(wishes).expect_err("it is refused");
    let told = mistakes.iter().map(|m| format!("{}.{:?}: {} | {}", m.wish, m.key, m.what, m.help));
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn no_wishes_are_the_registrys_keys() {
    assert_eq!(Keys::with(&[]), Ok(Keys::default()));
    let keys = Keys::default();
    for row in REGISTRY {
        assert!(!keys.is_custom(row), "{}", row.id);
        for chord in row.chords() {
            let found = keys.lookup(row.scope, chord).map(|found| found.id);
            assert_eq!(found, Some(row.id));
        }
    }
}

#[test]
fn wishes_take_the_place_of_keys_and_the_ways_out_stay() {
    let keys = Keys::with(&[
        wish("freeze", &["F", "<c-f>"]),
        wish("expand", &["f"]),
        wish("first", &["gg"]),
        wish("theme", &[]),
        wish("quit", &["Q"]),
        wish("pause", &["P"]),
    ])
    .unwrap();
    assert_eq!(keys.first(Action::Freeze), "F");
    let main = |chord| keys.lookup(Scope::Main, chord).map(|row| row.action);
    assert_eq!(main(Chord::plain(Key::Char('f'))), Some(Action::Expand));
    assert_eq!(main(Chord::plain(Key::Char('q'))), None);
    assert_eq!(main(Chord::ctrl('c')), Some(Action::Quit));
    assert_eq!(keys.way_to(Action::Theme), ":theme");
    let still = Keys::with(&[wish("last", &[])]).unwrap();
    assert_eq!(still.way_to(Action::Last), "", "what only moves is no command");
    let pause = crate::action::row(Action::Pause).unwrap();
    assert_eq!(keys.shown(pause), "x P");
    assert!(keys.is_custom(pause));
    let g = Chord::plain(Key::Char('g'));
    assert!(matches!(keys.step(&[Scope::Main], &[], g), Step::More));
    assert!(matches!(keys.step(&[Scope::Main], &[g], g), Step::Run(row) if row.action == Action::First));
    let esc = Chord::plain(Key::Esc);
    assert!(matches!(keys.step(&[Scope::Main], &[g], esc), Step::Nothing));
    assert!(
        matches!(keys.step(&[Scope::Main], &[g], Chord::ctrl('c')), Step::Run(row) if row.action == Action::Quit)
    );
}

#[test]
fn keys_that_clash_are_named_with_both_actions() {
    for (wishes, words) in [
        (vec![wish("freeze", &["d"])], ["0.Some(0)", "\"d\" is a key of diagnose already", "diagnose: none"]),
        (vec![wish("freeze", &["m"]), wish("mark", &["m"])], ["1.Some(0)", "of freeze already", "for mark"]),
        (vec![wish("freeze", &["q"])], ["\"q\" is a key of quit already", "or write quit: <c-c>", ""]),
        (vec![wish("freeze", &["gf"])], ["\"g\" is the beginning of \"gf\"", "first", "never be typed"]),
        (vec![wish("freeze", &["n"])], ["in a replay \"n\"", "next-trouble", "0.Some(0)"]),
        (vec![wish("freeze", &["5"])], ["of panel already", "those of panel cannot be changed", ""]),
        (vec![wish("pause", &["r"])], ["of resume already", "", ""]),
        (vec![wish("freeze", &["F", "F"])], ["0.Some(1)", "written twice", ""]),
        (vec![wish("copy-paths", &["T"])], ["\"T\" and \"t\" of retry-these", "Shift alone", ""]),
        (vec![wish("stop", &["D"])], ["\"D\" and \"d\" of drain", "Shift alone", ""]),
        (vec![wish("freeze", &["F"]), wish("freeze", &["Z"])], ["1.None", "said twice", ""]),
        (vec![wish("freez", &["F"])], ["no action \"freez\"", "", ""]),
    ] {
        let told = refused(&wishes);
        assert!(words.iter().all(|word| told.contains(word)), "{wishes:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn what_is_no_clash_is_taken() {
    for wishes in [
        // A key that its owner gives up.
        vec![wish("freeze", &["e"]), wish("expand", &["f"])],
        vec![wish("freeze", &["t"]), wish("times", &[])],
        // Menus are places of their own.
        vec![wish("pause", &["f"]), wish("kill-peer", &["K"])],
        // What the registry has itself.
        vec![wish("play", &["<space>"]), wish("mark", &["<space>"]), wish("back", &["<bs>"])],
    ] {
        assert!(Keys::with(&wishes).is_ok(), "{wishes:?}: {}", refused(&wishes));
    }
}

/// The standing rules: a key may not confirm what it opened, and what confirms stays.
#[test]
fn no_wish_makes_a_single_key_change_a_run() {
    for (wish, why) in [
        (wish("confirm", &["p"]), "y alone confirms"),
        (wish("next-button", &["<space>"]), "cannot be changed"),
        (wish("target", &["w"]), "cannot be changed"),
        (wish("panel", &["a"]), "cannot be changed"),
        (wish("pause", &["y"]), "the key that confirms"),
        (wish("undo", &["zy"]), "the key that confirms"),
        (wish("quit", &["y"]), "the key that confirms"),
        (wish("pause", &["<enter>"]), "always open"),
        (wish("undo", &["<c-c>"]), "always quit"),
        (wish("stop", &["j"]), "moves in menus"),
        (wish("pause", &["1"]), "for whom"),
        (wish("pause", &["pp"]), "one key"),
        (wish("quit", &[]), "Ctrl-c stays"),
        (wish("freeze", &["f<esc>"]), "always back"),
        (wish("freeze", &["<c-m>"]), "as for Enter"),
        (wish("freeze", &["!", "@", "#", "$", "%", "^", "&", "(", ")"]), "at most 8"),
    ] {
        let told = refused(std::slice::from_ref(&wish));
        assert!(told.contains(why), "{wish:?}: {told}");
    }
    // Whatever is wished, each of these asks first, and nothing in the main scope does anything to a run.
    assert!(REGISTRY.iter().all(|row| row.scope != Scope::Main || row.danger == Danger::None));
}
