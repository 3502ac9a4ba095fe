//! The sessions that the servers' READMEs show: each is run against the stand-in, and has to end as it is shown.
//!
//! Ids, numbers and what a README leaves out (`…`) may be others. `BLESS=1` writes what was found in the place of what is no
//! longer so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use openai_mcp::SERVERS;
use openai_mcp_testkit::golden;
use regex::Regex;
use serde_json::json;

use crate::{Running, command, run_in};

/// Files that sessions begin with.
const FILES: [(&str, &[u8]); 7] = [
    ("STYLE.md", include_bytes!("../../../STYLE.md")),
    ("LICENSE-MIT", include_bytes!("../../../LICENSE-MIT")),
    ("comments.csv", b"text\nA fine day\n\"Shut up, you idiot\"\nI will find you\nThank you\n"),
    ("lamp.png", include_bytes!("../../../fuzz/corpus/picture/png-8x8.png")),
    ("skills/pdf/SKILL.md", b"---\nname: pdf\ndescription: Reads PDF files\n---\nUse it.\n"),
    ("skills/pdf/references/a.md", b"Hello\n"),
    ("talks/notes.md", b"Of these talks.\n"),
];

/// Countries and their capitals, of which a model is tuned by all but the last.
const CAPITALS: &str = "Austria Vienna, Belgium Brussels, Chile Santiago, Denmark Copenhagen, Egypt Cairo, France Paris, Ghana Accra, \
                        Hungary Budapest, India Delhi, Japan Tokyo, Kenya Nairobi, Libya Tripoli, Malta Valletta";
/// What it is not: a question without an answer, and half of one.
const FAULTS: &str = r#"{"messages": [{"role": "user", "content": "Capital of Spain?"}]}
{"messages": [{"role": "user","#;

const THREADS: usize = 6;

/// What the day decides.
const OF_THE_DAY: [&str; 1] = ["model-retirements"];

/// What is another each time, the ids that later commands name in a group of their own.
static VARIES: LazyLock<Regex> = LazyLock::new(|| {
    let id = r"[A-Za-z_]+[-_](?:[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{12,64})";
    Regex::new(&format!(r"…|({id})|whsec_[\w/+=]{{20,}}|\.\.\.[\w/+=-]+|-?\d+(?:\.\d+)?")).unwrap()
});

/// What an output has to be like, if this is shown; a group for each id.
fn pattern(shown: &str) -> Regex {
    let (mut pattern, mut at) = (String::from("(?s)^"), 0);
    for found in VARIES.captures_iter(shown) {
        let whole = found.get(0).unwrap();
        pattern += &regex::escape(&shown[at..whole.start()]);
        pattern += match (found.get(1), whole.as_str().as_bytes()) {
            (Some(_), _) => r"([\w-]+)",
            (None, [b'w', ..]) => r"whsec_[\w/+=]+",
            (None, [b'.', ..]) => r"\.\.\.[\w/+=-]+",
            (None, [b'-' | b'0'..=b'9', ..]) => r"-?\d+(?:\.\d+)?",
            _ => ".*",
        };
        at = whole.end();
    }
    Regex::new(&format!("{pattern}{}$", regex::escape(&shown[at..]))).unwrap()
}

/// A command of a session, and what is shown below it.
struct Step<'a> {
    command: &'a str,
    shown: &'a str,
}

fn steps(readme: &str) -> Vec<Step<'_>> {
    let blocks = readme.split("```text\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.flat_map(|(block, _)| steps_of(block)).collect()
}

/// A command ends with the line on which its quotes do.
fn steps_of(block: &str) -> impl Iterator<Item = Step<'_>> {
    let starts: Vec<usize> =
        block.match_indices("$ ").map(|(at, _)| at).filter(|at| *at == 0 || block[..*at].ends_with('\n')).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([block.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| {
        let text = &block[start + 2..end];
        let quoted = |at: usize| text[..at].matches('\'').count() % 2 == 1;
        let line = text.match_indices('\n').map(|(at, _)| at).find(|at| !quoted(*at)).unwrap_or(text.len());
        Step { command: &text[..line], shown: text.get(line + 1..).unwrap_or_default() }
    })
}

/// The words of a command, of which some are in single quotes.
fn words(command: &str) -> Vec<String> {
    let parts = command.split('\'').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        1 => vec![part.to_owned()],
        _ => part.split_whitespace().map(str::to_owned).collect(),
    });
    words.collect()
}

