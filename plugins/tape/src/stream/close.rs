//! Closing a data set, and giving one up.

use std::sync::Arc;

use twinhaul_backend_abi::{Attrs, Code, Error, Host, Kind, LogLevel, Op, Result};

use super::{OpenSet, Settling, Turn};
use crate::catalogue::cartridges::State;
use crate::catalogue::sets::Closed;
use crate::format::date;
use crate::format::labels::Group;
use crate::format::manifest::{DIRECTORY, Line};
use crate::format::pax::{self, What};
use crate::library::deck::{Seat, Want};
use crate::library::load::{self, Doing};
use crate::library::signature;

/// Lines about names that go into one manifest; the rest waits for the next.
const LINES_MAX: usize = 100_000;

/// Nodes, and where their copies lie: (data set, place).
type Moved<'a> = &'a [(i64, (u64, u64))];

impl Turn {
    /// Closes the open data set, if there is one: afterwards each of its objects is durable, or has failed.
    ///
    /// # Errors
    /// When the data set failed; its objects are told the same when they are asked for.
    pub(crate) fn close(&mut self, op: &Op<'_>) -> Result<()> {
        self.close_as(op, None)
    }

    /// Closes a data set of copies: the nodes lie in it from then on.
    pub(crate) fn close_moved(&mut self, op: &Op<'_>, moved: Moved<'_>) -> Result<()> {
        if moved.is_empty() {
            // Only what its manifests said about names has to be saved.
            return self.flush_names(op, Want::Append);
        }
        self.close_as(op, Some(moved))
    }

    fn close_as(&mut self, op: &Op<'_>, moved: Option<Moved<'_>>) -> Result<()> {
        let Some(mut set) = self.set.take() else { return Ok(()) };
        if let Some(e) = set.broken() {
            self.give_up(op, *set, Some(&e));
            return Err(e);
        }
        match self.write_out(op, &mut set, moved) {
            Ok(Some(seat)) => {
                self.keep(Some(seat));
                Ok(())
            }
            Ok(None) => {
                self.give_up(op, *set, None);
                Ok(())
            }
            Err(e) => {
                self.give_up(op, *set, Some(&e));
                Err(e)
            }
        }
    }

    /// What happened to names since the last data set goes to tape, if anything did.
    ///
    /// # Errors
    /// With [`Want::AppendNow`] also `NoSpace`: they stay in the catalogue, for the next data set.
    pub(crate) fn flush_names(&mut self, op: &Op<'_>, want: Want<'_>) -> Result<()> {
        if self.stream.deck.library.catalogue.lines(1)?.is_empty() {
            return Ok(());
        }
        self.ready_one(op, want)?;
        self.close(op)
    }

    /// Manifest, trailer, sync, catalogue. `None` = there is nothing worth a data set in it.
    fn write_out(&self, op: &Op<'_>, set: &mut OpenSet, moved: Option<Moved<'_>>) -> Result<Option<Seat>> {
        // A data set that was begun is finished, whoever no longer waits for it: others' objects are in it.
        let quiet = &op.to_the_end();
        let catalogue = &self.stream.deck.library.catalogue;
        if moved.is_none() {
            let ids: Vec<&str> = set.objects.iter().map(|o| o.attempt.as_str()).collect();
            let alive = catalogue.alive(&ids)?;
            for (object, alive) in set.objects.iter_mut().zip(alive) {
                object.void |= !alive;
            }
        }
        let (nth, lines) = catalogue.closing(LINES_MAX)?;
        if set.objects.iter().all(|o| o.void) && lines.is_empty() {
            return Ok(None);
        }
        let manifest = self.manifest(quiet, set, nth, &lines)?;
        let (seat, mut cartridge) = set.end_part(op, Group::End, Some(manifest))?;
        let room = cartridge.capacity.saturating_sub(cartridge.used);
        if room < cartridge.capacity / 16 && room < (8 << 20) || cartridge.sets >= crate::format::SETS_MAX {
            cartridge.state = State::Full;
        }
        let closed = Closed {
            serial: set.serial,
            dsn: set.dsn.clone(),
            bytes: set.total(),
            sha256: set.sha256(),
            manifest_at: manifest.0,
            manifest_len: manifest.1,
            at_s: date::now_s(),
            sections: set.done.clone(),
        };
        match moved {
            Some(moved) => catalogue.move_nodes(&closed, moved, &lines, &cartridge)?,
            None => catalogue.close_set(&closed, &set.objects, &lines, &cartridge)?,
        }
        let mut state = self.stream.lock();
        for object in &set.objects {
            state.settling.remove(&object.attempt);
        }
        drop(state);
        seat.loaded.head.does(Doing::Nothing);
        Ok(Some(seat))
    }

