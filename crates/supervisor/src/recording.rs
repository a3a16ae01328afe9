//! `recording.jsonl`: what a console would have seen, one frame a line, for `twinhaul replay`.
//!
//! Bounded: the fuller the file, the rarer the peers' snapshots in it (each [`STEP_BYTES`] halves their number), and at
//! [`RECORDING_BYTES_MAX`] it ends with a note. It never fails a run: a full disk ends the recording, not the transfer.

use crate::session;
use std::{
    fs::File,
    io::{BufRead as _, Read as _, Write as _},
    path::Path,
};
use twinhaul_wire::{Event, EventKind, Frame, PeerSnapshot, PeerState, decode, encode};

/// The file never grows past this.
pub(crate) const RECORDING_BYTES_MAX: u64 = 64 << 20;
/// So many bytes double the time between two snapshots of a peer.
const STEP_BYTES: u64 = 8 << 20;
/// Time between two snapshots of a peer while the file is small.
const EVERY_MS: u64 = 1000;
/// Room for the note that ends it.
const NOTE_BYTES: u64 = 512;

/// The file, and how full it is.
#[derive(Debug)]
pub(crate) struct Recording {
    file: Option<File>,
    bytes: u64,
    /// Of each peer: when a snapshot of it was taken last, and the state in it.
    last: [Option<(u64, PeerState)>; 2],
    /// The largest number of an event in it.
    last_seq: u64,
}

impl Recording {
    /// Goes on with the run's recording, or begins it. Without a file (full disk) nothing is recorded.
    pub(crate) fn open(path: &Path) -> Self {
        let file =
            session::open_log(path).inspect_err(|error| tracing::warn!(%error, "nothing is recorded")).ok();
        let bytes = file.as_ref().and_then(|f| f.metadata().ok()).map_or(0, |m| m.len());
        Self { file, bytes, last: [None; 2], last_seq: last_seq(path) }
    }

    pub(crate) const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// An event of the history; one that is in the recording already is passed over.
    pub(crate) fn event(&mut self, event: Event) {
        if event.seq > self.last_seq {
            self.last_seq = event.seq;
            let at_ms = event.at_ms;
            self.line(&Frame::Event(event), at_ms);
        }
    }

    /// A snapshot of the peer `index`, if it is time for one. The first of an end is always taken: the last one of a peer holds
    /// what it did in all.
    pub(crate) fn snapshot(&mut self, index: usize, at_ms: u64, frame: &Frame) {
        let Frame::Snapshot(snapshot) = frame else { return };
        let PeerSnapshot { state, .. } = **snapshot;
        let every = EVERY_MS << (self.bytes / STEP_BYTES).min(16);
        let due = self.last[index].is_none_or(|(last_ms, last)| {
            (last != state && ends(state)) || at_ms.abs_diff(last_ms) >= every * 9 / 10
        });
        if due {
            self.last[index] = Some((at_ms, state));
            self.line(frame, at_ms);
        }
    }

    /// Anything else: states of the run, events.
    pub(crate) fn line(&mut self, frame: &Frame, at_ms: u64) {
        let Ok(line) = encode(frame) else { return };
        if self.bytes + line.len() as u64 + NOTE_BYTES <= RECORDING_BYTES_MAX {
            self.write(&line);
        } else if self.file.is_some() {
            let text = format!("the recording reached {} MiB and ends here", RECORDING_BYTES_MAX >> 20);
            let kind = EventKind::Info { text };
            let note = Frame::Event(Event { seq: 0, at_ms, peer: None, incarnation: 0, kind });
            if let Ok(line) = encode(&note) {
                self.write(&line);
            }
            self.file = None;
        }
    }

    fn write(&mut self, line: &[u8]) {
        let Some(file) = &mut self.file else { return };
        match file.write_all(line) {
            Ok(()) => self.bytes += line.len() as u64,
            Err(error) => {
                tracing::warn!(%error, "the recording ends here");
                self.file = None;
            }
        }
    }
}

