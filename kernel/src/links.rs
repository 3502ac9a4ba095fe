//! Links that put a server into a client. None holds a key: a client looks it up or asks for it, or its entry says where it
//! belongs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// What may stand in a query as it is (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A server that is to be put into clients.
pub struct Server<'a> {
    /// The name of its entry.
    pub name: &'a str,
    /// What people call it.
    pub title: &'a str,
    /// How it is reached.
    pub way: Way<'a>,
    /// The variable that holds its key, if it needs one.
    pub key: Option<&'a str>,
}

/// How a client reaches a server.
pub enum Way<'a> {
    /// By starting this program with these arguments.
    Command(&'a str, &'a [&'a str]),
    /// By streamable HTTP at this URL.
    Url(&'a str),
}

impl Server<'_> {
    /// The names of the clients that have links, each with the link.
    pub fn links(&self) -> [(&'static str, String); 4] {
        [
            // https://cursor.com/docs/mcp/install-links
            ("Cursor", self.encoded("https://cursor.com/en/install-mcp", "${env:KEY}")),
            // https://code.visualstudio.com/api/extension-guides/ai/mcp
            ("VS Code", self.vs_code()),
            // https://lmstudio.ai/docs/app/mcp/deeplink
            ("LM Studio", self.encoded("https://lmstudio.ai/install-mcp", "sk-your-key")),
            // https://block.github.io/goose/docs/getting-started/using-extensions
            ("Goose", self.goose()),
        ]
    }

    /// The entry, with this in the place of the key.
    fn entry(&self, shown: &str) -> Map<String, Value> {
        let mut entry = Map::new();
        match self.way {
            Way::Command(program, arguments) => {
                entry.insert("command".into(), program.into());
                entry.insert("args".into(), arguments.into());
                if let Some(key) = self.key {
                    entry.insert("env".into(), json!({key: shown.replace("KEY", key)}));
                }
            }
            Way::Url(url) => {
                entry.insert("url".into(), url.into());
                if let Some(key) = self.key {
                    let value = format!("Bearer {}", shown.replace("KEY", key));
                    entry.insert("headers".into(), json!({"Authorization": value}));
                }
            }
        }
        entry
    }

    fn encoded(&self, page: &str, shown: &str) -> String {
        let config = STANDARD.encode(Value::Object(self.entry(shown)).to_string());
        format!("{page}?name={}&config={}", escape(self.name), escape(&config))
    }

    fn vs_code(&self) -> String {
        let mut entry = self.entry("${input:openai-key}");
        entry.insert("type".into(), if matches!(self.way, Way::Url(_)) { "http" } else { "stdio" }.into());
        let config = Value::Object(entry).to_string();
        let page = "https://insiders.vscode.dev/redirect/mcp/install";
        let link = format!("{page}?name={}&config={}", escape(self.name), escape(&config));
        if self.key.is_none() {
            return link;
        }
        let input =
            json!([{"type": "promptString", "id": "openai-key", "description": "OpenAI API key", "password": true}]);
        format!("{link}&inputs={}", escape(&input.to_string()))
    }

    fn goose(&self) -> String {
        let way = match self.way {
            Way::Command(program, arguments) => {
                let arguments: String = arguments.iter().map(|argument| format!("&arg={}", escape(argument))).collect();
                let key = self.key.map(|key| format!("&env={key}%3DOpenAI%20API%20key")).unwrap_or_default();
                format!("cmd={}{arguments}{key}", escape(program))
            }
            Way::Url(url) => {
                let key = self.key.map_or("", |_| "&header=Authorization%3DBearer%20sk-your-key");
                format!("url={}&type=streamable_http{key}", escape(url))
            }
        };
        format!("goose://extension?{way}&id={}&name={}", escape(self.name), escape(self.title))
    }
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}
