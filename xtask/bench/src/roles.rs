//! The two programs the measured server stands between and beside: the upstream stand-in and the bare reverse proxy.
//! Each runs as a process of its own, so that the system's accounts say what each costs.

use std::{
    collections::HashMap,
    convert::Infallible,
    io::Write as _,
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use futures_util::StreamExt as _;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response, StatusCode, Uri, body::Body, body::Bytes, body::Frame, body::Incoming, header,
    http::uri::PathAndQuery, http::uri::Scheme, server::conn::http1, service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// In front of the time at which a piece of text was sent.
pub(super) const SENT: &str = "sent at ";
/// How long a streamed answer takes after its first piece.
const WHILE: Duration = Duration::from_millis(50);

/// What the stand-in answers for one vector store id.
pub(super) struct Reply {
    /// The id it is asked for by.
    pub(super) id: String,
    /// Its name in the table.
    pub(super) name: String,
    /// What the measured server may cost, as a multiple of the proxy's CPU time.
    pub(super) allowed: f64,
    /// The answer parsed, to compare with what the server under test makes of it.
    pub(super) value: Value,
    /// The answer as sent.
    pub(super) body: Bytes,
}

impl Reply {
    pub(super) fn compact(&self) -> bool {
        self.name.ends_with(COMPACT)
    }
}

const COMPACT: &str = " compact";

/// Every reply in both forms: pretty-printed, as api.openai.com sends it, and compact.
pub(super) static REPLIES: LazyLock<Vec<Reply>> = LazyLock::new(|| {
    let replies = [
        ("1k", store(), 1.35),
        ("20k", passages(20_000), 2.2),
        ("60k", passages(60_000), 2.5),
        ("embedding", embedding(), 2.5),
    ];
    replies
        .into_iter()
        .flat_map(|(name, value, allowed)| {
            let pretty = format!("{value:#}\n");
            let compact = value.to_string();
            let reply = |suffix: &str, body: String| Reply {
                id: format!("vs_{name}{}", suffix.replace(' ', "_")),
                name: format!("{name}{suffix}"),
                allowed,
                value: value.clone(),
                body: Bytes::from(body),
            };
            [reply("", pretty), reply(COMPACT, compact)]
        })
        .collect()
});

fn store() -> Value {
    let metadata: serde_json::Map<_, _> = (1..=9)
        .map(|n| (format!("label_{n}"), json!(format!("a note of the owner about this store, no. {n}"))))
        .collect();
    json!({
        "id": "vs_67f2c1d09a3c8191b6c2c7f4a5e0d1b3", "object": "vector_store", "created_at": 1_762_000_000,
        "name": "Handbook \u{2013} “people & places”", "description": null, "usage_bytes": 1_843_921,
        "file_counts": {"in_progress": 0, "completed": 12, "failed": 0, "cancelled": 0, "total": 12},
        "status": "completed", "expires_after": {"anchor": "last_active_at", "days": 7},
        "expires_at": 1_762_604_800, "last_active_at": 1_762_000_000, "metadata": metadata,
    })
}

fn passages(bytes: usize) -> Value {
    const TEXT: &str = "## 4.2 Returns\n\nA customer may return an item within 30 days of delivery.\n\t\"Delivery\" means \
        the day on which the parcel was handed over – not the day on which it left the warehouse. Café stock, \
        C:\\inventory\\fresh, is excluded; see <https://example.com/returns?lang=en&v=2>.\nRefunds are paid to the \
        original means of payment within five working days.\n";
    let passage = |n: usize| {
        json!({
            "file_id": format!("file-8hGm2QdVxYw4{n:04}"), "filename": format!("handbook/part-{n}.md"),
            "score": 0.871_234 - n as f64 / 1000.0, "attributes": {"language": "en", "year": 2026, "public": true},
            "content": [{"type": "text", "text": TEXT.repeat(4)}],
        })
    };
    let page = |count: usize| {
        let data: Vec<_> = (1..=count).map(passage).collect();
        json!({"object": "vector_store.search_results.page", "search_query": ["how do I return an item?"],
               "data": data, "has_more": false, "next_page": null})
    };
    let one = format!("{:#}", page(1)).len() - format!("{:#}", page(0)).len();
    page(bytes / one)
}

fn embedding() -> Value {
    let mut state = 0x2545_f491_u32;
    let vector: Vec<f64> = (0..1536)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Ten decimals, as the API prints its single-precision numbers.
            ((f64::from(state) / f64::from(u32::MAX) - 0.5) * 1e9).round() / 1e10
        })
        .collect();
    json!({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": vector}],
           "model": "text-embedding-3-small", "usage": {"prompt_tokens": 8, "total_tokens": 8}})
}

