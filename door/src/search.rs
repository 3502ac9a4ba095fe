//! Which tool is meant by a few words: BM25 over names, descriptions and domains.
//!
//! Where names follow rules and callers type keywords, that finds as much as embeddings do, without a model or a call.

use std::sync::OnceLock;

use bm25::{Embedder, EmbedderBuilder, Language, Scorer};
use openai_mcp_kernel::server::{Definition, Offered};
use openai_mcp_kernel::spec::Spec;

/// How much a word counts by where it stands: so often it is written.
const NAME: usize = 3;
const FIRST_SENTENCE: usize = 2;
/// How little a word counts less in a long description than in a short one.
const LENGTH: f32 = 0.5;

/// Words that people have for what the tools call otherwise, with the words of the tools.
const OTHERWISE: &[(&[&str], &str)] = &[
    (&["picture", "pictures", "photo", "photos", "logo", "draw", "paint"], "image"),
    (&["draw", "paint"], "generate"),
    (&["aloud", "say", "spoken"], "speech"),
    (&["gpt", "llm"], "response"),
    (&["chatgpt"], "chat response create"),
    (&["evaluate", "evaluation", "evaluations"], "eval"),
    (&["rag", "knowledge"], "vector store"),
    (&["bill", "bills", "invoice", "invoices", "spend", "spent"], "cost"),
    (&["movie", "movies", "clip", "clips"], "video"),
    (
        &[
            "web",
            "code",
            "research",
            "ocr",
            "describe",
            "analyze",
            "analyse",
            "question",
            "summarize",
            "summarise",
            "summary",
            "vision",
        ],
        "response answer generate",
    ),
    (&["captions", "diarize", "diarization", "speakers", "srt", "subtitle", "subtitles", "vtt"], "transcribe"),
    (&["dpo", "finetune", "finetuning", "lora", "preference"], "fine tune create"),
    (&["csv"], "batch prepare"),
    (&["sora"], "video create"),
    (&["changed", "who"], "audit log list"),
];

/// A document is read by a model, unless it is to be put somewhere.
const PUT: &[&str] = &["add", "attach", "folder", "index", "knowledge", "rag", "store", "upload"];

/// Verbs of tools that take something away. Who does not name such a verb, and what it is about, means none of them.
const AWAY: &[&str] = &["archive", "cancel", "deactivate", "delete", "remove", "revoke"];
/// What people say for such a verb.
const OFF: &[&str] = &["abort", "clear", "drop", "end", "erase", "kill", "purge", "stop", "withdraw"];
/// How much less they count then.
const UNMEANT: f32 = 0.5;

/// A tool with its server.
pub(crate) type Tool = (&'static Definition, &'static Spec);

/// All tools, ready to be searched. It is made by the first search.
pub(crate) struct Index {
    tools: Vec<Tool>,
    made: OnceLock<(Embedder, Scorer<usize>)>,
}

impl Index {
    pub(crate) fn new(servers: &[&'static Definition]) -> Self {
        let tools = servers.iter().flat_map(|definition| definition.specs().map(|spec| (*definition, spec)));
        Index { tools: tools.collect(), made: OnceLock::new() }
    }

    fn made(&self) -> &(Embedder, Scorer<usize>) {
        self.made.get_or_init(|| {
            let texts: Vec<String> = self.tools.iter().map(|tool| text(*tool)).collect();
            let corpus: Vec<&str> = texts.iter().map(String::as_str).collect();
            let embedder = EmbedderBuilder::with_fit_to_corpus(Language::English, &corpus).b(LENGTH).build();
            let mut scorer = Scorer::new();
            for (index, text) in corpus.iter().enumerate() {
                scorer.upsert(&index, embedder.embed(text));
            }
            (embedder, scorer)
        })
    }

    /// The tools that have something of a query, the best first, of those that are offered.
    pub(crate) fn find(&self, query: &str, domain: Option<&'static Definition>, offered: &Offered<'_>) -> Vec<Tool> {
        let there: Vec<&str> = offered.tools().map(|(_, spec)| spec.name).collect();
        let (embedder, scorer) = self.made();
        let words = words(query);
        let mut matches = scorer.matches(&embedder.embed(&in_our_words(query, &words)));
        for found in &mut matches {
            if self.tools.get(found.id).is_some_and(|(_, spec)| !may_mean(&words, spec.name)) {
                found.score *= UNMEANT;
            }
        }
        // What is equally good stands in the order of the lists.
        matches.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.id.cmp(&other.id)));
        let by_name = self.tools.iter().position(|(_, spec)| squeezed(spec.name) == squeezed(query));
        let others = matches.into_iter().map(|found| found.id).filter(|index| Some(*index) != by_name);
        by_name
            .into_iter()
            .chain(others)
            .filter_map(|index| self.tools.get(index))
            .filter(|(owner, spec)| {
                domain.is_none_or(|domain| domain.domain == owner.domain) && there.contains(&spec.name)
            })
            .copied()
            .collect()
    }

    /// Names that may be meant by one of no tool: the best by its words.
    pub(crate) fn alike(&self, name: &str, offered: &Offered<'_>) -> Vec<&'static str> {
        self.find(name, None, offered).into_iter().take(3).map(|(_, spec)| spec.name).collect()
    }
}

/// What is searched of a tool.
fn text((owner, spec): Tool) -> String {
    let (first, rest) = spec.doc.split_once("\n\n").unwrap_or((spec.doc, ""));
    let name = spec.name.replace('-', " ");
    let mut words = vec![name.as_str(); NAME];
    words.extend([first; FIRST_SENTENCE]);
    let domain = owner.domain.replace('-', " ");
    words.extend([domain.as_str(), rest]);
    words.join(" ")
}

fn words(query: &str) -> Vec<String> {
    query.split(|letter: char| !letter.is_alphanumeric()).map(str::to_lowercase).collect()
}

/// A query, and after it what its words are called by the tools.
fn in_our_words(query: &str, words: &[String]) -> String {
    let has = |theirs: &[&str]| words.iter().any(|word| theirs.contains(&word.as_str()));
    let mut text = query.to_owned();
    for (_, ours) in OTHERWISE.iter().filter(|(theirs, _)| has(theirs)) {
        text = text + " " + ours;
    }
    if has(&["pdf", "pdfs"]) && !has(PUT) { text + " response answer generate" } else { text }
}

/// Whether a tool that takes something away can be meant by these words: they name both, in the singular or the plural.
fn may_mean(words: &[String], name: &str) -> bool {
    let (verbs, objects): (Vec<&str>, Vec<&str>) = name.split('-').partition(|word| AWAY.contains(word));
    let named = |words_of: &[&str]| words.iter().any(|word| words_of.contains(&word.trim_end_matches('s')));
    verbs.is_empty() || ((named(AWAY) || named(OFF)) && named(&objects))
}

/// A name without what spellings of it differ in.
fn squeezed(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
