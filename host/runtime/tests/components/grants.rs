//! Only what was granted is linked, and what this host does not offer is refused by name.

use super::common;
use balcao_runtime::{
    package::Package,
    plugin::{Grants, LoadError, Plugin},
};
use wasm_encoder::{
    Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, InstanceType,
};

fn load(bytes: &[u8], granted: &[&str]) -> Result<Plugin, LoadError> {
    let engine = common::engine();
    let component = engine.compile(bytes).expect("it compiles");
    let granted: Grants = granted.iter().map(|it| (*it).to_owned()).collect();
    Plugin::load(engine, "test", &component, &granted)
}

/// A component that does nothing but ask for an interface.
fn asking_for(interface: &str) -> Vec<u8> {
    let mut types = ComponentTypeSection::new();
    types.instance(&InstanceType::new());
    let mut imports = ComponentImportSection::new();
    imports.import(interface, ComponentTypeRef::Instance(0));
    let mut component = Component::new();
    component.section(&types);
    component.section(&imports);
    component.finish()
}

#[test]
fn an_import_that_was_not_granted_is_not_linked() {
    for interface in [
        "balcao:platform/storage@0.1.0",
        "balcao:platform/http@0.1.0",
        "balcao:platform/secrets@0.1.0",
        "balcao:desk/routing@0.1.0",
    ] {
        let asking = asking_for(interface);
        let Err(LoadError::NotGranted(name)) = load(&asking, &[]) else {
            panic!("{interface} was linked without a grant");
        };
        assert_eq!(name, interface);
        assert!(load(&asking, &[interface]).is_ok(), "{interface}");
    }
}

#[test]
fn a_grant_of_one_thing_is_no_grant_of_another() {
    let package = Package::read(common::bytes("unruly").into()).expect("a package");
    let all: Vec<&str> = package
        .imports()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert!(load(package.bytes(), &all).is_ok());
    let without: Vec<&str> = all
        .iter()
        .copied()
        .filter(|it| !it.contains("/storage@"))
        .collect();
    assert!(without.len() < all.len());
    let Err(LoadError::NotGranted(name)) = load(package.bytes(), &without) else {
        panic!("it was linked with all but one grant");
    };
    assert_eq!(name, "balcao:platform/storage@0.1.0");
}

#[test]
fn what_needs_no_grant_is_linked_without_one() {
    for interface in ["log", "clock", "random", "settings"] {
        let asking = asking_for(&format!("balcao:platform/{interface}@0.1.0"));
        assert!(load(&asking, &[]).is_ok(), "{interface}");
    }
}

#[test]
fn what_this_host_does_not_offer_is_refused_even_where_it_was_granted() {
    for interface in [
        "balcao:platform/teleport@0.1.0",
        "balcao:platform/storage@9.0.0",
        "vendor:own/thing@1.0.0",
    ] {
        let Err(LoadError::Unknown(name)) = load(&asking_for(interface), &[interface]) else {
            panic!("{interface} was linked");
        };
        assert_eq!(name, interface);
    }
}
