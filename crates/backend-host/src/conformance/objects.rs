//! Objects as wholes: sizes, overwriting, conditions, metadata, checksums, memory.

use twinhaul_backend_abi::{Caps, Checksum, ChecksumKind, Code, Key, Kind, Lost, ReadOptions, WriteMode};

use super::data::{crc32c, pattern};
use super::fixture::refused;
use super::{CaseFn, Fixture, Stop, Verdict, check};
use crate::chunk::Chunk;

/// Objects of a source that are read.
const SAMPLES_MAX: usize = 8;

pub(super) const CASES: &[(&str, CaseFn)] = &[
    ("limits", limits),
    ("probe", probe),
    ("objects of a source", source),
    ("sizes", sizes),
    ("empty object", empty),
    ("large object", large),
    ("one shot", one_shot),
    ("create new", create_new),
    ("create new, two at once", create_new_race),
    ("overwrite", overwrite),
    ("overwrite under a reader", atomic),
    ("replace if match", if_match),
    ("user metadata", user_metadata),
    ("checksums told", checksum_told),
    ("checksums verified", checksum_verified),
    ("retained buffers", retained),
    ("save and resume", resume),
    ("seen by the other", other_sees),
];

fn limits(f: &Fixture) -> Verdict {
    let (l, c) = (&f.limits, f.caps);
    let module = f.target.library().info().caps;
    check!(module.contains(c), "the target claims more than its module: {}", c.without(module));
    check!(
        !c.contains(Caps::SEQUENTIAL.with(Caps::RANDOM_WRITE)),
        "an append-only medium cannot take writes at any offset"
    );
    check!(
        !c.contains(Caps::PARALLEL_RANGES) || c.contains(Caps::RANDOM_WRITE),
        "parallel ranges need random write"
    );
    check!(!c.contains(Caps::RANGE_READ) || c.contains(Caps::READ), "range read needs read");
    check!(!c.contains(Caps::ONE_SHOT) || l.max_object > 0, "one shot without max_object");
    check!(l.max_part == 0 || l.min_part <= l.max_part, "min_part is above max_part");
    check!(
        writable(f)? || !WRITING.iter().any(|cap| c.contains(*cap)),
        "it cannot write, and claims what only a target that is written to can do"
    );
    let known = f.other.limits();
    check!(known.caps == c, "two targets of one configuration claim different things");
    Ok(())
}

/// What makes no sense without writing.
const WRITING: &[Caps] = &[
    Caps::RANDOM_WRITE,
    Caps::IF_NOT_EXISTS,
    Caps::OVERWRITE,
    Caps::ATOMIC_COMMIT,
    Caps::RESUMABLE,
    Caps::SERVER_CHECKSUM,
    Caps::DURABLE_COMMIT,
    Caps::ONE_SHOT,
    Caps::TWO_PHASE,
    Caps::SHARED_RANGES,
];

fn writable(f: &Fixture) -> Verdict<bool> {
    let put = f.put("first-of-all")?;
    match f.target.writer_open(&f.op, &put) {
        Ok((mut writer, _)) => {
            writer.abort(&f.op)?;
            Ok(true)
        }
        Err(e) => Ok(e.code() != Code::Unsupported),
    }
}

/// Where nothing can be written, what is there must be readable: some objects of the root.
fn source(f: &Fixture) -> Verdict {
    f.needs(Caps::READ.with(Caps::LIST), "read and list")?;
    if writable(f)? {
        return Err(Stop::Skip("being only a source"));
    }
    let small = |e: &crate::Entry| {
        e.attrs.kind == Kind::File && e.attrs.size.is_some_and(|n| n <= f.options.large as u64)
    };
    let entries = f.list(None, 0)?;
    for entry in entries.iter().filter(|e| small(e)).take(SAMPLES_MAX) {
        let Ok(key) = Key::new(entry.key.clone()) else { continue };
        let bytes = f.read(&key)?;
        check!(entry.attrs.size == Some(bytes.len() as u64), "{key}: listed with another size than it has");
        f.holds(&key, &bytes)?;
        let half = bytes.len() / 2;
        let options = ReadOptions { offset: half as u64, ..ReadOptions::default() };
        check!(
            f.read_with(&key, options, 4096)? == bytes[half..],
            "{key}: its second half reads differently"
        );
    }
    Ok(())
}

