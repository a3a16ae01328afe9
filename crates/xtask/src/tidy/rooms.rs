//! The rooms of the house, what each may import, and what is kept out: architecture.md section 3, as data.
//!
//! `crates/README.md` shows the same table, generated from here. A new crate needs a row, with its reason.

/// One crate of the workspace.
#[derive(Debug)]
pub(super) struct Room {
    /// Its directory: `crates/<name>` or `<name>`.
    pub(super) name: &'static str,
    pub(super) may: May,
    /// What it is for, as `crates/README.md` says it.
    pub(super) what: &'static str,
}

/// Which rooms a room may import.
#[derive(Debug)]
pub(super) enum May {
    Only(&'static [&'static str]),
    Anything,
}

use May::{Anything, Only};

pub(super) const ROOMS: &[Room] = &[
    Room {
        name: "units",
        may: Only(&[]),
        what: "bytes, rates, ratios, ids, moments, keys, dials, and how they print; the one sanitiser",
    },
    Room {
        name: "assist",
        may: Only(&["units"]),
        what: "the method: queues, ratio, learning, portion, asks; events in, effects out",
    },
    Room {
        name: "wire",
        may: Only(&["units"]),
        what: "what the processes tell each other: frames, messages, commands, events, snapshots",
    },
    Room {
        name: "control-socket",
        may: Only(&["units"]),
        what: "where control sockets are and who may reach them; the same checks at every end",
    },
    Room {
        name: "failpoint",
        may: Only(&[]),
        what: "where a test can have a process killed or frozen; empty in a release build",
    },
    Room {
        name: "ledger",
        may: Only(&["units", "assist", "wire", "failpoint"]),
        what: "the durable truth about a run; `view` is its read-only face",
    },
    Room {
        name: "profile",
        may: Only(&["units"]),
        what: "YAML in, checked configuration out, with line numbers",
    },
    Room {
        name: "backend-abi",
        may: Only(&["units"]),
        what: "the C header and the Rust SDK of a backend: the only crate a backend needs",
    },
    Room {
        name: "backend-host",
        may: Only(&["units", "backend-abi"]),
        what: "finds, checks, loads and calls backends",
    },
    Room {
        name: "planner",
        may: Only(&["units", "wire", "profile", "ledger", "backend-host"]),
        what: "walks sources through backends, decides routes, fills the ledger in waves",
    },
    Room {
        name: "engine",
        may: Only(&[
            "units",
            "assist",
            "wire",
            "control-socket",
            "failpoint",
            "ledger",
            "profile",
            "backend-host",
        ]),
        what: "one peer: slots, data path, control server, driver of the method",
    },
    Room {
        name: "supervisor",
        may: Only(&["units", "wire", "control-socket", "profile"]),
        what: "starts the peers, watches them, restarts them, tells why they ended, divides what limits they share",
    },
    Room {
        name: "diagnose",
        may: Only(&["units", "wire"]),
        what: "what is wrong with a run, how that is known, what can be done: evidence in, verdict out",
    },
    Room {
        name: "simulate",
        may: Only(&["units", "assist", "ledger"]),
        what: "policies in virtual time: the same `assist`, scenarios, a bound to compare with",
    },
    Room {
        name: "prove",
        may: Only(&["units", "assist", "ledger"]),
        what: "safety by search: simulation, model check and mutants over the same `assist`; for development only",
    },
    Room {
        name: "console-model",
        may: Only(&["units", "wire", "diagnose"]),
        what: "what the screen knows and how it changes",
    },
    Room {
        name: "console",
        may: Only(&["units", "wire", "control-socket", "diagnose", "console-model", "ledger"]),
        what: "the terminal: loop, input, theme, views; of the ledger only `view`",
    },
    Room {
        name: "twinhaul",
        may: Only(&[
            "units",
            "assist",
            "wire",
            "failpoint",
            "ledger",
            "profile",
            "backend-host",
            "planner",
            "engine",
            "supervisor",
            "diagnose",
            "simulate",
            "console-model",
            "console",
        ]),
        what: "the binary: verbs, flags, exit codes",
    },
    Room {
        name: "store",
        may: Only(&["units", "wire"]),
        what: "a small S3 server with weather, a program of its own; for demonstrations and tests only",
    },
    Room {
        name: "testkit",
        may: Anything,
        what: "a screen in memory, a made engine, the backends' conformance suite; for tests only",
    },
    Room {
        name: "xtask",
        may: Only(&[]),
        what: "`cargo xtask`: tidy, test, demo, stories, bench, drill, privileged, soak",
    },
    Room {
        name: "plugins/disk",
        may: Only(&["units", "backend-abi"]),
        what: "the backend for local file systems",
    },
    Room {
        name: "plugins/cloud",
        may: Only(&["units", "backend-abi"]),
        what: "the backend for object stores and remote file servers, through OpenDAL",
    },
    Room {
        name: "plugins/tape",
        may: Only(&["units", "backend-abi"]),
        what: "the backend for tape: virtual cartridges that other tools read",
    },
    Room { name: "tests", may: Anything, what: "whole-program tests, on the real binaries" },
];

