//! Plugins' requests on the network: resolves a host once, connects only to addresses that the policy permits, follows no redirect,
//! stops reading at the limit. What may be asked at all was decided before (`balcao_runtime::http`).

use std::{
    collections::BTreeMap,
    error::Error as StdError,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use balcao_runtime::http::{
    HttpError, Prepared, Response, Sink, Transport,
    download::not_kept,
    policy::{Refusal, choose_address},
    upload::{self, Reading},
};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    header::CONTENT_LENGTH,
    redirect,
};
use tokio::time::timeout;
use url::Url;

use crate::store::Store;

/// How long nothing of a file may come before its download is given up.
const STALLED: Duration = Duration::from_secs(30);

/// Gives a host's addresses; the system's resolver outside tests.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    async fn addresses(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn addresses(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// One connection pool for all plugins; a connection is made only to an address that was permitted when it was made.
pub struct Network {
    client: Client,
    /// Stand-ins of providers, by the host they stand for; development only.
    stand_ins: BTreeMap<String, Url>,
}

impl Network {
    /// `allow_private`: also addresses of private networks and of this machine. `stand_ins` go anywhere: both are for development, and
    /// the configuration refuses them elsewhere.
    ///
    /// # Errors
    /// The system has no usable TLS roots.
    pub fn new(
        resolver: impl Resolver,
        allow_private: bool,
        stand_ins: BTreeMap<String, Url>,
    ) -> Result<Self, reqwest::Error> {
        // A second installation finds the first one, which is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            // What the store of files brings along would be spoken with some providers, and not with others.
            .http1_only()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .dns_resolver(Arc::new(Checked {
                resolver: Arc::new(resolver),
                allow_private,
            }))
            .build()?;
        Ok(Self { client, stand_ins })
    }

    /// The address to ask in place of the real one, where a stand-in is set.
    fn destination(&self, url: &Url) -> Result<Url, HttpError> {
        let Some(stand_in) = url.host_str().and_then(|host| self.stand_ins.get(host)) else {
            return Ok(url.clone());
        };
        let mut mapped = stand_in.clone();
        mapped.set_path(url.path());
        mapped.set_query(url.query());
        Ok(mapped)
    }
}

/// The same, once nothing that a request may rest on can be taken back by a power failure: the message that it carries, the event of which
/// its plugin was told, the claim by which nobody else sends it too.
pub struct Settled<T> {
    pub store: Store,
    pub network: T,
}

#[async_trait]
impl<T: Transport> Transport for Settled<T> {
    async fn send(&self, request: Prepared) -> Result<Response, HttpError> {
        if let Err(error) = self.store.settled().await {
            return Err(HttpError::Unreachable(error.to_string()));
        }
        self.network.send(request).await
    }

    async fn download(&self, request: Prepared, to: &mut dyn Sink) -> Result<Response, HttpError> {
        if let Err(error) = self.store.settled().await {
            return Err(HttpError::Unreachable(error.to_string()));
        }
        self.network.download(request, to).await
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Prepared) -> Result<Response, HttpError> {
        let mut answer = self.ask(&request).await?;
        let mut response = head(&answer);
        let mut body = BytesMut::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| failure(&error, request.timeout))?
        {
            within(&request, body.len() + chunk.len())?;
            body.extend_from_slice(&chunk);
        }
        response.body = body.freeze();
        Ok(response)
    }

    async fn download(&self, request: Prepared, to: &mut dyn Sink) -> Result<Response, HttpError> {
        let mut answer = self.ask(&request).await?;
        let response = head(&answer);
        if response.status != 200 {
            return Ok(response);
        }
        // What is too large is not begun.
        let announced = answer.content_length().unwrap_or(0);
        within(&request, usize::try_from(announced).unwrap_or(usize::MAX))?;
        to.expect(announced);
        let mut size = 0;
        loop {
            let chunk = match timeout(STALLED, answer.chunk()).await {
                Err(_) => return Err(HttpError::Timeout(STALLED)),
                Ok(chunk) => chunk.map_err(|error| failure(&error, request.timeout))?,
            };
            let Some(chunk) = chunk else {
                return Ok(response);
            };
            size += chunk.len();
            within(&request, size)?;
            to.write(&chunk).await.map_err(|error| not_kept(&error))?;
        }
    }
}

