//! Guards, before anything moves (architecture.md 6): what would destroy data or fail half-way is refused, with the
//! reason and what to do instead.

use crate::exit::{Failure, NOT_FOUND, USAGE};
use crate::state::Place;
use twinhaul_backend_host::{BackendError, ListRequest, Loader, OpContext, Probe, Wanted};
use twinhaul_engine::Opened;
use twinhaul_planner::{Free, Source};
use twinhaul_profile::{End, Profile, TargetMustBe};
use twinhaul_units::Bytes;
use twinhaul_units::text::{show, show_bytes};
use twinhaul_wire::KeyText;

/// The ends of a migration, opened and probed.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) sources: Vec<(Opened, Probe)>,
    pub(crate) targets: Vec<(Opened, Probe)>,
}

/// Opens and probes everything, then refuses what must not run.
pub(crate) fn check(profile: &Profile, loader: &Loader, resuming: Option<&str>) -> Result<Ends, Failure> {
    let open = |end: &End, what| open(end, what, loader);
    let sources = profile.sources.iter().map(|e| open(e, "source")).collect::<Result<Vec<_>, _>>()?;
    let targets = profile.targets.iter().map(|e| open(e, "target")).collect::<Result<Vec<_>, _>>()?;
    for (opened, probe) in &sources {
        list_root(opened, "source")?;
        for (target, at) in &targets {
            inside(opened, probe, target, at)?;
        }
    }
    for ((opened, probe), end) in targets.iter().zip(&profile.targets) {
        writable(opened, probe)?;
        mounted(opened, probe, profile, end)?;
        must_be(opened, profile, end)?;
        unmarked(opened, probe, resuming)?;
    }
    Ok(Ends { sources, targets })
}

fn open(end: &End, what: &'static str, loader: &Loader) -> Result<(Opened, Probe), Failure> {
    let opened = twinhaul_engine::open(end, what, loader)
        .map_err(|e| Failure::new(u8::try_from(e.exit_code()).unwrap_or(USAGE), format!("{e}")))?;
    let probe = opened.target.probe(&OpContext::new()).map_err(|e| {
        Failure::new(NOT_FOUND, format!("{what} {}: {}", show(&end.name), show(&e.to_string())))
    })?;
    Ok((opened, probe))
}

/// One request, of one entry.
fn holds_nothing(opened: &Opened) -> Result<bool, BackendError> {
    let request = ListRequest { prefix: None, continuation: &[], want: Wanted::Kind, max_entries: 1 };
    opened.target.list(&OpContext::new(), &request).map(|page| page.entries.is_empty())
}

/// The root must at least be listable.
fn list_root(opened: &Opened, what: &str) -> Result<(), Failure> {
    holds_nothing(opened).map(|_| ()).map_err(|e| {
        let code =
            if e.code() == twinhaul_backend_host::Code::NotFound { NOT_FOUND } else { crate::exit::OTHER };
        Failure::new(
            code,
            format!("{what} {}: its root cannot be listed: {}", show(&opened.name), show(&e.to_string())),
        )
    })
}

/// A source inside its target or the reverse would copy into itself.
fn inside(source: &Opened, from: &Probe, target: &Opened, to: &Probe) -> Result<(), Failure> {
    if source.backend != target.backend {
        return Ok(());
    }
    let (a, b) = (from.location.as_slice(), to.location.as_slice());
    let below = |outer: &[u8], inner: &[u8]| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || outer.ends_with(b"/"))
    };
    let words = if a == b {
        "is the same place as"
    } else if below(a, b) {
        "contains"
    } else if below(b, a) {
        "is inside"
    } else {
        return Ok(());
    };
    Err(Failure::usage(format!(
        "source {} ({}) {words} target {} ({}): the copy would copy itself. Choose another target.",
        show(&source.name),
        show_bytes(a),
        show(&target.name),
        show_bytes(b)
    )))
}

fn writable(opened: &Opened, probe: &Probe) -> Result<(), Failure> {
    if probe.read_only {
        let place = show_bytes(&probe.location);
        let text = format!(
            "target {}: {place} is not writable{}. Mount it writable, or give this user the right to write.",
            show(&opened.name),
            if probe.message.is_empty() { String::new() } else { format!(" ({})", show(&probe.message)) }
        );
        return Err(Failure::usage(text));
    }
    Ok(())
}

/// A bare mount point fills the root disk instead of the medium that should be there.
fn mounted(opened: &Opened, probe: &Probe, profile: &Profile, end: &End) -> Result<(), Failure> {
    if probe.bare_mount_point && !profile.allows_root_fs(end) {
        let place = show_bytes(&probe.location);
        let disk = if probe.root_fs { " (it is on the root disk)" } else { "" };
        return Err(Failure::usage(format!(
            "target {}: {place} is not mounted{disk}. Mount it, or set allow_root_fs: true.",
            show(&opened.name)
        )));
    }
    Ok(())
}

