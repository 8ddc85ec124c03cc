//! The committed OpenAPI document is the one that the code makes.

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let committed = std::fs::read_to_string(path).expect("host/openapi.json");
    assert!(
        committed == balcao::api::openapi_json(),
        "host/openapi.json is out of date: write it anew with `balcao openapi > host/openapi.json`"
    );
}
