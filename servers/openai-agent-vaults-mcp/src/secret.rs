//! Secrets on their way into a vault: read where the caller says they are, sent once, and shown to nobody.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::schema::{Shape, Shaped, of};
use openai_mcp_kernel::secret;
use openai_mcp_kernel::spec::Spec;

/// Most bytes of a secret's file.
const LONGEST: usize = 64 * 1024;

/// Where `auth` has secrets.
const PLACES: [&str; 5] =
    ["access_token", "token", "secret_value", "refresh.refresh_token", "refresh.token_endpoint_auth.client_secret"];

/// A secret, or where it is. Every list of tools would pay for the whole several times.
pub(crate) enum Secret {}

impl Shaped for Secret {
    const SHAPE: Shape = Shape::Brief { listed: of::<Json>, taken: of::<Given>, options: false };
}

#[shape]
enum Given {
    /// The secret itself.
    Text(String),
    /// Where it is.
    At(Place),
}

#[shape(read)]
struct Place {
    env: Option<String>,
    path: Option<String>,
}

/// Sends a request with the secrets of its `auth` in their places. Whoever says one back is not repeated.
pub(crate) async fn send(cx: &Context, spec: &'static Spec) -> Result<Output> {
    let mut arguments = cx.arguments().clone();
    let mut secrets = Vec::new();
    if let Some(mut auth) = arguments.member::<Value>("auth")? {
        for place in PLACES {
            let slot = auth.pointer_mut(&format!("/{}", place.replace('.', "/")));
            let Some(slot) = slot.filter(|slot| !slot.is_null()) else { continue };
            let text = read(cx, &format!("auth.{place}"), slot).await?;
            secrets.push(secret::Secret::of(&text));
            *slot = text.into();
        }
        arguments = arguments.set("auth", auth);
    }
    let hushed = |text: String| secrets.iter().fold(text, |text, secret| secret.redact(text));
    match cx.send(spec, arguments).value().await {
        Ok(answer) => Ok(Output::json(&without(answer, &hushed))),
        Err(error) => Err(Error::new(error.kind(), hushed(error.to_string()))),
    }
}

/// A secret, as the argument of this name gives it.
async fn read(cx: &Context, name: &str, given: &Value) -> Result<String> {
    let text = match given.as_str() {
        Some(text) => text.to_owned(),
        None => match serde_json::from_value(given.clone()) {
            Ok(Place { env: Some(variable), path: None }) => {
                let told = |error: Error| Error::new(error.kind(), format!("`{name}.env`: {error}"));
                cx.secret(&variable).map_err(told)?.expose().to_owned()
            }
            Ok(Place { env: None, path: Some(path) }) => of_file(cx, path)
                .await
                .map_err(|problem| Error::new(Kind::File, format!("`{name}.path`: {problem}")))?,
            _ => return Err(Error::argument(name, "expected a string, or an object with one of `env` and `path`")),
        },
    };
    // What goes into an environment may have a tab; what goes into a header may not.
    let may = |letter: char| !letter.is_control() || (name == "auth.secret_value" && !"\r\n\0".contains(letter));
    if text.is_empty() || !text.chars().all(may) {
        return Err(Error::argument(name, "expected a secret of one line, without control characters"));
    }
    Ok(text)
}

/// The text of a file, without the end of its line. What is wrong is told without a word of it.
async fn of_file(cx: &Context, path: String) -> Result<String, String> {
    let read = cx.read(Source::Path { path, filename: None, mime_type: None }, LONGEST).await.map_err(|error| {
        // The rest tells of other ways to give a file.
        error.to_string().lines().next().unwrap_or_default().to_owned()
    })?;
    let text = std::str::from_utf8(&read.bytes).map_err(|_| "expected a file of text".to_owned())?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A value with each of its texts rewritten.
fn without(value: Value, hushed: &impl Fn(String) -> String) -> Value {
    match value {
        Value::String(text) => hushed(text).into(),
        Value::Array(items) => items.into_iter().map(|item| without(item, hushed)).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (hushed(name), without(value, hushed))).collect()
        }
        other => other,
    }
}
