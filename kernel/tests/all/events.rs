//! Event streams are read alike however the network cuts them.

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::error::Kind;
use openai_mcp_kernel::events::{Event, Events};
use openai_mcp_kernel::secret::Secret;

fn open(chunks: Vec<Result<Bytes, Failure>>) -> Events {
    let body = Body::Stream { chunks: stream::iter(chunks).boxed(), length: None };
    let mut response = http::Response::new(body);
    response.headers_mut().insert("x-request-id", "req_1".parse().unwrap());
    response.extensions_mut().insert(Secret::new("sk-secret").unwrap());
    Events::new(response).unwrap()
}

/// All events, and the error that ended them if there was one.
fn read(chunks: Vec<Result<Bytes, Failure>>) -> (Vec<Event>, Option<String>) {
    let mut events = open(chunks);
    let mut all = Vec::new();
    loop {
        match block_on(events.next()) {
            Ok(Some(event)) => all.push(event),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error.into_text())),
        }
    }
}

fn event(name: Option<&str>, data: &str) -> Event {
    Event { name: name.map(str::to_owned), data: Bytes::copy_from_slice(data.as_bytes()) }
}

#[test]
fn every_cut_and_every_line_end_gives_the_same_events() {
    let text = ": hello\n\nevent: thing.delta\ndata: {\"a\":\"é\"}\n\ndata:one\ndata: two\ndata\nid: 7\n\nevent: lonely\n\ndata: [DONE]\n\ndata: late\n\n";
    let expected = [event(Some("thing.delta"), "{\"a\":\"é\"}"), event(None, "one\ntwo\n")];
    for end in ["\n", "\r", "\r\n"] {
        let text = Bytes::from(text.replace('\n', end));
        for at in 0..text.len() {
            let chunks = vec![Ok(text.slice(..at)), Ok(text.slice(at..))];
            assert_eq!(read(chunks), (expected.to_vec(), None), "{end:?} cut at {at}");
        }
        let bytes = (0..text.len()).map(|at| Ok(text.slice(at..=at))).collect();
        assert_eq!(read(bytes), (expected.to_vec(), None), "{end:?} byte by byte");
    }
}

#[test]
fn ends_of_lines_may_be_of_several_kinds() {
    let text = Bytes::from("data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r\n");
    let expected = ["1", "2", "3"].map(|data| event(None, data)).to_vec();
    for length in 1..text.len() {
        let chunks = text.chunks(length).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        assert_eq!(read(chunks), (expected.clone(), None), "pieces of {length}");
    }
}

#[test]
fn an_event_of_too_many_values_is_not_read() {
    let many = format!("data: {{}}\n\ndata: [{}0]\n\n", "0,".repeat(3_000_000));
    let (events, error) = read(vec![Ok(many.into())]);
    assert_eq!(events, [event(None, "{}")]);
    assert_eq!(error.as_deref(), Some("an event has more than 3000000 values"));
}

#[test]
fn what_no_empty_line_ends_is_no_event() {
    assert_eq!(read(vec![Ok("data: 1\n\ndata: 2\n".into())]), (vec![event(None, "1")], None));
}

#[test]
fn failures_in_the_stream_are_errors_without_the_key() {
    let failed = r#"data: {"error":{"message":"no sk-secret here","type":"server_error","code":null}}"#;
    let (events, error) = read(vec![Ok(format!("data: {{\"error\":null}}\n\n{failed}\n\n").into())]);
    assert_eq!(events, [event(None, "{\"error\":null}")]);
    assert_eq!(error.unwrap(), "openai ended the stream with an error server_error: no *** here (request id req_1)");
    let broken = Failure { text: "reset".into(), unsent: false };
    let (events, error) = read(vec![Ok("data: 1\n\nda".into()), Err(broken)]);
    assert_eq!((events.len(), error.unwrap()), (1, "the stream broke off: reset".to_owned()));
}

#[test]
fn an_answer_that_is_no_stream_is_refused() {
    let response = http::Response::builder().header("content-type", "application/json").body(Body::EMPTY).unwrap();
    assert_eq!(Events::new(response).err().unwrap().kind(), Kind::Answer);
}

#[test]
fn a_stream_without_an_end_is_cut_off() {
    let comment = Bytes::from(":".to_owned() + &"x".repeat((1 << 20) - 3) + "\n\n");
    let (events, error) = read(vec![Ok(comment); 300]);
    assert!(events.is_empty() && error.unwrap().contains("the stream is longer than"));
}

#[test]
fn a_body_breaks_off_where_it_gets_too_long() {
    let chunks = || stream::iter(["abc", "de", "f"].map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())))).boxed();
    for (most, whole) in [(6, true), (5, false)] {
        let body = Body::Stream { chunks: chunks(), length: Some(6) }.within(most);
        assert_eq!(body.length(), Some(6));
        assert_eq!(block_on(body.collect(100)).is_ok(), whole, "{most}");
    }
    assert!(block_on(Body::Full("abc".into()).within(2).collect(100)).is_err());
}
