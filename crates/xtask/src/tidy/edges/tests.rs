use super::*;
use serde_json::json;

/// A workspace of every room, each with the dependencies named for it: (room, name, dev, local).
fn workspace(extra: &[(&str, &str, bool, bool)]) -> Value {
    let directory = |room: &str| match room {
        "tests" | "plugins/disk" | "plugins/tape" => room.to_owned(),
        other => format!("crates/{other}"),
    };
    let package = |room: &str| format!("twinhaul-{}", room.trim_start_matches("plugins/"));
    let packages: Vec<Value> = ROOMS
        .iter()
        .map(|r| {
            let dependencies: Vec<Value> = extra
                .iter()
                .filter(|(room, ..)| *room == r.name)
                .map(|(_, name, dev, local)| {
                    json!({
                        "name": name,
                        "rename": null,
                        "kind": if *dev { json!("dev") } else { Value::Null },
                        "source": if *local { Value::Null } else { json!("registry+x") },
                    })
                })
                .collect();
            json!({
                "id": r.name, "name": package(r.name), "version": "0.1.0", "license": "MIT", "source": null,
                "manifest_path": format!("/w/{}/Cargo.toml", directory(r.name)), "dependencies": dependencies,
            })
        })
        .collect();
    json!({
        "workspace_root": "/w",
        "workspace_members": ROOMS.iter().map(|r| r.name).collect::<Vec<_>>(),
        "packages": packages,
        "resolve": { "nodes": [] },
    })
}

fn said(value: &Value) -> Vec<String> {
    check(&parse(value)).iter().map(|f| format!("{}: {}", f.place, f.what)).collect()
}

#[test]
fn a_workspace_within_the_table_has_no_findings() {
    let good = [
        ("engine", "twinhaul-assist", false, true),
        ("engine", "twinhaul-testkit", true, true),
        ("tests", "twinhaul-engine", false, true),
        ("ledger", "rusqlite", false, false),
        ("units", "proptest", true, false),
    ];
    assert_eq!(said(&workspace(&good)), Vec::<String>::new());
}

#[test]
fn an_edge_outside_the_table_is_named() {
    let bad = [("console", "twinhaul-engine", false, true), ("engine", "twinhaul-testkit", false, true)];
    assert_eq!(
        said(&workspace(&bad)),
        [
            "crates/engine/Cargo.toml: engine imports testkit",
            "crates/console/Cargo.toml: console imports engine"
        ]
    );
}

#[test]
fn a_package_away_from_its_home_is_named() {
    let found = said(&workspace(&[("engine", "rusqlite", true, false)]));
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("engine depends on rusqlite"), "{found:?}");
}

#[test]
fn a_renamed_package_does_not_escape() {
    let mut value = workspace(&[("engine", "some-yaml", false, false)]);
    let engine = ROOMS.iter().position(|r| r.name == "engine").unwrap();
    value["packages"][engine]["dependencies"][0]["rename"] = json!("serde_yaml");
    assert_eq!(said(&value).len(), 1);
}

#[test]
fn rows_and_crates_must_match() {
    let mut value = workspace(&[]);
    value["packages"][0]["manifest_path"] = json!("/w/crates/newcomer/Cargo.toml");
    let found = said(&value);
    assert!(found.iter().any(|f| f.contains("has no row")), "{found:?}");
    assert!(found.iter().any(|f| f.contains("the room units has a row but no crate")), "{found:?}");
}

#[test]
fn a_pure_room_may_not_reach_the_world_through_others() {
    let mut value = workspace(&[]);
    let registry = |name: &str| json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT", "source": "registry+x", "manifest_path": "/r/Cargo.toml", "dependencies": []});
    let packages = value["packages"].as_array_mut().unwrap();
    packages.push(registry("helper"));
    packages.push(registry("tokio"));
    let edge = |to: &str, kind: Value| json!({"pkg": to, "dep_kinds": [{"kind": kind}]});
    value["resolve"]["nodes"] = json!([
        {"id": "wire", "deps": [edge("helper", Value::Null)]},
        {"id": "helper", "deps": [edge("tokio", Value::Null)]},
        {"id": "assist", "deps": [edge("tokio", json!("dev"))]},
    ]);
    assert_eq!(said(&value), ["crates/wire/Cargo.toml: wire reaches helper -> tokio"]);
}
