//! What is known of models: from the API, and of their end from OpenAI's notices, too.
//! <https://developers.openai.com/api/docs/deprecations>

use std::collections::BTreeMap;

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::time;

/// OpenAI's notices, a line each: day, model, successor.
const NOTICES: &str = include_str!("retirements.txt");
/// Models that end, a line each, with the tools of this project that name them.
const NAMED: &str = include_str!("named.txt");

#[request(GET "/models")]
struct Models {}

/// A model, as far as it is shown.
pub(crate) struct Model {
    pub(crate) id: String,
    /// When it was made, in Unix seconds.
    pub(crate) created: Option<i64>,
    pub(crate) owner: Option<String>,
    /// When it is shut down, in Unix seconds.
    pub(crate) ends: Option<i64>,
}

/// The models that the key can use. When one ends the API knows, and OpenAI's notices where it does not.
pub(crate) async fn all(cx: &Context) -> Result<Vec<Model>> {
    let page = cx.send(&Models::SPEC, json!({})).value().await?;
    let models = page.get("data").and_then(Value::as_array).into_iter().flatten().filter_map(|model| {
        let id = model.get("id")?.as_str()?.to_owned();
        let told = model.get("shutdown_date").and_then(Value::as_str).and_then(time::seconds);
        let owner = model.get("owned_by").and_then(Value::as_str).map(str::to_owned);
        let ends = told.or_else(|| notice(&id).map(|notice| notice.ends));
        Some(Model { created: model.get("created").and_then(Value::as_i64), owner, ends, id })
    });
    Ok(models.collect())
}

/// What OpenAI says of the end of a model.
pub(crate) struct Notice {
    ends: i64,
    model: &'static str,
    pub(crate) instead: Option<&'static str>,
}

fn notices() -> impl Iterator<Item = Notice> {
    NOTICES.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some(Notice { ends: time::seconds(words.next()?)?, model: words.next()?, instead: words.next() })
    })
}

/// The notice of a model, or of what it was fine-tuned from.
pub(crate) fn notice(id: &str) -> Option<Notice> {
    let base = id.strip_prefix("ft:").and_then(|rest| rest.split(':').next()).unwrap_or(id);
    notices().find(|notice| notice.model == base)
}

/// What to use in the place of a model: what OpenAI recommends, and, where that ends as well, what it recommends for that.
pub(crate) fn successor(id: &str) -> Option<&'static str> {
    /// More than there are generations of models.
    const MOST: usize = 10;
    let next = |id: &&'static str| notice(id).and_then(|notice| notice.instead);
    std::iter::successors(notice(id)?.instead, next).take(MOST).last()
}

/// All models that are known to end, those of a key and those of the notices, with their ends.
pub(crate) async fn ends(cx: &Context) -> Result<BTreeMap<String, i64>> {
    let mut ends: BTreeMap<String, i64> = notices().map(|notice| (notice.model.to_owned(), notice.ends)).collect();
    ends.extend(all(cx).await?.into_iter().filter_map(|model| Some((model.id, model.ends?))));
    Ok(ends)
}

/// The tools of this project that name a model.
pub(crate) fn named(id: &str) -> Vec<&'static str> {
    let line = NAMED.lines().find_map(|line| line.strip_prefix(id)?.strip_prefix(' '));
    line.into_iter().flat_map(|tools| tools.split(' ')).collect()
}

/// Whether an id has this part, whatever the case of its letters.
pub(crate) fn holds(id: &str, part: Option<&str>) -> bool {
    part.is_none_or(|part| id.to_lowercase().contains(&part.trim().to_lowercase()))
}

/// The day of a time in Unix seconds, as `2027-01-31`.
pub(crate) fn day(seconds: i64) -> String {
    let time = time::iso(seconds);
    time.split_once('T').map_or(time.as_str(), |(day, _)| day).to_owned()
}

/// An item of a list: a line for who reads, an object for who computes.
pub(crate) struct Row {
    line: String,
    object: Value,
}

impl Row {
    pub(crate) fn new(line: String, object: Value) -> Self {
        Row { line, object }
    }

    /// The same with a member more, which the line tells as `shown`.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>, shown: &str) -> Self {
        self.line += shown;
        if let Some(object) = self.object.as_object_mut() {
            object.insert(name.to_owned(), value.into());
        }
        self
    }
}

/// A list, cut where a result would be.
pub(crate) fn list(cx: &Context, rows: impl Iterator<Item = Row>) -> Output {
    let rows: Vec<Row> = rows.collect();
    // The structure is the longer form of the two.
    let mut left = cx.max_result().saturating_sub(200);
    let fits = rows.iter().take_while(|row| {
        let bytes = row.object.to_string().len() + 1;
        let fits = bytes <= left;
        left = left.saturating_sub(bytes);
        fits
    });
    let shown = fits.count();
    let mut text: Vec<&str> = rows.iter().take(shown).map(|row| row.line.as_str()).collect();
    let data: Vec<&Value> = rows.iter().take(shown).map(|row| &row.object).collect();
    let mut structured = json!({"object": "list", "data": data, "has_more": shown < rows.len()});
    let note = format!("{} more; `contains` shows fewer", rows.len() - shown);
    if rows.is_empty() {
        text.push("none");
    }
    if shown < rows.len() {
        text.push(&note);
        if let Some(structured) = structured.as_object_mut() {
            structured.insert("note".to_owned(), note.as_str().into());
        }
    }
    Output::Text { text: text.join("\n"), structured }
}
