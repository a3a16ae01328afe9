use super::*;

fn problems(json: &str) -> Vec<(String, String)> {
    Config::parse(json).1.into_iter().map(|p| (p.path, p.message)).collect()
}

#[test]
fn a_whole_one_is_taken_and_named_as_opendal_does() {
    let config = Config::of(
        r#"{"service":"s3","bucket":"b","endpoint":"http://u:p@127.0.0.1:9000?x=1","access_key_id":"AK",
        "secret_access_key":"SECRET","prefix":"/a/b/","part_size":"16 MiB","storage_class":"STANDARD_IA"}"#,
    )
    .unwrap();
    let has = |k: &str, v: &str| config.options.contains(&(k.to_owned(), v.to_owned()));
    assert!(has("root", "/a/b") && has("region", "auto") && has("checksum_algorithm", "crc32c"));
    assert!(has("default_storage_class", "STANDARD_IA") && has("disable_config_load", "true"));
    assert_eq!((config.part, config.secrets.as_slice()), (16 << 20, &["SECRET".to_owned()][..]));
    assert_eq!(config.location, "s3+http://127.0.0.1:9000/b/a/b");
    assert!(!format!("{config:?}").contains("SECRET"));
}

#[test]
fn what_a_service_needs_is_said() {
    let needs = |json: &str, path: &str, word: &str| {
        let found = problems(json);
        assert!(found.iter().any(|(p, m)| p == path && m.contains(word)), "{json}: {found:?}");
    };
    needs("{}", "/service", "s3, azblob");
    needs(r#"{"service":"floppy"}"#, "/service", "\"floppy\" is not a service");
    needs(r#"{"service":"s3"}"#, "/bucket", "s3 needs it");
    needs(r#"{"service":"s3","bucket":"b"}"#, "/endpoint", "endpoint or region");
    needs(
        r#"{"service":"s3","bucket":"b","region":"x","access_key_id":"a"}"#,
        "/access_key_id",
        "go together",
    );
    needs(r#"{"service":"s3","bucket":"b","endpoint":"host:9000"}"#, "/endpoint", "expected a URL");
    needs(
        r#"{"service":"azblob","container":"c","endpoint":"http://x"}"#,
        "/account_key",
        "account_key or sas_token",
    );
    needs(r#"{"service":"b2","bucket":"b"}"#, "/bucket_id", "b2 needs it");
    needs(r#"{"service":"memory","bucket":"b"}"#, "/bucket", "no such field");
    needs(r#"{"service":"memory","prefix":"a/../b"}"#, "/prefix", "expected a path");
    needs(r#"{"service":"memory","part_size":"1 KiB"}"#, "/part_size", "at least 5 MiB");
    needs(r#"{"service":"memory","retries":0}"#, "/retries", "from 1 to 100");
    needs(
        r#"{"service":"s3","bucket":"b","region":"x","access_key_id":"a","secret_access_key":"s\n"}"#,
        "/secret_access_key",
        "line break",
    );
}

#[test]
fn the_schema_is_json_and_names_every_service() {
    let schema: Value = serde_json::from_slice(SCHEMA.to_bytes()).unwrap();
    let named = schema["properties"]["service"]["enum"].as_array().unwrap();
    let ours: Vec<_> = services::SERVICES.iter().map(|s| Value::from(s.name)).collect();
    assert_eq!(*named, ours);
}
