//! Tests that reap every child of their process. Others of this program wait for children of their own, and under `cargo test` all
//! share one process: so these are `#[ignore]`d, and one that is not starts them in a process for each.

use super::*;

/// A shell that goes on until it has used 300 ms of processor time, and one that leaves it behind and ends at once.
const BURN: &str = r"
burn() { while read -r line < /proc/$$/stat; do set -- $line; [ $((${14} + ${15})) -lt 30 ] || exit 0; done; }
";

fn shell(text: &str) -> Vec<Step> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(text);
    vec![Step::Start(command)]
}

fn log(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("xtask-measure-{name}-{}", std::process::id()))
}

#[test]
fn in_processes_of_their_own() {
    let exe = std::env::current_exe().unwrap();
    for name in ["orphans_are_counted", "peaks_are_seen", "failures_are_told"] {
        let name = format!("bench::measure::tests::{name}");
        let mut test = Command::new(&exe);
        test.args(["--exact", &name, "--ignored", "--nocapture"]);
        let done = test.output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && said.contains("1 passed"), "{name}: {said}");
    }
}

#[test]
#[ignore = "reaps every child of its process"]
fn orphans_are_counted() {
    let log = log("orphans");
    let orphan = format!("setsid sh -c '{BURN} burn' & exit 0");
    let deeper =
        format!("sh -c \"setsid setsid sh -c '{}' & exit 0\" & exit 0", BURN.replace('$', "\\$") + " burn");
    for text in [format!("{BURN} burn"), orphan, deeper] {
        let spent = measure(shell(&text), &log).unwrap();
        let said = std::fs::read_to_string(&log).unwrap();
        assert!(spent.cpu >= Duration::from_millis(300), "{:?} of {text}: {said}", spent.cpu);
    }
    // What was reaped before does not count again.
    let spent = measure(shell("exit 0"), &log).unwrap();
    assert!(spent.cpu < Duration::from_millis(300), "{:?}", spent.cpu);
    let _ = std::fs::remove_file(log);
}

#[test]
#[ignore = "reaps every child of its process"]
fn peaks_are_seen() {
    let log = log("peaks");
    // The shell holds 40 MB in a variable long enough to be seen, below a parent that is gone.
    let hold = r#"x=$(head -c 40000000 /dev/zero | tr "\0" x); sleep 1"#;
    let spent = measure(shell(&format!("setsid sh -c '{hold}' & exit 0")), &log).unwrap();
    let _ = std::fs::remove_file(log);
    assert!(spent.peaks.any >= 40_000_000, "{:?}", spent.peaks);
    assert!(spent.peaks.all >= spent.peaks.any);
}

#[test]
#[ignore = "reaps every child of its process"]
fn failures_are_told() {
    let log = log("failures");
    let told = measure(shell("echo so far; echo no such thing >&2; exit 3"), &log).unwrap_err();
    assert_eq!(told, "sh ended with exit code 3: no such thing");
    assert!(measure(shell("kill -9 $$"), &log).unwrap_err().starts_with("sh was ended by a signal"));
    let gone = measure(vec![Step::Start(Command::new("no-such-program-anywhere"))], &log).unwrap_err();
    assert!(gone.contains("cannot be started"), "{gone}");
    let _ = std::fs::remove_file(log);
}
