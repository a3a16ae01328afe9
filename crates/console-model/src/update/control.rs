//! Run control: from the `x` menu through a prompt to a dialog that says what will happen and which verb it equals.
//! Nothing is sent from here but questions (`dry_run`).

use super::{data, dial, dialog, menu, queue_search, replies, retry};
use crate::action::{self, Action, Scope};
use crate::control::{INPUT_MAX, Menu, Order, Prompt, Purpose, Question, Target};
use crate::ui::{Layer, Panel};
use crate::words::{self, Mood};
use crate::{Chord, Effect, Key, Model, To};
use twinhaul_units::{Dial, Moment, PeerId, RATIO_MAX, RATIO_MIN, Rate, Ratio, Share, Turned};
use twinhaul_wire::{Chaos, Command};

pub(super) fn open(model: &mut Model, scope: Scope) -> Vec<Effect> {
    let target = match model.ui.focus {
        Panel::Peer(peer) => Target::One(peer),
        // What breaks is one peer, not both at once.
        _ if scope == Scope::Chaos => Target::One(PeerId::First),
        _ => Target::Both,
    };
    model.ui.layers.retain(|layer| matches!(layer, Layer::Queue(_)));
    model.ui.push(Layer::Menu(Menu { scope, target, selected: 0 }));
    Vec::new()
}

pub(super) fn menu_key(model: &mut Model, chord: Chord, held: bool) -> Vec<Effect> {
    let Some(Layer::Menu(menu)) = model.ui.layers.last_mut() else { return Vec::new() };
    match chord.key {
        Key::Tab => menu.target = menu.target.next_in(menu.scope),
        Key::Char('0') if menu.scope == Scope::Control => menu.target = Target::Both,
        Key::Char('1') => menu.target = Target::One(PeerId::First),
        Key::Char('2') => menu.target = Target::One(PeerId::Second),
        _ => {
            let press = menu::press(&model.keys, menu.scope, &mut menu.selected, chord, held);
            return menu::follow(model, press);
        }
    }
    Vec::new()
}

fn target(model: &Model) -> Target {
    match model.ui.top() {
        Some(Layer::Menu(menu)) => menu.target,
        _ => Target::Both,
    }
}

/// Runs an action of the menu; it is known to be enabled.
pub(super) fn run(model: &mut Model, action: Action) -> Vec<Effect> {
    let target = target(model);
    match action {
        Action::NextTarget => {
            if let Some(Layer::Menu(menu)) = model.ui.layers.last_mut() {
                menu.target = menu.target.next_in(menu.scope);
            }
            Vec::new()
        }
        Action::Rebalance => ask(model, Question::Share, Target::Both),
        Action::Ratio => ask(model, Question::Ratio, target),
        Action::Limit => ask(model, Question::Limit, target),
        Action::Slots => ask(model, Question::Slots, target),
        Action::Pause => {
            let text =
                "Transfers in flight hold before their next chunk, and nothing new starts. Undo: resume.";
            confirm(model, "pause", &[text], target, &Command::Pause)
        }
        Action::Resume => confirm(
            model,
            "resume",
            &["Ends a pause or a drain: transfers go on, new ones start."],
            target,
            &Command::Resume,
        ),
        Action::Retry => retry::all(model),
        Action::Drain => {
            let orders = orders(model, target, &Command::Drain { dry_run: false });
            let questions =
                orders.iter().map(|o| Order { command: Command::Drain { dry_run: true }, ..o.clone() });
            let questions: Vec<Order> = questions.collect();
            let text = "What is in flight stays where it is. The peer takes no work until it is resumed.";
            preview(model, "drain", title(model, "Drain", target), vec![text.into()], orders, questions)
        }
        Action::Stop => stop(model, true, Purpose::Act),
        Action::Slow => {
            let rate = Some(action::slow_rate(model));
            let target = Target::One(action::victim(model));
            confirm(model, "slow", &["Its bandwidth becomes a sixteenth."], target, &Command::limit(rate))
        }
        Action::Freezing => breaks(model, Chaos::Freeze, "Its process stands still; nobody answers for it."),
        Action::Thaw => {
            breaks(model, Chaos::Thaw, "Its process goes on, and learns what happened meanwhile.")
        }
        Action::Kill => breaks(model, Chaos::Kill, "Its process is gone at once, as by a power cut."),
        Action::Crash => breaks(model, Chaos::Crash, "It aborts, as with a library that crashes."),
        Action::Cut => breaks(model, Chaos::Cut, "Both peers work on and do not hear each other."),
        Action::Mend => breaks(model, Chaos::Mend, "The peers hear each other again."),
        Action::Write => breaks(
            model,
            Chaos::Write,
            "Lines are added to the demonstration's own files while they are copied.",
        ),
        Action::Leave => breaks(model, Chaos::Leave, "Nobody writes into the files any more."),
        Action::Storm => {
            breaks(model, Chaos::Storm, "It answers 429: too many requests, come again in a while.")
        }
        Action::Calm => breaks(model, Chaos::Calm, "It serves everybody again."),
        _ => Vec::new(),
    }
}

