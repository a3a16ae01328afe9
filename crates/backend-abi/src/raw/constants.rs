//! The constants of the header, without their `TWH_` prefix. Compared with the C compiler's in `tests/layout.rs`.

macro_rules! constants {
    ($($name:ident: $t:ty = $value:expr;)*) => {
        $(pub const $name: $t = $value;)*
        /// Every constant by its C name (`TWH_` + name) with its value as the C compiler prints it, for the layout test.
        pub const ALL: &[(&str, i128)] = &[$((concat!("TWH_", stringify!($name)), $name as i128)),*];
    };
}

constants! {
    MAGIC: u32 = 0x3148_5754;
    ABI_MAJOR: u16 = 1;
    ABI_MINOR: u16 = 0;
    UNKNOWN_U32: u32 = u32::MAX;
    UNKNOWN_U64: u64 = u64::MAX;
    UNKNOWN_I64: i64 = i64::MIN;

    OK: i32 = 0;
    E_NOT_FOUND: i32 = 1;
    E_DENIED: i32 = 2;
    E_EXISTS: i32 = 3;
    E_PRECONDITION: i32 = 4;
    E_NO_SPACE: i32 = 5;
    E_TRANSIENT: i32 = 6;
    E_TIMEOUT: i32 = 7;
    E_THROTTLED: i32 = 8;
    E_CORRUPT: i32 = 9;
    E_UNSUPPORTED: i32 = 10;
    E_INVALID_CONFIG: i32 = 11;
    E_INVALID_ARG: i32 = 12;
    E_BUSY: i32 = 13;
    E_CANCELLED: i32 = 14;
    E_CLOSED: i32 = 15;
    E_OFFLINE: i32 = 16;
    E_TOO_LARGE: i32 = 17;
    E_UNAUTHENTICATED: i32 = 18;
    E_ABI: i32 = 19;
    E_PANIC: i32 = 20;
    E_INTERNAL: i32 = 21;
    E_WRONG_KIND: i32 = 22;
    E_IO: i32 = 23;
    EF_RETRYABLE: u32 = 1;
    EF_POISONED: u32 = 1 << 1;
    EF_UNCERTAIN: u32 = 1 << 2;
    ERR_MSG: usize = 480;

    LOG_ERROR: i32 = 1;
    LOG_WARN: i32 = 2;
    LOG_INFO: i32 = 3;
    LOG_DEBUG: i32 = 4;
    LOG_TRACE: i32 = 5;

    WAIT_NONE: u32 = 0;
    WAIT_IO: u32 = 1;
    WAIT_DRIVE: u32 = 2;
    WAIT_MOUNT: u32 = 3;
    WAIT_LOCATE: u32 = 4;
    WAIT_CARTRIDGE: u32 = 5;
    WAIT_RATE_LIMIT: u32 = 6;
    WAIT_RETRY: u32 = 7;
    WAIT_CONNECT: u32 = 8;
    WAIT_LOCK: u32 = 9;
    WAIT_SPACE: u32 = 10;

    CAP_SEQUENTIAL: u64 = 1;
    CAP_RANDOM_WRITE: u64 = 1 << 1;
    CAP_PARALLEL_RANGES: u64 = 1 << 2;
    CAP_RETAINS_BUFFERS: u64 = 1 << 3;
    CAP_READ: u64 = 1 << 4;
    CAP_RANGE_READ: u64 = 1 << 5;
    CAP_LIST: u64 = 1 << 6;
    CAP_LIST_ORDERED: u64 = 1 << 7;
    CAP_DELETE: u64 = 1 << 8;
    CAP_IF_NOT_EXISTS: u64 = 1 << 9;
    CAP_OVERWRITE: u64 = 1 << 10;
    CAP_ATOMIC_COMMIT: u64 = 1 << 11;
    CAP_RESUMABLE: u64 = 1 << 12;
    CAP_SERVER_CHECKSUM: u64 = 1 << 13;
    CAP_USER_METADATA: u64 = 1 << 14;
    CAP_POSIX_METADATA: u64 = 1 << 15;
    CAP_EMPTY_OBJECTS: u64 = 1 << 16;
    CAP_CAPACITY: u64 = 1 << 17;
    CAP_REMOVABLE: u64 = 1 << 18;
    CAP_DURABLE_COMMIT: u64 = 1 << 19;
    CAP_ONE_SHOT: u64 = 1 << 20;
    CAP_TWO_PHASE: u64 = 1 << 21;
    CAP_SHARED_RANGES: u64 = 1 << 22;
    CAP_DIRECTORIES: u64 = 1 << 23;
    CAP_SYMLINKS: u64 = 1 << 24;
    CAP_HARD_LINKS: u64 = 1 << 25;
    CAP_SPARSE: u64 = 1 << 26;
    CAP_XATTRS: u64 = 1 << 27;
    CAP_OWNERS: u64 = 1 << 28;

    KEYS_UTF8: u32 = 1;
    KEYS_PRINTABLE: u32 = 1 << 1;
    KEYS_FOLDED: u32 = 1 << 2;
    KEYS_NORMALISED: u32 = 1 << 3;
    KEYS_NO_PREFIXES: u32 = 1 << 4;
    KEYS_NO_BACKSLASHES: u32 = 1 << 5;

    KIND_FILE: u32 = 1;
    KIND_DIRECTORY: u32 = 2;
    KIND_SYMLINK: u32 = 3;
    KIND_PREFIX: u32 = 4;
    KIND_OTHER: u32 = 5;
    LOST_OWNER: u32 = 1;
    LOST_MODE: u32 = 1 << 1;
    LOST_MTIME: u32 = 1 << 2;
    LOST_XATTR: u32 = 1 << 3;
    LOST_HOLES: u32 = 1 << 4;
    LOST_LINKS: u32 = 1 << 5;
    LOST_META: u32 = 1 << 6;

    WM_CREATE_NEW: u32 = 0;
    WM_OVERWRITE: u32 = 1;
    WM_REPLACE_IF_MATCH: u32 = 2;
    CK_NONE: u32 = 0;
    CK_CRC32C: u32 = 1;
    CK_SHA256: u32 = 2;
    CK_MD5: u32 = 3;
    CK_BLAKE3: u32 = 4;
    CK_CRC64NVME: u32 = 5;
    ATTEMPT_MAX: usize = 128;
    REF_MAX: usize = 256;
    ETAG_MAX: usize = 128;
    CKSUM_MAX: usize = 64;

    HEALTH_BAD: u32 = 0;
    HEALTH_GOOD: u32 = 1;
    HEALTH_DEGRADED: u32 = 2;
    PROBE_BARE_MOUNT_POINT: u32 = 1;
    PROBE_ROOT_FS: u32 = 1 << 1;
    PROBE_READ_ONLY: u32 = 1 << 2;

    BY_REF: u32 = 0;
    BY_ATTEMPT: u32 = 1;
    READ_UNCACHED: u32 = 1;
    WANT_KIND: u32 = 0;
    WANT_ALL: u32 = 1;
    WANT_PLAN: u32 = 2;
}

/// The exported data symbol, NUL-terminated.
pub const SYM_INFO: &std::ffi::CStr = c"twh_module_info";
/// The exported function, NUL-terminated.
pub const SYM_INIT: &std::ffi::CStr = c"twh_module_init";