/// Whether a peer says little more after this; between work and idleness it may go with every snapshot.
const fn ends(state: PeerState) -> bool {
    matches!(state, PeerState::Stopping | PeerState::Finishing | PeerState::Finished)
}

/// The largest number of an event in a recording that is there already; 0 without one.
fn last_seq(path: &Path) -> u64 {
    let Ok(file) = File::open(path) else { return 0 };
    let seq = |line: Vec<u8>| match decode(&line) {
        Ok(Frame::Event(event)) => Some(event.seq),
        _ => None,
    };
    let lines = std::io::BufReader::new(file.take(RECORDING_BYTES_MAX)).split(b'\n');
    lines.map_while(Result::ok).filter_map(seq).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(at_ms: u64, kib: usize) -> Frame {
        Frame::Snapshot(Box::new(PeerSnapshot {
            at_ms,
            policy: "x".repeat(kib << 10),
            ..PeerSnapshot::default()
        }))
    }

    fn lines(path: &Path) -> Vec<Frame> {
        let text = std::fs::read(path).unwrap();
        text.split_inclusive(|b| *b == b'\n').map(|l| decode(l).unwrap()).collect()
    }

    #[test]
    fn one_snapshot_a_second_of_each_peer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("recording.jsonl");
        let mut recording = Recording::open(&path);
        for tick in 0..40 {
            for index in 0..2 {
                recording.snapshot(index, tick * 250, &snapshot(tick * 250, 0));
            }
        }
        assert_eq!(lines(&path).len(), 20);
    }

    #[test]
    fn the_last_snapshot_of_a_peer_is_in_it_however_soon_it_comes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("recording.jsonl");
        let mut recording = Recording::open(&path);
        recording.snapshot(0, 1000, &snapshot(1000, 0));
        let last = PeerSnapshot { at_ms: 1100, state: PeerState::Finished, ..PeerSnapshot::default() };
        recording.snapshot(0, 1100, &Frame::Snapshot(Box::new(last)));
        assert_eq!(lines(&path).len(), 2);
        recording.snapshot(0, 1200, &snapshot(1200, 0));
        assert_eq!(lines(&path).len(), 2, "any other state waits for its time");
    }

    #[test]
    fn events_are_in_it_once_also_after_a_new_supervisor() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("recording.jsonl");
        let event = |seq| Event {
            seq,
            at_ms: 1,
            peer: Some("alpha".into()),
            incarnation: 1,
            kind: EventKind::Joined { pid: 7 },
        };
        for from in [1, 2] {
            let mut recording = Recording::open(&path);
            assert_eq!(recording.last_seq(), if from == 1 { 0 } else { 3 });
            (from..from + 3).for_each(|seq| recording.event(event(seq)));
        }
        let seqs: Vec<u64> = lines(&path)
            .into_iter()
            .filter_map(|f| if let Frame::Event(e) = f { Some(e.seq) } else { None })
            .collect();
        assert_eq!(seqs, [1, 2, 3, 4]);
    }

    #[test]
    fn it_thins_and_then_ends_with_a_note() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("recording.jsonl");
        let mut recording = Recording::open(&path);
        let frame = snapshot(0, 200);
        let mut taken = Vec::new();
        for second in 0..40_000 {
            let before = recording.bytes;
            recording.snapshot(0, second * 1000, &frame);
            if recording.bytes > before {
                taken.push(second);
            }
        }
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size <= RECORDING_BYTES_MAX, "{size}");
        assert_eq!(taken[1] - taken[0], 1);
        // The last step's 128 seconds, less the tolerance of a tick.
        assert_eq!(taken[taken.len() - 2] - taken[taken.len() - 3], 116);
        let Some(Frame::Event(Event { kind: EventKind::Info { text }, .. })) = lines(&path).pop() else {
            panic!("the last line is not a note");
        };
        assert!(text.contains("64 MiB"), "{text}");
        // A new supervisor goes on where the size allows, and says nothing more where it does not.
        let mut again = Recording::open(&path);
        again.line(&frame, 0);
        assert!(std::fs::metadata(&path).unwrap().len() <= RECORDING_BYTES_MAX);
    }
}
