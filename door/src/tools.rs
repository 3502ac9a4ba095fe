//! The five tools, as data.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::schema::{Field, Place, Ref, Shape, Shaped, of};
use openai_mcp_kernel::server::{Missing, Offered};
use openai_mcp_kernel::spec::{Effect, Life, Long, Spec};
use openai_mcp_kernel::tool::Tool;

/// How many tools a search names by default.
pub(crate) const HITS: usize = 8;
/// How many tools are described at once.
pub(crate) const DESCRIBED: usize = 8;

const READS: Effect =
    Effect { reads: true, destroys: false, idempotent: true, open: false, saves: false, records: false };

/// Finds tools.
pub(crate) static SEARCH: Spec = spec(
    "api-search",
    "Find tools of the OpenAI API by what they do: start here.\n\nEach hit says what runs it (`use`); the best come with \
     their arguments. `domain` alone lists its tools, nothing at all the domains.",
    &[
        field("query", "A few words, verb and object, as `list files`", of::<Text<1, 500>>, false),
        field("domain", "", of::<Text<1, 60>>, false),
        field("limit", "Default 8.", of::<Int<1, 20>>, false),
    ],
    READS,
);

/// Shows tools.
pub(crate) static DESCRIBE: Spec = spec(
    "api-describe",
    "Show tools whole: what they do, and the schema of their arguments.",
    &[Field {
        aliases: &["tool", "name", "names"],
        ..field("tools", "Names", of::<ListOf<String, 1, DESCRIBED>>, true)
    }],
    READS,
);

/// Runs what reads.
pub(crate) static READ: Spec = spec(
    "api-read",
    "Run a tool that only reads.\n\nIt writes nothing, here or at OpenAI: to save a file use api-write.",
    CALL,
    Effect { open: true, ..READS },
);

/// Runs what makes or changes something.
pub(crate) static WRITE: Spec = spec(
    "api-write",
    "Run a tool that creates or changes something, or that costs tokens.",
    CALL,
    Effect { reads: false, idempotent: false, open: true, ..READS },
);

/// Runs what may delete or overwrite.
pub(crate) static DELETE: Spec = spec(
    "api-delete",
    "Run a tool that may delete or overwrite something.",
    CALL,
    Effect { reads: false, destroys: true, idempotent: false, open: true, ..READS },
);

/// All of them, in the order of the list.
pub(crate) static ALL: [&Spec; 5] = [&SEARCH, &DESCRIBE, &READ, &WRITE, &DELETE];

const CALL: &[Field] = &[
    // `name` is what the protocol's own calls have beside `arguments`.
    Field { aliases: &["name"], ..field("tool", "Its name, from api-search", of::<Text<1, 200>>, true) },
    field("arguments", "What it takes", of::<Inner>, false),
];

/// The arguments of an inner tool: listed as an object, taken as they are, for that tool to check.
enum Inner {}

impl Shaped for Inner {
    const SHAPE: Shape = Shape::Brief { listed: of::<JsonObject>, taken: of::<Json>, options: false };
}

const fn spec(name: &'static str, doc: &'static str, fields: &'static [Field], effect: Effect) -> Spec {
    Spec { name, doc, endpoint: None, fields, effect, admin: false, long: Long::Cut, life: Life::Open, setting: None }
}

const fn field(name: &'static str, doc: &'static str, shape: Ref, required: bool) -> Field {
    Field { name, aliases: &[], wire: name, doc, shape, required, place: Place::Local, listed: true, brief: false }
}

/// The tool that a caller named, with or without the server before it: `files.file-list`, `mcp__files__file-list`.
pub(crate) fn named(name: &str, offered: &Offered<'_>) -> Result<&'static Tool, Missing> {
    let name = name.trim();
    let bare = name.rsplit(['.', '/', ':']).next().and_then(|name| name.rsplit("__").next());
    offered.find(name).or_else(|missing| bare.and_then(|bare| offered.find(bare).ok()).ok_or(missing))
}

/// The one of the five by which a tool is to be run.
///
/// What writes rows of ours when it is called may be read without them, as a run that is only looked at. Composites that
/// write some do it because their work is to go on, and so do tools that send something.
pub(crate) fn door_of(spec: &Spec, offered: &Offered<'_>) -> &'static Spec {
    let Effect { reads, destroys, records, .. } = spec.effect;
    let looks = spec.endpoint.as_ref().is_some_and(|endpoint| endpoint.method == "GET");
    match (reads, destroys) {
        (true, _) if !records || looks || offered.read_only() => &READ,
        (false, true) => &DELETE,
        _ => &WRITE,
    }
}

/// How much one of the five may do: more than those of a lesser strength.
pub(crate) fn strength(door: &Spec) -> usize {
    ALL.iter().position(|known| known.name == door.name).unwrap_or_default()
}
