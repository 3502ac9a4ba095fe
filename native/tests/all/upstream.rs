//! Requests to OpenAI: where the key goes, what failures say.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Method, Request};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::platform::Platform as _;
use openai_mcp_kernel::server::Reply;
use openai_mcp_testkit::recorder::{Answer, Recorder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::http::rounds;
use crate::things::{config, get, machine, service};

fn request(method: Method, url: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(url)
        .header("authorization", "Bearer sk-secret")
        .header("openai-project", "proj_1")
        .header("openai-beta", "assistants=v2")
        .header("accept", "application/json")
        .body(Body::EMPTY)
        .unwrap()
}

async fn send(request: Request<Body>) -> Result<(u16, Bytes), Failure> {
    let (head, body) = machine().send(request).await?.into_parts();
    Ok((head.status.as_u16(), body.collect(1 << 20).await.unwrap()))
}

#[tokio::test]
async fn the_key_stays_with_its_origin() {
    let other = Recorder::start_default().unwrap();
    let elsewhere = format!("{}/away", other.base_url());
    let home = Recorder::start(move |request| match request.path() {
        "/v1/away" => Answer::json(307, "").with_header("location", &elsewhere),
        "/v1/near" => Answer::json(301, "").with_header("location", "here"),
        _ => Answer::json(200, "{}"),
    })
    .unwrap();

    assert_eq!(send(request(Method::GET, &format!("{}/near", home.base_url()))).await.unwrap().0, 200);
    let seen = home.take();
    assert_eq!(seen.iter().map(|seen| seen.target.as_str()).collect::<Vec<_>>(), ["/v1/near", "/v1/here"]);
    assert!(seen.iter().all(|seen| seen.header("authorization") == Some("Bearer sk-secret")));

    // Another port is another server.
    assert_eq!(send(request(Method::GET, &format!("{}/away", home.base_url()))).await.unwrap().0, 200);
    let [seen] = other.take().try_into().unwrap();
    let sent: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(sent, ["accept", "host"]);
}

#[tokio::test]
async fn a_flood_of_heads_leaves_others_their_turn() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/things/a", listener.local_addr().unwrap());
    // What comes before the answer: RFC 9110, section 15.2.
    let mut flood = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1 << 18);
    flood.extend(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let length = flood.len();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream.write_all(&flood).await.unwrap();
    });
    let (count, rounds) = rounds();
    assert_eq!(send(request(Method::GET, &url)).await.unwrap().0, 200);
    rounds.abort();
    let count = count.load(Ordering::Relaxed);
    // The client may read as much as 400 KB at a time.
    assert!(count >= length / (512 * 1024), "{count} rounds for {length} bytes");
}

#[tokio::test]
async fn only_reads_are_redirected() {
    let home = Recorder::start(|request| match (request.method.as_str(), request.path()) {
        (_, "/v1/around") => Answer::json(302, "").with_header("location", "around"),
        (_, "/v1/file") => Answer::json(302, "").with_header("location", "file:///etc/passwd"),
        _ => Answer::json(302, "{}").with_header("location", "/v1/other"),
    })
    .unwrap();
    for method in [Method::POST, Method::DELETE] {
        assert_eq!(send(request(method, &format!("{}/things", home.base_url()))).await.unwrap().0, 302);
    }
    assert_eq!(home.take().len(), 2);
    for (path, problem) in [("around", "more than 5 redirects"), ("file", "other than http or https")] {
        let failure = send(request(Method::GET, &format!("{}/{path}", home.base_url()))).await.unwrap_err();
        assert!(failure.text.contains(problem) && !failure.unsent, "{failure:?}");
    }
}

#[tokio::test]
async fn failures_tell_what_and_no_secret() {
    let gone = Recorder::start_default().unwrap().addr();
    let failure = send(request(Method::POST, &format!("http://{gone}/v1/things?token=t0ps3cret"))).await.unwrap_err();
    assert!(failure.unsent, "{failure:?}");
    assert!(failure.text.contains(&gone.to_string()) && failure.text.contains("refused"), "{failure:?}");

    let rude = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/things?token=t0ps3cret", rude.local_addr().unwrap());
    let hang_up = async {
        use tokio::io::AsyncReadExt as _;
        loop {
            let (mut stream, _) = rude.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
        }
    };
    let failure = tokio::select! {
        outcome = send(request(Method::POST, &url)) => outcome.unwrap_err(),
        () = hang_up => unreachable!(),
    };
    assert!(!failure.unsent, "{failure:?}");
    for secret in ["t0ps3cret", "sk-secret"] {
        assert!(!failure.text.contains(secret), "{failure:?}");
    }
}

