//! Durable first, visible later, discarded for ever: what take-over relies on (store.md 3).

use twinhaul_backend_abi::{Caps, Code, Private};

use super::data::pattern;
use super::fixture::{first, refused};
use super::{CaseFn, Fixture, Stop, Verdict, check};
use crate::chunk::Chunk;

pub(super) const CASES: &[(&str, CaseFn)] = &[
    ("private until published", private),
    ("published once", once),
    ("discarded, then published", discarded),
    ("discarded by attempt", by_attempt),
    ("discarded while open", while_open),
    ("discarded by the other", by_other),
    ("discard of nothing", discard_nothing),
    ("discard after publish", after_publish),
    ("groups", groups),
    ("empty groups", empty_groups),
    ("refs are different", refs),
    ("batches", batches),
    ("sweep", sweep),
    ("sweep of one run", sweep_one_run),
];

fn two(f: &Fixture) -> Verdict {
    f.needs(Caps::TWO_PHASE, "two-phase commit")
}

/// Publishing this must fail with `NotFound`, and nothing is visible.
fn cannot_publish(f: &Fixture, put: &twinhaul_backend_abi::Put, reference: &[u8]) -> Verdict {
    let answer = f.target.publish_batch(&f.op, std::slice::from_ref(put), &[reference]).and_then(first);
    let code = refused(answer, "publishing what was discarded")?;
    check!(code == Code::NotFound, "publishing what was discarded: {code} instead of not found");
    check!(!f.visible(&f.target, &put.key)?, "what was discarded is visible");
    Ok(())
}

fn private(f: &Fixture) -> Verdict {
    two(f)?;
    let (put, bytes) = (f.put("private")?, pattern(10_000, 21));
    let hidden = |when: &str| -> Verdict {
        check!(!f.visible(&f.target, &put.key)?, "the object is visible {when}");
        check!(!f.visible(&f.other, &put.key)?, "the other sees the object {when}");
        if f.caps.contains(Caps::LIST)
            && let Ok(entries) = f.list(Some(&f.directory()?), 0)
        {
            check!(entries.is_empty(), "the directory is not empty {when}");
        }
        Ok(())
    };
    let (mut writer, info) = f.write(&put, &bytes)?;
    hidden("while it is written")?;
    writer.seal(&f.op)?;
    hidden("after seal")?;
    drop(writer);
    first(f.target.seal_sync(&f.op, &[&info.reference])?)?;
    hidden("after seal_sync")?;
    let stat = first(f.target.publish_batch(&f.op, std::slice::from_ref(&put), &[&info.reference])?)?;
    f.target.publish_sync(&f.op)?;
    check!(stat.size == bytes.len() as u64, "publishing says {} bytes of {}", stat.size, bytes.len());
    check!(f.visible(&f.other, &put.key)?, "the other does not see what was published");
    if f.caps.contains(Caps::READ) {
        f.holds(&put.key, &bytes)?;
    }
    Ok(())
}

fn once(f: &Fixture) -> Verdict {
    two(f)?;
    let put = f.put("once")?;
    let reference = f.sealed(&put, b"once")?;
    f.publish(&put, &reference)?;
    let mut again = put.clone();
    again.key = f.key("twice")?;
    let answer = f.target.publish_batch(&f.op, std::slice::from_ref(&again), &[&reference]).and_then(first);
    let code = refused(answer, "publishing twice")?;
    check!(code == Code::NotFound, "publishing twice: {code} instead of not found");
    check!(!f.visible(&f.target, &again.key)?, "publishing twice made a second object");
    check!(f.visible(&f.target, &put.key)?, "publishing twice took the first away");
    Ok(())
}

fn discarded(f: &Fixture) -> Verdict {
    two(f)?;
    let put = f.put("discarded")?;
    let reference = f.sealed(&put, b"never seen")?;
    check!(f.target.discard(&f.op, Private::Ref(&reference))?, "discard found nothing");
    check!(!f.target.discard(&f.op, Private::Ref(&reference))?, "discard found it a second time");
    cannot_publish(f, &put, &reference)
}