fn probe(f: &Fixture) -> Verdict {
    let p = f.target.probe(&f.op)?;
    check!(p.health != twinhaul_backend_abi::Health::Bad, "the target says that it is bad: {}", p.message);
    check!(!p.location.is_empty(), "the probe does not say where the target is");
    if f.caps.contains(Caps::CAPACITY) {
        check!(p.total_bytes.is_some() && p.free_bytes.is_some(), "capacity is claimed and not told");
        check!(p.free_bytes <= p.total_bytes, "more is free than there is");
    }
    Ok(())
}

fn sizes(f: &Fixture) -> Verdict {
    let chunk = f.chunk();
    let mut sizes = vec![1, 2, 4095, 4096, 4097, chunk - 1, chunk, chunk + 1];
    let part = usize::try_from(f.limits.min_part).unwrap_or(0);
    if part > 1 && part <= f.options.large {
        sizes.extend([part - 1, part, part + 1]);
    }
    sizes.retain(|n| *n > 0 && (f.limits.max_object == 0 || *n as u64 <= f.limits.max_object));
    sizes.sort_unstable();
    sizes.dedup();
    let objects = sizes
        .iter()
        .map(|n| Ok((f.put(format!("size-{n}"))?, pattern(*n, *n as u64))))
        .collect::<Verdict<Vec<_>>>()?;
    for (answer, (put, bytes)) in f.store_all(&objects)?.into_iter().zip(&objects) {
        let stored = answer?;
        check!(
            stored.stat.size == bytes.len() as u64,
            "publishing says {} bytes of {}",
            stored.stat.size,
            bytes.len()
        );
        if f.caps.contains(Caps::READ) {
            f.holds(&put.key, bytes)?;
        }
    }
    Ok(())
}

fn empty(f: &Fixture) -> Verdict {
    let put = f.put("empty")?;
    let answer = f.store(&put, b"");
    if !f.caps.contains(Caps::EMPTY_OBJECTS) {
        refused(answer, "storing an empty object without the capability")?;
        return Err(Stop::Skip("empty objects"));
    }
    answer?;
    let stat = f.target.stat(&f.op, &put.key)?;
    check!(stat.size == 0, "an empty object has {} bytes", stat.size);
    if f.caps.contains(Caps::READ) {
        f.holds(&put.key, b"")?;
    }
    Ok(())
}

fn large(f: &Fixture) -> Verdict {
    let n = f.options.large;
    if f.limits.max_object != 0 && n as u64 > f.limits.max_object {
        return Err(Stop::Skip("objects of this size"));
    }
    let (mut put, bytes) = (f.put("large")?, pattern(n, 64));
    put.size_hint = Some(n as u64);
    f.store(&put, &bytes)?;
    if f.caps.contains(Caps::READ) {
        f.holds(&put.key, &bytes)?;
    }
    Ok(())
}

fn one_shot(f: &Fixture) -> Verdict {
    f.needs(Caps::ONE_SHOT, "one shot")?;
    let too_many = usize::try_from(f.limits.max_object).unwrap_or(usize::MAX).saturating_add(1);
    if too_many > f.options.large {
        return Err(Stop::Skip("a max_object below the large object"));
    }
    let mut put = f.put("too-large")?;
    put.size_hint = Some(too_many as u64);
    let code = refused(f.store(&put, &pattern(too_many, 1)), "storing more than max_object")?;
    check!(code == Code::TooLarge, "storing more than max_object: {code} instead of too large");
    Ok(())
}

fn create_new(f: &Fixture) -> Verdict {
    f.needs(Caps::IF_NOT_EXISTS, "create only if absent")?;
    let put = f.put("taken")?;
    f.store(&put, b"first")?;
    let again = f.put("taken")?;
    let code = refused(f.store(&again, b"second"), "creating a key that is taken")?;
    check!(code == Code::Exists, "creating a key that is taken: {code} instead of exists already");
    if f.caps.contains(Caps::READ) {
        f.holds(&put.key, b"first")?;
    }
    Ok(())
}