fn must_be(opened: &Opened, profile: &Profile, end: &End) -> Result<(), Failure> {
    let wanted = profile.target_must_be(end);
    if wanted == TargetMustBe::Any {
        return Ok(());
    }
    let empty =
        holds_nothing(opened).map_err(|e| Failure::other(&format!("target {}", show(&opened.name)), e))?;
    if empty || (wanted == TargetMustBe::Mine && has_earlier_run(profile)) {
        return Ok(());
    }
    let word = if wanted == TargetMustBe::Empty {
        "empty"
    } else {
        "empty or written by an earlier run of this profile"
    };
    Err(Failure::usage(format!(
        "target {} must be {word}, and it is not. Empty it, choose another, or set target_must_be: any.",
        show(&opened.name)
    )))
}

/// Two runs that write one target would overwrite each other (faults.md 44). A live run is known by its directory, which
/// says where it writes.
fn unmarked(opened: &Opened, probe: &Probe, resuming: Option<&str>) -> Result<(), Failure> {
    let place = place(opened, probe);
    for run in crate::state::all()? {
        let name = run.file.run.as_str();
        if resuming == Some(name)
            || !run.file.places.contains(&place)
            || twinhaul_supervisor::is_supervised(&run.path).is_none()
        {
            continue;
        }
        let text = format!(
            "target {} ({}) is being written by run {name}. Wait for it: twinhaul wait {name}",
            show(&opened.name),
            show_bytes(&probe.location)
        );
        return Err(Failure::new(crate::exit::HELD, text));
    }
    Ok(())
}

fn place(opened: &Opened, probe: &Probe) -> Place {
    Place { backend: opened.backend.clone(), location: KeyText::from_bytes(&probe.location) }
}

impl Ends {
    /// Where the targets are.
    pub(crate) fn places(&self) -> Vec<Place> {
        self.targets.iter().map(|(opened, probe)| place(opened, probe)).collect()
    }
}

impl Ends {
    /// Targets that hold nothing, of those where a look at each object is a request: what cannot be listed is looked at.
    pub(crate) fn vacant(&self) -> Vec<String> {
        let services = self.targets.iter().map(|(opened, _)| opened).filter(|o| o.refuses_what_is_there());
        let vacant = services.filter(|opened| holds_nothing(opened).unwrap_or(false));
        vacant.map(|opened| opened.name.clone()).collect()
    }

    /// For a walk by this process.
    pub(crate) fn to_walk(&self) -> (Vec<Source>, Vec<Free>) {
        let source = |(opened, _): &(Opened, Probe)| Source {
            name: opened.name.clone(),
            target: opened.target.clone(),
        };
        let free = |(opened, probe): &(Opened, Probe)| {
            Free::new(opened.name.clone(), opened.target.clone(), probe.free_bytes, probe.free_objects)
        };
        (self.sources.iter().map(source).collect(), self.targets.iter().map(free).collect())
    }
}

fn has_earlier_run(profile: &Profile) -> bool {
    crate::state::all().unwrap_or_default().iter().any(|run| run.file.name == profile.name)
}

/// What would happen, for the question before a run in a terminal.
pub(crate) fn describe(profile: &Profile, ends: &Ends) -> Vec<String> {
    let mut lines = Vec::new();
    for route in &profile.routes {
        let place = |all: &[(Opened, Probe)], name: &str| {
            all.iter().find(|(o, _)| o.name == name).map_or_else(String::new, |(_, p)| {
                format!("{} ({})", show_bytes(&p.location), show(&p.medium))
            })
        };
        let matching =
            route.matching.as_ref().map_or_else(String::new, |m| format!("  matching {}", show(m.as_str())));
        lines.push(format!(
            "  {} -> {}{matching}",
            place(&ends.sources, &route.from),
            place(&ends.targets, &route.to)
        ));
    }
    for (opened, probe) in &ends.targets {
        if let Some(free) = probe.free_bytes {
            lines.push(format!("  target {}: {} free", show(&opened.name), Bytes(free)));
        }
    }
    lines.extend(profile.peers.iter().map(|peer| {
        let limit = peer.bandwidth.limit.map_or_else(|| "no limit".to_owned(), |l| format!("limit {l}"));
        let reach = peer.targets.as_ref().map_or_else(String::new, |t| format!(", only to {}", t.join(", ")));
        let slots = if peer.slots == 1 { "slot" } else { "slots" };
        format!("  peer {}: {} {slots}, {limit}{reach}", show(&peer.name), peer.slots)
    }));
    lines.push(format!(
        "  policy {}, verify {}, existing {}, durability {}",
        twinhaul_engine::policy_word(profile.assistance.policy),
        profile.verify.word(),
        profile.on_exists.word(),
        profile.durability.word()
    ));
    lines
}