impl Network {
    /// Sends the request; the answer's body is still to be read.
    async fn ask(&self, request: &Prepared) -> Result<reqwest::Response, HttpError> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| HttpError::Denied(format!("`{}` is not a method", request.method)))?;
        let mut outgoing = self
            .client
            .request(method, self.destination(&request.url)?)
            .timeout(request.timeout);
        outgoing = match request.files.as_slice() {
            [] => outgoing.body(request.body.clone()),
            files => {
                let size = request.body.len() as u64 + upload::size_of(files);
                outgoing
                    .header(CONTENT_LENGTH, size)
                    .body(streamed(Reading::new(&request.body, files)))
            }
        };
        if let Some(host) = request.url.host_str()
            && self.stand_ins.contains_key(host)
        {
            // A stand-in may play several hosts.
            outgoing = outgoing.header(reqwest::header::HOST, host);
        }
        for (name, value) in &request.headers {
            outgoing = outgoing.header(name, value);
        }
        let answer = outgoing.send().await;
        answer.map_err(|error| failure(&error, request.timeout))
    }
}

/// A body that is read as it is sent.
fn streamed(reading: Reading) -> reqwest::Body {
    let pieces = stream::unfold(reading, async |mut reading| {
        let piece = reading.next().await?;
        Some((piece, reading))
    });
    reqwest::Body::wrap_stream(pieces)
}

/// An answer without its body.
fn head(answer: &reqwest::Response) -> Response {
    let headers = answer.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    Response {
        status: answer.status().as_u16(),
        headers: headers.collect(),
        body: Bytes::new(),
    }
}

fn within(request: &Prepared, size: usize) -> Result<(), HttpError> {
    let bound = request.max_response_bytes;
    if size > bound {
        return Err(HttpError::Limit(format!(
            "max_response_bytes: the answer has more than {bound} bytes"
        )));
    }
    Ok(())
}

/// What went wrong, in the runtime's words. Says nothing of the URL: it may hold a secret.
fn failure(error: &reqwest::Error, timeout: Duration) -> HttpError {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    let mut last = "no further reason".to_owned();
    while let Some(inner) = cause {
        if let Some(refusal) = inner.downcast_ref::<Refusal>() {
            return HttpError::Denied(refusal.to_string());
        }
        last = inner.to_string();
        cause = inner.source();
    }
    if error.is_connect() {
        return HttpError::Unreachable(format!("no connection: {last}"));
    }
    if error.is_timeout() {
        return HttpError::Timeout(timeout);
    }
    HttpError::Broken(format!("the connection broke: {last}"))
}

