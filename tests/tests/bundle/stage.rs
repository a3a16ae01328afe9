//! Making a bundle and looking into it, with the tar that everybody has: whoever gets one has no twinhaul.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use twinhaul_tests::product::run::Run;
use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::tree;

/// 16 MiB in 256 files; half a minute if nobody does anything.
pub(crate) fn slow(lab: &Lab) -> Profile {
    tree::small_files(&lab.source(), 256, 64 * 1024, 3);
    Profile::new("evident", &lab.source(), &lab.target()).limits("256 KiB/s", "256 KiB/s")
}

/// An unpacked bundle, by the names of its parts.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) parts: BTreeMap<String, Vec<u8>>,
    pub(crate) manifest: Value,
}

impl Unpacked {
    pub(crate) fn text(&self, name: &str) -> &str {
        let bytes = self.parts.get(name).unwrap_or_else(|| panic!("no {name}: {:#}", self.manifest));
        std::str::from_utf8(bytes).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(self.text(name)).unwrap_or_else(|e| panic!("{name}: {e}\n{}", self.text(name)))
    }

    /// Why a part is not in it.
    pub(crate) fn missing(&self, name: &str) -> Option<String> {
        let parts = self.manifest["parts"].as_array().unwrap();
        let part =
            parts.iter().find(|part| part["name"] == name).unwrap_or_else(|| panic!("{name} is not told of"));
        part["missing"].as_str().map(str::to_owned)
    }
}

/// `bundle RUN --to`; the file.
pub(crate) fn make(run: &Run<'_>, name: &str) -> PathBuf {
    let to = run.lab().path(name);
    run.verb("bundle", &["--to", to.to_str().unwrap()]).expect_code(0).expect_words(&[to.to_str().unwrap()]);
    to
}

/// Unpacks, and holds every part against the manifest.
pub(crate) fn unpack(lab: &Lab, bundle: &Path) -> Unpacked {
    let name = bundle.file_name().unwrap().to_str().unwrap();
    let place = lab.path(&format!("{name}.unpacked"));
    std::fs::create_dir(&place).unwrap();
    let done = Command::new("tar").arg("xf").arg(bundle).arg("-C").arg(&place).status().unwrap();
    assert!(done.success());
    let roots: Vec<PathBuf> = std::fs::read_dir(&place).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(roots.len(), 1, "one directory: {roots:?}");
    let mut parts = BTreeMap::new();
    collect(&roots[0], &roots[0], &mut parts);
    let manifest: Value = serde_json::from_slice(&parts["bundle.json"]).unwrap();
    for part in manifest["parts"].as_array().unwrap() {
        let held = parts.get(part["name"].as_str().unwrap());
        assert_eq!(held.is_some(), part["missing"].is_null(), "there or a reason: {part:#}");
        if let Some(bytes) = held {
            assert_eq!(part["bytes"], bytes.len() as u64, "{part:#}");
            assert_eq!(part["blake3"], blake3::hash(bytes).to_hex().as_str(), "{part:#}");
        }
    }
    let told = manifest["parts"].as_array().unwrap().iter().filter(|part| part["missing"].is_null()).count();
    assert_eq!(told + 1, parts.len(), "all but the manifest itself are told of");
    Unpacked { parts, manifest }
}

fn collect(root: &Path, directory: &Path, parts: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, parts);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            parts.insert(name, std::fs::read(&path).unwrap());
        }
    }
}
