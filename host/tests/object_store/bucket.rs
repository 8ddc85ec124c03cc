//! A bucket of a real S3-compatible server on this machine, which checks every signature; it can be down.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use balcao::config::{Config, Hidden};
use s3s::{auth::SimpleAuth, service::S3Service, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::Service;

/// The bucket and its keys; the second is a secret.
const NAME: &str = "arquivos";
const KEY: &str = "AKIATESTE";
pub const SECRET: &str = "segredo-da-loja-de-arquivos";

pub struct Bucket {
    folder: TempDir,
    address: SocketAddr,
    server: Server,
}

#[derive(Clone)]
struct Server {
    service: S3Service,
    down: Arc<AtomicBool>,
    refuses_the_rest: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Bucket {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join(NAME)).expect("a bucket");
        let files = FileSystem::new(folder.path()).expect("a folder");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let server = Server {
            service: service.build(),
            down: Arc::default(),
            refuses_the_rest: Arc::default(),
            asked: Arc::default(),
        };
        let router = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::disable())
            .with_state(server.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            folder,
            address,
            server,
        }
    }

    /// Files go there, below a prefix.
    pub fn holds_files_of(&self, config: &mut Config) {
        let url = |text: String| Some(text.parse().expect("a URL"));
        config.files.url = url(format!("s3://{NAME}/balcao/loja"));
        config.files.endpoint = url(format!("http://{}", self.address));
        config.files.access_key_id = Some(KEY.into());
        config.files.secret_access_key = Some(Hidden(SECRET.into()));
    }

    pub fn is_down(&self, down: bool) {
        self.server.down.store(down, Ordering::SeqCst);
    }

    /// Takes the first part of a file and no other.
    pub fn refuses_the_rest(&self) {
        self.server.refuses_the_rest.store(true, Ordering::SeqCst);
    }

    /// Everything on its disk, also what no file is made of yet.
    pub fn all(&self) -> Vec<(String, u64)> {
        let mut all = Vec::new();
        collect(self.folder.path(), &mut all);
        all
    }

    /// Requests so far.
    pub fn asked(&self) -> usize {
        self.server.asked.load(Ordering::SeqCst)
    }

    /// What is in it, by the last part of its name, and how many bytes.
    pub fn kept(&self) -> Vec<(String, u64)> {
        let mut kept = Vec::new();
        collect(&self.folder.path().join(NAME), &mut kept);
        kept.sort();
        kept
    }
}

fn collect(folder: &Path, into: &mut Vec<(String, u64)>) {
    let entries = std::fs::read_dir(folder).expect("a folder");
    for path in entries.map(|it| it.expect("an entry").path()) {
        if path.is_dir() {
            collect(&path, into);
        } else {
            into.push((name(&path), path.metadata().expect("a file").len()));
        }
    }
}

fn name(path: &Path) -> String {
    let name = path.file_name().expect("a name");
    name.to_string_lossy().into_owned()
}

async fn answer(State(mut server): State<Server>, request: Request) -> Response {
    server.asked.fetch_add(1, Ordering::SeqCst);
    if server.down.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let query = request.uri().query().unwrap_or_default();
    if server.refuses_the_rest.load(Ordering::SeqCst) && query.contains("partNumber=2") {
        return StatusCode::FORBIDDEN.into_response();
    }
    match Service::<Request>::call(&mut server.service, request).await {
        Ok(answer) => answer.map(Body::new),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
