//! Parts of objects: reading at offsets, writing at offsets, holes, two writers of one object.

use std::ops::ControlFlow;

use twinhaul_backend_abi::{Caps, Code, ReadOptions};

use super::data::pattern;
use super::fixture::difference;
use super::{CaseFn, Fixture, Stop, Verdict, check};

pub(super) const CASES: &[(&str, CaseFn)] = &[
    ("read ranges", read_ranges),
    ("read in small pieces", small_pieces),
    ("two readers", two_readers),
    ("read past the caches", uncached),
    ("write at offsets", write_at),
    ("write ranges in parallel", parallel),
    ("ranges of two peers", shared),
    ("ranges taken over", adopted),
    ("holes", holes),
    ("copy by descriptor", copy_fd),
    ("share blocks of a descriptor", reflink),
];

fn read_ranges(f: &Fixture) -> Verdict {
    f.needs(Caps::READ.with(Caps::RANGE_READ), "range read")?;
    let n = 70_000usize;
    let (put, bytes) = (f.put("ranges")?, pattern(n, 11));
    f.store(&put, &bytes)?;
    for (offset, len) in [
        (0, None),
        (1, None),
        (0, Some(1)),
        (4095, Some(2)),
        (33_333, Some(10_000)),
        (n - 1, None),
        (n - 1, Some(100)),
        (n, None),
        (n + 1000, Some(5)),
        (5, Some(0)),
    ] {
        let options = ReadOptions { offset: offset as u64, len: len.map(|l| l as u64), uncached: false };
        let wanted = &bytes[offset.min(n)..len.map_or(n, |l| offset + l).clamp(offset.min(n), n)];
        let found = f.read_with(&put.key, options, 8192)?;
        check!(found == wanted, "at {offset}, length {len:?}: {}", difference(&found, wanted));
    }
    Ok(())
}

fn small_pieces(f: &Fixture) -> Verdict {
    f.needs(Caps::READ, "read")?;
    let (put, bytes) = (f.put("pieces")?, pattern(5000, 12));
    f.store(&put, &bytes)?;
    let found = f.read_with(&put.key, ReadOptions::default(), 7)?;
    check!(found == bytes, "{}", difference(&found, &bytes));
    Ok(())
}

fn two_readers(f: &Fixture) -> Verdict {
    f.needs(Caps::READ.with(Caps::RANGE_READ), "range read")?;
    let (put, bytes) = (f.put("both")?, pattern(20_000, 13));
    f.store(&put, &bytes)?;
    let (mut one, _) = f.target.reader_open(&f.op, &put.key, ReadOptions::default())?;
    let (mut two, _) =
        f.target.reader_open(&f.op, &put.key, ReadOptions { offset: 10_000, ..ReadOptions::default() })?;
    let (mut left, mut right) = (vec![0u8; 100], vec![0u8; 100]);
    let (n, m) = (one.read(&f.op, &mut left)?, two.read(&f.op, &mut right)?);
    check!(n > 0 && left[..n] == bytes[..n], "the first reader is wrong beside a second");
    check!(m > 0 && right[..m] == bytes[10_000..10_000 + m], "the second reader is wrong beside a first");
    Ok(())
}

fn uncached(f: &Fixture) -> Verdict {
    f.needs(Caps::READ, "read")?;
    let (put, bytes) = (f.put("uncached")?, pattern(1_000_001, 14));
    f.store(&put, &bytes)?;
    let found = f.read_with(&put.key, ReadOptions { uncached: true, ..ReadOptions::default() }, 65_536)?;
    check!(found == bytes, "{}", difference(&found, &bytes));
    Ok(())
}

/// Bytes of one part of `write_at`.
fn part(f: &Fixture, told: u64) -> usize {
    let least = f.limits.min_part.max(told).max(4096);
    usize::try_from(least).unwrap_or(4096)
}

