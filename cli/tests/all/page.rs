//! The page at `/`, as a browser gets it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{Running, command, run};

/// The head and the body of the page, asked for under a name and with more headers.
fn page(server: &Running, host: &str, more: &str) -> (String, String) {
    let at = server.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nhost: {host}\r\n{more}connection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

fn serve(arguments: &[&str], variables: &[(&str, &str)]) -> Running {
    Running::start(&mut command(&[&["serve", "--addr", "127.0.0.1:0"], arguments].concat(), variables), "next: ")
}

/// What stands between two texts, as a person reads it.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).unwrap_or_else(|| panic!("no `{from}`: {text}")).1.split_once(to).unwrap().0
}

#[test]
fn it_says_what_is_there_and_how_to_use_it() {
    let server = serve(&["--sandbox"], &[]);
    let host = server.url().strip_prefix("http://").unwrap();
    let (head, body) = page(&server, host, "");
    assert!(head.starts_with("http/1.1 200") && head.contains("content-security-policy: default-src 'none'"), "{head}");
    assert!(body.contains("<b>Sandbox.</b>") && !body.contains("<b>Live.</b>") && !body.contains("<script"), "{body}");
    assert!(body.contains("content=\"width=device-width,initial-scale=1\""), "{body}");
    assert!(!body.contains("Give your OpenAI key"), "{body}");

    let contents = between(&body, "<nav>", "</nav>");
    let files = between(&body, "<h2 id=\"files\">", "<h2 ");
    assert!(contents.contains("<a href=\"#files\">files</a> <small>6 tools, about "), "{contents}");
    assert!(files.contains("<summary>6 tools, about ") && files.contains("<code>file-upload</code>"), "{files}");
    assert!(files.contains("/docs/reference/files.md\""), "{files}");
    assert_eq!(between(files, "<pre>", "</pre>"), format!("{}/files/mcp", server.url()));
    let configuration = between(files, "<summary>Configuration</summary><pre>", "</pre>");
    let expected =
        json!({"mcpServers": {"openai-files": {"type": "http", "url": format!("{}/files/mcp", server.url())}}});
    assert_eq!(serde_json::from_str::<Value>(configuration).unwrap(), expected);

    let link = between(files, "<a href=\"https://cursor.com/", "\">Cursor</a>");
    let config = link.split_once("config=").unwrap().1.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/");
    let config: Value = serde_json::from_slice(&STANDARD.decode(config).unwrap()).unwrap();
    assert_eq!(config, json!({"url": format!("{}/files/mcp", server.url())}));
    for client in ["VS Code", "LM Studio", "Goose"] {
        assert!(files.contains(&format!("\">{client}</a>")), "{files}");
    }

    // A proxy that ends TLS says so.
    let (_, body) = page(&server, host, "x-forwarded-proto: https\r\n");
    assert!(body.contains(&format!("<pre>https://{host}/files/mcp</pre>")), "{body}");
}

#[test]
fn it_says_who_pays_and_quotes_nothing_as_markup() {
    let variables = [("OPENAI_API_KEY", "sk-secret-of-mine")];
    let server = serve(&[], &variables);
    let (_, body) = page(&server, "localhost", "");
    assert!(body.contains("<b>Live.</b> Calls go to OpenAI") && !body.contains("secret-of-mine"), "{body}");
    assert!(body.contains("Bearer ${OPENAI_API_KEY}"), "{body}");
    assert!(body.contains("header=Authorization%3DBearer%20sk-your-key"), "{body}");

    let server = serve(&[], &[variables[0], ("OPENAI_BASE_URL", "http://api.example.test/v1")]);
    let (_, body) = page(&server, "localhost", "");
    assert!(body.contains("an API that is not OpenAI's") && !body.contains("example.test"), "{body}");

    let refused = run(&["serve", "--sandbox", "--addr", "127.0.0.1:0", "--allow-host", "<b>x"], &[], "");
    assert!(refused.status != 0 && refused.err.contains("expected host names"), "{}", refused.err);
}
