//! Errors that say what was done, to what, and why, by what can be done about them; never a secret, a signature or a header.

use opendal::ErrorKind;
use twinhaul_backend_abi::{Code, Error};
use twinhaul_units::text::show;

use crate::transport::{cause, never_sent};

/// Answers of services (S3's names; others use the same words) and what they mean for a person.
const MEANINGS: &[(&str, Code, &str)] = &[
    ("ExpiredToken", Code::Unauthenticated, "the credentials have expired; renew them and resume the run"),
    ("RequestExpired", Code::Unauthenticated, "the request had expired: is this machine's clock right?"),
    ("RequestTimeTooSkewed", Code::Unauthenticated, "this machine's clock differs from the server's; set it"),
    ("InvalidAccessKeyId", Code::Unauthenticated, "the server does not know this access_key_id"),
    (
        "SignatureDoesNotMatch",
        Code::Unauthenticated,
        "the secret_access_key does not belong to the access_key_id",
    ),
    ("AuthenticationFailed", Code::Unauthenticated, "the server refuses these credentials"),
    ("InvalidToken", Code::Unauthenticated, "the server refuses this session_token"),
    ("NoSuchBucket", Code::NotFound, "the bucket is not there: check `bucket`, or create it"),
    ("ContainerNotFound", Code::NotFound, "the container is not there: check `container`, or create it"),
    ("AuthorizationHeaderMalformed", Code::InvalidConfig, "the server is in another region: check `region`"),
    (
        "PermanentRedirect",
        Code::InvalidConfig,
        "the bucket is in another region: check `region` and `endpoint`",
    ),
    ("IllegalLocationConstraint", Code::InvalidConfig, "the bucket is in another region: check `region`"),
    ("EntityTooLarge", Code::TooLarge, "the service does not take objects of this size"),
    ("KeyTooLong", Code::InvalidArg, "the key is too long for the service"),
    ("InvalidStorageClass", Code::InvalidConfig, "the service has no such storage_class"),
    ("QuotaExceeded", Code::NoSpace, "the quota is used up"),
    ("InsufficientStorage", Code::NoSpace, "the server is full"),
    ("BadDigest", Code::Corrupt, "the server received other bytes than were sent"),
    ("SlowDown", Code::Throttled, "the server asks to slow down"),
];

/// Longest reason quoted from a server, in characters.
const QUOTE_MAX: usize = 200;

/// Turns errors of OpenDAL into ours, without the values of one target's secrets.
#[derive(Clone, Default)]
pub(crate) struct Teller {
    secrets: Vec<String>,
}

impl std::fmt::Debug for Teller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teller").finish_non_exhaustive()
    }
}

impl Teller {
    pub(crate) fn new(secrets: Vec<String>) -> Self {
        Self { secrets }
    }

    /// "write a/b: …".
    pub(crate) fn failed(&self, doing: &str, e: &opendal::Error) -> Error {
        let (code, why) = judge(e);
        let error = Error::new(code, self.hide(&format!("{doing}: {why}")));
        if e.is_temporary() && code == Code::Offline { error.retryable() } else { error }
    }

    /// The text without any secret of this target.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), "***");
        }
        text
    }
}

fn judge(e: &opendal::Error) -> (Code, String) {
    if let Some((_, code, why)) = MEANINGS.iter().find(|(word, ..)| e.message().contains(word)) {
        return (*code, (*why).to_owned());
    }
    let why = quote(e.message());
    let code = match e.kind() {
        ErrorKind::NotFound => return (Code::NotFound, "it is not there".to_owned()),
        ErrorKind::PermissionDenied if why.is_empty() => {
            // A HEAD has no body: the server cannot say more.
            return (
                Code::Denied,
                "the server refuses (403): check the credentials and the policy".to_owned(),
            );
        }
        ErrorKind::PermissionDenied => Code::Denied,
        ErrorKind::ConditionNotMatch => Code::Precondition,
        ErrorKind::AlreadyExists => Code::Exists,
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => Code::WrongKind,
        ErrorKind::RateLimited if why.is_empty() => {
            return (Code::Throttled, "the server asks to slow down".to_owned());
        }
        ErrorKind::RateLimited => Code::Throttled,
        ErrorKind::Conflict => Code::Transient,
        ErrorKind::ConfigInvalid => Code::InvalidConfig,
        ErrorKind::Unsupported => Code::Unsupported,
        _ => return unexpected(e, why),
    };
    (code, why)
}

fn unexpected(e: &opendal::Error, why: String) -> (Code, String) {
    let Some(cause) = cause(e) else {
        let code = if why.starts_with("no answer within") {
            Code::Timeout
        } else if e.is_temporary() || e.is_persistent() {
            Code::Transient
        } else {
            Code::Internal
        };
        return (code, why);
    };
    let root = root(cause);
    if never_sent(e) {
        return (Code::Offline, format!("cannot connect: {root}"));
    }
    (Code::Transient, format!("the connection broke: {root}"))
}

/// The innermost reason: "connection refused (os error 111)".
fn root(e: &reqwest::Error) -> String {
    let mut at: &dyn std::error::Error = e;
    while let Some(next) = at.source() {
        at = next;
    }
    let text = at.to_string();
    if text.contains("InvalidContentType") || text.contains("corrupt message") {
        return "the server does not speak TLS here; is it http:// instead of https://?".to_owned();
    }
    text
}

/// What a server said, short; an XML error as `code: message`.
fn quote(message: &str) -> String {
    // OpenDAL prints the parsed error as S3Error { code: "X", message: "Y", … }.
    let part = |name: &str| {
        let from = message.find(&format!("{name}: \""))? + name.len() + 3;
        let to = from + message[from..].find('"')?;
        Some(&message[from..to])
    };
    let text = match (part("code"), part("message")) {
        (Some(code), Some(why)) => format!("{why} ({code})"),
        _ => message.to_owned(),
    };
    show(&text.chars().take(QUOTE_MAX).collect::<String>()).into_owned()
}

/// An error about a key: "write a/b: …".
pub(crate) fn about(code: Code, doing: &str, key: &[u8], why: &str) -> Error {
    let what = if key.is_empty() { "the root".to_owned() } else { twinhaul_units::text::show_bytes(key) };
    Error::new(code, format!("{doing} {what}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_s_words_become_advice() {
        let teller = Teller::new(vec!["hush".to_owned()]);
        let said = |kind, text: &str| teller.failed("open", &opendal::Error::new(kind, text));
        let e = said(ErrorKind::PermissionDenied, "S3Error { code: \"InvalidAccessKeyId\", message: \"x\" }");
        assert_eq!(e.code, Code::Unauthenticated);
        assert!(e.message.contains("does not know this access_key_id"), "{}", e.message);
        let e = said(ErrorKind::PermissionDenied, "S3Error { code: \"Odd\", message: \"no hush, please\" }");
        assert_eq!((e.code, e.message.as_str()), (Code::Denied, "open: no ***, please (Odd)"));
        assert_eq!(said(ErrorKind::NotFound, "").message, "open: it is not there");
    }

    #[test]
    fn what_a_server_says_is_tamed_and_short() {
        assert_eq!(quote("a\u{1b}[2Jb"), "a\\x1b[2Jb");
        assert!(quote(&"x".repeat(9999)).len() <= QUOTE_MAX);
    }
}
