//! Usage of a kind over a time, as one table and a plot.

use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;

use crate::names::Names;
use crate::plot::Chart;
use crate::range::{self, Per, Range};
use crate::read::read;
use crate::save::{Saving, finish};
use crate::show::{Look, SHORTENED, nothing};
use crate::table::{Measure, Table};
use crate::usage;

tools![Report];

/// Rows of a table by default.
const ROWS: usize = 20;
/// Rows that are shown of a table that is too wide, before its parts become longer.
const LEAST: usize = 5;
/// Bytes of a result that are left for what is not the table.
const SPARE: usize = 1536;

/// Report usage over a time: a table of all pages with totals and names, a plot.
#[tool("usage-report", reads, saves)]
struct Report {
    /// Default completions.
    usage: Option<Kinds>,
    /// Default `last 30 days`; `this month`, `2026-10`, `2026-10-01..2026-10-15` (both days within), ISO times.
    range: Option<String>,
    #[unlisted]
    start_time: Option<Time>,
    #[unlisted]
    end_time: Option<Time>,
    /// As `Europe/Berlin` or `+02:00`. Default UTC.
    time_zone: Option<String>,
    /// Default model, or project_id where there is none.
    group_by: Option<Raw<Vec<By>>>,
    /// What is counted, as num_model_requests. Default tokens, images …
    metric: Option<String>,
    /// Default by length.
    per: Option<Per>,
    /// project_ids (or names), user_ids, models …, as the tool of that usage has them.
    filters: Options<Filters>,
    /// Default 20; the rest is added up.
    rows: Option<Int<1, 1000>>,
    /// Default true.
    plot: Option<bool>,
    /// New local file: .csv of the whole table, .png of the plot.
    save_to: Option<String>,
}

#[shape(read)]
#[derive(Copy, PartialEq)]
enum Kinds {
    Completions,
    Embeddings,
    Moderations,
    Images,
    AudioSpeeches,
    AudioTranscriptions,
    VectorStores,
    CodeInterpreterSessions,
    FileSearchCalls,
    WebSearchCalls,
    Decisions,
}

#[shape]
enum By {
    ProjectId,
    UserId,
    ApiKeyId,
    Model,
    Batch,
    ServiceTier,
    ApiSource,
    Size,
    Source,
    VectorStoreId,
    ContextLevel,
}

#[shape]
struct Filters {
    project_ids: Option<Vec<String>>,
    user_ids: Option<Vec<String>>,
    api_key_ids: Option<Vec<String>>,
    models: Option<Vec<String>>,
    batch: Option<bool>,
    sizes: Option<Vec<String>>,
    sources: Option<Vec<String>>,
    vector_store_ids: Option<Vec<String>>,
    context_levels: Option<Vec<String>>,
}

/// What can be counted, the usual first: a name and the fields that it is the sum of.
type Metrics = &'static [(&'static str, &'static [&'static str])];

const OF_TEXT: Metrics = &[
    ("tokens", &["input_tokens", "output_tokens"]),
    ("input_tokens", &["input_tokens"]),
    ("output_tokens", &["output_tokens"]),
    ("num_model_requests", &["num_model_requests"]),
    ("input_cached_tokens", &["input_cached_tokens"]),
    ("input_uncached_tokens", &["input_uncached_tokens"]),
    ("input_cache_write_tokens", &["input_cache_write_tokens"]),
    ("input_text_tokens", &["input_text_tokens"]),
    ("output_text_tokens", &["output_text_tokens"]),
    ("input_audio_tokens", &["input_audio_tokens"]),
    ("output_audio_tokens", &["output_audio_tokens"]),
    ("input_image_tokens", &["input_image_tokens"]),
    ("output_image_tokens", &["output_image_tokens"]),
];
const REQUESTS: (&str, &[&str]) = ("num_model_requests", &["num_model_requests"]);
const OF_INPUT: Metrics = &[("input_tokens", &["input_tokens"]), REQUESTS];

impl Kinds {
    fn request(self) -> (&'static Spec, Metrics) {
        match self {
            Kinds::Completions => (&usage::Completions::SPEC, OF_TEXT),
            Kinds::Embeddings => (&usage::Embeddings::SPEC, OF_INPUT),
            Kinds::Moderations => (&usage::Moderations::SPEC, OF_INPUT),
            Kinds::Images => (&usage::Images::SPEC, &[("images", &["images"]), REQUESTS]),
            Kinds::AudioSpeeches => (&usage::AudioSpeeches::SPEC, &[("characters", &["characters"]), REQUESTS]),
            Kinds::AudioTranscriptions => (&usage::AudioTranscriptions::SPEC, &[("seconds", &["seconds"]), REQUESTS]),
            Kinds::VectorStores => (&usage::VectorStores::SPEC, &[("usage_bytes", &["usage_bytes"])]),
            Kinds::CodeInterpreterSessions => {
                (&usage::CodeInterpreterSessions::SPEC, &[("num_sessions", &["num_sessions"])])
            }
            Kinds::FileSearchCalls => (&usage::FileSearchCalls::SPEC, &[("num_requests", &["num_requests"])]),
            Kinds::WebSearchCalls => (&usage::WebSearchCalls::SPEC, &[("num_requests", &["num_requests"]), REQUESTS]),
            Kinds::Decisions => (&usage::Decisions::SPEC, OF_TEXT),
        }
    }

