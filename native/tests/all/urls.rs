//! Which URLs a caller may name.

use openai_mcp_kernel::platform::Opened;
use openai_mcp_kernel::urls::is_public;
use openai_mcp_native::urls::Fetcher;
use openai_mcp_testkit::recorder::{Answer, Recorder};

async fn refused(fetcher: &Fetcher, url: &str) -> String {
    fetcher.open(url, None, None).await.map(|opened| panic!("{url} gives {opened:?}")).unwrap_err().into_text()
}

#[test]
fn only_public_addresses_are_public() {
    let rows = [
        (
            true,
            "1.1.1.1 8.8.8.8 93.184.215.14 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.169.0.1 223.255.255.255",
        ),
        (true, "2606:4700::1111 2a00:1450:4001:80b::200e 2001:4860:4860::8888"),
        (
            false,
            "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.0.1",
        ),
        (false, "169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1"),
        (false, "198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16"),
        (
            false,
            ":: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1",
        ),
        (false, "2002:7f00:1::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1"),
    ];
    for (public, addresses) in rows {
        for address in addresses.split(' ') {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }
}

#[tokio::test]
async fn urls_of_this_machine_are_refused() {
    let canary = Recorder::start_default().unwrap();
    let port = canary.addr().port();
    let fetcher = Fetcher::new(&[]);
    let private = [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "%31%32%37.0.0.1",
        "①②⑦.⓪.⓪.①",
        "localhost",
        "LOCALHOST",
    ];
    for host in private {
        let error = refused(&fetcher, &format!("http://{host}:{port}/")).await;
        assert!(
            error.contains("not a public address") || error.contains("leads to no public address"),
            "{host}: {error}"
        );
    }
    // A name that is not there is told in the same words as one that leads inside.
    let nowhere = refused(&fetcher, "http://nowhere.invalid/").await;
    let inside = refused(&fetcher, &format!("http://localhost:{port}/")).await;
    let without_host =
        |error: &str| error.replace("nowhere.invalid", "HOST").replace(&format!("localhost:{port}"), "HOST");
    assert_eq!(without_host(&nowhere), without_host(&inside));
    let odd = [
        ("ftp://example.com/a", "expected http or https"),
        ("file:///etc/passwd", "expected http or https"),
        ("data:text/plain,a", "expected http or https"),
        ("http://", "not a URL"),
        ("example.com/a", "not a URL"),
        ("http://user:pass@example.com/", "user name or password"),
        ("http://user@example.com/", "user name or password"),
        ("http://169.254.169.254/latest/meta-data/", "OPENAI_MCP_ALLOWED_URLS"),
    ];
    for (url, problem) in odd {
        let error = refused(&fetcher, url).await;
        assert!(error.contains(problem), "{url}: {error}");
    }
    assert!(canary.take().is_empty());
}

fn redirecting(to: impl Fn(&str) -> String + Send + Sync + 'static) -> Recorder {
    Recorder::start(move |request| match request.target.strip_prefix("/redirect/") {
        Some(what) => Answer::json(302, "").with_header("location", &to(what)),
        None => Answer::json(200, "the file"),
    })
    .unwrap()
}

#[tokio::test]
async fn exempt_hosts_are_fetched_from() {
    let host = redirecting(|_| "../files/report%20one.pdf?signature=x".into());
    for allowed in [host.addr().to_string(), "127.0.0.1".into()] {
        let fetcher = Fetcher::new(&[allowed]);
        let url = format!("http://{}/redirect/once#part", host.addr());
        let Opened { filename, mime_type, body } = fetcher.open(&url, None, None).await.unwrap();
        assert_eq!((filename.as_str(), mime_type.as_str()), ("report one.pdf", "application/json"));
        assert_eq!(body.length(), Some(8));
        assert_eq!(body.collect(100).await.unwrap(), "the file");
        for request in host.take() {
            let sent: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(sent, ["user-agent", "accept", "accept-encoding", "host"]);
        }
        let unnamed = format!("http://{}/", host.addr());
        let opened = fetcher.open(&unnamed, None, None).await.unwrap();
        assert_eq!((opened.filename.as_str(), opened.mime_type.as_str()), ("download.json", "application/json"));
    }
}

#[tokio::test]
async fn every_redirect_is_checked() {
    let inside = Recorder::start_default().unwrap();
    let private = format!("http://{}/", inside.addr());
    let host = redirecting(move |what| match what {
        "private" => private.clone(),
        "scheme" => "file:///etc/passwd".into(),
        "secret" => "http://user:pass@example.com/".into(),
        "nowhere" => "http://[".into(),
        around => format!("/redirect/{around}"),
    });
    let fetcher = Fetcher::new(&[host.addr().to_string()]);
    let rows = [
        ("private", "not a public address"),
        ("scheme", "other than http or https"),
        ("secret", "user name or password"),
        ("nowhere", "no URL"),
        ("around", "more than 5 redirects"),
    ];
    for (path, problem) in rows {
        let error = refused(&fetcher, &format!("http://{}/redirect/{path}", host.addr())).await;
        assert!(error.contains(problem), "{path}: {error}");
    }
    assert!(inside.take().is_empty());
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    let host = Recorder::start(|request| match request.path() {
        "/missing" => Answer::json(404, "no"),
        "/compressed" => Answer::json(200, "x").with_header("content-encoding", "gzip"),
        "/twice" => {
            Answer::json(200, "x").with_header("content-encoding", "identity").with_header("content-encoding", "gzip")
        }
        _ => Answer::Hang,
    })
    .unwrap();
    let fetcher = Fetcher::new(&[host.addr().to_string()]);
    for (path, problem) in [("missing", "answered 404"), ("compressed", "compressed"), ("twice", "compressed")] {
        let error = refused(&fetcher, &format!("http://{}/{path}?token=t0ps3cret", host.addr())).await;
        assert!(error.contains(problem) && !error.contains("t0ps3cret"), "{path}: {error}");
    }
}

#[tokio::test]
async fn what_breaks_off_says_that_it_is_the_url() {
    let (source, file) = Answer::stream("text/plain");
    let host = Recorder::start(move |_| file.clone()).unwrap();
    source.send(Ok("half".into())).unwrap();
    let fetcher = Fetcher::new(&[host.addr().to_string()]);
    let url = format!("http://{}/?token=t0ps3cret", host.addr());
    let opened = fetcher.open(&url, None, None).await.unwrap();
    source.send(Err(std::io::Error::other("gone"))).unwrap();
    let error = opened.body.collect(100).await.unwrap_err().into_text();
    assert!(error.contains("broke off: `url`: ") && !error.contains("t0ps3cret"), "{error}");
}

#[tokio::test]
async fn giants_are_refused_by_their_length() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let giant = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 536870913\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    };
    let fetcher = Fetcher::new(&[address.to_string()]);
    let url = format!("http://{address}/");
    tokio::select! {
        () = giant => {}
        error = refused(&fetcher, &url) => assert!(error.contains("more than 536870912 bytes"), "{error}"),
    }
}
