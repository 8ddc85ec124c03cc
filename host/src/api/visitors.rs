//! `/hooks/{channel}/_/…`: what the host itself offers to the browsers of a channel's visitors: the live stream, uploads, and the package's public
//! assets. Knows no connector; who a visitor is, is said by a token that the connector has asked for.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Multipart, State, multipart::MultipartRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::{any, get, post},
};
use balcao_runtime::package::Package;
use futures_util::stream;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::{
    browsers::{self, Tells, Visit, may_visit},
    extract::{Origin, Path},
    files,
    problem::{Answer, Problem},
};
use crate::{
    app::SharedApp,
    channel::Channel,
    clock::Instant,
    config::Limits,
    error::Error,
    id::{ChannelId, VisitorId, WorkspaceId},
    realtime::visitors::{self, Place, Seat, Shown},
    store::{
        Tx,
        files::{File, uploaded_by},
    },
    uploads::{Load, Uploader},
};

/// A line without meaning goes out after that much silence, so that nobody between takes the stream for dead.
const SILENCE: Duration = Duration::from_secs(20);
/// Events that wait for the browser, beside what the system buffers.
const AHEAD: usize = 8;
/// Of a visitor, in files' sizes for each day.
const FILES_A_DAY: usize = 10;
const DAY: i64 = 24 * 3600 * 1_000_000;

pub(super) fn routes(limits: &Limits) -> Router<SharedApp> {
    let uploads = post(upload)
        .options(preflight)
        .layer(DefaultBodyLimit::max(limits.visitor_body));
    Router::new()
        .route("/hooks/{channel}/_/stream", get(stream).options(preflight))
        .route("/hooks/{channel}/_/upload", uploads)
        .route("/hooks/{channel}/_/asset/{*name}", get(asset))
        .route("/hooks/{channel}/_/", any(nothing))
        .route("/hooks/{channel}/_/{*rest}", any(nothing))
}

/// A channel that has visitors, and a request that was let in to it.
struct Guest {
    channel: Arc<Channel>,
    package: Arc<Package>,
    visit: Visit,
}

impl Guest {
    /// # Errors
    /// The refusal, as the page may read it.
    async fn admit(
        app: &SharedApp,
        channel: &str,
        (headers, tells): (&HeaderMap, Tells),
    ) -> Result<Self, Response> {
        let found = Self::find(app, channel, (headers, tells)).await;
        found.map_err(|problem| browsers::refused(headers, problem))
    }

    async fn find(
        app: &SharedApp,
        channel: &str,
        (headers, tells): (&HeaderMap, Tells),
    ) -> Answer<Self> {
        let id: ChannelId = channel.parse().map_err(|_| Problem::not_found())?;
        let channel = app.channels.find(app, id).await?;
        let channel = channel.ok_or_else(Problem::not_found)?;
        let package = app.apps.package(&channel.plugin_id);
        let package = package
            .filter(|package| may_visit(package))
            .ok_or_else(Problem::not_found)?;
        let visit = Visit::of(&package, &channel, headers, tells)?;
        if !app.apps.is_on(channel.workspace_id, &channel.plugin_id) {
            return Err(Problem::unavailable("This chat is switched off."));
        }
        Ok(Self {
            channel,
            package,
            visit,
        })
    }

    /// The visitor whose token comes with the request.
    async fn visitor(&self, app: &SharedApp, headers: &HeaderMap) -> Answer<VisitorId> {
        let told = headers.get(header::AUTHORIZATION);
        let token = told
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .unwrap_or_default();
        let of = (self.channel.workspace_id, self.channel.id);
        let mut tx = app.store.look_up().await?;
        let visitor = app.visitors.verify(&mut tx, of, token.trim()).await?;
        visitor.ok_or_else(|| Problem::unauthenticated("This token is not good here."))
    }
}

async fn preflight(headers: HeaderMap) -> Response {
    browsers::preflight(&headers)
}

/// What was pushed to the visitor, as it comes.
async fn stream(
    State(app): State<SharedApp>,
    Path(channel): Path<String>,
    origin: Origin,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let told = (&headers, Tells::Always);
    let guest = Guest::admit(&app, &channel, told).await?;
    let answer = flowing(&app, &guest, origin.address, &headers).await;
    Ok(guest.visit.answer(answer))
}

async fn flowing(
    app: &SharedApp,
    guest: &Guest,
    address: IpAddr,
    headers: &HeaderMap,
) -> Answer<Response> {
    app.limits.visit(address).map_err(Problem::rate_limited)?;
    let visitor = guest.visitor(app, headers).await?;
    // One that is no number of ours is behind everything.
    let from = headers
        .get("last-event-id")
        .map(|id| id.to_str().ok().and_then(|id| id.parse().ok()).unwrap_or(0));
    let most = app.config.limits.streams_per_address.get();
    let seat = app
        .visitor_streams
        .seat(address, most)
        .ok_or_else(|| Problem::rate_limited(30))?;
    let (out, shown) = mpsc::channel(AHEAD);
    let place = Place {
        channel: guest.channel.id,
        visitor: visitor.to_string(),
    };
    let workspace = guest.channel.workspace_id;
    tokio::spawn(seated(
        seat,
        visitors::serve(app.clone(), workspace, place, from, out),
    ));
    let events = stream::unfold(shown, async |mut shown| {
        let event = shown.recv().await?;
        Some((Ok::<_, Infallible>(event_of(event)), shown))
    });
    let silence = KeepAlive::new().interval(SILENCE);
    let unbuffered = [(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    )];
    let events = Sse::new(Box::pin(events)).keep_alive(silence);
    Ok((unbuffered, events).into_response())
}