    fn group(self) -> &'static str {
        match self {
            Kinds::VectorStores | Kinds::CodeInterpreterSessions | Kinds::FileSearchCalls => "project_id",
            _ => "model",
        }
    }

    fn metric(self, asked: Option<&str>) -> Result<(&'static str, Measure)> {
        let (_, known) = self.request();
        let find = |asked: &str| known.iter().find(|(name, _)| *name == asked || name.ends_with(&format!("_{asked}")));
        let found = match asked {
            None => known.first(),
            Some(asked) => find(&asked.trim().to_ascii_lowercase()),
        };
        let Some((name, fields)) = found else {
            let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            let asked = asked.unwrap_or_default();
            return Err(Error::argument("metric", format!("expected one of {}, got `{asked}`", names.join(", "))));
        };
        // What vector stores hold is there the whole time.
        let level = self == Kinds::VectorStores;
        Ok((name, if level { Measure::Level(name) } else { Measure::Count(fields) }))
    }
}

impl Report {
    async fn run(self, cx: Context) -> Result<Output> {
        let saving = Saving::new(&cx, self.save_to).await?;
        let kind = self.usage.unwrap_or(Kinds::Completions);
        let (spec, _) = kind.request();
        let (metric, measure) = kind.metric(self.metric.as_deref())?;
        let now = range::now(&cx, range::zone(self.time_zone.as_deref())?)?;
        let range = match (self.range, self.start_time) {
            (Some(_), Some(_)) => return Err(Error::argument("start_time", "expected either `range` or `start_time`")),
            (None, Some(Time(start))) => Range::between(start, self.end_time.map(|Time(end)| end), &now)?,
            (text, None) => Range::read(text.as_deref().unwrap_or("last 30 days"), &now)?,
        };
        let mut per = self.per.unwrap_or(range.usual());
        let range = range.so_far(&now, per)?;
        let columns = range.columns(per)?;
        let width = range.width(&columns)?;
        let group_by: Vec<String> = match &self.group_by {
            Some(group_by) => group_by.read("group_by")?,
            None => vec![kind.group().to_owned()],
        };
        let mut names = Names::default();
        let mut arguments = self.filters.arguments();
        if let Some(given) = arguments.member::<Vec<String>>("project_ids")? {
            let ids = names.project_ids(&cx, "filters.project_ids", given).await?;
            arguments = arguments.set("project_ids", ids);
        }
        let given = arguments.clone();
        let filters = || Filters::FIELDS.iter().map(|field| field.name);
        let has = |name: &str| spec.fields.iter().any(|field| field.name == name);
        let there: Vec<String> = filters().filter(|name| has(name)).map(|name| format!("`{name}`")).collect();
        let mut faults = Vec::new();
        for name in filters().filter(|name| !has(name)) {
            if arguments.member::<Value>(name)?.is_some() {
                faults.push(format!("`filters.{name}`: {} is filtered by {} alone", spec.name, there.join(", ")));
                arguments = arguments.without(name);
            }
        }
        if !group_by.is_empty() {
            arguments = arguments.set("group_by", &group_by);
        }
        let (start, end) = (range::seconds(&range.start), range::seconds(&range.end));
        let arguments = arguments
            .set("start_time", start)
            .set("end_time", end)
            .set("bucket_width", width.name)
            .set("limit", width.limit);
        match cx.check(spec, &arguments) {
            Err(error) if !faults.is_empty() => faults.push(error.into_text()),
            checked => checked?,
        }
        if !faults.is_empty() {
            return Err(Error::arguments(&faults));
        }

        let pages = (end - start) / width.seconds / width.limit + 1;
        let table = Table::new(columns, group_by.clone(), measure);
        let mut table = read(&cx, spec, arguments, pages, table).await?;
        let mut rows = table.rows();
        names.look_up(&cx, &group_by, &rows).await;
        let look = Look { group_by: &group_by, names: &names, money: false };
        let of = spec.name.trim_start_matches("usage-");
        let title = format!("{} of {}", metric.replace('_', " "), of.replace('-', " "));
        let chart = Chart::new(title, &table.columns, &rows, &look);
        let csv = saving.wants_csv().then(|| look.csv(&table.columns, &rows));

        let mut notes = names.notes.clone();
        let mut most = self.rows.map_or(ROWS, Int::get::<usize>);
        let room = cx.max_result().saturating_sub(SPARE);
        let mut told = look.table(&table.columns, &rows, most);
        while told.text().len() > room {
            if most > LEAST {
                most = (most / 2).max(LEAST);
            } else if let Some(longer) = per.longer() {
                per = longer;
                table = table.part(0, range.columns(per)?);
                rows = table.rows();
            } else {
                break;
            }
            told = look.table(&table.columns, &rows, most);
            if notes.last().is_none_or(|note| note != SHORTENED) {
                notes.push(SHORTENED.into());
            }
        }
        if rows.is_empty() {
            notes.push(nothing("used", &given)?);
        }
        if matches!(measure, Measure::Level(_)) {
            notes.push("bytes are means over each time, not sums".into());
        }
        let sums = table.sums.iter().filter(|(_, sum)| !sum.is_zero());
        let sums = json::object(sums.map(|(name, sum)| (name.clone(), look.number(*sum))));
        let mut result = Arguments::default()
            .set("usage", of.replace('-', "_"))
            .set("metric", metric)
            .set("range", range.show())
            .set("per", per.name())
            .merge(told);
        if !sums.is_empty() {
            result = result.set("sums", sums);
        }
        if !notes.is_empty() {
            result = result.set("notes", notes);
        }
        finish(&cx, result, saving, csv, self.plot != Some(false), vec![chart]).await
    }
}
