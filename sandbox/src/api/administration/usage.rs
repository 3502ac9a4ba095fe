//! `/organization/usage` and `/organization/costs`: ninety days of an organization that works.
//!
//! What is told was used by nobody: it follows from [`STREAMS`], the same on every day for everybody. Requests that are made
//! to the sandbox do not count. Hours that are not over count for nothing.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json as Answer, Router};
use openai_mcp_studio::hash::{fnv1a, splitmix};
use serde_json::{Map, Value, json};

use super::seed;
use crate::error::{Error, Result};
use crate::params::{Params, Query};
use crate::world::now;

const DAY: u64 = 86_400;
const HOUR: u64 = 3600;
/// How far back there is anything, in days.
const DAYS: u64 = 90;
/// So many days ago somebody in research tried something large.
const LARGE: u64 = 12;

/// Requests that are alike.
struct Stream {
    usage: &'static str,
    key: &'static str,
    model: &'static str,
    /// What else they have in common, by which they can be grouped.
    detail: Option<(&'static str, &'static str)>,
    /// In a busy hour.
    requests: u64,
    /// What each takes, in the unit of its usage; of text, also how many of a hundred tokens were cached, and what it gives.
    takes: u64,
    cached: u64,
    gives: u64,
}

const NONE: Stream = Stream { usage: "", key: "", model: "", detail: None, requests: 0, takes: 1, cached: 0, gives: 0 };
const MINI: &str = "gpt-5.4-mini";
const LARGER: &str = "gpt-5.4";

const STREAMS: &[Stream] = &[
    Stream {
        usage: "completions",
        key: "key_shop",
        model: MINI,
        requests: 260,
        takes: 900,
        cached: 40,
        gives: 180,
        ..NONE
    },
    Stream {
        usage: "completions",
        key: "key_shop",
        model: LARGER,
        requests: 60,
        takes: 2400,
        cached: 25,
        gives: 450,
        ..NONE
    },
    Stream { usage: "completions", key: "key_ben", model: LARGER, requests: 6, takes: 1500, gives: 600, ..NONE },
    Stream {
        usage: "completions",
        key: "key_dev",
        model: LARGER,
        requests: 40,
        takes: 6000,
        cached: 10,
        gives: 1200,
        ..NONE
    },
    Stream { usage: "completions", key: "key_emi", model: LARGER, requests: 25, takes: 4000, gives: 900, ..NONE },
    Stream {
        usage: "completions",
        key: "key_bot",
        model: MINI,
        requests: 170,
        takes: 1500,
        cached: 60,
        gives: 300,
        ..NONE
    },
    Stream { usage: "embeddings", key: "key_shop", model: "text-embedding-3-small", requests: 80, takes: 1200, ..NONE },
    Stream { usage: "embeddings", key: "key_emi", model: "text-embedding-3-small", requests: 200, takes: 800, ..NONE },
    Stream { usage: "moderations", key: "key_bot", model: "omni-moderation-latest", requests: 170, takes: 300, ..NONE },
    Stream {
        usage: "images",
        key: "key_shop",
        model: "gpt-image-1.5",
        detail: Some(("source", "image.generation")),
        requests: 5,
        ..NONE
    },
    Stream {
        usage: "images",
        key: "key_shop",
        model: "gpt-image-1.5",
        detail: Some(("source", "image.edit")),
        requests: 2,
        ..NONE
    },
    Stream { usage: "audio_speeches", key: "key_bot", model: "gpt-4o-mini-tts", requests: 12, takes: 400, ..NONE },
    Stream {
        usage: "audio_transcriptions",
        key: "key_bot",
        model: "gpt-4o-mini-transcribe",
        requests: 12,
        takes: 90,
        ..NONE
    },
    Stream {
        usage: "file_search_calls",
        key: "key_bot",
        detail: Some(("vector_store_id", "vs_support")),
        requests: 45,
        ..NONE
    },
    Stream {
        usage: "web_search_calls",
        key: "key_dev",
        model: LARGER,
        detail: Some(("context_level", "medium")),
        requests: 8,
        ..NONE
    },
    Stream { usage: "code_interpreter_sessions", key: "key_emi", requests: 4, ..NONE },
];

