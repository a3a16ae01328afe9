//! The initial division of a wave (claims 1.1, 1.2): each target's transfers are cut in two, or belong whole to the one
//! peer that reaches it.

use std::collections::VecDeque;
use twinhaul_ledger::{NewLot, Planned};
use twinhaul_profile::{Order, Profile, Split};
use twinhaul_units::{PeerId, TransferId};

/// Lots for transfers that are already in id order; a lot never crosses a target.
pub(crate) fn lots(profile: &Profile, transfers: &[Planned], media: &[Option<u32>]) -> Vec<NewLot> {
    let mut lots = Vec::new();
    let mut begin = 0;
    for chunk in transfers.chunk_by(|a, b| a.target == b.target) {
        let media = media.get(begin..begin + chunk.len()).unwrap_or_default();
        begin += chunk.len();
        let target = chunk[0].target;
        let name = profile.targets.get(usize::from(target)).map_or("", |t| t.name.as_str());
        let cut = match (profile.reaches(PeerId::First, name), profile.reaches(PeerId::Second, name)) {
            (true, true) => match (&profile.split, cut(&profile.split, chunk)) {
                (Split::Pattern { .. }, cut) => cut,
                (_, cut) => at_border(chunk, media, cut),
            },
            (true, false) => chunk.len(),
            (false, _) => 0,
        };
        let (first, second) = chunk.split_at(cut);
        for (part, owner) in [(first, PeerId::First), (second, PeerId::Second)] {
            if let (Some(a), Some(z)) = (part.first(), part.last()) {
                lots.push(NewLot { target, first: a.id, last: z.id, owner });
            }
        }
    }
    lots
}

/// Of the bytes, what a division may be off for the sake of fewer mounts.
const OFF_MAX: f64 = 0.25;

/// A cut within a medium would have both peers mount it: it goes to a border between media, best to one that no object crosses
/// (where a number is left out), if that is not far off and leaves something for both.
fn at_border(chunk: &[Planned], media: &[Option<u32>], cut: usize) -> usize {
    if media.len() != chunk.len() || media.iter().any(Option::is_none) {
        return cut;
    }
    let mut before = 0;
    let mut borders = Vec::new();
    let mut aim = 0;
    for i in 0..chunk.len() {
        if i == cut {
            aim = before;
        }
        if i > 0 && (chunk[i].source, media[i]) != (chunk[i - 1].source, media[i - 1]) {
            borders.push((i, before, !crosses(chunk, media, i)));
        }
        before += chunk[i].size.max(1);
    }
    let aim = if cut >= chunk.len() { before } else { aim };
    let off = |at: u64| at.abs_diff(aim) as f64 / before.max(1) as f64;
    let nearest = |clean: bool| {
        let fits = borders.iter().filter(|(_, _, is_clean)| *is_clean || !clean);
        fits.min_by_key(|(_, at, _)| at.abs_diff(aim)).map(|(i, at, _)| (*i, off(*at)))
    };
    match (nearest(true), nearest(false)) {
        (Some((i, off)), _) if off <= OFF_MAX => i,
        (_, Some((i, off))) if off <= OFF_MAX => i,
        _ => cut,
    }
}

/// Whether an object may begin before the border at `i` and end behind it.
pub(crate) fn crosses(chunk: &[Planned], media: &[Option<u32>], i: usize) -> bool {
    let at = |i: usize| chunk.get(i).map(|t| t.source).zip(media.get(i).copied().flatten());
    match (at(i - 1), at(i)) {
        (Some((one, a)), Some((other, b))) => one == other && b == a + 1,
        _ => false,
    }
}

/// How many of `chunk` the first peer gets, from the front.
fn cut(split: &Split, chunk: &[Planned]) -> usize {
    match split {
        Split::Count(share) => (share.get() * chunk.len() as f64).round() as usize,
        Split::Bytes(share) => {
            let all: u64 = chunk.iter().map(|t| t.size).sum();
            if all == 0 {
                return (share.get() * chunk.len() as f64).round() as usize;
            }
            let aim = share.get() * all as f64;
            let mut before = 0.0;
            // The transfer that crosses the aim goes where it overshoots less.
            chunk
                .iter()
                .position(|t| {
                    let after = before + t.size as f64;
                    let over = after - aim > aim - before;
                    before = after;
                    over
                })
                .unwrap_or(chunk.len())
        }
        // The builder has put those that match first.
        Split::Pattern { first } => chunk.partition_point(|t| first.is_match(&t.source_key)),
    }
}

/// Puts a wave in id order: by target, then by where it lies on the source's medium (a recall mounts each cartridge once, and
/// reads it forwards), then as the profile says; then numbers it.
pub(crate) fn order(
    profile: &Profile,
    transfers: &mut [Planned],
    mut next: u64,
    mut position: impl FnMut(&Planned) -> Option<u64>,
) {
    let first = match &profile.split {
        Split::Pattern { first } => Some(first),
        Split::Count(_) | Split::Bytes(_) => None,
    };
    let is_others = |t: &Planned| first.is_some_and(|f| !f.is_match(&t.source_key));
    let mut has_positions = false;
    transfers.sort_by_cached_key(|t| {
        let rank = match profile.order {
            Order::Size | Order::Mixed => -i128::from(t.size),
            Order::Age => i128::from(t.mtime_ns),
            Order::Name => 0,
        };
        let position = position(t);
        has_positions |= position.is_some();
        (t.target, is_others(t), position, rank, t.key.clone())
    });
    if profile.order == Order::Mixed && !has_positions {
        transfers.chunk_by_mut(|a, b| (a.target, is_others(a)) == (b.target, is_others(b))).for_each(mix);
    }
    for transfer in transfers {
        transfer.id = TransferId(next);
        next += 1;
    }
}

