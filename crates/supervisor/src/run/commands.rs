//! What consoles and verbs can ask of the supervisor: the state of the run, pause, resume, stop. The rest is a peer's.

use super::Run;
use crate::{server::Ask, socket::seconds, stop::Why};
use std::time::Duration;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use twinhaul_wire::{Command, CommandResult, EventKind, Frame, Refusal, Reply, Request};

impl Run {
    pub(super) fn asked(&mut self, ask: Ask) {
        let Request { id, by, command } = ask.request;
        let reply = |result| Frame::Reply(Reply { id, result });
        let frames = match command {
            Command::Subscribe { .. } | Command::Status => {
                let words = self.state.words().to_owned();
                let picture = Frame::Run(Box::new(self.picture(self.now())));
                vec![picture, reply(CommandResult::Done(words))]
            }
            Command::Stop { drain } => vec![reply(self.asked_to_stop(drain, by))],
            Command::Chaos { peer, what } => vec![reply(self.chaos(&by, &peer, what))],
            command @ (Command::Pause | Command::Resume) => {
                return self.forward(id, &by, &command, ask.answer);
            }
            other => {
                let peer = self.seats[0].name();
                let why = "the supervisor does this to no peer by itself; ask a peer".to_owned();
                vec![reply(CommandResult::Refused(Refusal {
                    why,
                    next: other.verb(&self.about.run, Some(peer)),
                }))]
            }
        };
        // A client that has gone needs no answer.
        let _ = ask.answer.send(frames);
    }

    fn asked_to_stop(&mut self, drain: bool, by: String) -> CommandResult {
        let words = match (&self.stop, drain) {
            (None, true) => {
                "stopping: the peers finish what is in flight; a second stop cuts it short".to_owned()
            }
            (None, false) => format!("stopping: the peers have {} to end", seconds(self.timing.grace)),
            (Some(stop), _) if stop.drain => format!("cut short: {} to end", seconds(self.timing.grace)),
            (Some(_), _) => "ending the peers now".to_owned(),
        };
        let command = Command::Stop { drain }.verb(&self.about.run, None);
        self.event(None, EventKind::Control { command, by, result: words.clone() });
        self.stop(Why::Command { drain });
        CommandResult::Done(words)
    }

    /// To both peers; the answer tells what each said.
    fn forward(&self, id: u64, by: &str, command: &Command, to: oneshot::Sender<Vec<Frame>>) {
        let within = self.timing.answer_max;
        let next = command.verb(&self.about.run, None);
        let mut asked = Vec::new();
        for seat in self.seats.iter().filter(|s| s.is_peer()) {
            let link = seat.link.as_ref().filter(|_| seat.linked);
            asked.push((seat.name().to_owned(), link.and_then(|l| l.request(by, command.clone()))));
        }
        tokio::spawn(async move {
            let (all, why) = both(asked, within).await;
            let result =
                if all { CommandResult::Done(why) } else { CommandResult::Refused(Refusal { why, next }) };
            let _ = to.send(vec![Frame::Reply(Reply { id, result })]);
        });
    }
}

type Asked = (String, Option<oneshot::Receiver<CommandResult>>);

/// Whether all peers did as told, and what each said. One limit for all: they answer at the same time.
async fn both(asked: Vec<Asked>, within: Duration) -> (bool, String) {
    let until = Instant::now() + within;
    let (mut all, mut words) = (true, Vec::new());
    for (peer, answer) in asked {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let result = match answer {
            Some(answer) => answered(&peer, answer, left).await,
            None => Err(format!("peer {peer} does not run")),
        };
        all &= matches!(result, Ok(CommandResult::Done(_)));
        words.push(match result {
            Ok(CommandResult::Done(text)) => format!("{peer}: {text}"),
            Ok(CommandResult::Refused(refusal)) => format!("{peer}: {}", refusal.why),
            Ok(CommandResult::Status(_) | CommandResult::Preview(_) | CommandResult::Outlook(_)) => {
                format!("{peer}: answered something else")
            }
            Err(why) => why,
        });
    }
    (all, words.join("; "))
}

/// A peer's answer to a forwarded command, or why there is none.
pub(super) async fn answered(
    peer: &str,
    answer: oneshot::Receiver<CommandResult>,
    within: Duration,
) -> Result<CommandResult, String> {
    match timeout(within, answer).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) => Err(format!("peer {peer} hung up")),
        Err(_) => Err(format!("peer {peer} did not answer in {}", seconds(within))),
    }
}