/// Fields by which usage is grouped, and what it is told in: the number of requests, and what they take.
struct Kind {
    name: &'static str,
    object: &'static str,
    groups: &'static [&'static str],
    /// Filters of their own, with the field that each is of.
    filters: &'static [(&'static str, &'static str)],
    requests: &'static str,
    takes: &'static str,
}

const OWNERS: [(&str, &str); 3] =
    [("project_ids", "project_id"), ("user_ids", "user_id"), ("api_key_ids", "api_key_id")];
const BY_MODEL: &[&str] = &["project_id", "user_id", "api_key_id", "model"];
const BY_TIER: &[&str] = &["project_id", "user_id", "api_key_id", "model", "batch", "service_tier", "api_source"];
const MODELS: (&str, &str) = ("models", "model");
const PLAIN: Kind = Kind {
    name: "",
    object: "",
    groups: BY_MODEL,
    filters: &[OWNERS[0], OWNERS[1], OWNERS[2], MODELS],
    requests: "num_model_requests",
    takes: "input_tokens",
};

const KINDS: &[Kind] = &[
    Kind { name: "completions", object: "completions", groups: BY_TIER, ..PLAIN },
    Kind { name: "decisions", object: "decisions", groups: BY_TIER, ..PLAIN },
    Kind { name: "embeddings", object: "embeddings", ..PLAIN },
    Kind { name: "moderations", object: "moderations", ..PLAIN },
    Kind {
        name: "images",
        object: "images",
        groups: &["project_id", "user_id", "api_key_id", "model", "size", "source"],
        filters: &[OWNERS[0], OWNERS[1], OWNERS[2], MODELS, ("sizes", "size"), ("sources", "source")],
        takes: "images",
        ..PLAIN
    },
    Kind { name: "audio_speeches", object: "audio_speeches", takes: "characters", ..PLAIN },
    Kind { name: "audio_transcriptions", object: "audio_transcriptions", takes: "seconds", ..PLAIN },
    Kind {
        name: "vector_stores",
        object: "vector_stores",
        groups: &["project_id"],
        filters: &[OWNERS[0]],
        requests: "",
        takes: "usage_bytes",
    },
    Kind {
        name: "code_interpreter_sessions",
        object: "code_interpreter_sessions",
        groups: &["project_id"],
        filters: &[OWNERS[0]],
        requests: "num_sessions",
        takes: "",
    },
    Kind {
        name: "file_search_calls",
        object: "file_searches",
        groups: &["project_id", "user_id", "api_key_id", "vector_store_id"],
        filters: &[OWNERS[0], OWNERS[1], OWNERS[2], ("vector_store_ids", "vector_store_id")],
        requests: "num_requests",
        takes: "",
    },
    Kind {
        name: "web_search_calls",
        object: "web_searches",
        groups: &["project_id", "user_id", "api_key_id", "model", "context_level", "api_source"],
        filters: &[OWNERS[0], OWNERS[1], OWNERS[2], MODELS, ("context_levels", "context_level")],
        requests: "num_requests",
        takes: "num_model_requests",
    },
];

const COSTS: Kind = Kind {
    name: "costs",
    object: "costs",
    groups: &["project_id", "user_id", "line_item", "api_key_id", "api_source"],
    filters: &[OWNERS[0], OWNERS[2], ("line_items", "line_item")],
    requests: "",
    takes: "",
};

/// Name, seconds, most buckets on a page, and how many by default.
const WIDTHS: [(&str, u64, i64, i64); 3] = [("1d", DAY, 31, 7), ("1h", HOUR, 168, 24), ("1m", 60, 1440, 60)];

pub(super) fn routes() -> Router {
    Router::new().route("/organization/usage/{kind}", get(usage)).route("/organization/costs", get(costs))
}