fn by_attempt(f: &Fixture) -> Verdict {
    two(f)?;
    let put = f.put("attempt")?;
    let reference = f.sealed(&put, b"never seen")?;
    let other = f.put("bystander")?;
    let kept = f.sealed(&other, b"kept")?;
    check!(
        f.target.discard(&f.op, Private::Attempt(&put.attempt_id))?,
        "discard by attempt id found nothing"
    );
    check!(
        !f.target.discard(&f.op, Private::Attempt(&put.attempt_id))?,
        "discard by attempt id found it twice"
    );
    cannot_publish(f, &put, &reference)?;
    f.publish(&other, &kept)?;
    Ok(())
}

fn while_open(f: &Fixture) -> Verdict {
    two(f)?;
    let put = f.put("open")?;
    let (mut writer, info) = f.write(&put, b"half")?;
    check!(
        f.other.discard(&f.op, Private::Attempt(&put.attempt_id))?,
        "discard of an open object found nothing"
    );
    // The writer of a peer that does not know yet: it may go on or fail, but not publish.
    let _ = writer.write(&f.op, b"more");
    let sealed = writer.seal(&f.op).is_ok();
    drop(writer);
    if sealed {
        let _ = f.target.seal_sync(&f.op, &[&info.reference])?;
    }
    cannot_publish(f, &put, &info.reference)
}

fn by_other(f: &Fixture) -> Verdict {
    two(f)?;
    let put = f.put("taken-over")?;
    let reference = f.sealed(&put, b"stale")?;
    check!(f.other.discard(&f.op, Private::Ref(&reference))?, "the other's discard found nothing");
    cannot_publish(f, &put, &reference)?;
    // The new epoch writes its own.
    let mut fresh = put;
    fresh.attempt_id = f.attempt();
    f.store(&fresh, b"fresh")?;
    if f.caps.contains(Caps::READ) {
        f.holds(&fresh.key, b"fresh")?;
    }
    Ok(())
}

fn discard_nothing(f: &Fixture) -> Verdict {
    two(f)?;
    check!(
        !f.target.discard(&f.op, Private::Attempt(&f.attempt()))?,
        "discard found an attempt that never was"
    );
    Ok(())
}

fn after_publish(f: &Fixture) -> Verdict {
    two(f)?;
    let put = f.put("published")?;
    let reference = f.sealed(&put, b"stays")?;
    f.publish(&put, &reference)?;
    check!(
        !f.target.discard(&f.op, Private::Ref(&reference))?,
        "discard after publish says it found something"
    );
    check!(
        !f.target.discard(&f.op, Private::Attempt(&put.attempt_id))?,
        "discard by attempt after publish found something"
    );
    check!(f.visible(&f.target, &put.key)?, "discard took a published object away");
    Ok(())
}

fn groups(f: &Fixture) -> Verdict {
    two(f)?;
    let mut puts = Vec::new();
    let mut sealed = Vec::new();
    for i in 0..20u64 {
        let put = f.put(format!("g{i}"))?;
        let (mut writer, info) = f.write(&put, &pattern(100 + i as usize, i))?;
        writer.seal(&f.op)?;
        puts.push(put);
        sealed.push(info.reference);
    }
    let refs: Vec<&[u8]> = sealed.iter().map(Vec::as_slice).collect();
    for answer in f.target.seal_sync(&f.op, &refs)? {
        answer?;
    }
    f.other.discard(&f.op, Private::Ref(refs[7]))?;
    let answers = f.target.publish_batch(&f.op, &puts, &refs)?;
    f.target.publish_sync(&f.op)?;
    for (i, answer) in answers.into_iter().enumerate() {
        if i == 7 {
            let code = refused(answer, "publishing a discarded member of a group")?;
            check!(code == Code::NotFound, "a discarded member of a group: {code} instead of not found");
            check!(!f.visible(&f.target, &puts[i].key)?, "a discarded member of a group is visible");
        } else {
            answer?;
            check!(f.visible(&f.target, &puts[i].key)?, "member {i} of a group is not visible");
        }
    }
    Ok(())
}