pub(super) fn ask(model: &mut Model, question: Question, target: Target) -> Vec<Effect> {
    let peer = target.peers().first().copied().unwrap_or(PeerId::First);
    let snapshot = model.live.pane(peer).snapshot.as_ref();
    let default = match question {
        Question::Share => "50".into(),
        Question::Ratio => snapshot.map_or_else(|| "0.50".into(), |s| format!("{:.2}", s.ratio)),
        Question::Limit => {
            snapshot.and_then(|s| s.limit).map_or_else(|| "none".into(), |l| Rate(l).to_string())
        }
        Question::Slots => snapshot.map_or_else(|| "8".into(), |s| s.slots.max.to_string()),
        Question::Goto => model.ui.queue().map_or_else(|| "1".into(), |view| (view.row + 1).to_string()),
    };
    model.ui.layers.retain(|layer| !matches!(layer, Layer::Menu(_)));
    model.ui.push(Layer::Prompt(Prompt { question, target, input: String::new(), default, error: None }));
    Vec::new()
}

pub(super) fn prompt_key(model: &mut Model, chord: Chord, held: bool) -> Vec<Effect> {
    let Some(Layer::Prompt(prompt)) = model.ui.layers.last_mut() else { return Vec::new() };
    match chord.key {
        Key::Esc => drop(model.ui.layers.pop()),
        Key::Char('c') if chord.ctrl => drop(model.ui.layers.pop()),
        Key::Char(c) if !chord.ctrl && prompt.input.chars().count() < INPUT_MAX => {
            prompt.input.push(c);
            prompt.error = None;
        }
        Key::Backspace => {
            prompt.input.pop();
            prompt.error = None;
        }
        Key::Enter if !held => {
            let prompt = prompt.clone();
            return answered(model, &prompt).unwrap_or_else(|error| {
                if let Some(Layer::Prompt(prompt)) = model.ui.layers.last_mut() {
                    prompt.error = Some(crate::clean::text(&error));
                }
                Vec::new()
            });
        }
        _ => {}
    }
    Vec::new()
}

/// Goes on from an answer to its preview or dialog.
///
/// # Errors
/// In words, when the answer cannot be read.
pub(super) fn answered(model: &mut Model, prompt: &Prompt) -> Result<Vec<Effect>, String> {
    let typed = prompt.input.trim();
    let typed = if typed.is_empty() { prompt.default.as_str() } else { typed };
    match prompt.question {
        Question::Share => Share::typed(typed).map_err(|e| e.to_string()).map(|typed| {
            // Whose share it is was said; what is sent is the first peer's.
            let second = prompt.target == Target::One(PeerId::Second);
            let first = Share::new(1.0 - typed.get()).filter(|_| second).unwrap_or(typed);
            rebalance(model, first, None)
        }),
        Question::Ratio => Ratio::parse(typed).map_err(|e| e.to_string()).map(|ratio| {
            let share = format!("{:.0} %", ratio.get() * 100.0);
            let text = format!(
                "Asked, it hands over {share} of its queue. Nothing moves now. Learning goes on from there."
            );
            confirm(model, "set ratio", &[&text], prompt.target, &Command::Ratio { value: ratio.get() })
        }),
        Question::Goto => queue_search::go_to(model, typed),
        question @ (Question::Limit | Question::Slots) => {
            dial::typed(question, typed).map(|(dial, to)| turn(model, prompt.target, dial, to))
        }
    }
}

