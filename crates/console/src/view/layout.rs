//! Where everything is, by size class. Only rectangles.

use ratatui::layout::Rect;
use twinhaul_console_model::SizeClass;
use twinhaul_console_model::ui::Panel;
use twinhaul_units::PeerId;

pub(crate) struct Places {
    pub header: Rect,
    pub body: Rect,
    pub caption: Rect,
    pub footer: Rect,
}

/// Header, body, caption and footer of a screen that is at least compact.
pub(crate) fn places(_class: SizeClass, area: Rect, caption: u16) -> Places {
    let caption = caption.min(area.height.saturating_sub(12));
    let body = area.height.saturating_sub(3 + caption);
    let row = |y: u16, height: u16| Rect { y: area.y + y, height, ..area };
    Places {
        header: row(0, 2),
        body: row(2, body),
        caption: row(2 + body, caption),
        footer: row(2 + body + caption, 1),
    }
}

/// The panels of the overview and their places in `body`. `storage`: rows that the storage panel would like to have, when
/// there is one.
pub(crate) fn panels(class: SizeClass, body: Rect, focus: Panel, storage: Option<u16>) -> Vec<(Panel, Rect)> {
    match class {
        SizeClass::Status => Vec::new(),
        SizeClass::Compact => {
            vec![(focus, Rect { y: body.y + 2, height: body.height.saturating_sub(2), ..body })]
        }
        SizeClass::Full | SizeClass::Stage => full(body, storage),
        SizeClass::Wide => wide(body, storage),
    }
}

fn peers(body: Rect, height: u16) -> [(Panel, Rect); 2] {
    let left = body.width / 2;
    let first = Rect { width: left, height, ..body };
    let second = Rect { x: body.x + left, width: body.width - left, height, ..body };
    [(Panel::Peer(PeerId::First), first), (Panel::Peer(PeerId::Second), second)]
}

/// 80x24: peers 6 rows, in flight 10, assistance 5; a higher screen gives to each. With storage: 6, 6, 4 and 5 for it.
fn full(body: Rect, storage: Option<u16>) -> Vec<(Panel, Rect)> {
    let extra = body.height.saturating_sub(21);
    let top = 6 + (extra / 3).min(3);
    let storage = storage.map_or(0, |rows| (rows + 2).clamp(4, 5 + extra / 3));
    let bottom = if storage > 0 { 4 + extra / 4 } else { 5 + extra / 2 };
    let middle = body.height - top - bottom - storage;
    let flight = Rect { y: body.y + top, height: middle, ..body };
    let shown = Rect { y: flight.bottom(), height: storage, ..body };
    let assist = Rect { y: shown.bottom(), height: bottom, ..body };
    let mut out = peers(body, top).to_vec();
    out.push((Panel::Flight, flight));
    if storage > 0 {
        out.push((Panel::Storage, shown));
    }
    out.push((Panel::Assist, assist));
    out
}

/// 160x50: peers 14 rows, in flight 12, assistance and throughput 15, log 6. With storage: 10, 12, 9, 6 and up to 10 for it.
fn wide(body: Rect, storage: Option<u16>) -> Vec<(Panel, Rect)> {
    let share = |percent: u16| (u32::from(body.height) * u32::from(percent) / 100) as u16;
    let storage = storage.map_or(0, |rows| (rows + 2).clamp(5, share(22).max(6)));
    let (top, assist) = if storage > 0 { (share(22), share(20)) } else { (share(30), share(32)) };
    let top = top.clamp(9, 20);
    let log = share(13).clamp(4, 12);
    let assist = assist.clamp(8, 24);
    let flight = body.height - top - log - assist - storage;
    let mut y = body.y + top;
    let mut out = peers(body, top).to_vec();
    out.push((Panel::Flight, Rect { y, height: flight, ..body }));
    y += flight;
    if storage > 0 {
        out.push((Panel::Storage, Rect { y, height: storage, ..body }));
        y += storage;
    }
    let left = (body.width * 58 / 100).max(84).min(body.width - 30);
    out.push((Panel::Assist, Rect { y, height: assist, width: left, ..body }));
    out.push((Panel::Plot, Rect { x: body.x + left, y, height: assist, width: body.width - left }));
    y += assist;
    out.push((Panel::Log, Rect { y, height: log, ..body }));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_tile_the_body() {
        for w in [80, 100, 120, 160, 200] {
            for h in 24..80 {
                let class = SizeClass::of(w, h, false);
                let places = places(class, Rect::new(0, 0, w, h), 2);
                for storage in [None, Some(0), Some(3), Some(400)] {
                    let panels = panels(class, places.body, Panel::Flight, storage);
                    let covered: u32 = panels.iter().map(|(_, r)| r.area()).sum();
                    assert_eq!(covered, places.body.area(), "{w}x{h} {storage:?}");
                    assert!(panels.iter().all(|(_, r)| r.height >= 4), "{w}x{h} {storage:?}");
                }
            }
        }
    }

    #[test]
    fn the_drawings_sizes() {
        let with = |w, h, storage| {
            let class = SizeClass::of(w, h, false);
            let body = places(class, Rect::new(0, 0, w, h), 0).body;
            panels(class, body, Panel::Flight, storage).iter().map(|(_, r)| r.height).collect::<Vec<_>>()
        };
        let heights = |w, h| with(w, h, None);
        assert_eq!(heights(80, 24), [6, 6, 10, 5]);
        assert_eq!(heights(160, 50), [14, 14, 12, 15, 15, 6]);
        assert_eq!(with(80, 24, Some(9)), [6, 6, 6, 5, 4]);
        assert_eq!(with(160, 50, Some(9)), [10, 10, 12, 10, 9, 9, 6]);
    }
}