fn empty_groups(f: &Fixture) -> Verdict {
    two(f)?;
    check!(f.target.seal_sync(&f.op, &[])?.is_empty(), "an empty seal_sync has answers");
    check!(f.target.publish_batch(&f.op, &[], &[])?.is_empty(), "an empty publish_batch has answers");
    f.target.publish_sync(&f.op)?;
    f.target.publish_sync(&f.op)?;
    Ok(())
}

fn refs(f: &Fixture) -> Verdict {
    two(f)?;
    let (one, two) = (f.put("same")?, f.put("same")?);
    let (a, b) = (f.sealed(&one, b"1")?, f.sealed(&two, b"2")?);
    check!(!a.is_empty() && a.len() <= 256, "a ref of {} bytes", a.len());
    check!(a != b, "two private objects have the same ref");
    f.target.discard(&f.op, Private::Ref(&a))?;
    f.publish(&two, &b)?;
    Ok(())
}

fn batches(f: &Fixture) -> Verdict {
    let puts: Vec<_> = (0..5).map(|i| f.put(format!("b{i}"))).collect::<Verdict<_>>()?;
    let data: Vec<_> = (0..5u64).map(|i| Chunk::new(pattern(1000 + i as usize, i))).collect();
    let answers = match f.target.put_batch(&f.op, &puts, &data) {
        Err(e) if e.code() == Code::Unsupported => return Err(Stop::Skip("writing in batches")),
        answers => answers?.into_iter().collect::<Result<Vec<_>, _>>()?,
    };
    if f.two_phase() {
        for (put, answer) in puts.iter().zip(&answers) {
            check!(!f.visible(&f.target, &put.key)?, "a batch is visible before it is published");
            f.publish(put, &answer.info.reference)?;
        }
    }
    for (put, bytes) in puts.iter().zip(&data) {
        f.holds(&put.key, bytes)?;
    }
    check!(data.iter().all(|c| c.references() == 1), "buffers of a batch were never released");
    Ok(())
}

fn swept(f: &Fixture, prefix: &str, remove: bool) -> Verdict<Vec<Vec<u8>>> {
    let mut found = f.target.sweep(&f.op, prefix, remove)?;
    found.sort();
    Ok(found)
}

fn sweep(f: &Fixture) -> Verdict {
    two(f)?;
    let run = format!("{}-swept", f.run);
    let mut puts = Vec::new();
    for i in 0..3 {
        let mut put = f.put(format!("left{i}"))?;
        put.attempt_id = format!("{run}/{i}/1/1");
        puts.push(put);
    }
    let reference = f.sealed(&puts[0], b"sealed")?;
    drop(f.write(&puts[1], b"abandoned")?);
    let mut ids: Vec<Vec<u8>> = puts[..2].iter().map(|p| p.attempt_id.clone().into_bytes()).collect();
    ids.sort();
    check!(swept(f, &run, false)? == ids, "sweep does not find exactly what was left");
    check!(swept(f, &run, false)? == ids, "looking removed something");
    check!(swept(f, &run, true)? == ids, "sweep does not find exactly what was left when it removes");
    check!(swept(f, &run, false)?.is_empty(), "sweep left something");
    cannot_publish(f, &puts[0], &reference)
}

fn sweep_one_run(f: &Fixture) -> Verdict {
    two(f)?;
    let (mut one, mut ten) = (f.put("one")?, f.put("ten")?);
    one.attempt_id = format!("{}-1/7/1/1", f.run);
    ten.attempt_id = format!("{}-10/7/1/1", f.run);
    f.sealed(&one, b"1")?;
    let kept = f.sealed(&ten, b"10")?;
    let found = swept(f, &format!("{}-1/", f.run), true)?;
    check!(found == [one.attempt_id.as_bytes()], "sweeping one run touched another");
    f.publish(&ten, &kept)?;
    Ok(())
}
