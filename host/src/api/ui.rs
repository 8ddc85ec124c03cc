//! Serves the web interface that is built into the binary. Owns caching and the page's nonce; knows nothing of what the interface shows. Where
//! it was not built, says so instead of failing.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::{problem::Problem, security};
use crate::app::SharedApp;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/ui/dist"]
#[allow_missing = true]
struct Built;

/// Where the built page wants this answer's nonce: the content of its `csp-nonce` meta element.
const NONCE_PLACE: &str = "name=\"csp-nonce\" content=\"";
const INDEX: &str = "index.html";
/// Folder whose file names carry a hash of their contents.
const HASHED: &str = "assets/";

const NOT_BUILT: &str = "<!doctype html><html lang=\"pt-BR\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<title>Balcão</title><h1>Balcão</h1><p>O servidor está no ar, mas a interface não foi construída. Execute <code>cargo xtask build-ui</code> e \
compile de novo.</p><p>The server is up, but the interface was not built into it. Run <code>cargo xtask build-ui</code> and build again.</p></html>";

/// Everything that is neither API nor webhook: a built file, or the page, which does its own routing.
pub async fn serve(
    State(app): State<SharedApp>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return Problem::method_not_allowed().into_response();
    }
    let path = uri.path().trim_start_matches('/');
    match Built::get(path) {
        Some(file) if path != INDEX => asset(path, file, &headers),
        _ if path.starts_with(HASHED) => Problem::not_found().into_response(),
        _ => page(&app),
    }
}

fn asset(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let caching = if path.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=0, must-revalidate"
    };
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let about = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, caching.to_owned()),
        (header::CONTENT_TYPE, content_type(&kind)),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, file.data.into_owned()).into_response()
}

pub(super) fn content_type(kind: &mime_guess::Mime) -> String {
    if kind.type_() == "text" || kind.subtype() == "javascript" || kind.subtype() == "json" {
        format!("{}; charset=utf-8", kind.essence_str())
    } else {
        kind.essence_str().to_owned()
    }
}

fn page(app: &SharedApp) -> Response {
    let nonce = BASE64_STANDARD_NO_PAD.encode(app.random.bytes::<16>());
    let text = match Built::get(INDEX) {
        Some(file) => String::from_utf8_lossy(&file.data).replacen(
            NONCE_PLACE,
            &format!("{NONCE_PLACE}{nonce}"),
            1,
        ),
        None => NOT_BUILT.to_owned(),
    };
    let mut response = (
        [
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            ),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
        text,
    )
        .into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, security::page_csp(&nonce));
    response
}
