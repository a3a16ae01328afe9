//! The services: what each is called here, which fields it has, and what OpenDAL calls them.
//!
//! One table, so that the configuration's check, its schema and the operator that is built cannot disagree. Common things have
//! one name across services (`access_key_id`, `bucket`, `prefix`). It must hold no logic of a single service.

/// Whether a configuration must say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
    /// One of the fields with the same number must be there.
    OneOf(u8),
    /// All of the fields with the same number, or none.
    Together(u8),
}

/// One field of a service.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub ours: &'static str,
    /// OpenDAL's name.
    pub theirs: &'static str,
    pub need: Need,
    /// Never shown, logged or told.
    pub secret: bool,
    pub help: &'static str,
}

/// How objects are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upload {
    /// In parts, several at once.
    Parts,
    /// Whole, from memory.
    OneShot,
    /// As a stream to a name of its own, renamed when complete.
    Renamed,
}

/// One service.
#[derive(Debug)]
pub struct Service {
    pub name: &'static str,
    /// What it reaches, for people.
    pub what: &'static str,
    /// Run against a real server by the tests; the others are compiled in, and nothing more is known.
    pub tested: bool,
    pub upload: Upload,
    pub fields: &'static [Field],
}

const fn field(ours: &'static str, theirs: &'static str, need: Need, help: &'static str) -> Field {
    Field { ours, theirs, need, secret: false, help }
}

const fn secret(ours: &'static str, theirs: &'static str, need: Need, help: &'static str) -> Field {
    Field { ours, theirs, need, secret: true, help }
}

use Need::{OneOf, Optional, Required, Together};

const BUCKET: Field = field("bucket", "bucket", Required, "its name");
const ENDPOINT: Field = field("endpoint", "endpoint", Required, "URL of the service");
const KEYS: (Field, Field) = (
    field("access_key_id", "access_key_id", Together(1), "who is asking"),
    secret("secret_access_key", "secret_access_key", Together(1), "\"${env:NAME}\" or \"${file:/path}\""),
);

