//! Errors, cancelling in the middle, calls in the wrong order, several threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use twinhaul_backend_abi::{Caps, Code, Private, ReadOptions};

use super::data::pattern;
use super::fixture::{first, named, refused};
use super::{CaseFn, Fixture, Stop, Verdict, check};
use crate::error::BackendError;
use crate::op::OpContext;

pub(super) const CASES: &[(&str, CaseFn)] = &[
    ("errors have the right code", codes),
    ("abort", abort),
    ("a finished writer", finished),
    ("cancel a writer", cancel_writer),
    ("cancel a reader", cancel_reader),
    ("cancel at every poll", cancel_everywhere),
    ("cancelled before it begins", cancelled_first),
    ("several threads", threads),
    ("configurations", configurations),
    ("status and verbs", status),
];

fn codes(f: &Fixture) -> Verdict {
    let missing = f.key("missing")?;
    let code = refused(f.target.stat(&f.op, &missing), "stat of a missing key")?;
    check!(code == Code::NotFound, "stat of a missing key: {code} instead of not found");
    if f.caps.contains(Caps::READ) {
        let answer = f.target.reader_open(&f.op, &missing, ReadOptions::default());
        let code = refused(answer, "reading a missing key")?;
        check!(code == Code::NotFound, "reading a missing key: {code} instead of not found");
    }
    if f.two_phase() {
        let (put, unknown) = (f.put("never")?, b"\x01no such ref".as_slice());
        let code = refused(
            f.target.publish_batch(&f.op, &[put], &[unknown]).and_then(first),
            "publishing an unknown ref",
        )?;
        // A ref that could not be one of its own may also be called that.
        let expected = matches!(code, Code::NotFound | Code::InvalidArg);
        check!(expected, "publishing an unknown ref: {code} instead of not found");
    }
    Ok(())
}

fn abort(f: &Fixture) -> Verdict {
    let put = f.put("aborted")?;
    let (mut writer, info) = f.write(&put, &pattern(100_000, 31))?;
    writer.abort(&f.op)?;
    writer.abort(&f.op)?;
    let code = refused(writer.write(&f.op, b"more"), "writing after abort")?;
    check!(code == Code::Closed, "writing after abort: {code} instead of already finished");
    drop(writer);
    check!(!f.visible(&f.target, &put.key)?, "an aborted object is visible");
    if f.two_phase() {
        check!(!f.target.discard(&f.op, Private::Attempt(&put.attempt_id))?, "abort left the private object");
        let answer =
            f.target.publish_batch(&f.op, std::slice::from_ref(&put), &[&info.reference]).and_then(first);
        refused(answer, "publishing what was aborted")?;
    }
    Ok(())
}

fn finished(f: &Fixture) -> Verdict {
    let put = f.put("finished")?;
    let (mut writer, info) = f.write(&put, b"x")?;
    if f.two_phase() {
        writer.seal(&f.op)?;
        let code = refused(writer.seal(&f.op), "sealing twice")?;
        check!(code == Code::Closed, "sealing twice: {code} instead of already finished");
    } else {
        writer.commit(&f.op, None)?;
        let code = refused(writer.commit(&f.op, None), "committing twice")?;
        check!(code == Code::Closed, "committing twice: {code} instead of already finished");
    }
    let code = refused(writer.write(&f.op, b"more"), "writing after the end")?;
    check!(code == Code::Closed, "writing after the end: {code} instead of already finished");
    let code = refused(writer.abort(&f.op), "aborting after the end")?;
    check!(code == Code::Closed, "aborting after the end: {code} instead of already finished");
    drop(writer);
    if f.two_phase() {
        f.publish(&put, &info.reference)?;
    }
    check!(f.visible(&f.target, &put.key)?, "calls after the end took the object away");
    Ok(())
}

fn cancel_writer(f: &Fixture) -> Verdict {
    let put = f.put("cancelled")?;
    let (mut writer, _) = f.write(&put, &pattern(10_000, 32))?;
    let canceller = writer.canceller();
    std::thread::scope(|s| {
        s.spawn(|| canceller.cancel());
    });
    if let Err(e) = writer.write(&f.op, b"more") {
        check!(e.code() == Code::Cancelled, "writing to a cancelled writer: {e}");
    }
    writer.abort(&f.op)?;
    drop(writer);
    canceller.cancel();
    check!(!f.visible(&f.target, &put.key)?, "a cancelled object is visible");
    f.store(&f.put("cancelled")?, b"now")?;
    Ok(())
}

fn cancel_reader(f: &Fixture) -> Verdict {
    f.needs(Caps::READ, "read")?;
    let put = f.put("read")?;
    f.store(&put, &pattern(100_000, 33))?;
    let (mut reader, _) = f.target.reader_open(&f.op, &put.key, ReadOptions::default())?;
    let mut buf = vec![0u8; 1000];
    reader.read(&f.op, &mut buf)?;
    let canceller = reader.canceller();
    canceller.cancel();
    if let Err(e) = reader.read(&f.op, &mut buf) {
        check!(e.code() == Code::Cancelled, "reading from a cancelled reader: {e}");
    }
    drop(reader);
    canceller.cancel();
    f.holds(&put.key, &pattern(100_000, 33))
}

/// An operation that is cancelled at the `n`-th poll.
fn cancelled_at(n: u32) -> OpContext {
    let polls = Arc::new(AtomicU32::new(0));
    OpContext::new().polled(move || polls.fetch_add(1, Ordering::Relaxed) >= n)
}

