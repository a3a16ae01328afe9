use super::*;

#[test]
fn comments_and_literals_vanish_and_lines_stay() {
    let text = concat!(
        "let a = \"unsafe \\\" todo!\"; // unsafe\n",
        "/* unsafe /* nested */ still */ let b = 'x';\n",
        "let c = r#\"unsafe \" todo!\"#; let d = b\"unsafe\"; let e = '\\'';\n",
        "fn f<'a>(x: &'a str) -> &'a str { x } // 'a' is no character here\n",
        "let r = br\"unsafe\"; let u = 'ü'; let raw = r#type;\n",
        "let s = \"over\nunsafe\nlines\"; let end = 1;\n",
    );
    let source = Source::new("crates/x/src/a.rs", text);
    assert_eq!(source.code.lines().count(), text.lines().count());
    assert!(!source.code.contains("unsafe") && !source.code.contains("todo!"), "{}", source.code);
    for kept in
        ["let a =", "let b =", "let e =", "fn f<'a>(x: &'a str) -> &'a str { x }", "r#type", "let end = 1;"]
    {
        assert!(source.code.contains(kept), "{kept} in {}", source.code);
    }
}

#[test]
fn test_items_and_test_files_are_known() {
    let text = "fn a() {}\n#[cfg(test)]\nuse x::y;\nfn b() {}\n#[cfg(test)]\nmod tests {\n    fn c() { if x {} }\n}\nfn d() {}\n";
    let source = Source::new("crates/x/src/a.rs", text);
    assert_eq!(source.tests, [false, true, true, false, true, true, true, true, false]);
    for path in
        ["tests/src/tree.rs", "crates/x/tests/a.rs", "crates/x/src/a/tests.rs", "crates/x/src/tests/b.rs"]
    {
        assert!(Source::new(path, "fn a() {}\n").is_test(1), "{path}");
    }
    assert!(!Source::new("crates/testkit/src/a.rs", "fn a() {}\n").is_test(1));
}

#[test]
fn items_end_where_they_end() {
    let code = "fn a(x: [u8; 3]) { { } } fn b();";
    assert_eq!(&code[..=item_end(code, 0)], "fn a(x: [u8; 3]) { { } }");
    let rest = item_end(code, 24);
    assert_eq!(&code[24..=rest], " fn b();");
}

#[test]
fn unfinished_text_is_survived() {
    for text in ["\"abc", "/* abc", "r#\"abc", "'", "'\\", "fn a() {", "b'"] {
        let _ = Source::new("a.rs", text);
    }
}
