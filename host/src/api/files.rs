//! `/files`: uploading what is to be sent, and giving back what is kept. Nothing that is served from here can act in a browser as a page of ours.

use axum::{
    Json,
    body::Body,
    extract::{Multipart, State, multipart::MultipartRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Path, Query},
    problem::{Answer, Problem},
    security,
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    attachment::mime_within,
    clock::Instant,
    error::{Error, Result},
    files::{Arrived, Form, clean_name},
    id::{FileId, WorkspaceId},
    keeping,
    store::files::File,
};

/// What a browser may show instead of saving.
const SHOWN: [&str; 3] = ["image/", "audio/", "video/"];

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(upload))
        .routes(routes!(fetch))
        .routes(routes!(preview))
}

/// Where a file is read.
pub fn url(id: FileId) -> String {
    format!("/api/v1/files/{id}")
}

/// What is shown of a picture among other things: its smaller one, or itself where it is small; none where it is only to be saved.
pub fn thumbnail_url(file: &File) -> Option<String> {
    match &file.preview_mime {
        Some(_) => Some(format!("{}/preview", url(file.id))),
        None => file.width.map(|_| url(file.id)),
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = File)]
pub struct FileView {
    #[schema(value_type = String)]
    pub id: FileId,
    /// As its bytes say.
    pub mime: String,
    pub name: String,
    pub size: i64,
    pub url: String,
    /// Pixels of a picture that may be shown.
    #[schema(required)]
    pub width: Option<i64>,
    #[schema(required)]
    pub height: Option<i64>,
    /// A picture of at most 640 pixels to show in its place; none where a file is only to be saved.
    #[schema(required)]
    pub thumbnail_url: Option<String>,
}