/// All of them; the first is what a profile most likely means.
pub const SERVICES: &[Service] = &[
    Service {
        name: "s3",
        what: "Amazon S3 and what speaks its protocol (R2, MinIO, Ceph, B2, Wasabi)",
        tested: true,
        upload: Upload::Parts,
        fields: &[
            BUCKET,
            field("endpoint", "endpoint", OneOf(2), "URL of the service; without it Amazon's in `region`"),
            field("region", "region", OneOf(2), "such as eu-central-1"),
            KEYS.0,
            KEYS.1,
            secret("session_token", "session_token", Optional, "of temporary credentials"),
            field("role_arn", "role_arn", Optional, "a role to assume"),
            field("external_id", "external_id", Optional, "for that role"),
            field("anonymous", "skip_signature", Optional, "true: requests are not signed"),
            field("virtual_host", "enable_virtual_host_style", Optional, "true: bucket in the host name"),
            field("storage_class", "default_storage_class", Optional, "of new objects"),
            field("encryption", "server_side_encryption", Optional, "AES256 or aws:kms"),
            field("kms_key_id", "server_side_encryption_aws_kms_key_id", Optional, "for aws:kms"),
            field("acl", "default_acl", Optional, "of new objects"),
            field("requester_pays", "enable_request_payer", Optional, "true: agrees to pay"),
            field("list_v1", "disable_list_objects_v2", Optional, "true: for services without version 2"),
        ],
    },
    Service {
        name: "azblob",
        what: "Azure Blob Storage",
        tested: true,
        upload: Upload::Parts,
        fields: &[
            field("container", "container", Required, "its name"),
            ENDPOINT,
            field("account_name", "account_name", Optional, "of the storage account"),
            secret("account_key", "account_key", OneOf(1), "of the storage account"),
            secret("sas_token", "sas_token", OneOf(1), "instead of the key"),
        ],
    },
    Service {
        name: "webdav",
        what: "WebDAV servers",
        tested: true,
        upload: Upload::OneShot,
        fields: &[
            ENDPOINT,
            field("username", "username", Together(1), "who is asking"),
            secret("password", "password", Together(1), "of that user"),
            secret("token", "token", Optional, "a bearer token instead"),
        ],
    },
    Service {
        name: "sftp",
        what: "SSH servers, through the ssh program",
        tested: true,
        upload: Upload::Renamed,
        fields: &[
            field("endpoint", "endpoint", Required, "host, or ssh://host:port"),
            field("user", "user", Optional, "who is asking"),
            field("key_path", "key", Optional, "of the private key"),
            field("known_hosts", "known_hosts_strategy", Optional, "strict (the default), accept or add"),
        ],
    },
    Service {
        name: "memory",
        what: "objects in this process, for tests",
        tested: true,
        upload: Upload::Parts,
        fields: &[field("name", "", Optional, "those with one name share their objects")],
    },
    Service {
        name: "gcs",
        what: "Google Cloud Storage",
        tested: false,
        upload: Upload::Parts,
        fields: &[
            BUCKET,
            field("endpoint", "endpoint", Optional, "URL of the service"),
            secret("credential", "credential", Optional, "the service account's JSON in base64"),
            field("credential_path", "credential_path", Optional, "a file with it"),
            field("storage_class", "default_storage_class", Optional, "of new objects"),
        ],
    },
    Service {
        name: "azdls",
        what: "Azure Data Lake Storage Gen2",
        tested: false,
        upload: Upload::Parts,
        fields: &[
            field("container", "filesystem", Required, "the file system's name"),
            ENDPOINT,
            field("account_name", "account_name", Optional, "of the storage account"),
            secret("account_key", "account_key", OneOf(1), "of the storage account"),
            secret("sas_token", "sas_token", OneOf(1), "instead of the key"),
        ],
    },
    Service {
        name: "oss",
        what: "Aliyun Object Storage",
        tested: false,
        upload: Upload::Parts,
        fields: &[
            BUCKET,
            ENDPOINT,
            field("access_key_id", "access_key_id", Together(1), "who is asking"),
            secret("secret_access_key", "access_key_secret", Together(1), "of that key"),
        ],
    },
    Service {
        name: "cos",
        what: "Tencent Cloud Object Storage",
        tested: false,
        upload: Upload::Parts,
        fields: &[
            BUCKET,
            ENDPOINT,
            field("access_key_id", "secret_id", Together(1), "who is asking"),
            secret("secret_access_key", "secret_key", Together(1), "of that key"),
        ],
    },
    Service {
        name: "obs",
        what: "Huawei Object Storage",
        tested: false,
        upload: Upload::Parts,
        fields: &[BUCKET, ENDPOINT, KEYS.0, KEYS.1],
    },
    Service {
        name: "b2",
        what: "Backblaze B2 by its own protocol",
        tested: false,
        upload: Upload::Parts,
        fields: &[
            BUCKET,
            field("bucket_id", "bucket_id", Required, "beside its name"),
            field("access_key_id", "application_key_id", Required, "who is asking"),
            secret("secret_access_key", "application_key", Required, "of that key"),
        ],
    },
    Service {
        name: "swift",
        what: "OpenStack Swift",
        tested: false,
        upload: Upload::Parts,
        fields: &[
            ENDPOINT,
            field("container", "container", Required, "its name"),
            secret("token", "token", Required, "of the session"),
        ],
    },
];

/// The service of this name.
pub fn find(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|s| s.name == name)
}

/// Their names, for messages: "s3, azblob, …".
pub fn names() -> String {
    SERVICES.iter().map(|s| s.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_services_and_fields_are_each_there_once() {
        for (i, service) in SERVICES.iter().enumerate() {
            assert!(SERVICES[..i].iter().all(|s| s.name != service.name), "{}", service.name);
            for (j, field) in service.fields.iter().enumerate() {
                assert!(service.fields[..j].iter().all(|f| f.ours != field.ours), "{}", field.ours);
            }
        }
    }

    #[test]
    fn everything_that_looks_like_a_secret_is_one() {
        for field in SERVICES.iter().flat_map(|s| s.fields) {
            let name = field.ours;
            let looks = ["secret", "password", "token", "account_key"].iter().any(|w| name.contains(w))
                || name == "credential";
            assert_eq!(field.secret, looks, "{name}");
        }
    }
}
