//! Requests of S3 that OpenDAL does not have: list the uploads of a key, give one up, and send an object that must be refused. Signed by OpenDAL's own signer.

use std::fmt::Write as _;

use opendal::{Buffer, Error, ErrorKind, HttpTransporter, Result};
use reqsign_aws_v4::{Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider};
use reqsign_core::{Context, OsEnv, ProvideCredentialChain, Signer};
use reqsign_file_read_tokio::TokioFileRead;

use crate::config::Config;
use crate::store::Store;

/// Sent with a checksum that it has not: a crc32c of 0, in base64.
const WRONG_BODY: &str = "checksums are compared";
const WRONG_CRC32C: &str = "AAAAAA==";
/// Answers of one listing; an upload's key is exact, so more are not ours.
const UPLOADS_MAX: usize = 1000;

/// See the module.
pub(super) struct Signed {
    /// `None`: requests are not signed.
    signer: Option<Signer<Credential>>,
    transport: HttpTransporter,
    /// With the bucket, without `/` at the end.
    base: String,
    /// In front of every key.
    root: String,
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed").finish_non_exhaustive()
    }
}

impl Signed {
    pub(super) fn new(config: &Config, store: &Store) -> Self {
        let get = |name: &str| config.options.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
        let region = get("region").unwrap_or("auto");
        let transport = store.transport();
        let signer = (get("skip_signature") != Some("true")).then(|| {
            let mut provider = ProvideCredentialChain::new();
            provider = match (get("access_key_id"), get("secret_access_key")) {
                (Some(id), Some(key)) => {
                    let fixed = StaticCredentialProvider::new(id, key);
                    provider.push(match get("session_token") {
                        Some(token) => fixed.with_session_token(token),
                        None => fixed,
                    })
                }
                _ => provider.push(DefaultCredentialProvider::builder().build()),
            };
            let context = Context::new()
                .with_file_read(TokioFileRead)
                .with_http_send(transport.clone())
                .with_env(OsEnv);
            Signer::new(context, provider, RequestSigner::new("s3", region))
        });
        let root = if config.prefix.is_empty() { String::new() } else { format!("{}/", config.prefix) };
        let bucket = get("bucket").unwrap_or_default();
        let virtual_host = get("enable_virtual_host_style") == Some("true");
        Self { signer, transport, base: base(get("endpoint"), region, bucket, virtual_host), root }
    }

    async fn send(&self, method: &str, url: String) -> Result<http::Response<Buffer>> {
        self.sign_and_send(http::Request::builder().method(method).uri(url), Buffer::new()).await
    }

    async fn sign_and_send(
        &self,
        request: http::request::Builder,
        body: Buffer,
    ) -> Result<http::Response<Buffer>> {
        let bad = |e: http::Error| Error::new(ErrorKind::Unexpected, format!("build a request: {e}"));
        let (mut parts, body) = request.body(body).map_err(bad)?.into_parts();
        if let Some(signer) = &self.signer {
            let refused =
                |_| Error::new(ErrorKind::PermissionDenied, "there are no credentials to sign with");
            signer.sign(&mut parts, None).await.map_err(refused)?;
        }
        self.transport.send(http::Request::from_parts(parts, body)).await
    }

    /// The ids of the uploads of this very key.
    pub(super) async fn list(&self, key: &str) -> Result<Vec<String>> {
        let key = format!("{}{key}", self.root);
        let url = format!("{}?max-uploads={UPLOADS_MAX}&prefix={}&uploads=", self.base, escape(&key, false));
        let response = self.send("GET", url).await?;
        let status = response.status().as_u16();
        let text = String::from_utf8_lossy(&response.into_body().to_vec()).into_owned();
        if status != 200 {
            let short: String = text.chars().take(300).collect();
            return Err(Error::new(ErrorKind::Unexpected, format!("list uploads: {status} {short}")));
        }
        Ok(uploads_of(&text, &key))
    }

    /// A body that does not fit what is said of it; the status that came back.
    pub(super) async fn put_with_wrong_checksum(&self, path: &str) -> Result<u16> {
        let url = format!("{}/{}", self.base, escape(&format!("{}{path}", self.root), true));
        let request = http::Request::builder()
            .method("PUT")
            .uri(url)
            .header("content-length", WRONG_BODY.len())
            .header("x-amz-sdk-checksum-algorithm", "CRC32C")
            .header("x-amz-checksum-crc32c", WRONG_CRC32C);
        Ok(self.sign_and_send(request, Buffer::from(WRONG_BODY)).await?.status().as_u16())
    }

    /// One that is gone already is given up.
    pub(super) async fn abort(&self, key: &str, id: &str) -> Result<()> {
        let key = format!("{}{key}", self.root);
        let url = format!("{}/{}?uploadId={}", self.base, escape(&key, true), escape(id, false));
        let status = self.send("DELETE", url).await?.status().as_u16();
        match status {
            200 | 204 | 404 => Ok(()),
            _ => Err(Error::new(ErrorKind::Unexpected, format!("give up an upload: {status}"))),
        }
    }
}

/// As OpenDAL builds it.
fn base(endpoint: Option<&str>, region: &str, bucket: &str, virtual_host: bool) -> String {
    let endpoint = endpoint.unwrap_or("https://s3.amazonaws.com").trim_end_matches('/');
    let endpoint = match endpoint {
        "https://s3.amazonaws.com" => format!("https://s3.{region}.amazonaws.com"),
        other => other.to_owned(),
    };
    if virtual_host {
        endpoint.replacen("//", &format!("//{bucket}."), 1)
    } else {
        format!("{endpoint}/{bucket}")
    }
}

/// Percent-encoded as S3 signs it; `/` stays in a path.
fn escape(text: &str, path: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (path && byte == b'/') {
            out.push(char::from(byte));
        } else {
            // Writing into a text does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn uploads_of(xml: &str, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in xml.split("<Upload>").skip(1) {
        let part = part.split("</Upload>").next().unwrap_or_default();
        let element = |name: &str| {
            let (open, close) = (format!("<{name}>"), format!("</{name}>"));
            Some(unescape(part.split_once(open.as_str())?.1.split_once(close.as_str())?.0))
        };
        if let (Some(id), Some(there)) = (element("UploadId"), element("Key"))
            && there == key
        {
            found.push(id);
        }
    }
    found
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_uploads_of_the_key_are_found() {
        let xml = "<R><Upload><Key>a&amp;b</Key><UploadId>1</UploadId><Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload>\
            <Upload><Key>a&amp;bc</Key><UploadId>2</UploadId></Upload></R>";
        let found = uploads_of(xml, "a&b");
        assert_eq!(found, ["1"]);
    }

    #[test]
    fn addresses_are_built_as_opendal_does() {
        assert_eq!(base(None, "eu-west-1", "b", false), "https://s3.eu-west-1.amazonaws.com/b");
        assert_eq!(base(Some("http://h:9/"), "auto", "b", false), "http://h:9/b");
        assert_eq!(base(Some("https://h"), "auto", "b", true), "https://b.h");
        assert_eq!(escape("a b/c", true), "a%20b/c");
        assert_eq!(escape("a/ü", false), "a%2F%C3%BC");
    }
}