async fn seated(seat: Seat, serving: impl Future<Output = ()>) {
    serving.await;
    drop(seat);
}

fn event_of(shown: Shown) -> Event {
    match shown {
        Shown::Ready { number } => Event::default()
            .id(number.to_string())
            .event("host-ready")
            .data("{}"),
        Shown::Resync { number } => Event::default()
            .id(number.to_string())
            .event("host-resync")
            .data("{}"),
        Shown::Pushed(it) => Event::default()
            .id(it.number.to_string())
            .event(it.kind)
            .data(it.data),
    }
}

/// Keeps a file that the visitor is about to send.
async fn upload(
    State(app): State<SharedApp>,
    Path(channel): Path<String>,
    origin: Origin,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Response> {
    let told = (&headers, Tells::Always);
    let guest = Guest::admit(&app, &channel, told).await?;
    let answer = taken_in(&app, &guest, origin.address, &headers, form).await;
    Ok(guest.visit.answer(answer))
}

async fn taken_in(
    app: &SharedApp,
    guest: &Guest,
    address: IpAddr,
    headers: &HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Answer<Response> {
    app.limits.visit(address).map_err(Problem::rate_limited)?;
    let visitor = guest.visitor(app, headers).await?.to_string();
    app.limits.upload(address).map_err(Problem::rate_limited)?;
    let (workspace, now) = (guest.channel.workspace_id, app.clock.now());
    let of = (workspace, guest.channel.id);
    let mut tx = app.store.look_up().await?;
    let today = tx.uploaded_bytes(of, &visitor, now - DAY).await?;
    drop(tx);
    let limits = &app.config.limits;
    let most = limits.visitor_body.saturating_mul(FILES_A_DAY);
    if usize::try_from(today).unwrap_or(0) >= most {
        return Err(Problem::rate_limited(3_600));
    }
    let from = Uploader::of(guest.channel.id, address);
    // However long it says that it is, no more than that is read.
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    let bytes = length.map_or(limits.visitor_body, |it: usize| it.min(limits.visitor_body));
    let (_under_way, meanwhile) = app.uploads.begin(from, bytes as u64);
    has_room(
        &mut app.store.look_up().await?,
        of,
        from,
        (meanwhile, now),
        limits,
    )
    .await?;
    let own = guest.channel.max_file_bytes;
    let own = own.and_then(|it| u64::try_from(it).ok());
    let largest = own.unwrap_or(u64::MAX).min(limits.visitor_body as u64);
    let received = files::receive(app, workspace, "document", Some(largest), form).await?;
    let file = File {
        state: "offered".to_owned(),
        source: Some(uploaded_by(&visitor)),
        channel_id: Some(guest.channel.id),
        ..received.file(workspace, now)
    };
    // Others may have arrived meanwhile, at other servers too.
    let mut tx = app.store.write(workspace).await?;
    let arrived = Load {
        files: 1,
        bytes: u64::try_from(file.size).unwrap_or(0),
    };
    if let Err(full) = has_room(&mut tx, of, from, (arrived, now), limits).await {
        drop(tx);
        app.files
            .remove(workspace, file.id)
            .await
            .map_err(Error::internal)?;
        return Err(full);
    }
    tx.insert_file(&file).await?;
    tx.note_upload(of, (file.id, file.size), &from.tag(), now)
        .await?;
    tx.commit().await?;
    let view = json!({"media": format!("media:{}", file.id), "mime": file.mime, "name": file.name, "size": file.size});
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// Whether a network may have so much more with a channel: not sent yet, and of one day. Visitors are nobody's in particular, so that a bound of each is none.
async fn has_room(
    tx: &mut Tx,
    of: (WorkspaceId, ChannelId),
    from: Uploader,
    (more, now): (Load, Instant),
    limits: &Limits,
) -> Answer<()> {
    let there = tx.uploads_of_network(of, &from.tag(), now - DAY).await?;
    let sum = |have: i64, more: u64| u64::try_from(have).unwrap_or(0).saturating_add(more);
    if sum(there.bytes, more.bytes) > limits.upload_bytes_per_address as u64 {
        return Err(Problem::rate_limited(3_600));
    }
    if sum(there.unsent, more.files) > u64::from(limits.unsent_per_address.get()) {
        return Err(Problem::rate_limited(60));
    }
    Ok(())
}

/// A part of the package that anybody may read.
async fn asset(
    State(app): State<SharedApp>,
    Path((channel, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let told = (&headers, Tells::Perhaps);
    let guest = Guest::admit(&app, &channel, told).await?;
    Ok(guest.visit.answer(public(&guest.package, &name, &headers)))
}

fn public(package: &Package, name: &str, headers: &HeaderMap) -> Answer<Response> {
    let named = package.manifest().public_assets.iter().any(|it| it == name);
    let bytes = package.assets().get(name).filter(|_| named);
    let bytes = bytes.ok_or_else(Problem::not_found)?;
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..16]));
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        // What compresses on the way makes it a weak one.
        .is_some_and(|value| {
            value
                .split(',')
                .any(|it| it.trim().trim_start_matches("W/") == tag)
        });
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let about = [
        (header::ETAG, text(tag)?),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=300"),
        ),
        (header::CONTENT_TYPE, text(super::ui::content_type(&kind))?),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    Ok((about, bytes.clone()).into_response())
}

fn text(value: String) -> Answer<HeaderValue> {
    HeaderValue::try_from(value).map_err(|error| Problem::internal(&error))
}

/// Nothing else below is anybody's; above all not the plugin's.
async fn nothing() -> Problem {
    Problem::not_found()
}
