//! A diagnosis as a page of text, 80 columns wide: the verdict, why, what it is not, the evidence, the ways out.
//!
//! Every text passes through the one sanitiser here, because parts of it come from outside.

use crate::status;
use twinhaul_console_model::fit;
use twinhaul_diagnose::{Diagnosis, Finding, Note, Offer, RuledOut, Standing, Undo, Verdict};
use twinhaul_units::text::show;

const COLUMNS: usize = 80;
/// Before a text: " why    ".
const MARGIN: usize = 8;
/// Further faults that are told with evidence and offers; the others in one sentence.
const MORE_IN_FULL_MAX: usize = 2;
/// Lines of evidence of the first fault, and of each further one.
const EVIDENCE_MAX: usize = 10;
const EVIDENCE_SHORT: usize = 3;

/// The whole page, without line ends.
pub(crate) fn lines(d: &Diagnosis, state: &str) -> Vec<String> {
    let clock = status::clock(d.at_ms);
    let clock = clock.split('.').next().unwrap_or_default();
    let mut out = vec![format!("run {}  {state}  {clock}", show(&d.run)), String::new()];
    let of = |standing| d.findings.iter().filter(move |f| f.standing == standing);
    // What is told in full: a fault, or what holds the run up because somebody asked for it.
    let lead = of(Standing::Trouble).next();
    let lead = lead.or_else(|| of(Standing::OnPurpose).find(|_| d.verdict == Verdict::OnPurpose));
    if let Some(lead) = lead {
        let mark = if lead.standing == Standing::Trouble { "" } else { "no fault: " };
        out.extend(labelled("VERDICT", &format!("{mark}{}", titled(lead))));
        out.extend(labelled("why", &lead.sentence));
        out.extend(labelled("sure", lead.confidence.words()));
        ruled_out(&mut out, &lead.ruled_out);
        proof(&mut out, lead, EVIDENCE_MAX);
        offers(&mut out, lead);
    } else {
        out.extend(labelled("VERDICT", &d.sentence));
        ruled_out(&mut out, &d.ruled_out);
    }
    let is_lead = |f: &Finding| lead.is_some_and(|lead| std::ptr::eq(lead, f));
    for (n, more) in of(Standing::Trouble).filter(|f| !is_lead(f)).enumerate() {
        out.push(String::new());
        out.extend(labelled("ALSO", &titled(more)));
        out.extend(labelled("why", &more.sentence));
        if n < MORE_IN_FULL_MAX {
            proof(&mut out, more, EVIDENCE_SHORT);
            offers(&mut out, more);
        }
    }
    section(&mut out, "On purpose, and no fault", of(Standing::OnPurpose).filter(|f| !is_lead(f)));
    // What the verdict says already is not said again.
    let odd = of(Standing::Normal).filter(|f| !d.sentence.ends_with(&f.sentence));
    section(&mut out, "As it should be, though it may look odd", odd);
    out
}

/// What is no fault: a sentence each, with the command that would change it.
fn section<'a>(out: &mut Vec<String>, title: &str, findings: impl Iterator<Item = &'a Finding>) {
    for (n, f) in findings.enumerate() {
        if n == 0 {
            head(out, title);
        }
        out.extend(bulleted(&format!("{}: {}", f.cause.words(), f.sentence)));
        let verbs = f.offers.iter().filter(|o| !o.verb.is_empty());
        out.extend(verbs.map(|o| format!("    {}", show(&o.verb))));
    }
}

fn head(out: &mut Vec<String>, text: &str) {
    out.push(String::new());
    out.push(text.to_owned());
}

/// "peer frozen (alpha)".
fn titled(f: &Finding) -> String {
    let whose = [f.subject.peer.as_deref(), f.subject.target.as_deref()];
    let whose: Vec<&str> = whose.into_iter().flatten().collect();
    if whose.is_empty() {
        f.cause.words().to_owned()
    } else {
        format!("{} ({})", f.cause.words(), whose.join(", "))
    }
}

