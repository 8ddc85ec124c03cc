use proptest::prelude::*;
use wasm_encoder::{
    Component, ComponentExportKind, ComponentExportSection, ComponentImportSection,
    ComponentInstanceSection, ComponentTypeRef, ComponentTypeSection, InstanceType, Module,
    ModuleSection,
};

use super::*;

const MANIFEST: &str = r#"
id = "example"
version = "0.1.0"
publisher = "Example"
icon = "icon.svg"
name = { pt-BR = "Exemplo" }
description = { pt-BR = "Um exemplo" }
"#;

const ICON: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg'/>";

/// A component with these imports and exports, and a nested module and component that have custom sections of their own.
pub(crate) fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let mut component = Component::new();
    let mut types = ComponentTypeSection::new();
    types.instance(&InstanceType::new());
    component.section(&types);
    let mut section = ComponentImportSection::new();
    for name in imports {
        section.import(*name, ComponentTypeRef::Instance(0));
    }
    component.section(&section);
    let decoy = CustomSection {
        name: MANIFEST_SECTION.into(),
        data: b"id = \"decoy\""[..].into(),
    };
    let mut module = Module::new();
    module.section(&decoy);
    component.section(&ModuleSection(&module));
    let mut nested = Component::new();
    nested.section(&decoy);
    component.section(&wasm_encoder::NestedComponentSection(&nested));
    let mut instances = ComponentInstanceSection::new();
    instances.export_items(Vec::<(&str, ComponentExportKind, u32)>::new());
    component.section(&instances);
    let own = u32::try_from(imports.len()).unwrap();
    let mut section = ComponentExportSection::new();
    for name in exports {
        section.export(*name, ComponentExportKind::Instance, own, None);
    }
    component.section(&section);
    component.finish()
}

fn packed() -> Vec<u8> {
    let component = component(
        &["balcao:types/types@0.1.0", "balcao:platform/log@0.1.0"],
        &["balcao:app/events@0.1.0"],
    );
    append(
        &component,
        MANIFEST,
        [("icon.svg", ICON), ("widget/script.js", b"1")],
    )
}

fn read(bytes: Vec<u8>) -> Result<Package, PackageError> {
    Package::read(bytes.into())
}

fn with_section(mut bytes: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
    CustomSection {
        name: name.into(),
        data: data.into(),
    }
    .append_to_component(&mut bytes);
    bytes
}

fn refusal(bytes: Vec<u8>) -> PackageError {
    read(bytes).expect_err("the package is not acceptable")
}

#[test]
fn what_was_appended_is_read_back_and_the_file_stays_a_component() {
    let bytes = packed();
    let package = read(bytes.clone()).unwrap();
    assert_eq!(package.manifest(), &Manifest::parse(MANIFEST).unwrap());
    let assets: Vec<_> = package
        .assets()
        .iter()
        .map(|(name, content)| (name.as_str(), &content[..]))
        .collect();
    assert_eq!(assets, [("icon.svg", ICON), ("widget/script.js", b"1")]);
    let names = |interfaces: &[Interface]| {
        interfaces
            .iter()
            .map(|i| (i.name.clone(), i.is_instance))
            .collect::<Vec<_>>()
    };
    let imports = ["balcao:types/types@0.1.0", "balcao:platform/log@0.1.0"]
        .map(|name| (name.to_owned(), true));
    assert_eq!(names(package.imports()), imports);
    assert_eq!(
        names(package.exports()),
        [("balcao:app/events@0.1.0".to_owned(), true)]
    );
    assert!(package.has_import("balcao:platform/log") && !package.has_import("balcao:app/events"));
    assert_eq!(package.imports()[1].version(), Some("0.1.0"));
    assert_eq!(package.bytes(), &bytes);
    Validator::new().validate_all(&bytes).unwrap();
}

#[test]
fn the_digest_is_that_of_the_file_without_its_signature() {
    let unsigned = packed();
    let expected = format!("sha256:{}", hex::encode(Sha256::digest(&unsigned)));
    let package = read(unsigned.clone()).unwrap();
    assert_eq!(
        (package.digest().to_string(), package.signature()),
        (expected.clone(), None)
    );
    for signature in [&b"one"[..], &[7; 300]] {
        let package = read(with_section(unsigned.clone(), SIGNATURE_SECTION, signature)).unwrap();
        assert_eq!(package.digest().to_string(), expected);
        assert_eq!(package.signature().map(|s| &s[..]), Some(signature));
    }
    let changed = read(append(
        &component(&[], &[]),
        MANIFEST,
        [("icon.svg", &b"<svg/>"[..])],
    ))
    .unwrap();
    assert_ne!(changed.digest().to_string(), expected);
}

#[test]
fn nothing_may_follow_the_signature() {
    let signed = with_section(packed(), SIGNATURE_SECTION, b"signature");
    let refused = section(SIGNATURE_SECTION, "nothing may follow the signature");
    assert_eq!(
        refusal(with_section(signed.clone(), "producers", b"")),
        refused
    );
    assert_eq!(
        refusal(with_section(signed.clone(), SIGNATURE_SECTION, b"other")),
        refused
    );
    let late = refusal(with_section(signed, "balcao:asset/late.js", b"1"));
    assert_eq!(
        late,
        section("balcao:asset/late.js", "nothing may follow the signature")
    );
}