fn whole_put(
    f: &Fixture,
    op: &OpContext,
    put: &twinhaul_backend_abi::Put,
    bytes: &[u8],
) -> Result<(), BackendError> {
    let (mut writer, info) = f.target.writer_open(op, put)?;
    let written = bytes.chunks(4096).try_for_each(|chunk| writer.write(op, chunk));
    if let Err(e) = written {
        writer.abort(&f.op)?;
        return Err(e);
    }
    if !f.two_phase() {
        return match writer.commit(op, None) {
            Ok(_) => Ok(()),
            Err(e) => {
                let _ = writer.abort(&f.op);
                Err(e)
            }
        };
    }
    writer.seal(op)?;
    drop(writer);
    first(f.target.seal_sync(op, &[&info.reference])?)?;
    first(f.target.publish_batch(op, std::slice::from_ref(put), &[&info.reference])?)?;
    f.target.publish_sync(op)
}

fn cancel_everywhere(f: &Fixture) -> Verdict {
    let bytes = pattern(20_000, 34);
    for n in 0..12 {
        let put = f.put(format!("poll-{n}"))?;
        let answer = whole_put(f, &cancelled_at(n), &put, &bytes);
        if let Err(e) = &answer
            && e.code() != Code::Cancelled
        {
            return Err(named(&format!("cancelled at poll {n}"), e.clone().into()));
        }
        if f.two_phase() {
            f.target.discard(&f.op, Private::Attempt(&put.attempt_id))?;
        }
        // All or nothing, whatever was cancelled.
        let there = f.visible(&f.target, &put.key)?;
        check!(there || answer.is_err(), "a put that succeeded is not visible");
        if there && f.caps.contains(Caps::READ) {
            f.holds(&put.key, &bytes)?;
        }
    }
    f.store(&f.put("after")?, b"still works")?;
    Ok(())
}

fn cancelled_first(f: &Fixture) -> Verdict {
    let put = f.put("there")?;
    f.store(&put, b"x")?;
    let op = OpContext::new();
    op.cancel();
    let harmless = |name: &str, answer: Result<(), BackendError>| match answer {
        Err(e) if e.code() != Code::Cancelled && e.code() != Code::Unsupported => {
            Err(Stop::Fail(format!("{name} on a cancelled operation: {e}")))
        }
        _ => Ok(()),
    };
    harmless("probe", f.target.probe(&op).map(|_| ()))?;
    harmless("stat", f.target.stat(&op, &put.key).map(|_| ()))?;
    harmless("reader_open", f.target.reader_open(&op, &put.key, ReadOptions::default()).map(|_| ()))?;
    if f.two_phase() {
        harmless("publish_sync", f.target.publish_sync(&op))?;
        harmless("sweep", f.target.sweep(&op, &format!("{}-none/", f.run), false).map(|_| ()))?;
        harmless("discard", f.target.discard(&op, Private::Attempt(&f.attempt())).map(|_| ()))?;
    }
    check!(f.visible(&f.target, &put.key)?, "cancelled calls took an object away");
    Ok(())
}

fn threads(f: &Fixture) -> Verdict {
    let count = match f.limits.max_open_writers {
        0 => 4,
        n => n.min(4),
    };
    let answers: Vec<_> = std::thread::scope(|s| {
        let workers: Vec<_> = (0..count)
            .map(|t| {
                s.spawn(move || -> Verdict {
                    for i in 0..4u64 {
                        let put = f.put(format!("thread-{t}-{i}"))?;
                        let bytes = pattern(30_000, u64::from(t) * 100 + i);
                        f.store(&put, &bytes)?;
                        if f.caps.contains(Caps::READ.with(Caps::RANGE_READ)) {
                            f.holds(&put.key, &bytes)?;
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    for answer in answers {
        answer.map_err(|_| Stop::Fail("a thread of the suite panicked".to_owned()))??;
    }
    Ok(())
}

fn configurations(f: &Fixture) -> Verdict {
    // Whatever a person writes: an answer, not a crash.
    let library = f.target.library();
    for config in ["{}", "{\"x\":[]}", "[]", "null", "", "{", "\"\\u0000\"", "{\"root\":\"\\u0000\"}"] {
        if let Err(e) = library.config_check(config) {
            let expected = matches!(e.code(), Code::InvalidConfig | Code::InvalidArg);
            check!(expected, "checking configuration {config}: {e}");
        }
    }
    for config in ["", "{", "null", "[]"] {
        refused(library.open(config, &f.op).map(|_| ()), &format!("opening configuration \"{config}\""))?;
    }
    Ok(())
}

fn status(f: &Fixture) -> Verdict {
    match f.target.status(&f.op) {
        Ok(text) => {
            let json: Result<serde_json::Value, _> = serde_json::from_str(&text);
            check!(json.is_ok_and(|v| v.is_object()), "its status is not a JSON object");
        }
        Err(e) => check!(e.code() == Code::Unsupported, "status: {e}"),
    }
    let mut sink = |_: &[u8]| std::ops::ControlFlow::Continue(());
    let code = refused(f.target.control(&f.op, "no-such-verb", "{}", &mut sink), "a verb that is not one")?;
    let expected = matches!(code, Code::Unsupported | Code::InvalidArg | Code::NotFound);
    check!(expected, "a verb that is not one: {code}");
    Ok(())
}
