//! Parameters of a request, read one by one and refused in OpenAI's words.

use std::ops::RangeInclusive;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query as RawQuery, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde_json::{Map, Number, Value};

use crate::error::{Error, Result};

/// The parameters of one object. Each is taken out as it is read, so what [`Params::finish`] finds is unknown to us.
pub(crate) struct Params {
    path: String,
    values: Map<String, Value>,
    /// In a query everything is text, numbers included.
    textual: bool,
}

impl Params {
    pub(crate) fn query(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut values = Map::new();
        for (name, value) in pairs {
            match name.strip_suffix("[]") {
                None => _ = values.insert(name, Value::String(value)),
                // The SDKs write an array as `name[]=a&name[]=b`.
                Some(name) => match values.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
                    Value::Array(items) => items.push(Value::String(value)),
                    other => *other = Value::Array(vec![Value::String(value)]),
                },
            }
        }
        Self { path: String::new(), values, textual: true }
    }

    fn body(bytes: &[u8]) -> Result<Self> {
        let malformed = |message| Error::new(StatusCode::BAD_REQUEST, message);
        let value = match bytes {
            b"" => Value::Object(Map::new()),
            bytes => serde_json::from_slice(bytes)
                .map_err(|fault| malformed(format!("We could not parse the JSON body of your request: {fault}.")))?,
        };
        match value {
            Value::Object(values) => Ok(Self { path: String::new(), values, textual: false }),
            _ => Err(malformed("The JSON body of the request must be an object.".to_owned())),
        }
    }

    /// The full path of a parameter, as OpenAI writes it: `chunking_strategy.static.max_chunk_size_tokens`.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The raw value; null counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name).filter(|value| !value.is_null())
    }

    pub(crate) fn peek(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    pub(crate) fn put(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// The members of an object in a query: `name[key]=value`.
    pub(crate) fn bracketed(&mut self, name: &str) -> Vec<(String, String)> {
        let key = |full: &str| Some(full.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?.to_owned());
        let found: Vec<_> = self.values.keys().filter_map(|full| Some((full.clone(), key(full)?))).collect();
        let take = |(full, key): (String, String)| match self.values.remove(&full) {
            Some(Value::String(value)) => Some((key, value)),
            _ => None,
        };
        found.into_iter().filter_map(take).collect()
    }

    pub(crate) fn required<T>(&self, name: &str, value: Option<T>) -> Result<T> {
        let path = self.path(name);
        let message = format!("Missing required parameter: '{path}'.");
        value.ok_or_else(|| Error::invalid(&path, "missing_required_parameter", message))
    }

    /// What a reader gives, which must be something.
    pub(crate) fn need<T>(&mut self, name: &str, read: impl FnOnce(&mut Self, &str) -> Result<Option<T>>) -> Result<T> {
        let value = read(self, name)?;
        self.required(name, value)
    }

    pub(crate) fn string(&mut self, name: &str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(mistyped(&self.path(name), "a string", &other)),
        }
    }

    /// Text of some length, in characters.
    pub(crate) fn bounded(&mut self, name: &str, length: RangeInclusive<usize>) -> Result<Option<String>> {
        let Some(text) = self.string(name)? else { return Ok(None) };
        let (path, got) = (self.path(name), text.chars().count());
        let (code, which, bound) = match got {
            got if got < *length.start() => {
                ("string_below_min_length", "short", format!("minimum length {}", length.start()))
            }
            got if got > *length.end() => {
                ("string_above_max_length", "long", format!("maximum length {}", length.end()))
            }
            _ => return Ok(Some(text)),
        };
        let message = format!(
            "Invalid '{path}': string too {which}. Expected a string with {bound}, but got a string with length {got} instead."
        );
        Err(Error::invalid(&path, code, message))
    }

    /// An address of the web, or data in place of one.
    pub(crate) fn url(&mut self, name: &str) -> Result<Option<String>> {
        let Some(url) = self.string(name)? else { return Ok(None) };
        if ["http:", "https:", "data:"].iter().any(|scheme| url.starts_with(scheme)) {
            return Ok(Some(url));
        }
        let path = self.path(name);
        let message = format!("Invalid '{path}'. Expected a valid URL, but got a value with an invalid format.");
        Err(Error::invalid(&path, "invalid_value", message))
    }

    pub(crate) fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>> {
        let path = self.path(name);
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = match &value {
            Value::String(text) if self.textual => text.parse().ok(),
            value => value.as_i64(),
        };
        let number = number.ok_or_else(|| mistyped(&path, "an integer", &value))?;
        in_range(&path, number, &range, "integer", ["integer_below_min_value", "integer_above_max_value"]).map(Some)
    }

    pub(crate) fn number(&mut self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>> {
        let path = self.path(name);
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = match &value {
            Value::String(text) if self.textual => text.parse().ok(),
            value => value.as_f64(),
        };
        let number = number.ok_or_else(|| mistyped(&path, "a number", &value))?;
        in_range(&path, number, &range, "decimal", ["decimal_below_min_value", "decimal_above_max_value"]).map(Some)
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Result<Option<bool>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(Value::String(flag)) if self.textual && flag == "true" => Ok(Some(true)),
            Some(Value::String(flag)) if self.textual && flag == "false" => Ok(Some(false)),
            Some(other) => Err(mistyped(&self.path(name), "a boolean", &other)),
        }
    }

    pub(crate) fn one_of(&mut self, name: &str, known: &[&'static str]) -> Result<Option<&'static str>> {
        let Some(text) = self.string(name)? else { return Ok(None) };
        known_value(&self.path(name), &text, known).map(Some)
    }

    /// An array of some of the known values.
    pub(crate) fn some_of(&mut self, name: &str, known: &[&'static str]) -> Result<Option<Vec<&'static str>>> {
        let path = self.path(name);
        let Some(texts) = self.strings(name, 0..=usize::MAX)? else { return Ok(None) };
        let known_at = |(at, text): (usize, String)| known_value(&format!("{path}[{at}]"), &text, known);
        texts.into_iter().enumerate().map(known_at).collect::<Result<_>>().map(Some)
    }

    pub(crate) fn object(&mut self, name: &str) -> Result<Option<Params>> {
        let path = self.path(name);
        self.take(name).map(|value| Self::nested(path, value)).transpose()
    }

    pub(crate) fn nested(path: String, value: Value) -> Result<Self> {
        match value {
            Value::Object(values) => Ok(Self { path, values, textual: false }),
            other => Err(mistyped(&path, "an object", &other)),
        }
    }

    /// An array; each element comes with its path.
    pub(crate) fn array(&mut self, name: &str, length: RangeInclusive<usize>) -> Result<Option<Vec<(String, Value)>>> {
        let path = self.path(name);
        let items = match self.take(name) {
            None => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(one @ Value::String(_)) if self.textual => vec![one],
            Some(other) => return Err(mistyped(&path, "an array", &other)),
        };
        let (least, most, got) = (*length.start(), *length.end(), items.len());
        if got < least {
            let message = format!(
                "Invalid '{path}': empty array. Expected an array with minimum length {least}, but got an empty array instead."
            );
            return Err(Error::invalid(&path, "empty_array", message));
        }
        if got > most {
            let message = format!(
                "Invalid '{path}': array too long. Expected an array with maximum length {most}, but got an array with length {got} instead."
            );
            return Err(Error::invalid(&path, "array_above_max_length", message));
        }
        Ok(Some(items.into_iter().enumerate().map(|(at, item)| (format!("{path}[{at}]"), item)).collect()))
    }

    pub(crate) fn strings(&mut self, name: &str, length: RangeInclusive<usize>) -> Result<Option<Vec<String>>> {
        let Some(items) = self.array(name, length)? else { return Ok(None) };
        let text = |(path, item): (String, Value)| match item {
            Value::String(text) => Ok(text),
            other => Err(mistyped(&path, "a string", &other)),
        };
        items.into_iter().map(text).collect::<Result<_>>().map(Some)
    }

    /// Up to 16 key-value pairs: `metadata` holds strings, `attributes` numbers and booleans too.
    pub(crate) fn labels(&mut self, name: &str, strings_only: bool) -> Result<Option<Map<String, Value>>> {
        let path = self.path(name);
        let Some(Params { values, .. }) = self.object(name)? else { return Ok(None) };
        let got = values.len();
        if got > 16 {
            let message = format!(
                "Invalid '{path}': too many properties. Expected an object with at most 16 properties, but got an object with {got} properties instead."
            );
            return Err(Error::invalid(&path, "object_above_max_properties", message));
        }
        for (key, value) in &values {
            if key.chars().count() > 64 {
                let message = format!("Invalid '{path}': key '{key}' too long. Expected a key with maximum length 64.");
                return Err(Error::invalid(&path, "string_above_max_length", message));
            }
            let path = format!("{path}.{key}");
            match value {
                Value::String(text) if text.chars().count() > 512 => {
                    let got = text.chars().count();
                    let message = format!(
                        "Invalid '{path}': string too long. Expected a string with maximum length 512, but got a string with length {got} instead."
                    );
                    return Err(Error::invalid(&path, "string_above_max_length", message));
                }
                Value::String(_) => {}
                Value::Number(_) | Value::Bool(_) if !strings_only => {}
                other if strings_only => return Err(mistyped(&path, "a string", other)),
                other => return Err(mistyped(&path, "a string, a number, or a boolean", other)),
            }
        }
        Ok(Some(values))
    }

    /// Everything that nobody has read, for what is kept as it came.
    pub(crate) fn rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.values)
    }

    /// Refuses what nobody has read.
    pub(crate) fn finish(self) -> Result<()> {
        let Some(name) = self.values.keys().next() else { return Ok(()) };
        let path = self.path(name);
        let what = if self.textual { "Unknown query parameter" } else { "Unknown parameter" };
        Err(Error::invalid(&path, "unknown_parameter", format!("{what}: '{path}'.")))
    }
}

fn known_value(path: &str, text: &str, known: &[&'static str]) -> Result<&'static str> {
    if let Some(value) = known.iter().find(|value| **value == text) {
        return Ok(value);
    }
    let known: Vec<String> = known.iter().map(|value| format!("'{value}'")).collect();
    let known = match known.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{}, and {last}", rest.join(", ")),
        _ => known.concat(),
    };
    let message = format!("Invalid value: '{text}'. Supported values are: {known}.");
    Err(Error::invalid(path, "invalid_value", message))
}

fn in_range<N: PartialOrd + Into<Decimal> + Copy>(
    path: &str,
    value: N,
    range: &RangeInclusive<N>,
    kind: &str,
    [below, above]: [&'static str; 2],
) -> Result<N> {
    let (code, which, sign, bound) = match value {
        value if value < *range.start() => (below, "below minimum", ">=", *range.start()),
        value if value > *range.end() => (above, "above maximum", "<=", *range.end()),
        value => return Ok(value),
    };
    let (bound, value) = (bound.into().0, value.into().0);
    let message =
        format!("Invalid '{path}': {kind} {which} value. Expected a value {sign} {bound}, but got {value} instead.");
    Err(Error::invalid(path, code, message))
}

/// A number in a message.
struct Decimal(String);

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self(value.to_string())
    }
}

impl From<f64> for Decimal {
    fn from(value: f64) -> Self {
        Self(Number::from_f64(value).map(|number| number.to_string()).unwrap_or_default())
    }
}

pub(crate) fn mistyped(path: &str, expected: &str, got: &Value) -> Error {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let message = format!("Invalid type for '{path}': expected {expected}, but got {got} instead.");
    Error::invalid(path, "invalid_type", message)
}

/// The JSON body of a request.
pub(crate) struct Json(pub(crate) Params);

impl<S: Send + Sync> FromRequest<S> for Json {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_json = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        let wrong_kind =
            format!("Unsupported content type: '{kind}'. This API method only accepts 'application/json' requests.");
        let bytes =
            Bytes::from_request(request, state).await.map_err(|fault| Error::new(fault.status(), fault.body_text()))?;
        if !bytes.is_empty() && !is_json {
            return Err(Error::new(StatusCode::BAD_REQUEST, wrong_kind).code("unsupported_content_type"));
        }
        Params::body(&bytes).map(Self)
    }
}

/// The query of a request.
pub(crate) struct Query(pub(crate) Params);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let RawQuery(pairs) = RawQuery::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|fault| Error::new(fault.status(), fault.body_text()))?;
        Ok(Self(Params::query(pairs)))
    }
}