async fn usage(Path(kind): Path<String>, Query(query): Query) -> Result<Answer<Value>> {
    let kind = KINDS.iter().find(|it| it.name == kind);
    let kind = kind.ok_or_else(|| Error::new(StatusCode::NOT_FOUND, "There is no usage of this kind."))?;
    let asked = Asked::read(query, kind, &WIDTHS)?;
    let object = format!("organization.usage.{}.result", kind.object);
    asked.answer(|from, to| {
        let mut sums = Sums::default();
        if kind.name == "vector_stores" {
            let held = json!({"project_id": "proj_support"});
            if asked.wants(&held) {
                sums.add(asked.group(kind, &held), kind.takes, level(from));
            }
        }
        for stream in STREAMS.iter().filter(|stream| stream.usage == kind.name) {
            let shared = stream.shared();
            let requests = stream.between(from, to);
            if requests == 0 || !asked.wants(&shared) {
                continue;
            }
            let group = asked.group(kind, &shared);
            let taken = requests * stream.takes;
            for (name, value) in [(kind.requests, requests), (kind.takes, taken)] {
                sums.add(group.clone(), name, value);
            }
            if kind.name == "completions" {
                let cached = taken * stream.cached / 100;
                for (name, value) in [
                    ("output_tokens", requests * stream.gives),
                    ("input_cached_tokens", cached),
                    ("input_uncached_tokens", taken - cached),
                ] {
                    sums.add(group.clone(), name, value);
                }
            }
        }
        sums.rows(&object, |numbers| numbers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
    })
}

async fn costs(Query(query): Query) -> Result<Answer<Value>> {
    let asked = Asked::read(query, &COSTS, &[("1d", DAY, 180, 7)])?;
    let by_item = asked.group_by.contains(&"line_item");
    asked.answer(|from, to| {
        let mut sums = Sums::default();
        let mut add = |shared: &Value, item: &str, quantity: u64, micros: u64| {
            let mut shared = shared.clone();
            crate::json::put(&mut shared, "line_item", item);
            if micros > 0 && asked.wants(&shared) {
                let group = asked.group(&COSTS, &shared);
                sums.add(group.clone(), "micros", micros);
                sums.add(group, "quantity", quantity);
            }
        };
        for stream in STREAMS {
            let requests = stream.between(from, to);
            for (item, quantity, micros) in stream.bill(requests) {
                add(&stream.shared(), &item, quantity, micros);
            }
        }
        // Ten cents a gigabyte and day.
        let held = level(from);
        add(
            &json!({"project_id": "proj_support", "api_source": "unlabeled"}),
            "vector_stores, storage",
            held >> 30,
            held / 10_000,
        );
        sums.rows("organization.costs.result", |numbers| {
            let number = |name: &str| numbers.get(name).copied().unwrap_or_default();
            // Shortest text of the nearest double: exactly these decimals.
            let value = number("micros") as f64 / 1e6;
            let mut shown = Map::new();
            shown.insert("amount".into(), json!({"value": value, "currency": "usd"}));
            shown.insert("quantity".into(), if by_item { number("quantity").into() } else { Value::Null });
            shown
        })
    })
}

/// Bytes that the vector store of support holds at a time: a little more each day.
fn level(at: u64) -> u64 {
    let first = now() / DAY - DAYS + 1;
    match (at / DAY).checked_sub(first) {
        Some(day) if at < now() => 1_500_000_000 + day * 12_000_000,
        _ => 0,
    }
}

impl Stream {
    /// Whose requests they are, and what else they have in common.
    fn shared(&self) -> Value {
        let key = seed::KEYS.iter().find(|(_, id, ..)| *id == self.key);
        let (project, _, _, owner, ..) = key.copied().unwrap_or(("", "", "", "", 0, 0));
        let mut shared = json!({
            "project_id": project, "user_id": owner, "api_key_id": self.key, "model": self.model, "batch": false,
            "service_tier": "default", "api_source": "unlabeled", "size": "1024x1024",
        });
        if let Some((name, value)) = self.detail {
            crate::json::put(&mut shared, name, value);
        }
        shared
    }

    /// How many there were from a time until before another, both of full minutes.
    fn between(&self, from: u64, to: u64) -> u64 {
        let to = to.min(now() / HOUR * HOUR);
        let from = from.max((now() / DAY - DAYS + 1) * DAY);
        let mut sum = 0;
        let mut at = from;
        while at < to {
            let (hour, end) = (at / HOUR, to.min((at / HOUR + 1) * HOUR));
            let all = self.of_hour(hour);
            // So many were sent until a minute of the hour.
            let until = |minutes: u64| all * minutes / 60;
            sum += until((end - hour * HOUR) / 60) - until((at - hour * HOUR) / 60);
            at = end;
        }
        sum
    }

    /// How many there were in an hour, counted from the epoch.
    fn of_hour(&self, hour: u64) -> u64 {
        let (day, of_day) = (hour / 24, hour % 24);
        // The first day was a Thursday.
        let weekend = matches!((day + 3) % 7, 5 | 6);
        let person = !matches!(self.key, "key_shop" | "key_bot");
        let today = now() / DAY;
        let large = self.key == "key_dev" && day + LARGE == today;
        let busy = match (person, of_day, weekend && !large) {
            (true, 8..=17, false) => 1000,
            (true, ..) => 0,
            (false, 7..=21, _) => 850,
            (false, ..) => 250,
        };
        let weekly = if weekend && !person { 700 } else { 1000 };
        // A third more than ninety days ago.
        let grown = 750 + 250 * (DAYS - today.saturating_sub(day).min(DAYS)) / DAYS;
        let name = format!("{}{}{}{:?}", self.usage, self.key, self.model, self.detail);
        let chance = 800 + splitmix(fnv1a(name.as_bytes()) ^ hour) % 400;
        let times = if large { 7 } else { 1 };
        self.requests * busy * weekly / 1000 * grown / 1000 * chance / 1_000_000 * times
    }

    /// What so many requests cost: for what, how much of it, and millionths of a dollar.
    fn bill(&self, requests: u64) -> Vec<(String, u64, u64)> {
        let taken = requests * self.takes;
        let item = |what: &str| format!("{}, {what}", self.model);
        // Millionths of a dollar for a million tokens.
        let text = |[input, cached, output]: [u64; 3]| {
            let (of_cache, given) = (taken * self.cached / 100, requests * self.gives);
            [
                ("input_tokens", taken - of_cache, input),
                ("cached_input_tokens", of_cache, cached),
                ("output_tokens", given, output),
            ]
            .map(|(what, tokens, price)| (item(what), tokens, tokens * price / 1_000_000))
            .to_vec()
        };
        match (self.usage, self.model) {
            ("completions", MINI) => text([250_000, 25_000, 2_000_000]),
            ("completions", _) => text([2_500_000, 250_000, 15_000_000]),
            ("embeddings", _) => vec![(item("input_tokens"), taken, taken * 20_000 / 1_000_000)],
            ("images", _) => vec![(item("images"), taken, taken * 40_000)],
            ("audio_speeches", _) => vec![(item("characters"), taken, taken * 12)],
            ("audio_transcriptions", _) => vec![(item("seconds"), taken, taken * 50)],
            ("file_search_calls", _) => vec![("file_search, calls".to_owned(), requests, requests * 2500)],
            ("web_search_calls", _) => vec![("web_search, calls".to_owned(), requests, requests * 10_000)],
            ("code_interpreter_sessions", _) => {
                vec![("code_interpreter, sessions".to_owned(), requests, requests * 30_000)]
            }
            _ => Vec::new(),
        }
    }
}

/// What a request asks for.
struct Asked {
    start: u64,
    end: u64,
    width: u64,
    limit: u64,
    group_by: Vec<&'static str>,
    /// Fields, and the values that they may have.
    wanted: Vec<(&'static str, Vec<String>)>,
}

impl Asked {
    fn read(mut query: Params, kind: &Kind, widths: &[(&'static str, u64, i64, i64)]) -> Result<Self> {
        let seconds = 0..=253_402_300_799;
        let start = query.need("start_time", |query, name| query.integer(name, seconds.clone()))? as u64;
        let end = query.integer("end_time", seconds)?.map_or_else(now, |end| end as u64);
        let names: Vec<&'static str> = widths.iter().map(|(name, ..)| *name).collect();
        let name = query.one_of("bucket_width", &names)?.unwrap_or("1d");
        let (_, width, most, usual) = *widths.iter().find(|(it, ..)| *it == name).unwrap_or(&WIDTHS[0]);
        let limit = query.integer("limit", 1..=most)?.unwrap_or(usual) as u64;
        let group_by = query.some_of("group_by", kind.groups)?.unwrap_or_default();
        let mut wanted = Vec::new();
        for (name, field) in kind.filters {
            wanted.extend(query.strings(name, 0..=usize::MAX)?.map(|values| (*field, values)));
        }
        if kind.groups.contains(&"batch") {
            wanted.extend(query.boolean("batch")?.map(|batch| ("batch", vec![batch.to_string()])));
        }
        let page = query.string("page")?;
        query.finish()?;
        if end <= start {
            return Err(Error::invalid("end_time", "invalid_value", "'end_time' must be after 'start_time'."));
        }
        let first = start / width * width;
        let start = match page {
            None => first,
            Some(page) => {
                let at = page.strip_prefix("page_").and_then(|at| u64::from_str_radix(at, 16).ok());
                let fits = at.filter(|at| *at >= first && *at < end && (at - first).is_multiple_of(width));
                fits.ok_or_else(|| Error::invalid("page", "invalid_value", "The page is none of this request."))?
            }
        };
        Ok(Self { start, end, width, limit, group_by, wanted })
    }

    fn wants(&self, shared: &Value) -> bool {
        self.wanted.iter().all(|(field, values)| {
            let own = shared.get(field).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            own.is_some_and(|own| values.contains(&own))
        })
    }

    /// The fields of a kind, those with a value that are grouped by.
    fn group(&self, kind: &Kind, shared: &Value) -> Vec<(&'static str, Value)> {
        let value = |field: &str| match self.group_by.contains(&field) {
            true => shared.get(field).cloned().unwrap_or_default(),
            false => Value::Null,
        };
        kind.groups.iter().map(|field| (*field, value(field))).collect()
    }

    /// A page of buckets, each with what there is in its time.
    fn answer(&self, results: impl Fn(u64, u64) -> Vec<Value>) -> Result<Answer<Value>> {
        let starts = (0..self.limit).map(|bucket| self.start + bucket * self.width);
        let bucket = |start: u64| {
            let end = start + self.width;
            json!({"object": "bucket", "start_time": start, "end_time": end, "results": results(start, end)})
        };
        let data: Vec<Value> = starts.take_while(|start| *start < self.end).map(bucket).collect();
        let next = self.start + self.limit * self.width;
        let more = next < self.end;
        let next = more.then(|| format!("page_{next:x}"));
        Ok(Answer(json!({"object": "page", "data": data, "has_more": more, "next_page": next})))
    }
}

type Group = Vec<(&'static str, Value)>;

/// Numbers of each group, by the text of the group.
#[derive(Default)]
struct Sums(BTreeMap<String, (Group, BTreeMap<&'static str, u64>)>);

impl Sums {
    fn add(&mut self, group: Group, name: &'static str, value: u64) {
        if !name.is_empty() {
            let (_, numbers) = self.0.entry(format!("{group:?}")).or_insert_with(|| (group, BTreeMap::new()));
            *numbers.entry(name).or_default() += value;
        }
    }

    fn rows(self, object: &str, show: impl Fn(BTreeMap<&'static str, u64>) -> Map<String, Value>) -> Vec<Value> {
        let row = |(group, numbers): (Group, BTreeMap<&'static str, u64>)| {
            let mut row = Map::from_iter([("object".to_owned(), object.into())]);
            row.extend(show(numbers));
            row.extend(group.into_iter().map(|(field, value)| (field.to_owned(), value)));
            Value::Object(row)
        };
        self.0.into_values().map(row).collect()
    }
}
