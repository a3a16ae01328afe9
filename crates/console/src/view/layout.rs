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

/// The panels of the overview and their places in `body`.
pub(crate) fn panels(class: SizeClass, body: Rect, focus: Panel) -> Vec<(Panel, Rect)> {
    match class {
        SizeClass::Status => Vec::new(),
        SizeClass::Compact => {
            vec![(focus, Rect { y: body.y + 2, height: body.height.saturating_sub(2), ..body })]
        }
        SizeClass::Full | SizeClass::Stage => full(body),
        SizeClass::Wide => wide(body),
    }
}

fn peers(body: Rect, height: u16) -> [(Panel, Rect); 2] {
    let left = body.width / 2;
    let first = Rect { width: left, height, ..body };
    let second = Rect { x: body.x + left, width: body.width - left, height, ..body };
    [(Panel::Peer(PeerId::First), first), (Panel::Peer(PeerId::Second), second)]
}

/// 80x24: peers 6 rows, in flight 10, assistance 5; a higher screen gives to each.
fn full(body: Rect) -> Vec<(Panel, Rect)> {
    let extra = body.height.saturating_sub(21);
    let top = 6 + (extra / 3).min(3);
    let bottom = 5 + extra / 2;
    let middle = body.height - top - bottom;
    let flight = Rect { y: body.y + top, height: middle, ..body };
    let assist = Rect { y: body.y + top + middle, height: bottom, ..body };
    let mut out = peers(body, top).to_vec();
    out.extend([(Panel::Flight, flight), (Panel::Assist, assist)]);
    out
}

/// 160x50: peers 14 rows, in flight 12, assistance and throughput 15, log 6.
fn wide(body: Rect) -> Vec<(Panel, Rect)> {
    let share = |percent: u16| (u32::from(body.height) * u32::from(percent) / 100) as u16;
    let top = share(30).clamp(9, 20);
    let log = share(13).clamp(4, 12);
    let assist = share(32).clamp(8, 24);
    let flight = body.height - top - log - assist;
    let mut y = body.y + top;
    let mut out = peers(body, top).to_vec();
    out.push((Panel::Flight, Rect { y, height: flight, ..body }));
    y += flight;
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
                let panels = panels(class, places.body, Panel::Flight);
                let covered: u32 = panels.iter().map(|(_, r)| r.area()).sum();
                assert_eq!(covered, places.body.area(), "{w}x{h}");
                assert!(panels.iter().all(|(_, r)| r.height >= 4), "{w}x{h}");
            }
        }
    }

    #[test]
    fn the_drawings_sizes() {
        let heights = |w, h| {
            let class = SizeClass::of(w, h, false);
            let body = places(class, Rect::new(0, 0, w, h), 0).body;
            panels(class, body, Panel::Flight).iter().map(|(_, r)| r.height).collect::<Vec<_>>()
        };
        assert_eq!(heights(80, 24), [6, 6, 10, 5]);
        assert_eq!(heights(160, 50), [14, 14, 12, 15, 15, 6]);
    }
}
