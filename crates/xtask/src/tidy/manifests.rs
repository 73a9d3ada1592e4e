//! Rules for manifests: edges between our crates, and lints inherited from the workspace.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{File, Problem, layers};

pub(super) fn check(file: &File) -> Vec<Problem> {
    let manifest = match DeTable::parse(&file.text) {
        Ok(manifest) => manifest.into_inner(),
        Err(error) => return vec![Problem::new(&file.path, format!("is no TOML: {}", error.message()))],
    };
    let Some(package) = table(&manifest, "package").and_then(|package| text(package, "name")) else {
        // The workspace's own manifest names no package.
        return Vec::new();
    };
    let Some(member) = layers::member(package) else {
        let message = format!("package {package} is in no layer: add it to crates/xtask/src/tidy/layers.rs");
        return vec![Problem::new(&file.path, message)];
    };
    let mut problems = Vec::new();
    if file.path != format!("{}/Cargo.toml", member.directory) {
        problems.push(Problem::new(&file.path, format!("package {package} belongs in {}", member.directory)));
    }
    if !inherits_lints(&manifest) {
        problems.push(Problem::new(&file.path, "must say `[lints] workspace = true`"));
    }
    let tables = std::iter::once(&manifest).chain(targets(&manifest));
    for table_of in tables {
        for (kind, refuses) in KINDS {
            let Some(dependencies) = table(table_of, kind) else { continue };
            for (key, value) in dependencies {
                let name = renamed(value).unwrap_or(key.get_ref());
                if !is_ours(name) {
                    continue;
                }
                if let Some(why) = refuses(member, name) {
                    let line = line_of(&file.text, key.span().start);
                    problems.push(Problem::new(&file.path, format!("[{kind}] {why}")).at(line));
                }
            }
        }
    }
    problems
}

fn is_ours(package: &str) -> bool {
    package == "strongroom" || package == "xtask" || package.starts_with("strongroom-")
}

/// The package behind a dependency that goes by another name here.
fn renamed<'a>(value: &'a Spanned<DeValue<'_>>) -> Option<&'a str> {
    text(value.get_ref().as_table()?, "package")
}

/// `[target.'cfg(…)']` tables, which hold dependencies too.
fn targets<'a, 'i>(manifest: &'a DeTable<'i>) -> impl Iterator<Item = &'a DeTable<'i>> {
    table(manifest, "target")
        .into_iter()
        .flat_map(|targets| targets.iter().filter_map(|(_, conditions)| conditions.get_ref().as_table()))
}

fn inherits_lints(manifest: &DeTable<'_>) -> bool {
    table(manifest, "lints").and_then(|lints| value(lints, "workspace")).and_then(DeValue::as_bool)
        == Some(true)
}

fn table<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<&'a DeTable<'i>> {
    value(table, name)?.as_table()
}

fn text<'a>(table: &'a DeTable<'_>, name: &str) -> Option<&'a str> {
    value(table, name)?.as_str()
}

fn value<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<&'a DeValue<'i>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value.get_ref())
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

type Refuses = fn(&layers::Member, &str) -> Option<String>;

const KINDS: &[(&str, Refuses)] = &[
    ("dependencies", layers::Member::refuses),
    ("build-dependencies", layers::Member::refuses),
    ("dev-dependencies", layers::Member::refuses_for_tests),
];

#[cfg(test)]
mod tests {
    use super::super::File;
    use super::check;

    fn problems(path: &str, text: &str) -> Vec<String> {
        check(&File { path: path.into(), text: text.into() }).iter().map(ToString::to_string).collect()
    }

    const SHAMIR: &str = "[package]\nname = \"strongroom-shamir\"\n\n[lints]\nworkspace = true\n\n";

    #[test]
    fn manifest_that_keeps_to_the_layers_is_tidy() {
        let text = format!(
            "{SHAMIR}[dependencies]\nstrongroom-crypto.workspace = true\nbech32.workspace = true\n\n\
             [dev-dependencies]\nstrongroom-shamir = {{ path = \".\", features = [\"testing\"] }}\n"
        );
        assert_eq!(problems("crates/shamir/Cargo.toml", &text), Vec::<String>::new());
    }

    #[test]
    fn edge_that_breaks_the_layers_is_named_with_its_line() {
        for (kind, key) in [
            ("dependencies", "strongroom-seal.workspace = true"),
            ("dev-dependencies", "strongroom-keyring = { workspace = true }"),
            ("build-dependencies", "strongroom = { path = \"../strongroom\" }"),
            ("target.'cfg(unix)'.dependencies", "strongroom-storage.workspace = true"),
            ("dependencies", "innocent = { package = \"strongroom-barrier\", path = \"../barrier\" }"),
        ] {
            let found =
                problems("crates/shamir/Cargo.toml", &format!("{SHAMIR}[{kind}]\nzeroize = \"1\"\n{key}\n"));
            assert_eq!(found.len(), 1, "{key}: {found:?}");
            assert!(found[0].starts_with("crates/shamir/Cargo.toml:9: error: "), "{found:?}");
        }
    }

    #[test]
    fn section_of_its_own_for_one_dependency_is_seen_too() {
        let text = format!("{SHAMIR}[dependencies.strongroom-seal]\nworkspace = true\n");
        assert_eq!(problems("crates/shamir/Cargo.toml", &text).len(), 1);
    }

    #[test]
    fn lints_not_inherited_are_an_error() {
        let found = problems("crates/shamir/Cargo.toml", "[package]\nname = \"strongroom-shamir\"\n");
        assert!(found[0].contains("[lints]"), "{found:?}");
    }

    #[test]
    fn package_in_no_layer_or_in_the_wrong_place_is_an_error() {
        assert!(
            problems("crates/new/Cargo.toml", "[package]\nname = \"strongroom-new\"\n")[0]
                .contains("no layer")
        );
        assert!(problems("crates/other/Cargo.toml", SHAMIR)[0].contains("belongs in crates/shamir"));
    }
}