fn create_new_race(f: &Fixture) -> Verdict {
    f.needs(Caps::IF_NOT_EXISTS, "create only if absent")?;
    if f.limits.max_open_writers == 1 {
        return Err(Stop::Skip("two open writers"));
    }
    let (one, two) = (f.put("raced")?, f.put("raced")?);
    let (writer_one, info_one) = f.write(&one, b"one")?;
    // A target may see at opening that the key is going to be taken; then there is no race to win.
    let Ok((writer_two, info_two)) = f.write(&two, b"two") else {
        f.finish(&one, writer_one, &info_one)?;
        return f.holds(&one.key, b"one");
    };
    f.finish(&two, writer_two, &info_two)?;
    let code = refused(f.finish(&one, writer_one, &info_one), "the second of two at once")?;
    check!(code == Code::Exists, "the second of two at once: {code} instead of exists already");
    if f.caps.contains(Caps::READ) {
        f.holds(&two.key, b"two")?;
    }
    Ok(())
}

fn overwrite(f: &Fixture) -> Verdict {
    f.needs(Caps::OVERWRITE, "overwrite")?;
    let mut put = f.put("again")?;
    put.mode = WriteMode::Overwrite;
    f.store(&put, b"the first, longer content")?;
    put.attempt_id = f.attempt();
    f.store(&put, b"second")?;
    if f.caps.contains(Caps::READ) {
        f.holds(&put.key, b"second")?;
    }
    Ok(())
}

fn atomic(f: &Fixture) -> Verdict {
    f.needs(Caps::OVERWRITE.with(Caps::ATOMIC_COMMIT).with(Caps::READ), "overwrite, atomic commit and read")?;
    let n = 300_000;
    let (old, new) = (pattern(n, 1), pattern(n, 2));
    let mut put = f.put("under-a-reader")?;
    put.mode = WriteMode::Overwrite;
    f.store(&put, &old)?;
    let (mut reader, _) = f.target.reader_open(&f.op, &put.key, ReadOptions::default())?;
    let mut buf = vec![0u8; 1000];
    let mut seen = Vec::new();
    let n = reader.read(&f.op, &mut buf)?;
    seen.extend_from_slice(&buf[..n]);
    put.attempt_id = f.attempt();
    f.store(&put, &new)?;
    // The old content to the end, or an error that says so; never a mix.
    loop {
        match reader.read(&f.op, &mut buf) {
            Ok(0) => break,
            Ok(n) => seen.extend_from_slice(&buf[..n]),
            Err(_) => return f.holds(&put.key, &new),
        }
    }
    check!(seen == old, "an open reader saw a mix: {}", super::fixture::difference(&seen, &old));
    f.holds(&put.key, &new)
}

fn if_match(f: &Fixture) -> Verdict {
    f.needs(Caps::OVERWRITE, "overwrite")?;
    let mut put = f.put("matched")?;
    f.store(&put, b"one")?;
    let Some(etag) = f.target.stat(&f.op, &put.key)?.etag else { return Err(Stop::Skip("etags")) };
    put.mode = WriteMode::ReplaceIfMatch("not-this-one".to_owned());
    put.attempt_id = f.attempt();
    let code = refused(f.store(&put, b"wrong"), "replacing with another etag")?;
    if code == Code::Unsupported {
        return Err(Stop::Skip("replacing if an etag matches"));
    }
    check!(code == Code::Precondition, "replacing with another etag: {code} instead of changed meanwhile");
    put.mode = WriteMode::ReplaceIfMatch(etag);
    put.attempt_id = f.attempt();
    f.store(&put, b"right")?;
    f.holds(&put.key, b"right")
}