/// Resolves a name and lets only a permitted address through.
struct Checked {
    resolver: Arc<dyn Resolver>,
    allow_private: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.resolver);
        let allow_private = self.allow_private;
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str()).await?;
            let chosen = choose_address(&addresses, allow_private)?;
            let addresses: Addrs = Box::new(std::iter::once(SocketAddr::new(chosen, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Database;

    struct Answers(Vec<IpAddr>);

    #[async_trait]
    impl Resolver for Answers {
        async fn addresses(&self, _host: &str) -> std::io::Result<Vec<IpAddr>> {
            Ok(self.0.clone())
        }
    }

    fn request(url: &str) -> Prepared {
        Prepared {
            method: "GET".into(),
            url: Url::parse(url).unwrap(),
            headers: Vec::new(),
            body: bytes::Bytes::new(),
            files: Vec::new(),
            shown_url: url.into(),
            shown_headers: Vec::new(),
            timeout: Duration::from_secs(5),
            max_response_bytes: 1024,
        }
    }

    /// Answers whether all was on the disk when it was asked.
    struct Looks(Store);

    #[async_trait]
    impl Transport for Looks {
        async fn send(&self, _: Prepared) -> Result<Response, HttpError> {
            Ok(Response {
                status: if self.0.is_settled() { 200 } else { 500 },
                headers: Vec::new(),
                body: Bytes::new(),
            })
        }
    }

    #[tokio::test]
    async fn a_request_leaves_once_what_it_may_rest_on_is_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().to_owned();
        let store = Store::open(&Database::Sqlite { data_dir }).await.unwrap();
        let claim = store.begin_repeatable().await.unwrap();
        claim.commit().await.unwrap();
        assert!(!store.is_settled());
        let outgoing = Settled {
            network: Looks(store.clone()),
            store: store.clone(),
        };
        let answer = outgoing.send(request("https://example.com")).await.unwrap();
        assert_eq!(answer.status, 200);
        store.close().await;
    }

    /// A server on loopback that answers every connection with these bytes.
    async fn server(answer: &'static [u8]) -> SocketAddr {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut asked = [0; 4096];
                let _ = socket.read(&mut asked).await;
                let _ = socket.write_all(answer).await;
            }
        });
        address
    }

    fn network(addresses: &[&str], allow_private: bool) -> Network {
        let addresses = addresses.iter().map(|it| it.parse().unwrap()).collect();
        Network::new(Answers(addresses), allow_private, BTreeMap::new()).unwrap()
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_is_denied_even_beside_a_public_address() {
        for addresses in [
            &["127.0.0.1"][..],
            &["93.184.216.34", "127.0.0.1"],
            &["::ffff:10.0.0.1"],
        ] {
            let refused = network(addresses, false)
                .send(request("https://provider.example/"))
                .await
                .unwrap_err();
            assert!(matches!(refused, HttpError::Denied(_)), "{refused:?}");
        }
    }

    /// A server on loopback that answers with the host it was asked for.
    async fn mirror() -> SocketAddr {
        use axum::{Router, http::HeaderMap};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let host = |headers: HeaderMap| async move {
            headers["host"].clone().to_str().unwrap().to_owned()
        };
        let router = Router::new().fallback(host);
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    #[tokio::test]
    async fn a_stand_in_is_asked_as_the_host_that_it_stands_in_for() {
        let stand_in = Url::parse(&format!("http://{}", mirror().await)).unwrap();
        let stand_ins = ["one.example", "other.example"].map(|it| (it.into(), stand_in.clone()));
        let network = Network::new(Answers(Vec::new()), false, stand_ins.into()).unwrap();
        for host in ["one.example", "other.example"] {
            let asked = request(&format!("https://{host}/path"));
            let answer = network.send(asked).await.unwrap();
            assert_eq!(answer.body, host.as_bytes());
        }
    }

    #[tokio::test]
    async fn a_redirect_comes_back_as_it_is() {
        let address =
            server(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        let network = network(&["127.0.0.1"], true);
        let answer = network
            .send(request(&format!(
                "http://provider.example:{}/",
                address.port()
            )))
            .await
            .unwrap();
        assert_eq!(answer.status, 302);
        assert!(
            answer
                .headers
                .contains(&("location".into(), "http://127.0.0.1:1/".into()))
        );
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_may_have_arrived_and_a_refused_connection_has_not() {
        let address = server(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
        let network = network(&["127.0.0.1"], true);
        let broken = network
            .send(request(&format!(
                "http://provider.example:{}/",
                address.port()
            )))
            .await
            .unwrap_err();
        assert!(broken.may_have_arrived(), "{broken:?}");
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let refused = network
            .send(request(&format!(
                "http://provider.example:{}/",
                closed.port()
            )))
            .await
            .unwrap_err();
        assert!(matches!(refused, HttpError::Unreachable(_)), "{refused:?}");
    }

    #[tokio::test]
    async fn an_answer_larger_than_allowed_is_a_limit() {
        let address = server(b"HTTP/1.1 200 OK\r\ncontent-length: 1025\r\n\r\n").await;
        let big = server(Box::leak(
            [
                b"HTTP/1.1 200 OK\r\ncontent-length: 1025\r\n\r\n".as_slice(),
                &[b'x'; 1025],
            ]
            .concat()
            .into_boxed_slice(),
        ))
        .await;
        let network = network(&["127.0.0.1"], true);
        let error = network
            .send(request(&format!("http://provider.example:{}/", big.port())))
            .await
            .unwrap_err();
        assert!(matches!(error, HttpError::Limit(_)), "{error:?}");
        let short = network
            .send(request(&format!(
                "http://provider.example:{}/",
                address.port()
            )))
            .await
            .unwrap_err();
        assert!(matches!(short, HttpError::Broken(_)), "{short:?}");
    }
}
