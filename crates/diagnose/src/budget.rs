//! What the rules compare with. Every number here is a floor, chosen so that nothing healthy reaches it. How long a call may take is
//! told with its wait, by the peer that knows what is usual there.

/// A peer tells its state ten times a second; the supervisor calls one silent after the same time.
pub(crate) const SILENT_MS: u64 = 5_000;
/// A supervisor is there so soon after its run has begun.
pub(crate) const STARTING_MS: u64 = 10_000;
/// Bytes moved this lately: the peer moves.
pub(crate) const MOVING_MS: u64 = 5_000;
/// No progress for so long, with work in flight and nothing that explains it, is a stall.
pub(crate) const STALL_MS: u64 = 30_000;

/// A call that has not returned for so many budgets, from a thread that waits for no device, hangs.
pub(crate) const HUNG_BUDGETS: u64 = 3;
/// While the other peer's calls to that place return: it is not the place. The supervisor kills at [`HUNG_BUDGETS`].
pub(crate) const HUNG_ALONE_BUDGETS: u64 = 2;
/// A rate that was at least this and fell to a tenth of it while transfers wait for so long.
pub(crate) const FELL_USUAL_MIN: u64 = 1 << 20;
pub(crate) const FELL_WAIT_MIN_MS: u64 = 1_000;
/// A cartridge that others use is worth a word after so long.
pub(crate) const IN_USE_MS: u64 = 900_000;
/// Below this (a megabit a second) no storage of today is: mostly a slip of the unit.
pub(crate) const LIMIT_LOW: u64 = 128 * 1024;
/// A limit that keeps a peer busy for longer than a week.
pub(crate) const LIMIT_LEFT_S: u64 = 7 * 24 * 3600;
/// A pause that nobody looked after for so long may be forgotten.
pub(crate) const FORGOTTEN_MS: u64 = 3_600_000;

/// So many deaths of one peer within [`DEATHS_WITHIN_MS`], the last within [`DEATH_LATELY_MS`], are a loop.
pub(crate) const DEATHS_LOOP: usize = 3;
pub(crate) const DEATHS_WITHIN_MS: u64 = 120_000;
pub(crate) const DEATH_LATELY_MS: u64 = 60_000;
/// Failures of single transfers are told so long.
pub(crate) const RETRY_LATELY_MS: u64 = 600_000;
/// So many attempts that failed within that time are told, also when each succeeded later.
pub(crate) const RETRIES_MANY: usize = 10;

/// A large transfer, and how much larger than what is queued it must be to be called huge.
pub(crate) const HUGE_BYTES: u64 = 64 << 20;
pub(crate) const HUGE_FACTOR: u64 = 8;
/// Files below this cost more than their bytes.
pub(crate) const TINY_BYTES: u64 = 64 * 1024;
pub(crate) const TINY_COUNT_MIN: u64 = 100;
pub(crate) const TINY_RATE_MAX: u64 = 10 << 20;

/// A link that has been down for so long with both peers up has not just been restarted.
pub(crate) const LINK_MS: u64 = 10_000;
/// Wall clock and monotonic clock may disagree by so much.
pub(crate) const CLOCK_MS: u64 = 30_000;
/// A read of the ledger takes milliseconds (store.md 4.5).
pub(crate) const LEDGER_READ_MS: u64 = 1_000;

/// Pressure stall figures of the last 10 s, in per cent of the time.
pub(crate) const CPU_SOME: f64 = 70.0;
/// Threads of one peer that stood ready without a processor, in threads.
pub(crate) const CPU_WAIT: f64 = 0.5;
/// So many threads ready without a processor, and next to nothing of one: it starves, whatever it did before. A peer with more slots
/// than there are processors waits too, and gets something.
pub(crate) const STARVED_WAIT: f64 = 1.0;
pub(crate) const STARVED_GOT: f64 = 0.15;
/// A control group that has used so much of its limit is short of memory, also right after the kernel took a process from it.
pub(crate) const SHORT_OF_MEMORY: f64 = 0.6;
/// A quota that keeps a peer from running for so much longer than it lets it run.
pub(crate) const QUOTA_FACTOR: f64 = 4.0;
pub(crate) const MEMORY_SOME: f64 = 20.0;
pub(crate) const MEMORY_FULL: f64 = 10.0;
pub(crate) const IO_FULL: f64 = 40.0;
