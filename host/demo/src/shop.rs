//! A shop's website, of another origin than the server's, with the website chat on it: `GET /loja?chat=ADDRESS`, the address being the channel's. Allows
//! nothing but what the chat's README asks for, so that trying it shows what a strict page needs.

use std::collections::HashMap;

use axum::extract::Query;
use axum::http::{HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};

/// The page, to be served beside the stand-in's own.
pub fn router() -> Router {
    Router::new()
        .route("/loja", get(page))
        .route("/loja/style.css", get(style))
}

const STYLE: &str = "body{margin:0;font:17px/1.6 Georgia,serif;color-scheme:light dark}header{padding:2rem 6vw;background:#0b3b2e;color:#fff}\
main{padding:2rem 6vw;max-width:46rem}a{color:inherit}";

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

async fn page(Query(asked): Query<HashMap<String, String>>) -> Response {
    let chat = asked.get("chat").map_or("", String::as_str);
    let Some(origin) = origin_of(chat) else {
        let why = "?chat= takes the address of a website chat's channel: http://127.0.0.1:8080/hooks/chn_…";
        return (StatusCode::BAD_REQUEST, why).into_response();
    };
    let policy = format!(
        "default-src 'none'; script-src {origin}; connect-src {origin}; img-src {origin}; media-src {origin}; style-src 'self'; \
         base-uri 'none'; form-action 'none'; trusted-types; require-trusted-types-for 'script'"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (HeaderName::from_static("content-security-policy"), policy),
    ];
    let page = format!(
        "<!doctype html><html lang=\"pt-BR\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Loja Demonstração</title>\
         <link rel=\"stylesheet\" href=\"/loja/style.css\"><header><h1>Loja Demonstração</h1></header><main><h2>Sofá de três lugares</h2>\
         <p>Uma página de outro site, com uma linha a mais: a do chat. Escreva por ele, e responda em <a href=\"{origin}\">Balcão</a>.</p>\
         <p><a href=\"/loja?chat={chat}&amp;utm_source=pagina\">Ver em azul</a></p></main>\
         <script async src=\"{chat}/_/asset/widget.js\"></script></html>"
    );
    (headers, page).into_response()
}

/// Scheme, host and port of an address that is safe to write into a page; none of anything else.
fn origin_of(address: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/._-[]".contains(&byte);
    if !address.bytes().all(plain) {
        return None;
    }
    let uri: Uri = address.parse().ok()?;
    let scheme = uri
        .scheme_str()
        .filter(|it| matches!(*it, "http" | "https"))?;
    Some(format!("{scheme}://{}", uri.authority()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_gets_into_the_page() {
        let chat = "http://127.0.0.1:8080/hooks/chn_1";
        assert_eq!(origin_of(chat).as_deref(), Some("http://127.0.0.1:8080"));
        for wrong in [
            "",
            "/hooks/chn_1",
            "javascript:alert(1)",
            "http://a\"><script>",
            "http://a/ b",
            "http://a;script-src *",
        ] {
            assert_eq!(origin_of(wrong), None, "{wrong}");
        }
    }
}