fn turn(model: &mut Model, target: Target, dial: Dial, to: Turned) -> Vec<Effect> {
    let go = if dial.is_limit() { "limit" } else { "slots" };
    let (text, target) = (dial::text(&dial, to), dial::turned_at(&dial, target));
    confirm(model, go, &[&text], target, &Command::Turn { dial, to })
}

/// `undoes`: the deed that it takes back, and what that was.
pub(super) fn rebalance(model: &mut Model, share: Share, undoes: Option<(Moment, &str)>) -> Vec<Effect> {
    let keeps = [share.get(), 1.0 - share.get()];
    let order = |peer: PeerId, dry_run: bool| {
        let command = Command::Rebalance { keep: keeps[peer.index()], dry_run };
        let shown = Command::Rebalance { keep: keeps[peer.index()], dry_run: false };
        let verb = shown.verb(&model.run, Some(model.names().name(peer)));
        Order { to: To::Peer(peer), command, verb }
    };
    let orders = PeerId::BOTH.map(|peer| order(peer, false)).to_vec();
    let questions = PeerId::BOTH.map(|peer| order(peer, true)).to_vec();
    let [first, second] = keeps.map(|k| format!("{:.0}", k * 100.0));
    let title = format!("Rebalance {first}/{second}  (preview)");
    let mut text: Vec<String> = undoes.map(|(_, text)| text.to_owned()).into_iter().collect();
    text.push("Ratios stay as they are. What is in flight is not touched.".into());
    let effects = preview(model, "rebalance", title, text, orders, questions);
    if let Some(Layer::Dialog(dialog)) = model.ui.layers.last_mut() {
        dialog.purpose = undoes.map_or(Purpose::Act, |(deed, _)| Purpose::Undo { deed });
    }
    effects
}

/// Asks the owner what would move, then waits for `y`.
pub(super) fn hand_over(
    model: &mut Model,
    owner: PeerId,
    transfers: &[u64],
    title: String,
    text: Vec<String>,
) -> Vec<Effect> {
    let order = |dry_run: bool| {
        let command = Command::HandOver { transfers: transfers.to_vec(), dry_run };
        let shown = Command::HandOver { transfers: transfers.to_vec(), dry_run: false };
        Order { to: To::Peer(owner), command, verb: shown.verb(&model.run, Some(model.names().name(owner))) }
    };
    let (orders, questions) = (vec![order(false)], vec![order(true)]);
    preview(model, "hand over", title, text, orders, questions)
}

/// One peer, by the supervisor.
fn breaks(model: &mut Model, what: Chaos, text: &str) -> Vec<Effect> {
    let peer = model.names().name(action::victim(model)).to_owned();
    let whom = match what {
        Chaos::Cut | Chaos::Mend => "the link",
        Chaos::Write => "into the files",
        Chaos::Leave => "the files alone",
        Chaos::Storm | Chaos::Calm => "at the store",
        Chaos::Freeze | Chaos::Thaw | Chaos::Kill | Chaos::Crash => &peer,
    };
    let title = format!("{} {whom}", capital(what.words()));
    let command = Command::Chaos { peer, what };
    let verb = command.verb(&model.run, None);
    let orders = vec![Order { to: To::Supervisor, command, verb }];
    dialog::open(model, dialog::new(title, what.words(), vec![text.into()], orders, None));
    Vec::new()
}