    /// What happened to names, as members and lines; then the manifest; then the archive's end. Where the manifest lies.
    fn manifest(
        &self,
        op: &Op<'_>,
        set: &mut OpenSet,
        nth: u64,
        lines: &[(i64, String)],
    ) -> Result<(u64, u64)> {
        let mut text = Line::Head {
            library: self.stream.deck.library.uuid.clone(),
            serial: set.serial,
            closed: Some(nth),
            dsn: set.dsn.clone(),
            at: date::iso(date::now_s()),
        }
        .text();
        text.push('\n');
        for object in &set.objects {
            text.push_str(&Line::Object(object.clone()).text());
            text.push('\n');
        }
        for (_, line) in lines {
            match Line::of(line) {
                Some(Line::Node { key, attrs }) => {
                    if let Some(what) = pax::what_of(&attrs) {
                        set.head(op, &key, &attrs, what)?;
                    }
                }
                Some(Line::Link { key, to }) => {
                    set.head(op, &key, &Attrs::default(), What::Link(&to))?;
                }
                _ => {}
            }
            text.push_str(line);
            text.push('\n');
        }
        let name = format!("{DIRECTORY}/{}.jsonl", set.dsn);
        let attrs = Attrs { mode: Some(0o600), ..Attrs::of(Kind::File) };
        let len = text.len() as u64;
        let at = set.head(op, name.as_bytes(), &attrs, What::File(len))?;
        set.write(op, text.as_bytes())?;
        set.zeros(op, pax::padding(len) as u64)?;
        set.write(op, &pax::END)?;
        Ok((at, len))
    }

    /// Cuts the cartridge back to where it was, and fails what was sealed since. Without an error nothing was lost.
    pub(crate) fn give_up(&self, op: &Op<'_>, mut set: OpenSet, why: Option<&Error>) {
        let stream = Arc::clone(&self.stream);
        let catalogue = &stream.deck.library.catalogue;
        let mut is_cut = false;
        if let Some((seat, used, first)) = set.give_up() {
            let barcode = seat.loaded.barcode.clone();
            let cut = load::cut(&seat.loaded.file, used, first).and_then(|()| signature(&seat.loaded.file));
            is_cut = cut.is_ok();
            let medium = why.filter(|e| e.code == Code::Io);
            let noted = catalogue.change(&barcode, |c| {
                if let Ok(now) = &cut {
                    c.signature.clone_from(now);
                }
                // A medium that failed is not trusted with more; one that is full may have room again tomorrow.
                if let Some(e) = medium {
                    c.state = State::Suspect;
                    c.reason.clone_from(&e.message);
                    c.errors += 1;
                }
            });
            if cut.is_err() || noted.is_err() {
                let what = format!("cartridge {barcode}: could not be cut back; the next mount does it");
                Host::get().log(LogLevel::Warn, "tape", &what);
            }
            drop(seat);
            if cut.is_err() || medium.is_some() {
                stream.deck.unmount(op, &barcode);
            }
        }
        // What may still be on a cartridge stays known as begun: the next mount cuts it off.
        if is_cut && let Err(e) = catalogue.forget_set(set.serial) {
            Host::get().log(LogLevel::Warn, "tape", &e.message);
        }
        let lost = why.cloned().unwrap_or_else(|| Error::new(Code::NotFound, "it was discarded"));
        let mut state = stream.lock();
        for object in &set.objects {
            if let Some(settling) = state.settling.get_mut(&object.attempt) {
                *settling = Settling::Failed(lost.clone());
            }
        }
        drop(state);
        stream.changed.notify_all();
    }
}