fn user_metadata(f: &Fixture) -> Verdict {
    let mut put = f.put("meta")?;
    put.user_meta = vec![("twh_blake3".to_owned(), "00ff".to_owned()), ("note".to_owned(), "a b".to_owned())];
    let stored = f.store(&put, b"x")?;
    let kept = f.target.stat(&f.op, &put.key)?.user_meta;
    let all = put.user_meta.iter().all(|kv| kept.contains(kv));
    check!(all || stored.lost.contains(Lost::META), "user metadata is gone, and nobody said so");
    f.needs(Caps::USER_METADATA, "user metadata")?;
    check!(all, "user metadata is claimed and was not kept");
    Ok(())
}

/// What a storage says about its bytes is true, where it can be computed here.
fn checksum_told(f: &Fixture) -> Verdict {
    let (put, bytes) = (f.put("sum")?, pattern(10_000, 5));
    f.store(&put, &bytes)?;
    let Some(told) = f.target.stat(&f.op, &put.key)?.checksum else {
        return Err(Stop::Skip("checksums of objects"));
    };
    let own = match told.kind {
        ChecksumKind::Crc32c => crc32c(&bytes),
        ChecksumKind::Blake3 => blake3::hash(&bytes).as_bytes().to_vec(),
        _ => return Err(Stop::Skip("a checksum that the suite can compute")),
    };
    check!(told.bytes == own, "the checksum it tells is not that of the content");
    Ok(())
}

fn checksum_verified(f: &Fixture) -> Verdict {
    f.needs(Caps::SERVER_CHECKSUM, "server checksum")?;
    let bytes = pattern(10_000, 6);
    let mut put = f.put("right-sum")?;
    put.checksum = Some(Checksum { kind: ChecksumKind::Crc32c, bytes: crc32c(&bytes) });
    f.store(&put, &bytes)?;
    let mut put = f.put("wrong-sum")?;
    put.checksum = Some(Checksum { kind: ChecksumKind::Crc32c, bytes: vec![1, 2, 3, 4] });
    let code = refused(f.store(&put, &bytes), "storing with a wrong checksum")?;
    check!(code == Code::Corrupt, "storing with a wrong checksum: {code} instead of corrupt");
    check!(!f.visible(&f.target, &put.key)?, "an object with a wrong checksum is visible");
    Ok(())
}

fn retained(f: &Fixture) -> Verdict {
    let put = f.put("retained")?;
    let bytes = pattern(f.chunk() * 4, 7);
    let chunks: Vec<Chunk> = bytes.chunks(f.chunk()).map(|c| Chunk::new(c.to_vec())).collect();
    let (mut writer, info) = f.target.writer_open(&f.op, &put)?;
    for chunk in &chunks {
        writer.write_chunk(&f.op, chunk)?;
        let kept: usize = chunks.iter().filter(|c| c.references() > 1).map(|c| c.len()).sum();
        let max = f.limits.max_retained_bytes;
        check!(max == 0 || kept as u64 <= max, "a writer keeps {kept} bytes, {max} were announced");
    }
    f.finish(&put, writer, &info)?;
    let kept = chunks.iter().filter(|c| c.references() > 1).count();
    check!(kept == 0, "{kept} buffers were never released");
    if f.caps.contains(Caps::READ) {
        f.holds(&put.key, &bytes)?;
    }
    Ok(())
}

fn resume(f: &Fixture) -> Verdict {
    f.needs(Caps::RESUMABLE, "resumable")?;
    let (mut put, bytes) = (f.put("resumed")?, pattern(f.chunk() * 3, 8));
    let (mut writer, _) = f.write(&put, &bytes[..f.chunk() * 2])?;
    put.resume_token = writer.save(&f.op)?;
    drop(writer);
    let (mut writer, info) = f.target.writer_open(&f.op, &put)?;
    let from = usize::try_from(info.resume_offset).unwrap_or(usize::MAX);
    check!(from <= f.chunk() * 2, "it wants to resume at byte {from}, behind what was written");
    writer.write(&f.op, &bytes[from..])?;
    f.finish(&put, writer, &info)?;
    f.holds(&put.key, &bytes)
}

fn other_sees(f: &Fixture) -> Verdict {
    let put = f.put("shared")?;
    f.store(&put, b"for both")?;
    check!(f.visible(&f.other, &put.key)?, "a second target of the same configuration does not see it");
    Ok(())
}