/// The README of a server, with what its sessions are found to give.
fn played(domain: &str, readme: &str, base: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::File::create(home.path().join("big.txt")).unwrap().set_len(40_000_000).unwrap();
    let examples = CAPITALS.split(", ").map(|pair| {
        let (country, capital) = pair.split_once(' ').unwrap();
        let question = json!({"role": "user", "content": format!("Capital of {country}?")});
        format!("{}\n", json!({"messages": [question, {"role": "assistant", "content": capital}]}))
    });
    let mut examples: Vec<String> = examples.collect();
    let put = |name: &str, text: String| fs::write(home.path().join(name), text).unwrap();
    put("others.jsonl", examples.pop().unwrap());
    put("capitals.jsonl", examples.concat());
    put("draft.jsonl", examples.concat() + FAULTS);
    let folder = home.path().canonicalize().unwrap();
    let key = format!("sk-any-{domain}");
    let variables = [
        ("HOME", folder.to_str().unwrap()),
        ("OPENAI_BASE_URL", base),
        ("OPENAI_API_KEY", key.as_str()),
        ("OPENAI_ADMIN_KEY", "sk-admin-any"),
        ("OPENAI_MCP_SECRET_GITHUB", "ghp_q7VxZ2mN9pLr4TwK8sYd3FhJ6bGc"),
    ];
    // The ids that the README has, each with the one that there is.
    let mut ids: Vec<(String, String)> = Vec::new();
    let mut text = readme.to_owned();
    // Some tell what OpenAI itself answers.
    let shown = if readme.contains("\nAgainst the sandbox, ") { readme } else { "" };
    for Step { command, shown } in steps(shown) {
        let Some(call) = command.strip_prefix("openai-mcp call ") else { continue };
        if OF_THE_DAY.iter().any(|tool| call.starts_with(tool)) {
            continue;
        }
        let call = ids.iter().fold(call.to_owned(), |call, (shown, there)| call.replace(shown, there));
        let arguments = [vec!["call".to_owned()], words(&call)].concat();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let done = run_in(&folder, &arguments, &variables);
        let out = format!("{}{}", done.out, done.err).replace(folder.to_str().unwrap(), "/home/me");
        let of = |text: &str| -> Vec<String> {
            let ids = VARIES.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str().to_owned()));
            ids.collect()
        };
        let found = pattern(shown.trim_end()).captures(out.trim_end());
        let there = match &found {
            Some(found) => found.iter().skip(1).flatten().map(|id| id.as_str().to_owned()).collect(),
            None => of(&out),
        };
        for (shown, there) in of(shown).into_iter().zip(there) {
            if !ids.iter().any(|(known, _)| *known == shown) {
                ids.push((shown, there));
            }
        }
        if found.is_none() {
            let out = ids.iter().fold(out, |out, (shown, there)| out.replace(there, shown));
            text = text.replacen(&format!("$ {command}\n{shown}"), &format!("$ {command}\n{out}"), 1);
        }
    }
    text
}

#[test]
fn readmes_show_what_is_so() {
    let sandbox = Running::start(&mut command(&["sandbox"], &[]), "next: ");
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../servers");
    let play = |domain: &str| {
        let file = root.join(format!("openai-{domain}-mcp/README.md"));
        let held = golden::hold(&file, &played(domain, &fs::read_to_string(&file).unwrap(), sandbox.url()));
        (file, held)
    };
    // Sessions wait more than they work.
    let all = std::thread::scope(|scope| {
        let parts = SERVERS.chunks(SERVERS.len().div_ceil(THREADS));
        let threads: Vec<_> = parts
            .map(|part| scope.spawn(|| part.iter().map(|server| play(server.domain)).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    golden::all_hold(all);
}