#[test]
fn what_is_no_component_is_refused() {
    for bytes in [
        &b""[..],
        b"\0asm",
        b"not wasm at all",
        &Module::new().finish(),
    ] {
        assert!(
            matches!(refusal(bytes.to_vec()), PackageError::NotAComponent(_)),
            "{bytes:?}"
        );
    }
    let mut cut = packed();
    cut.truncate(cut.len() - 1);
    assert!(matches!(refusal(cut), PackageError::NotAComponent(_)));
    assert_eq!(refusal(component(&[], &[])), PackageError::NoManifest);
}

#[test]
fn sections_that_repeat_or_are_unknown_are_refused() {
    let twice = "there is another one of that name";
    assert_eq!(
        refusal(with_section(
            packed(),
            MANIFEST_SECTION,
            MANIFEST.as_bytes()
        )),
        section(MANIFEST_SECTION, twice)
    );
    assert_eq!(
        refusal(with_section(packed(), "balcao:asset/icon.svg", b"")),
        section("balcao:asset/icon.svg", twice)
    );
    assert_eq!(
        refusal(with_section(packed(), "balcao:new", b"")),
        section(
            "balcao:new",
            "this version of the host knows no such section"
        )
    );
    assert_eq!(
        read(with_section(packed(), "producers", b"")).map(|p| p.assets().len()),
        Ok(2)
    );
}

#[test]
fn asset_names_that_could_leave_their_folder_are_refused() {
    let names = [
        "",
        "/etc/passwd",
        "../x",
        "a/../x",
        "a//b",
        "a/",
        ".hidden",
        "a/.b",
        "c:x",
        "a\\b",
        "a b",
        "é",
        "con.",
        &"x".repeat(201),
    ];
    for name in names {
        assert!(!is_asset_name(name), "{name:?}");
        let bytes = append(
            &component(&[], &[]),
            MANIFEST,
            [("icon.svg", ICON), (name, b"1")],
        );
        assert!(
            matches!(refusal(bytes), PackageError::Section { .. }),
            "{name:?}"
        );
    }
    assert!(["icon.svg", "a/b-c_d.2.js"].into_iter().all(is_asset_name));
}

#[test]
fn sizes_and_counts_are_bounded() {
    let large = |what: &str, limit| PackageError::TooLarge {
        what: what.into(),
        limit,
    };
    let long = format!("{MANIFEST}#{}", "x".repeat(MAX_MANIFEST));
    assert_eq!(
        refusal(append(&component(&[], &[]), &long, [])),
        large(MANIFEST_SECTION, MAX_MANIFEST)
    );
    let asset = vec![0; MAX_ASSET + 1];
    assert_eq!(
        refusal(with_section(packed(), "balcao:asset/a", &asset)),
        large("balcao:asset/a", MAX_ASSET)
    );
    let names: Vec<String> = (0..=MAX_ASSETS).map(|i| format!("a{i}")).collect();
    let many = append(
        &component(&[], &[]),
        MANIFEST,
        names.iter().map(|name| (name.as_str(), &b""[..])),
    );
    assert_eq!(
        refusal(many),
        section("balcao:asset/a256", "there are too many assets")
    );
    assert_eq!(
        refusal(vec![0; MAX_PACKAGE + 1]),
        large("the package", MAX_PACKAGE)
    );
}

#[test]
fn assets_that_the_manifest_names_must_be_there() {
    let manifest = format!(
        "public-assets = [\"icon.svg\", \"script.js\"]\n{MANIFEST}[settings]\nschema = \"settings.schema.json\"\n"
    );
    let PackageError::Problems(problems) = refusal(append(&component(&[], &[]), &manifest, []))
    else {
        panic!("problems expected")
    };
    let places: Vec<_> = problems
        .iter()
        .map(|p| (p.code, p.place.as_str()))
        .collect();
    assert_eq!(
        places,
        [
            ("asset-missing", "icon"),
            ("asset-missing", "public-assets[0]"),
            ("asset-missing", "public-assets[1]"),
            ("asset-missing", "settings.schema")
        ]
    );
    let schema = br#"{"type": "object", "properties": {"city": {"type": "string"}}}"#;
    let assets = [
        ("icon.svg", ICON),
        ("script.js", b"1"),
        ("settings.schema.json", &schema[..]),
    ];
    let package = read(append(&component(&[], &[]), &manifest, assets)).unwrap();
    assert_eq!(
        package.settings_schema().unwrap()["properties"]["city"]["type"],
        "string"
    );
}

#[test]
fn a_manifest_with_problems_or_no_text_is_refused() {
    let broken = append(&component(&[], &[]), "id = 1", []);
    assert!(matches!(refusal(broken), PackageError::Problems(problems) if problems.len() >= 4));
    let binary = with_section(component(&[], &[]), MANIFEST_SECTION, &[0xff, 0xfe]);
    assert_eq!(
        refusal(binary),
        section(MANIFEST_SECTION, "it is not UTF-8")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_panic_and_never_keep_the_digest(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let original = packed();
        let mut bytes = original.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let changed = bytes != original;
        if let Ok(package) = read(bytes) {
            prop_assert_eq!(package.digest() != read(original).unwrap().digest(), changed);
        }
    }

    #[test]
    fn cut_and_spliced_bytes_never_panic(at in any::<prop::sample::Index>(), from in any::<prop::sample::Index>(), noise in prop::collection::vec(any::<u8>(), 0..64)) {
        let original = packed();
        let mut bytes = original[..at.index(original.len())].to_vec();
        bytes.extend(noise);
        bytes.extend_from_slice(&original[from.index(original.len())..]);
        let _ = read(bytes);
    }
}