/// Rooms that only tests may import.
pub(super) const FOR_TESTS: &[&str] = &["testkit", "tests"];

/// Rooms whose whole closure of dependencies stays free of the world: events in, effects out.
pub(super) const PURE: &[&str] = &["assist", "wire", "diagnose", "console-model"];

/// What the closure of a pure room never holds.
pub(super) const IMPURE_PACKAGES: &[&str] =
    &["tokio", "ratatui", "ratatui-core", "crossterm", "rusqlite", "rand", "fastrand", "getrandom"];

/// Packages with one home: everything else reaches what they do through that room.
pub(super) const HOMES: &[(&str, &[&str], &str)] = &[
    ("opendal", &["plugins/cloud"], "it is large, and only the cloud backend's users should pay for it"),
    ("serde_yaml", &["profile", "simulate"], "a profile is read in one place, scenarios in another"),
    ("serde-saphyr", &["profile", "simulate"], "a profile is read in one place, scenarios in another"),
    // A library of its own, and a file of its own: a plugin shares neither with the process that loads it.
    (
        "rusqlite",
        &["ledger", "plugins/tape"],
        "two SQLite libraries over one live file can corrupt it (store.md 4.1)",
    ),
    ("libloading", &["backend-host"], "a library is loaded only after its checks"),
    ("ratatui", &["console"], "only the console draws"),
    ("s3s", &["store"], "it is large, and no product serves S3"),
];

/// Rooms that may hold `unsafe`, each block with its SAFETY comment.
pub(super) const UNSAFE_ROOMS: &[&str] = &["backend-abi", "backend-host"];

/// `unsafe` elsewhere: file, a text of its line, and the reason.
pub(super) const UNSAFE_LINES: &[(&str, &str, &str)] = &[];

/// The room of a manifest's directory, relative to the root.
pub(super) fn of_directory(directory: &str) -> Option<&'static Room> {
    let name = directory.strip_prefix("crates/").unwrap_or(directory);
    ROOMS.iter().find(|r| r.name == name)
}

/// The room of a file, by its path relative to the root.
pub(super) fn of_file(path: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|r| {
        let rest = path.strip_prefix("crates/").unwrap_or(path);
        rest.strip_prefix(r.name).is_some_and(|rest| rest.starts_with('/'))
    })
}

/// Whether `from` may import `to`; `for_tests`: as a dev-dependency.
pub(super) fn may_import(from: &Room, to: &str, for_tests: bool) -> bool {
    match from.may {
        Anything => true,
        Only(_) if FOR_TESTS.contains(&to) => for_tests,
        Only(list) => list.contains(&to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> &'static Room {
        ROOMS.iter().find(|r| r.name == name).unwrap()
    }

    #[test]
    fn rows_come_after_what_they_import_so_that_no_two_import_each_other() {
        for (i, room) in ROOMS.iter().enumerate() {
            if let Only(list) = room.may {
                for name in list {
                    let at = ROOMS.iter().position(|r| r.name == *name);
                    assert!(
                        at.is_some_and(|at| at < i),
                        "{} imports {name}, which is not above it",
                        room.name
                    );
                }
            }
        }
    }

    #[test]
    fn the_walls_that_matter_stand() {
        for (from, to) in [
            ("console", "engine"),
            ("console", "assist"),
            ("console-model", "ledger"),
            ("diagnose", "ledger"),
            ("diagnose", "supervisor"),
            ("plugins/disk", "engine"),
            ("plugins/disk", "wire"),
            ("engine", "console"),
            ("assist", "wire"),
            ("units", "wire"),
            ("engine", "testkit"),
        ] {
            assert!(!may_import(room(from), to, false), "{from} -> {to}");
        }
        assert!(may_import(room("engine"), "testkit", true));
        assert!(!may_import(room("engine"), "console", true));
        assert!(may_import(room("tests"), "engine", false));
    }

    #[test]
    fn files_and_directories_find_their_room() {
        assert_eq!(of_file("crates/console-model/src/lib.rs").unwrap().name, "console-model");
        assert_eq!(of_file("crates/console/src/lib.rs").unwrap().name, "console");
        assert_eq!(of_file("plugins/disk/src/lib.rs").unwrap().name, "plugins/disk");
        assert_eq!(of_file("tests/src/lib.rs").unwrap().name, "tests");
        assert!(of_file("crates/newcomer/src/lib.rs").is_none());
        assert_eq!(of_directory("crates/wire").unwrap().name, "wire");
        assert_eq!(of_directory("plugins/disk").unwrap().name, "plugins/disk");
    }
}
