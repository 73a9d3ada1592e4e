//! The table of the security catalogue against the tests that it names.

use crate::shell;

#[test]
fn every_test_of_the_security_catalogue_exists() {
    let table = std::fs::read_to_string(shell::root().join("docs/SECURITY-CATALOGUE.md")).unwrap();
    let (mut rows, mut tests, mut missing) = (0, 0, Vec::new());
    for line in table.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, row, _, test, place, _] = cells.as_slice() else { continue };
        let Some(test) = test.strip_prefix('`').and_then(|test| test.strip_suffix('`')) else { continue };
        rows += usize::from(!row.is_empty());
        tests += 1;
        let source = std::fs::read_to_string(shell::root().join(place)).unwrap_or_default();
        let there = test.starts_with("cargo ") || source.contains(&format!("#[test]\nfn {test}()"));
        if source.is_empty() || !there {
            missing.push(format!("{test} in {place}"));
        }
    }
    println!(
        "evidence: id=catalogue/table figure={rows} rows, {tests} tests, {} of them missing verdict={}",
        missing.len(),
        if rows > 0 && missing.is_empty() { "pass" } else { "fail" }
    );
    assert!(missing.is_empty(), "{missing:#?}");
}
