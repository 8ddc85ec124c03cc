//! The WIT packages: all parse together, worlds only bundle interfaces, and what was released never changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use wit_component::WitPrinter;
use wit_parser::{Docs, PackageId, Resolve, Type, TypeDefKind, UnresolvedPackageGroup, WorldItem};

use crate::project::Project;

/// Checks `wit/` against `wit/released/`.
pub fn run(project: &Project) -> Result<()> {
    let folder = project.root.join("wit");
    let current = packages(&folder)?;
    let released_folder = folder.join("released");
    let released = match released_folder.is_dir() {
        true => packages(&released_folder)?,
        false => BTreeMap::new(),
    };
    check(&current, &released)?;
    println!(
        "{} packages, {} released: {}",
        current.len(),
        released.len(),
        current.keys().cloned().collect::<Vec<_>>().join(", ")
    );
    Ok(())
}

/// A package's text without comments, by name and version: equal texts mean equal types.
type Texts = BTreeMap<String, String>;

/// A released package that is still being worked on at the same version would break every plugin compiled for it.
fn check(current: &Texts, released: &Texts) -> Result<()> {
    for (name, text) in released {
        if let Some(now) = current.get(name) {
            ensure!(
                now == text,
                "{name} is released, but wit/ has other types or functions under that version: {}",
                first_difference(text, now)
            );
        }
    }
    Ok(())
}

fn first_difference(released: &str, now: &str) -> String {
    let mut lines = released.lines();
    for line in now.lines() {
        match lines.next() {
            Some(before) if before == line => (),
            Some(before) => return format!("`{}` became `{}`", before.trim(), line.trim()),
            None => return format!("`{}` is new", line.trim()),
        }
    }
    match lines.next() {
        Some(gone) => format!("`{}` is gone", gone.trim()),
        None => "only their order differs".to_owned(),
    }
}

/// Parses every package below `folder`, one folder each, with one another as dependencies.
fn packages(folder: &Path) -> Result<Texts> {
    let mut groups = Vec::new();
    for path in folders(folder)? {
        let group = UnresolvedPackageGroup::parse_dir(&path)
            .with_context(|| format!("{} does not parse", path.display()))?;
        groups.push(group);
    }
    let names: Vec<_> = groups.iter().map(|group| group.main.name.clone()).collect();
    ensure!(!groups.is_empty(), "no WIT package in {}", folder.display());
    let main = groups.remove(0);
    let mut resolve = Resolve::default();
    resolve
        .push_groups(main, groups)
        .map_err(|error| anyhow!("{}", error.render(&resolve.source_map)))?;
    let mut texts = Texts::new();
    for name in names {
        let id = *resolve
            .package_names
            .get(&name)
            .with_context(|| format!("{name} was lost"))?;
        ensure!(name.version.is_some(), "{name} has no version");
        worlds_bundle_interfaces_only(&resolve, id)?;
        everything_is_documented(&resolve, id)?;
        let mut printer = WitPrinter::default();
        printer.emit_docs(false).print(&resolve, id, &[])?;
        texts.insert(name.to_string(), printer.output.into());
    }
    Ok(texts)
}

/// A function directly in a world cannot be offered by a component made with Python's tool.
fn worlds_bundle_interfaces_only(resolve: &Resolve, package: PackageId) -> Result<()> {
    for (name, id) in &resolve.packages[package].worlds {
        let world = &resolve.worlds[*id];
        let items = world.imports.iter().chain(&world.exports);
        for (key, item) in items {
            if matches!(item, WorldItem::Function(_)) {
                bail!(
                    "world {name} has the function {} of its own: put it into an interface",
                    resolve.name_world_key(key)
                );
            }
        }
    }
    Ok(())
}

/// The book is made of these comments: interfaces, functions, worlds and types without one would be holes in it.
fn everything_is_documented(resolve: &Resolve, package: PackageId) -> Result<()> {
    let of = &resolve.packages[package];
    let mut holes = Vec::new();
    let mut see = |docs: &Docs, what: String| {
        if docs
            .contents
            .as_deref()
            .is_none_or(|text| text.trim().is_empty())
        {
            holes.push(what);
        }
    };
    for (name, id) in &of.interfaces {
        let interface = &resolve.interfaces[*id];
        see(&interface.docs, format!("interface {name}"));
        for (function, it) in &interface.functions {
            see(&it.docs, format!("{name}.{function}"));
        }
        for (name_of_type, id) in &interface.types {
            let it = &resolve.types[*id];
            // What another interface's type is used by has its comment there.
            if !matches!(it.kind, TypeDefKind::Type(Type::Id(_))) {
                see(&it.docs, format!("{name}.{name_of_type}"));
            }
        }
    }
    for (name, id) in &of.worlds {
        see(&resolve.worlds[*id].docs, format!("world {name}"));
    }
    ensure!(
        holes.is_empty(),
        "{}: no comment says what it is: {}",
        of.name,
        holes.join(", ")
    );
    Ok(())
}

/// The sub-folders that hold WIT files, in order of their names.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = || format!("cannot read {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "released") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(files: &[(&str, &str)]) -> Result<Texts> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        packages(folder.path())
    }

    const TYPES: &str =
        "package a:types@0.1.0; /** Types. */ interface t { /** A row. */ record r { x: u32 } }";
    const USER: &str = "package a:app@0.1.0; /** What it does. */ interface i { use a:types/t@0.1.0.{r}; /** Does it. */ f: func(x: r); }";

    #[test]
    fn packages_may_use_one_another_whatever_their_order() {
        let texts = parse(&[("app/i.wit", USER), ("types/t.wit", TYPES)]).unwrap();
        assert_eq!(
            texts.keys().collect::<Vec<_>>(),
            ["a:app@0.1.0", "a:types@0.1.0"]
        );
    }

    #[test]
    fn a_package_that_is_not_there_is_named() {
        let error = parse(&[("app/i.wit", USER)]).unwrap_err();
        assert!(error.to_string().contains("a:types@0.1.0"), "{error:#}");
    }

    #[test]
    fn a_function_directly_in_a_world_is_refused() {
        let text = "package a:w@0.1.0; world w { export send: func(); }";
        let error = parse(&[("w/w.wit", text)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "world w has the function send of its own: put it into an interface"
        );
    }

    #[test]
    fn what_no_comment_explains_is_named() {
        let text = "package a:w@0.1.0; interface i { type t = u32; /** Does it. */ f: func(); g: func(); } world w { export i; }";
        let error = parse(&[("w/w.wit", text)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a:w@0.1.0: no comment says what it is: interface i, i.g, i.t, world w"
        );
    }

    #[test]
    fn a_released_package_may_not_gain_a_field_but_may_gain_a_comment() {
        let released = parse(&[("types/t.wit", TYPES)]).unwrap();
        let commented = TYPES.replace("x: u32", "/// A word.\n x: u32");
        check(&parse(&[("types/t.wit", &commented)]).unwrap(), &released).unwrap();
        let grown = TYPES.replace("x: u32", "x: u32, y: u32");
        let error = check(&parse(&[("types/t.wit", &grown)]).unwrap(), &released).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a:types@0.1.0 is released, but wit/ has other types or functions under that version: `}` became `y: u32,`"
        );
    }

    #[test]
    fn a_new_version_of_a_released_package_may_differ() {
        let released = parse(&[("types/t.wit", TYPES)]).unwrap();
        let next = TYPES.replace("@0.1.0", "@0.2.0").replace("u32", "u64");
        check(&parse(&[("types/t.wit", &next)]).unwrap(), &released).unwrap();
    }
}