fn write_at(f: &Fixture) -> Verdict {
    f.needs(Caps::RANDOM_WRITE, "random write")?;
    let put = f.put("at")?;
    let (writer, info) = f.target.writer_open(&f.op, &put)?;
    let part = part(f, info.part_size);
    let bytes = pattern(part * 3 + 17, 15);
    // Last part first, then the others; the first twice, with other bytes before.
    writer.write_at(&f.op, (part * 3) as u64, &bytes[part * 3..])?;
    writer.write_at(&f.op, 0, &pattern(part, 99))?;
    writer.write_at(&f.op, (part * 2) as u64, &bytes[part * 2..part * 3])?;
    writer.write_at(&f.op, part as u64, &bytes[part..part * 2])?;
    writer.write_at(&f.op, 0, &bytes[..part])?;
    f.finish(&put, writer, &info)?;
    f.holds(&put.key, &bytes)
}

fn parallel(f: &Fixture) -> Verdict {
    f.needs(Caps::PARALLEL_RANGES, "parallel ranges")?;
    let put = f.put("parallel")?;
    let (writer, info) = f.target.writer_open(&f.op, &put)?;
    let part = part(f, info.part_size);
    let bytes = pattern(part * 12, 16);
    let threads = info.max_parallel_ranges.clamp(1, 4) as usize;
    let answers: Vec<_> = std::thread::scope(|s| {
        let workers: Vec<_> = (0..threads)
            .map(|t| {
                let (writer, bytes, f) = (&writer, &bytes, f);
                s.spawn(move || {
                    bytes
                        .chunks(part)
                        .enumerate()
                        .filter(|(i, _)| i % threads == t)
                        .try_for_each(|(i, chunk)| writer.write_at(&f.op, (i * part) as u64, chunk))
                })
            })
            .collect();
        workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    for answer in answers {
        answer.map_err(|_| Stop::Fail("a thread of the suite panicked".to_owned()))??;
    }
    f.finish(&put, writer, &info)?;
    f.holds(&put.key, &bytes)
}

fn shared(f: &Fixture) -> Verdict {
    f.needs(Caps::SHARED_RANGES, "shared ranges")?;
    let mut put = f.put("of-two")?;
    let (writer, info) = f.target.writer_open(&f.op, &put)?;
    let part = part(f, info.part_size);
    let bytes = pattern(part * 4, 17);
    put.size_hint = Some(bytes.len() as u64);
    let (guest, _) = f.other.writer_attach(&f.op, &put, &info.reference)?;
    writer.write_at(&f.op, 0, &bytes[..part * 2])?;
    guest.write_at(&f.op, (part * 2) as u64, &bytes[part * 2..])?;
    drop(guest);
    f.finish(&put, writer, &info)?;
    f.holds(&put.key, &bytes)
}

/// What another peer left unsealed serves the one that goes on, and stays as it is.
fn adopted(f: &Fixture) -> Verdict {
    f.needs(Caps::SHARED_RANGES, "shared ranges")?;
    let (left, put) = (f.put("left")?, f.put("goes-on")?);
    let (former, former_info) = f.other.writer_open(&f.op, &left)?;
    let (mut writer, info) = f.target.writer_open(&f.op, &put)?;
    let part = part(f, info.part_size);
    let bytes = pattern(part * 4, 23);
    former.write_at(&f.op, 0, &bytes[..part])?;
    former.write_at(&f.op, (part * 2) as u64, &bytes[part * 2..part * 3])?;
    let take = |writer: &mut crate::Writer, reference: &[u8], at: usize| {
        writer.adopt(&f.op, reference, (at * part) as u64, part as u64)
    };
    match take(&mut writer, &former_info.reference, 2) {
        Err(e) if e.code() == Code::Unsupported => {
            writer.abort(&f.op)?;
            f.other.discard(&f.op, crate::Private::Ref(&former_info.reference))?;
            return Err(Stop::Skip("ranges of another private object"));
        }
        answer => answer?,
    }
    take(&mut writer, &former_info.reference, 0)?;
    let beyond = take(&mut writer, &former_info.reference, 3);
    check!(beyond.is_err(), "bytes that the other object does not have were taken");
    for at in [1, 3] {
        writer.write_at(&f.op, (part * at) as u64, &bytes[part * at..part * (at + 1)])?;
    }
    drop(former);
    check!(
        f.target.discard(&f.op, crate::Private::Ref(&former_info.reference))?,
        "the other object vanished when it was read"
    );
    let gone = take(&mut writer, &former_info.reference, 0);
    check!(gone.is_err(), "a discarded object was taken");
    f.finish(&put, writer, &info)?;
    f.holds(&put.key, &bytes)
}

fn holes(f: &Fixture) -> Verdict {
    f.needs(Caps::SPARSE.with(Caps::RANDOM_WRITE), "sparse files")?;
    let (first, second, len) = (8192usize, 512 << 10, 2 << 20);
    let put = f.put("sparse")?;
    let (mut writer, info) = f.target.writer_open(&f.op, &put)?;
    let data = pattern(first, 18);
    writer.write_at(&f.op, 0, &data)?;
    writer.write_at(&f.op, second as u64, &data)?;
    writer.set_len(&f.op, len as u64)?;
    f.finish(&put, writer, &info)?;
    let mut wanted = vec![0u8; len];
    wanted[..first].copy_from_slice(&data);
    wanted[second..second + first].copy_from_slice(&data);
    f.holds(&put.key, &wanted)?;

    let (mut reader, _) = f.target.reader_open(&f.op, &put.key, ReadOptions::default())?;
    let mut extents: Vec<(u64, u64)> = Vec::new();
    reader.extents(&f.op, &mut |offset, len| {
        extents.push((offset, len));
        ControlFlow::Continue(())
    })?;
    let total: u64 = extents.iter().map(|(_, len)| len).sum();
    check!(total < (len / 2) as u64, "{total} bytes of data are told for {} that were written", first * 2);
    check!(extents.is_sorted_by(|a, b| a.0 + a.1 <= b.0), "extents overlap or are not in order");
    for offset in [0, first - 1, second, second + first - 1] {
        let inside = extents.iter().any(|(at, n)| (*at..at + n).contains(&(offset as u64)));
        check!(inside, "byte {offset} was written and is told as a hole");
    }
    Ok(())
}

/// Shared or refused: never half done, and after a refusal the object can still be written.
fn reflink(f: &Fixture) -> Verdict {
    f.needs(Caps::READ, "read")?;
    let (source, bytes) = (f.put("source")?, pattern(200_000, 23));
    f.store(&source, &bytes)?;
    let (reader, _) = f.target.reader_open(&f.op, &source.key, ReadOptions::default())?;
    let Some(fd) = reader.fd() else { return Err(Stop::Skip("descriptors of objects")) };
    let put = f.put("shared")?;
    let (mut writer, info) = f.target.writer_open(&f.op, &put)?;
    match writer.reflink(&f.op, fd, bytes.len() as u64) {
        Err(e) if e.code() == Code::Unsupported => writer.write(&f.op, &bytes)?,
        answer => answer?,
    }
    f.finish(&put, writer, &info)?;
    f.holds(&put.key, &bytes)
}

fn copy_fd(f: &Fixture) -> Verdict {
    f.needs(Caps::READ, "read")?;
    let (source, bytes) = (f.put("source")?, pattern(200_000, 19));
    f.store(&source, &bytes)?;
    let (reader, _) = f.target.reader_open(&f.op, &source.key, ReadOptions::default())?;
    let Some(fd) = reader.fd() else { return Err(Stop::Skip("descriptors of objects")) };
    let put = f.put("copied")?;
    let (mut writer, info) = f.target.writer_open(&f.op, &put)?;
    match writer.copy_fd(&f.op, fd, 0, bytes.len() as u64) {
        Err(e) if e.code() == Code::Unsupported => {
            writer.abort(&f.op)?;
            return Err(Stop::Skip("copying by descriptor"));
        }
        answer => answer?,
    }
    f.finish(&put, writer, &info)?;
    f.holds(&put.key, &bytes)
}