/// The newest of the evidence.
fn proof(out: &mut Vec<String>, f: &Finding, most: usize) {
    if !f.evidence.is_empty() {
        head(out, "Evidence, newest last");
        out.extend(f.evidence[f.evidence.len().saturating_sub(most)..].iter().flat_map(noted));
    }
}

fn offers(out: &mut Vec<String>, f: &Finding) {
    if !f.offers.is_empty() {
        head(out, "What you can do (nothing has been done)");
        out.extend(f.offers.iter().flat_map(offered));
    }
}

fn ruled_out(out: &mut Vec<String>, all: &[RuledOut]) {
    for (n, r) in all.iter().enumerate() {
        let label = if n == 0 { "not" } else { "" };
        out.extend(labelled(label, &format!("{}: {}", r.cause.words(), r.how)));
    }
}

fn noted(note: &Note) -> Vec<String> {
    const TIME: usize = 14;
    let time = note.at_ms.map(status::clock).unwrap_or_default();
    hung(&format!(" {time:<13}"), &note.text, TIME)
}

fn offered(o: &Offer) -> Vec<String> {
    let undo = match &o.undo {
        Undo::ChangesNothing => "only looks".to_owned(),
        Undo::By(verb) => format!("undo: {verb}"),
        Undo::CannotBeUndone => "cannot be undone".to_owned(),
        Undo::NotKnown if o.verb.is_empty() => String::new(),
        Undo::NotKnown => "whether it can be undone is not known".to_owned(),
    };
    let undo = if o.danger { format!("DANGER, {undo}") } else { undo };
    if o.verb.is_empty() {
        return bulleted(&o.text);
    }
    // A command is never broken: whoever copies it must get all of it.
    let mut out = vec![format!("  {}", show(&o.verb))];
    out.extend(hung("     ", &o.text, 5));
    if !undo.is_empty() {
        out.extend(hung("     ", &undo, 5));
    }
    out
}

fn labelled(label: &str, text: &str) -> Vec<String> {
    hung(&format!("{label:<MARGIN$}"), text, MARGIN)
}

fn bulleted(text: &str) -> Vec<String> {
    hung("  - ", text, 4)
}

/// `text` behind `first`, broken at blanks, its further lines under each other.
fn hung(first: &str, text: &str, indent: usize) -> Vec<String> {
    let room = COLUMNS - indent;
    let mut out: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in show(text).split(' ') {
        let mut word = word.to_owned();
        if !line.is_empty() && fit::width(&line) + 1 + fit::width(&word) > room {
            out.push(std::mem::take(&mut line));
        }
        // A path that is longer than a line goes on in the next one.
        while fit::width(&word) > room {
            let part = fit::cut_right(&word, room, "");
            word = word[part.len()..].to_owned();
            out.push(part);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() || out.is_empty() {
        out.push(line);
    }
    let pad = " ".repeat(indent);
    let whole = |(n, line): (usize, String)| {
        let head = if n == 0 { first } else { &pad };
        format!("{head}{line}").trim_end().to_owned()
    };
    out.into_iter().enumerate().map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_blanks_and_hangs_under_its_label() {
        let lines = labelled("why", &"word ".repeat(40));
        assert!(lines.len() > 2 && lines.iter().all(|l| fit::width(l) <= COLUMNS), "{lines:#?}");
        assert!(lines[0].starts_with("why     word") && lines[1].starts_with("        word"));
        let long = labelled("", &format!("see /{}", "x".repeat(200)));
        assert!(long.iter().all(|l| fit::width(l) <= COLUMNS), "{long:#?}");
        let joined: String = long.iter().map(|l| l.trim()).collect();
        assert_eq!(joined.matches('x').count(), 200);
    }

    #[test]
    fn nothing_from_outside_reaches_the_terminal_as_it_is() {
        let lines = noted(&Note { at_ms: None, text: "a\u{1b}[2Jb\nFAKE".into() });
        assert_eq!(lines, [format!("{:14}a\\x1b[2Jb\\nFAKE", "")]);
    }
}