impl From<File> for FileView {
    fn from(file: File) -> Self {
        Self {
            id: file.id,
            url: url(file.id),
            thumbnail_url: thumbnail_url(&file),
            mime: file.mime,
            name: file.name,
            size: file.size,
            width: file.width,
            height: file.height,
        }
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Meant {
    /// `audio`: what was recorded is sound, where its container might hold a film. Anything else is refused then.
    kind: Option<String>,
}

/// Upload one file, in the field `file` of a form. It is kept for a week, and for good once a message has it.
#[utoipa::path(post, path = "/files", tag = "files", params(Meant), request_body(content = String, content_type = "multipart/form-data"),
    responses((status = 201, body = FileView), (status = 413, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
async fn upload(
    State(app): State<SharedApp>,
    caller: Caller,
    Query(meant): Query<Meant>,
    form: Result<Multipart, MultipartRejection>,
) -> Answer<(StatusCode, Json<FileView>)> {
    let kind = meant.kind.as_deref().unwrap_or("document");
    let received = receive(&app, caller.workspace, kind, None, form).await?;
    let file = File {
        state: "uploaded".to_owned(),
        ..received.file(caller.workspace, app.clock.now())
    };
    let mut tx = app.store.begin().await?;
    tx.insert_file(&file).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(file.into())))
}

/// Bytes that came in a form and are on the disk; no row says so yet.
pub(super) struct Received {
    id: FileId,
    name: String,
    mime: &'static str,
    arrived: Arrived,
}

impl Received {
    /// The row.
    pub fn file(self, workspace: WorkspaceId, now: Instant) -> File {
        File {
            mime: self.mime.to_owned(),
            ..File::arrived(workspace, self.id, self.name, &self.arrived, now)
        }
    }
}

/// Writes down the first field `file` of a form, which has to be of that kind and have at most `largest` bytes.
pub(super) async fn receive(
    app: &App,
    workspace: WorkspaceId,
    kind: &str,
    largest: Option<u64>,
    form: Result<Multipart, MultipartRejection>,
) -> Answer<Received> {
    let too_large = |most: u64| {
        let text = format!("The file is too large: at most {most} bytes.");
        Problem::from(Error::TooLarge(text))
    };
    let unreadable = |status: StatusCode, text: String| match (status, largest) {
        (StatusCode::PAYLOAD_TOO_LARGE, Some(most)) => too_large(most),
        _ => Problem::of_status(status, text),
    };
    let mut form =
        form.map_err(|rejection| unreadable(rejection.status(), rejection.body_text()))?;
    while let Some(mut field) = form
        .next_field()
        .await
        .map_err(|error| unreadable(error.status(), error.body_text()))?
    {
        if field.name() != Some("file") {
            continue;
        }
        let name = clean_name(field.file_name().unwrap_or_default());
        let mut incoming = app.files.begin().await.map_err(Error::internal)?;
        while let Some(bytes) = field
            .chunk()
            .await
            .map_err(|error| unreadable(error.status(), error.body_text()))?
        {
            incoming.write(&bytes).await.map_err(Error::internal)?;
            if let Some(most) = largest.filter(|most| incoming.size() > *most) {
                return Err(too_large(most));
            }
        }
        if incoming.size() == 0 {
            return Err(Problem::field("file", "is empty"));
        }
        let mime = mime_within(kind, incoming.mime())
            .ok_or_else(|| Problem::field("file", format!("is no {kind}")))?;
        let (id, arrived) = keeping::keep(app, workspace, incoming).await?;
        return Ok(Received {
            id,
            name,
            mime,
            arrived,
        });
    }
    Err(Problem::field("file", "is missing"))
}

/// Read a file; `Range` is honoured.
#[utoipa::path(get, path = "/files/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = String), (status = 206), (status = 404, body = Problem), (status = 416, body = Problem)))]
async fn fetch(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<FileId>,
    headers: HeaderMap,
) -> Answer<Response> {
    give(&app, (caller.workspace, id), Form::Whole, &headers).await
}

/// Read a picture's smaller one.
#[utoipa::path(get, path = "/files/{id}/preview", tag = "files", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/*", body = String), (status = 404, body = Problem)))]
async fn preview(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<FileId>,
    headers: HeaderMap,
) -> Answer<Response> {
    give(&app, (caller.workspace, id), Form::Preview, &headers).await
}

/// A file for whoever was given its link, until that ends: providers fetch what is sent through them.
pub(super) async fn linked(
    State(app): State<SharedApp>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    let mut tx = app.store.read().await?;
    let opened = app.media.opened(&mut tx, &token, app.clock.now()).await;
    drop(tx);
    let place = opened.ok_or_else(Problem::not_found)?;
    let mut response = give(&app, place, Form::Whole, &headers).await?;
    // Also for pages that show nothing of elsewhere unless it says that it may be shown.
    response.headers_mut().insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    Ok(response)
}

async fn give(
    app: &App,
    (workspace, id): (WorkspaceId, FileId),
    form: Form,
    headers: &HeaderMap,
) -> Answer<Response> {
    let found = app.store.read().await?.file(workspace, id).await?;
    let mut file = found.filter(File::is_here).ok_or_else(Problem::not_found)?;
    if form == Form::Preview {
        file.mime = file.preview_mime.take().ok_or_else(Problem::not_found)?;
        file.size = file.preview_size.unwrap_or(0);
    }
    let size = u64::try_from(file.size).unwrap_or(0);
    let range = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| range_of(text, size));
    let (first, last) = match range {
        Some(Some(range)) => range,
        Some(None) => {
            let mut problem =
                Problem::invalid("The file does not have that range.").into_response();
            *problem.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            problem
                .headers_mut()
                .insert(header::CONTENT_RANGE, text(format!("bytes */{size}")));
            return Ok(problem);
        }
        None => (0, size.saturating_sub(1)),
    };
    let length = (last + 1).saturating_sub(first).min(size);
    let read = app
        .files
        .read((workspace, id), form, first..first + length)
        .await?;
    let body = Body::from_stream(read);
    let mut response = Response::new(body);
    let answered = response.headers_mut();
    answered.insert(header::CONTENT_TYPE, text(file.mime.clone()));
    answered.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    answered.insert(header::CONTENT_DISPOSITION, text(disposition(&file)));
    answered.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(security::CSP_FILE),
    );
    answered.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    answered.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=31536000, immutable"),
    );
    if range.is_some() {
        answered.insert(
            header::CONTENT_RANGE,
            text(format!("bytes {first}-{last}/{size}")),
        );
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// One range of bytes, both ends included: none where the header asks for something else, `Some(None)` where the file does not have it.
fn range_of(header: &str, size: u64) -> Option<Option<(u64, u64)>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    if last.contains(',') {
        return None;
    }
    let (first, last) = match (first.trim(), last.trim()) {
        ("", last) => (
            size.saturating_sub(last.parse().ok()?),
            size.saturating_sub(1),
        ),
        (first, "") => (first.parse().ok()?, size.saturating_sub(1)),
        (first, last) => (
            first.parse().ok()?,
            last.parse::<u64>().ok()?.min(size.saturating_sub(1)),
        ),
    };
    Some((first <= last && first < size).then_some((first, last)))
}

/// Shown only where the bytes are of a kind that cannot act.
fn disposition(file: &File) -> String {
    let shown =
        SHOWN.iter().any(|kind| file.mime.starts_with(kind)) && file.mime != "image/svg+xml";
    let how = if shown { "inline" } else { "attachment" };
    let name: String = url::form_urlencoded::byte_serialize(file.name.as_bytes()).collect();
    format!("{how}; filename*=UTF-8''{}", name.replace('+', "%20"))
}

fn text(value: String) -> HeaderValue {
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        assert_eq!(range_of("bytes=0-1", 10), Some(Some((0, 1))));
        assert_eq!(range_of("bytes=5-", 10), Some(Some((5, 9))));
        assert_eq!(range_of("bytes=-3", 10), Some(Some((7, 9))));
        assert_eq!(range_of("bytes=0-99", 10), Some(Some((0, 9))));
        assert_eq!(range_of("bytes=10-", 10), Some(None));
        assert_eq!(range_of("bytes=0-1,3-4", 10), None);
        assert_eq!(range_of("lines=0-1", 10), None);
    }
}