/// Always the whole run: one peer without the other is what drain is for.
pub(super) fn stop(model: &mut Model, drain: bool, purpose: Purpose) -> Vec<Effect> {
    let command = Command::Stop { drain };
    let verb = command.verb(&model.run, None);
    let how = if drain {
        "Both engines finish what is in flight, then end."
    } else {
        "Both engines end at once; what is in flight is done again."
    };
    let text =
        vec![how.to_owned(), format!("The rest stays in the ledger: twinhaul run --resume {}", model.run)];
    let orders = vec![Order { to: To::Supervisor, command, verb }];
    let name = model.run.clone();
    // A demonstration has nothing that could be lost.
    let demo = model.live.run.as_ref().is_some_and(|run| run.demo);
    let mut dialog = dialog::new(format!("Stop {name}"), "stop", text, orders, (!demo).then_some(name));
    dialog.purpose = purpose;
    dialog::open(model, dialog);
    Vec::new()
}

fn title(model: &Model, what: &str, target: Target) -> String {
    let names: Vec<&str> = target.peers().into_iter().map(|peer| model.names().name(peer)).collect();
    format!("{what} {}", names.join(" and "))
}

fn orders(model: &Model, target: Target, command: &Command) -> Vec<Order> {
    let order = |peer: PeerId| {
        let verb = command.verb(&model.run, Some(model.names().name(peer)));
        Order { to: To::Peer(peer), command: command.clone(), verb }
    };
    target.peers().into_iter().map(order).collect()
}

fn capital(word: &str) -> String {
    let mut word = word.to_owned();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    word
}

fn confirm(
    model: &mut Model,
    go: &'static str,
    text: &[&str],
    target: Target,
    command: &Command,
) -> Vec<Effect> {
    let mut what = capital(go);
    if matches!(command, Command::Ratio { .. }) {
        what.push_str(" of");
    }
    let title = title(model, &what, target);
    let orders = orders(model, target, command);
    let mut lines: Vec<String> = text.iter().map(ToString::to_string).collect();
    lines.extend(orders.iter().filter_map(|order| now_line(model, order)));
    if matches!(command, Command::Ratio { .. } | Command::Turn { .. }) {
        let what_if = |order: &Order| {
            let command = Command::WhatIf { command: Box::new(order.command.clone()) };
            Order { command, ..order.clone() }
        };
        let questions = orders.iter().map(what_if).collect();
        return preview(model, go, title, lines, orders, questions);
    }
    dialog::open(model, dialog::new(title, go, lines, orders, None));
    Vec::new()
}

/// What is so far and what will be, for controls that set something.
pub(super) fn now_line(model: &Model, order: &Order) -> Option<String> {
    let To::Peer(peer) = order.to else { return None };
    let s = model.live.pane(peer).snapshot.as_ref()?;
    let name = model.names().name(peer);
    match &order.command {
        Command::Ratio { value } => {
            let clamp = format!("allowed {RATIO_MIN:.2} to {RATIO_MAX:.2}");
            Some(format!("{name}: now {:.2}, after {value:.2} ({clamp})", s.ratio))
        }
        Command::Turn { dial, to } => {
            Some(format!("{name}: now {}, after {}", dial::now(s, dial), dial::after(dial, *to)))
        }
        Command::Pause => Some(format!("{name}: pauses; it has {} in flight", s.in_flight.len())),
        Command::Resume => Some(format!("{name}: goes on; {} queued", words::how_many(s.queue.transfers))),
        _ => None,
    }
}

fn preview(
    model: &mut Model,
    go: &'static str,
    title: String,
    text: Vec<String>,
    orders: Vec<Order>,
    questions: Vec<Order>,
) -> Vec<Effect> {
    let room = crate::control::PENDING_MAX.saturating_sub(model.desk.pending.len());
    if room < questions.len() {
        data::say(model, Mood::Bad, "too many requests without a reply; not asked");
        return Vec::new();
    }
    let mut dialog = dialog::new(title, go, text, orders, None);
    dialog.forecasts = questions.iter().map(|_| crate::control::Forecast::Waiting).collect();
    dialog::open(model, dialog);
    questions.into_iter().flat_map(|question| replies::send(model, question, Purpose::Forecast)).collect()
}