#[tokio::test]
async fn a_host_that_never_comes_to_tls_was_sent_nothing() {
    // The system takes the connection, and nobody says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1/things", silent.local_addr().unwrap());
    let failure = send(request(Method::POST, &url)).await.unwrap_err();
    assert!(failure.unsent && failure.text.contains("no connection within 10 s"), "{failure:?}");
}

#[tokio::test]
async fn a_request_whose_body_breaks_off_says_why() {
    use futures_util::stream::{self, StreamExt as _};
    let home = Recorder::start_default().unwrap();
    let chunks = stream::iter([
        Ok(Bytes::from_static(b"half")),
        Err(Failure { text: "the file could not be read: it changed meanwhile".into(), unsent: false }),
    ]);
    let mut request = request(Method::POST, &format!("{}/files", home.base_url()));
    *request.body_mut() = Body::Stream { chunks: chunks.boxed(), length: Some(8) };
    let failure = send(request).await.unwrap_err();
    assert_eq!(failure.text, "the file could not be read: it changed meanwhile");
    assert!(home.take().is_empty());
}

/// What a call gets whose requests go to this address.
async fn told(base_url: &str) -> String {
    let service = service(config(base_url, &[]));
    let caller = Caller { trusted: true, ..Caller::default() };
    match service.begin(&get(1, "a").into(), caller, None).reply.await {
        Reply::One(_, message) => String::from_utf8(message.to_vec()).unwrap(),
        _ => panic!("expected one message"),
    }
}

#[tokio::test]
async fn what_is_no_api_names_the_setting_that_leads_there() {
    let page = "<!doctype html><title>Welcome</title>";
    let host = Recorder::start(move |request| match request.path() {
        "/found/things/a" => Answer::json(200, page).with_header("content-type", "text/html"),
        "/moved/things/a" => Answer::json(404, r#"{"error":{"message":"Invalid URL (GET /things/a)"}}"#),
        "/known/things/a" => Answer::json(404, r#"{"error":{"message":"No such thing: a"}}"#),
        _ => Answer::json(404, page),
    })
    .unwrap();
    let at = host.addr();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for base in [
        format!("http://{at}"),
        format!("http://{at}/found"),
        format!("http://{at}/moved"),
        format!("http://{closed}/v1"),
        format!("https://{at}/v1"),
    ] {
        let told = told(&base).await;
        assert!(told.contains(&format!("OPENAI_BASE_URL is `{base}`")), "{base}: {told}");
    }
    let told = told(&format!("http://{at}/known")).await;
    assert!(told.contains("No such thing") && !told.contains("OPENAI_BASE_URL"), "{told}");
}

#[tokio::test]
async fn an_empty_account_is_asked_once() {
    let body = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    let host = Recorder::start(move |_| Answer::json(429, body)).unwrap();
    let told = told(&host.base_url()).await;
    assert!(told.contains("billing") && told.contains("waiting does not help"), "{told}");
    assert_eq!(host.take().len(), 1);
}

#[tokio::test]
async fn advice_fits_the_way_in() {
    let config = std::sync::Arc::new(Config::read(|_| None).unwrap());
    let service = service(config);
    for (by_http, advice) in [(true, "Authorization: Bearer"), (false, "set OPENAI_API_KEY in the environment")] {
        let caller = Caller { trusted: true, by_http, ..Caller::default() };
        let Reply::One(_, message) = service.begin(&get(1, "a").into(), caller, None).reply.await else {
            panic!("expected one message")
        };
        let told = String::from_utf8(message.to_vec()).unwrap();
        assert!(told.contains(advice), "{told}");
    }
}

#[tokio::test]
async fn who_sends_nothing_but_signs_of_life_is_left() {
    use std::io::Write as _;
    use std::time::Duration;

    use futures_util::future::{Either, select};
    use futures_util::stream::StreamExt as _;
    use openai_mcp_kernel::platform::Connected;
    use tokio_tungstenite::tungstenite;

    // Pongs, pings, and pieces of a message that have nothing in them: no event ever comes of them.
    for frame in [[0x8A, 0x00], [0x89, 0x00], [0x00, 0x00]] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/live", listener.local_addr().unwrap());
        let flood = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut socket = tungstenite::accept(stream).unwrap();
            let begun: &[u8] = if frame == [0x00, 0x00] { &[0x01, 0x01, b'{'] } else { &[] };
            let _ = socket.get_mut().write_all(begun);
            // Until the other end is gone.
            while socket.get_mut().write_all(&frame.repeat(30_000)).is_ok() {}
        });
        let Ok(Connected::Open(mut wire)) = machine().connect(request(Method::GET, &url)).await else {
            panic!("it did not open")
        };
        let time_is_up = machine().sleep(Duration::from_millis(100));
        assert!(matches!(select(wire.incoming.next(), time_is_up).await, Either::Right(_)), "{frame:?}");
        drop(wire);
        flood.join().unwrap();
    }
}