/// What is ordered largest first: the largest, the smallest, the second largest, and so on.
fn mix(chunk: &mut [Planned]) {
    let mut rest: VecDeque<Planned> = chunk.iter_mut().map(std::mem::take).collect();
    for (i, place) in chunk.iter_mut().enumerate() {
        let next = if i % 2 == 0 { rest.pop_front() } else { rest.pop_back() };
        *place = next.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(sizes: &[u64]) -> Vec<Planned> {
        (0..)
            .zip(sizes)
            .map(|(id, size)| Planned { id: TransferId(id), size: *size, ..Planned::default() })
            .collect()
    }

    fn share(text: &str) -> twinhaul_units::Share {
        twinhaul_units::Share::parse(text).unwrap()
    }

    #[test]
    fn what_has_a_place_on_a_medium_comes_in_the_order_of_the_medium() {
        let profile = Profile::copy("/source".as_ref(), "/target".as_ref()).unwrap();
        let mut transfers = sizes(&[10, 30, 20, 40]);
        order(&profile, &mut transfers, 1, |t| Some(100 - t.id.0));
        assert_eq!(transfers.iter().map(|t| t.size).collect::<Vec<_>>(), [40, 20, 30, 10]);
        order(&profile, &mut transfers, 1, |_| None);
        assert_eq!(transfers.iter().map(|t| t.size).collect::<Vec<_>>(), [40, 30, 20, 10]);
    }

    #[test]
    fn each_order_is_what_it_says() {
        let mut profile = Profile::copy("/source".as_ref(), "/target".as_ref()).unwrap();
        let mut ordered = |order_by| {
            profile.order = order_by;
            let mut transfers = sizes(&[10, 30, 20, 40, 30]);
            for (t, (at, key)) in
                transfers.iter_mut().zip([(5, "e"), (-3, "d"), (9, "c"), (0, "b"), (9, "a")])
            {
                (t.mtime_ns, t.key) = (at, key.into());
            }
            order(&profile, &mut transfers, 1, |_| None);
            assert!(transfers.iter().zip(1..).all(|(t, id)| t.id == TransferId(id)));
            transfers.iter().map(|t| t.key[0] as char).collect::<String>()
        };
        assert_eq!(ordered(Order::Size), "badce");
        assert_eq!(ordered(Order::Name), "abcde");
        assert_eq!(ordered(Order::Age), "dbeac", "before 1970 is oldest");
        assert_eq!(ordered(Order::Mixed), "beacd", "40, 10, 30, 20, 30");
    }

    #[test]
    fn no_medium_is_divided_where_there_are_several() {
        let chunk = sizes(&[1; 10]);
        let media = |text: &str| text.bytes().map(|b| (b != b'-').then(|| u32::from(b))).collect::<Vec<_>>();
        // The numbers of a and c do not follow each other, those of a and b do.
        assert_eq!(at_border(&chunk, &media("aaacccceee"), 4), 3);
        assert_eq!(at_border(&chunk, &media("aaacccceee"), 6), 7);
        assert_eq!(at_border(&chunk, &media("aaacccceee"), 3), 3, "it is a border");
        assert_eq!(at_border(&chunk, &media("aaabbbbdee"), 5), 7, "no object crosses it");
        assert_eq!(at_border(&chunk, &media("aaabbbbbbd"), 4), 3, "that would be too far off");
        assert_eq!(at_border(&chunk, &media("accccccccc"), 5), 5, "the other border is too far off");
        assert_eq!(at_border(&chunk, &media("aaaaaaaaaa"), 5), 5, "one for both: they take turns");
        assert_eq!(at_border(&chunk, &media("----------"), 5), 5);
        assert!(crosses(&chunk, &media("ab--------"), 1) && !crosses(&chunk, &media("ac--------"), 1));
    }

    #[test]
    fn a_share_of_the_number_is_exact() {
        assert_eq!(cut(&Split::Count(share("15 %")), &sizes(&vec![1; 3200])), 480);
        assert_eq!(cut(&Split::Count(share("0 %")), &sizes(&[1; 10])), 0);
        assert_eq!(cut(&Split::Count(share("100 %")), &sizes(&[1; 10])), 10);
    }

    #[test]
    fn a_share_of_the_bytes_is_as_near_as_whole_transfers_allow() {
        let half = Split::Bytes(share("50 %"));
        assert_eq!(cut(&half, &sizes(&[8, 4, 2, 1, 1])), 1);
        assert_eq!(cut(&half, &sizes(&[100, 1, 1])), 1);
        assert_eq!(cut(&half, &sizes(&[0, 0, 0, 0])), 2);
        assert_eq!(cut(&half, &sizes(&[5, 5])), 1);
    }
}
