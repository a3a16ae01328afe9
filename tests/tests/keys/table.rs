//! What each action is seen to do. One row for each action of the registry that has a key; a row that is missing fails.

use twinhaul_console_model::Keys;
use twinhaul_console_model::action::REGISTRY;

/// Where a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The console on a run that goes on.
    Run,
    /// The same in a demonstration, which alone may be broken.
    Demo,
    /// The console on the recording of a run.
    Replay,
}

/// What is seen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum See {
    Text(&'static str),
    Gone(&'static str),
    /// It has the focus.
    Focus(&'static str),
    /// The selected row of panel 9 is one of these; they are numbered.
    Row(fn(usize) -> bool),
    /// The second of a replay, before and after.
    Second(fn(u64, u64) -> bool),
    /// A replay at its end.
    End,
    /// Something else than before, where nothing changes by itself: in a replay that is held.
    Other,
    /// The panel of the digit that was pressed.
    Panel,
    /// What another program wrote over the screen is gone.
    Clean,
    /// The console's process is stopped; it is let go on afterwards.
    Stopped,
}

/// Keys, `@id` for the first key of an action, `@id 12` for twelve times it; and what must be seen before it goes on.
pub(crate) type Step = (&'static str, See);

/// One action.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) id: &'static str,
    pub(crate) place: Place,
    /// From the overview to where the key means something.
    pub(crate) before: &'static [Step],
    pub(crate) see: See,
    /// Back to how it was, where Esc does not lead there.
    pub(crate) after: &'static [Step],
}

const fn case(id: &'static str, before: &'static [Step], see: See) -> Case {
    Case { id, place: Place::Run, before, see, after: &[] }
}

const fn then(id: &'static str, before: &'static [Step], see: See, after: &'static [Step]) -> Case {
    Case { after, ..case(id, before, see) }
}

const fn demo(id: &'static str, before: &'static [Step], see: See) -> Case {
    Case { place: Place::Demo, ..case(id, before, see) }
}

const fn replay(id: &'static str, before: &'static [Step], see: See, after: &'static [Step]) -> Case {
    Case { place: Place::Replay, ..then(id, before, see, after) }
}

/// Transfers that were given up in the run; the table's rows of panel 9.
pub(crate) const GIVEN_UP: usize = 40;

use See::{Clean, Focus, Gone, Other, Panel, Row, Second, Stopped, Text};

const LIST: Step = ("9", Text("9 Given up 40"));
const FLIGHT: Step = ("3", Text("3 In flight"));
const ALPHA: Step = ("1", Text("1 alpha"));
/// With its first row: without one there is nothing to act on.
const QUEUE: Step = ("@open", Text(" 1 yes-"));
const LOG: Step = ("6", Text("6 Log"));
const CONTROL: Step = ("@control", Text("Run control: alpha and beta"));
const ITEMS: Step = ("@actions", Text("copy their paths"));
const CHAOS: Step = ("@chaos", Text("Chaos: alpha"));
const PAUSE: Step = ("@pause", Text("[ y = pause ]"));
const AT_FIRST: Step = ("@first", Row(|row| row == 0));
const AT_LAST: Step = ("@last", Row(|row| row == GIVEN_UP - 1));
const HELD: Step = ("@play", Text("REPLAY held"));
const BEGIN: Step = ("@seek-back 12", Text("REPLAY held 00:00/"));
const END: Step = ("@seek-on 12", See::End);
const GO_ON: &[Step] = &[("@seek-back 12", Text("REPLAY held 00:00/")), ("@play", Text("REPLAY 1x"))];

/// The actions, in the order in which they are walked through.
pub(crate) const CASES: &[Case] = &[
    case("down", &[LIST, AT_FIRST], Row(|row| row == 1)),
    case("up", &[LIST, AT_LAST], Row(|row| row == GIVEN_UP - 2)),
    case("page-down", &[LIST, AT_FIRST], Row(|row| row > 1)),
    case("page-up", &[LIST, AT_LAST], Row(|row| row < GIVEN_UP - 2)),
    case("first", &[LIST, AT_LAST], Row(|row| row == 0)),
    case("last", &[LIST, AT_FIRST], Row(|row| row == GIVEN_UP - 1)),
    case("next-panel", &[("4", Text("4 Assistance"))], Text("5 Throughput")),
    case("previous-panel", &[("7", Text("7 Messages"))], Text("6 Log")),
    case("panel", &[], Panel),
    case("open", &[FLIGHT], Text("Esc back")),
    case("back", &[FLIGHT, ("@open", Text("Esc back"))], Gone("Esc back")),
    case("problems", &[], Text("What is wrong")),
    case("filter", &[FLIGHT], Text("Enter keeps")),
    case("sort", &[], Text("Sort panel 3 by")),
    then("invert", &[], Text("turned round"), &[("@invert", Gone("turned round"))]),
    case("mark", &[LIST], Text(" 1 marked")),
    case("mark-all", &[LIST], Text(" 40 marked")),
    case("diagnose", &[], Text("Diagnosis")),
    then("freeze", &[], Text("FROZEN"), &[("@freeze", Gone("FROZEN"))]),
    case("expand", &[FLIGHT], Gone("4 Assistance")),
    then("stage", &[], Gone("3 In flight"), &[("@stage", Text("3 In flight"))]),
    then("times", &[LOG], Text(" ago "), &[("@times", Gone(" ago ")), ("@times", Text(":"))]),
    case("zoom-out", &[("5", Text("5 Throughput 1 min"))], Text("5 Throughput 5 min")),
    case(
        "zoom-in",
        &[
            ("5", Text("5 Throughput")),
            ("@zoom-in", Text("5 Throughput 1 min")),
            ("@zoom-out", Text("5 Throughput 5 min")),
        ],
        Text("5 Throughput 1 min"),
    ),
    case("goto", &[ALPHA, QUEUE], Text("a row of the queue")),
    case("hand-over", &[ALPHA, QUEUE, ITEMS], Text("Hand over 1 transfer to beta")),
    // Panel 3 has the focus from here on: the control menu is for both peers then.
    case("copy", &[FLIGHT], Text("copied: ")),
    case("copy-json", &[FLIGHT], Text("copied: ")),
    case("save", &[], Text("saved: ")),
    case("bundle", &[], Text("bundle: ")),
    case("control", &[], Text("Run control: alpha and beta")),
    case("actions", &[FLIGHT], Text("copy their paths")),
    case("retry-these", &[LIST, ITEMS], Text("[ y = retry ]")),
    case("copy-paths", &[LIST, ITEMS], Text("copied: ")),
    case("pause", &[CONTROL], Text("[ y = pause ]")),
    case("resume", &[CONTROL], Text("[ y = resume ]")),
    case("rebalance", &[CONTROL], Text("share of all remaining bytes")),
    case("ratio", &[CONTROL], Text("share of its queue handed over when asked")),
    case("limit", &[CONTROL], Text("16 MiB/s, none, profile")),
    case("slots", &[CONTROL], Text("a number, or profile")),
    case("drain", &[CONTROL, ("1", Gone("alpha and beta"))], Text("Drain alpha")),
    case("retry", &[CONTROL], Text("[ y = retry ]")),
    case("stop", &[CONTROL], Text("to confirm: ")),
    case("target", &[CONTROL], Gone("alpha and beta")),
    case("next-button", &[CONTROL, PAUSE, ("", Focus("[ Cancel ]"))], Focus("[ y = pause ]")),
    case("confirm", &[CONTROL, PAUSE], Text("takes it back")),
    // What the row above did.
    case("undo", &[], Text("Takes back: twinhaul pause")),
    case("help", &[], Text("type to search")),
    case("command", &[], Text("Tab completes")),
    then("mouse", &[], Text("the mouse is the terminal's"), &[("@mouse", Text("the mouse is ours again"))]),
    case("theme", &[], Text("theme: ")),
    case("redraw", &[FLIGHT], Clean),
    case("suspend", &[], Stopped),
    case("quit", &[], Text("[ Detach ]")),
    demo("chaos", &[], Text("Chaos: alpha")),
    demo("slow", &[CHAOS], Text("[ y = slow ]")),
    demo("freeze-peer", &[CHAOS], Text("[ y = freeze ]")),
    demo("thaw-peer", &[CHAOS], Text("[ y = thaw ]")),
    demo("kill-peer", &[CHAOS], Text("[ y = kill ]")),
    demo("crash-peer", &[CHAOS], Text("[ y = crash ]")),
    demo("cut-link", &[CHAOS], Text("[ y = cut ]")),
    demo("mend-link", &[CHAOS], Text("[ y = mend ]")),
    demo("write-files", &[CHAOS], Text("[ y = write ]")),
    demo("leave-files", &[CHAOS], Text("[ y = leave ]")),
    demo("storm", &[CHAOS], Text("[ y = storm ]")),
    demo("calm", &[CHAOS], Text("[ y = calm ]")),
    replay("faster", &[], Text("REPLAY 2x"), &[("@slower", Text("REPLAY 1x"))]),
    replay("slower", &[("@faster", Text("REPLAY 2x"))], Text("REPLAY 1x"), &[]),
    replay("play", &[], Text("REPLAY held"), &[("@play", Text("REPLAY 1x"))]),
    replay("seek-on", &[HELD, BEGIN], Second(|before, after| after > before), GO_ON),
    replay("seek-back", &[HELD, BEGIN, END], Second(|before, after| after < before), GO_ON),
    replay("last-trouble", &[HELD, BEGIN, END], Second(|before, after| after < before), GO_ON),
    replay("next-trouble", &[HELD, BEGIN], Other, GO_ON),
];

/// So that the table cannot rot: an action with a key that is not in it fails here, and so does a row without an action.
#[test]
fn every_action_with_a_key_is_in_the_table() {
    let keys = Keys::default();
    for row in REGISTRY.iter().filter(|row| !keys.of(row.action).is_empty()) {
        let rows = CASES.iter().filter(|case| case.id == row.id).count();
        assert_eq!(rows, 1, "{} ({}) has a key, and {rows} rows in the table", row.id, keys.shown(row));
    }
    for case in CASES {
        assert!(REGISTRY.iter().any(|row| row.id == case.id), "there is no action {}", case.id);
    }
}