/// Answers `/v1/vector_stores/{id}` with a fixed body, `POST /v1/files` with the count of the bytes it threw away, and
/// `POST /v1/chat/completions` with a stream of when it was sent.
pub(super) fn upstream(address: SocketAddr) -> Result<()> {
    let replies: HashMap<String, Bytes> =
        REPLIES.iter().map(|reply| (format!("/v1/vector_stores/{}", reply.id), reply.body.clone())).collect();
    let replies = Arc::new(replies);
    serve(address, move |request: Request<Incoming>| {
        let replies = Arc::clone(&replies);
        async move {
            let (parts, mut body) = request.into_parts();
            let mut received = 0;
            while let Some(Ok(frame)) = body.frame().await {
                received += frame.data_ref().map_or(0, Bytes::len);
            }
            let (status, body) = match replies.get(parts.uri.path()) {
                Some(reply) => (StatusCode::OK, reply.clone()),
                None if parts.uri.path() == "/v1/files" => (
                    StatusCode::OK,
                    Bytes::from(
                        json!({"id": "file-bench", "object": "file", "bytes": received, "created_at": 1_762_000_000,
                               "filename": "bench.bin", "purpose": "user_data", "status": "processed"})
                        .to_string(),
                    ),
                ),
                None => {
                    (StatusCode::NOT_FOUND, Bytes::from_static(br#"{"error":{"message":"not part of the bench"}}"#))
                }
            };
            let streams = parts.uri.path() == "/v1/chat/completions";
            let mut response = Response::new(if streams { told() } else { Full::new(body).boxed() });
            *response.status_mut() = if streams { StatusCode::OK } else { status };
            let headers = response.headers_mut();
            let media = if streams { "text/event-stream" } else { "application/json" };
            headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media));
            headers.insert("x-request-id", header::HeaderValue::from_static("req_bench"));
            headers.insert("openai-processing-ms", header::HeaderValue::from_static("42"));
            Ok::<_, Infallible>(response)
        }
    })
}

/// Nanoseconds since 1970.
pub(super) fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

/// A completion in two pieces: the time at which the first leaves, and after a while the end.
fn told() -> BoxBody<Bytes, Infallible> {
    let chunk = |delta: Value, ended: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": ended});
        let chunk = json!({"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_762_000_000,
                           "model": "bench", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let pieces = futures_util::stream::iter([false, true]).then(move |last| async move {
        let text = if last {
            tokio::time::sleep(WHILE).await;
            chunk(json!({}), json!("stop")) + "data: [DONE]\n\n"
        } else {
            chunk(json!({"role": "assistant", "content": format!("{SENT}{}", now())}), Value::Null)
        };
        Ok::<_, Infallible>(Frame::data(Bytes::from(text)))
    });
    BoxBody::new(StreamBody::new(pieces))
}

/// Forwards every request as it is and streams the answer back, over pooled connections.
pub(super) fn proxy(upstream: SocketAddr) -> Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build::<_, Incoming>(connector);
    let authority: hyper::http::uri::Authority = upstream.to_string().parse()?;
    serve(SocketAddr::from(([127, 0, 0, 1], 0)), move |mut request: Request<Incoming>| {
        let client = client.clone();
        let path = request.uri().path_and_query().cloned();
        let target = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(authority.clone())
            .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
            .build();
        async move {
            *request.uri_mut() = target?;
            request.headers_mut().remove(header::HOST);
            Ok::<_, anyhow::Error>(client.request(request).await?)
        }
    })
}

/// Serves HTTP/1.1 on as many threads as there are cores, and says where, in the words the measured server uses.
fn serve<S, F, B, E>(address: SocketAddr, service: S) -> Result<()>
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(address).await?;
        writeln!(std::io::stderr(), "listening on http://{}", listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = service_fn(service.clone());
            tokio::spawn(async move {
                // A connection that the bench closes ends in an error here: nothing to tell anyone.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}
