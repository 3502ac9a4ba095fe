//! Which module of a crate may import which: down the layers, and never in a circle.
//!
//! Beside each other stand the modules of one folder and, as `self`, the file that holds them (`lib.rs`, `main.rs`,
//! `mod.rs`); what is in a module's own folder counts as that module. A name that a file only passes on (`pub use`) is
//! looked up where it comes from. Tests within a file are no part of it.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::workspace::Workspace;

/// A folder and the layers of its modules, from the top down. A module imports from the layers below its own, and from
/// its own if no circle comes of it. A folder without a table is kept free of circles alone.
type Layers<'a> = (&'a str, &'a [&'a [&'a str]]);

const LAYERS: &[Layers<'_>] = &[
    (
        "kernel/src",
        &[
            &["self"],
            &["gateway", "narrowing", "page"],
            &["server"],
            &["batch", "pages", "tool", "wait"],
            &["aside", "download", "fetch", "files", "long", "openai", "outlive", "rows", "save", "socket", "store"],
            &["context"],
            &["events", "multipart", "options", "output", "plan", "platform", "redirect", "urls"],
            &["arguments", "config", "schema", "spec", "strict", "telemetry"],
            &[
                "allowance",
                "body",
                "budget",
                "error",
                "file",
                "headers",
                "json",
                "json_schema",
                "links",
                "near",
                "notes",
                "protocol",
                "scan",
                "secret",
                "sql",
                "time",
            ],
        ],
    ),
    (
        "native/src",
        &[
            &["run"],
            &["http", "stdio", "platform"],
            &["progress", "sessions", "socket", "urls"],
            &["client", "files", "store"],
            &["body", "fair", "turns"],
            &["self"],
            &["log"],
        ],
    ),
    (
        "sandbox/src",
        &[
            &["self"],
            &["api"],
            &["setting"],
            &["crud", "form", "socket", "sse"],
            &["auth", "faults", "shelf"],
            &["params"],
            &["content", "error", "json", "world"],
            &["engine"],
        ],
    ),
    ("worker/src", &[&["self"], &["machine"], &["fetch", "socket", "store", "urls"]]),
    (
        "xtask/src",
        &[
            &["self"],
            &["test"],
            &["apart", "api", "fuzz", "new", "programs", "tidy"],
            &["worker"],
            &["layers", "tools", "wrangler"],
            &["workspace"],
        ],
    ),
];

/// Names every import that goes up, every circle, every tool that is imported for more than its request, and what is out
/// of date in the tables.
pub(crate) fn check(workspace: &Workspace, faults: &mut Vec<String>) -> Result<()> {
    let mut folders = BTreeMap::new();
    for package in &workspace.packages {
        let source = package.folder().join("src");
        let Ok(place) = source.strip_prefix(&workspace.root) else { continue };
        let mut texts = Vec::new();
        if source.is_dir() {
            collect(&source, &[], &mut texts)?;
        }
        let tree = Tree::parse(&texts).with_context(|| source.display().to_string())?;
        let place = place.to_string_lossy().replace('\\', "/");
        if place.starts_with("servers/") {
            tree.tools(&place, faults);
        }
        folders.extend(tree.folders(&place));
    }
    judge(&folders, LAYERS, faults);
    Ok(())
}

/// How many times a name may be passed on.
const HOPS: usize = 8;

/// A module's place in its crate, from the root; the root itself has none.
type Name = Vec<String>;

/// Every source file below a folder, with the module that it is.
fn collect(folder: &Path, within: &[String], texts: &mut Vec<(Name, String)>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut name = within.to_vec();
        if path.is_dir() {
            name.push(stem);
            // Programs beside a library are crates of their own.
            if name != ["bin"] {
                collect(&path, &name, texts)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let holds_others = stem == "mod" || (within.is_empty() && matches!(stem.as_str(), "lib" | "main"));
            if !holds_others {
                name.push(stem);
            }
            texts.push((name, fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// The modules of a crate.
struct Tree(BTreeMap<Name, Module>);

#[derive(Default)]
struct Module {
    /// What it names of its own crate, and the name that it imports that as.
    links: Vec<(Name, Option<String>)>,
    /// Names that it passes on, and what they are.
    passed_on: Vec<(String, Name)>,
    /// Every path of its code, as it stands there.
    code: Vec<Name>,
    /// Whether it lists tools.
    tools: bool,
}

/// The modules of one folder: what each imports, and an example.
type Folder = BTreeMap<String, BTreeMap<String, String>>;

impl Tree {
    fn parse(texts: &[(Name, String)]) -> Result<Self> {
        let mut modules: BTreeMap<Name, Module> = BTreeMap::new();
        for (name, text) in texts {
            let tokens: TokenStream = text.parse().map_err(|error| anyhow!("{}: {error}", name.join("::")))?;
            let module = modules.entry(name.clone()).or_default();
            module.tools |= text.lines().any(|line| line.starts_with("tools!["));
            let is_child =
                |child: &str| texts.iter().any(|(other, _)| other.split_last() == Some((&child.to_owned(), name)));
            Reader { name, is_child: &is_child, module }.read(&trees(tokens), name);
        }
        Ok(Tree(modules))
    }

    /// The module that a path leads to.
    fn home(&self, path: &[String], hops: usize) -> Name {
        let lengths = (0..=path.len()).rev();
        let found =
            lengths.filter_map(|length| path.split_at_checked(length)).find(|(name, _)| self.0.contains_key(*name));
        let Some((name, rest)) = found else { return Name::new() };
        let module = self.0.get(name);
        if let (Some(module), Some((item, rest)), true) = (module, rest.split_first(), hops > 0)
            && let Some((_, origin)) = module.passed_on.iter().find(|(passed_on, _)| passed_on == item)
        {
            return self.home(&[origin.as_slice(), rest].concat(), hops - 1);
        }
        name.to_vec()
    }

    fn folders(&self, place: &str) -> BTreeMap<String, Folder> {
        let mut folders: BTreeMap<String, Folder> = BTreeMap::new();
        let folder = |name: &[String]| [&[place.to_owned()], name].concat().join("/");
        for (name, module) in &self.0 {
            if let Some((own, within)) = name.split_last() {
                folders.entry(folder(within)).or_default().entry(own.clone()).or_default();
            }
            for (path, _) in &module.links {
                let home = self.home(path, HOPS);
                let shared = name.iter().zip(&home).take_while(|(one, other)| one == other).count();
                let beside = |name: &Name| name.get(shared).map_or("self", String::as_str).to_owned();
                let (from, to) = (beside(name), beside(&home));
                if from != to {
                    let example = format!("crate::{} in {}", path.join("::"), module_name(name));
                    let imports = folders.entry(folder(name.get(..shared).unwrap_or_default())).or_default();
                    imports.entry(from).or_default().entry(to).or_insert(example);
                }
            }
        }
        folders
    }

    /// Whoever imports from a file that lists tools makes a request with a tool's `SPEC`; what files share is elsewhere.
    fn tools(&self, place: &str, faults: &mut Vec<String>) {
        let spec = |path: &[String]| path.last().is_some_and(|last| last == "SPEC" || last == "TOOLS");
        for (name, module) in &self.0 {
            for (path, local) in &module.links {
                let home = self.home(path, HOPS);
                if home == *name || !self.0.get(&home).is_some_and(|module| module.tools) {
                    continue;
                }
                // A module's name alone in code is a variable of the same name.
                let least = if home == *path { 2 } else { 1 };
                let of_import = |used: &&Name| used.len() >= least && local.is_some() && used.first() == local.as_ref();
                let used: Vec<&Name> = match local {
                    Some(_) => module.code.iter().filter(of_import).collect(),
                    None => vec![path],
                };
                let Some(used) = used.into_iter().find(|used| !spec(used)) else { continue };
                let file = module_name(&home);
                faults.push(format!(
                    "{place}: {} uses `{}` of {file}, which lists tools and is imported for its `SPEC`s alone",
                    module_name(name),
                    used.join("::")
                ));
            }
        }
    }
}

fn module_name(name: &[String]) -> String {
    if name.is_empty() { "the root".into() } else { name.join("::") }
}

/// Reads one file.
struct Reader<'a> {
    name: &'a Name,
    is_child: &'a dyn Fn(&str) -> bool,
    module: &'a mut Module,
}

fn trees(tokens: TokenStream) -> Vec<TokenTree> {
    tokens.into_iter().collect()
}

fn is(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// What follows `::`.
fn after_colons(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    (is(tokens.first(), ':') && is(tokens.get(1), ':')).then(|| tokens.get(2..)).flatten()
}

/// The path at the start, and what follows it.
fn path(mut tokens: &[TokenTree]) -> (Name, &[TokenTree]) {
    let mut path = Name::new();
    while let Some((TokenTree::Ident(word), rest)) = tokens.split_first() {
        path.push(word.to_string());
        tokens = rest;
        match after_colons(rest) {
            Some(next @ [TokenTree::Ident(_), ..]) => tokens = next,
            _ => break,
        }
    }
    (path, tokens)
}

/// What follows the item at the start.
fn after_item(tokens: &[TokenTree]) -> &[TokenTree] {
    let import = matches!(tokens.first(), Some(TokenTree::Ident(word)) if word == "use");
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => !import && group.delimiter() == Delimiter::Brace,
        token => is(Some(token), ';'),
    };
    let length = tokens.iter().position(ends).map_or(tokens.len(), |end| end + 1);
    tokens.get(length..).unwrap_or_default()
}

impl Reader<'_> {
    /// Reads what stands in the module `base`, which is the file's or one inside it.
    fn read(&mut self, mut tokens: &[TokenTree], base: &[String]) {
        let mut passes_on = false;
        while let Some((first, rest)) = tokens.split_first() {
            tokens = rest;
            match first {
                // An attribute.
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if let Some((TokenTree::Group(group), rest)) = rest.split_first() {
                        let for_tests = group.stream().to_string().replace(' ', "") == "cfg(test)";
                        tokens = if for_tests { after_item(rest) } else { rest };
                    }
                }
                // A field, a method, or a path that is not of this crate.
                TokenTree::Punct(punct) if punct.as_char() == '.' && !is(rest.first(), '.') => {
                    tokens = path(rest).1;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && is(rest.first(), ':') => {
                    tokens = path(rest.get(1..).unwrap_or_default()).1;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
                TokenTree::Group(group) => self.read(&trees(group.stream()), base),
                TokenTree::Ident(word) if word == "pub" => {
                    if let Some((TokenTree::Group(group), rest)) = rest.split_first()
                        && group.delimiter() == Delimiter::Parenthesis
                    {
                        tokens = rest;
                    }
                    passes_on = true;
                    continue;
                }
                TokenTree::Ident(word) if word == "use" => {
                    let end = rest.iter().position(|token| is(Some(token), ';')).unwrap_or(rest.len());
                    let (tree, rest) = rest.split_at(end);
                    tokens = rest;
                    self.import(tree, &Name::new(), base, passes_on);
                }
                TokenTree::Ident(word) if word == "mod" => {
                    if let [TokenTree::Ident(name), TokenTree::Group(group), rest @ ..] = rest {
                        tokens = rest;
                        self.read(&trees(group.stream()), &[base, &[name.to_string()]].concat());
                    }
                }
                TokenTree::Ident(word) => {
                    let (more, rest) = after_colons(rest).map_or((Name::new(), rest), path);
                    // `crate` alone is how far something is seen.
                    let path = [vec![word.to_string()], more].concat();
                    tokens = rest;
                    if path.len() > 1
                        && let Some(to) = self.absolute(&path, base)
                    {
                        self.module.links.push((to, None));
                    }
                    self.module.code.push(path);
                }
            }
            passes_on = false;
        }
    }

    /// Reads the tree of a `use`, of which `before` is read already.
    fn import(&mut self, tree: &[TokenTree], before: &[String], base: &[String], passes_on: bool) {
        // From the roots of all crates: not of this one.
        if before.is_empty() && is(tree.first(), ':') {
            return;
        }
        let (more, rest) = path(tree);
        let whole = [before, &more].concat();
        let rest = after_colons(rest).unwrap_or(rest);
        if let Some(TokenTree::Group(group)) = rest.first() {
            for part in trees(group.stream()).split(|token| is(Some(token), ',')) {
                if !part.is_empty() {
                    self.import(part, &whole, base, passes_on);
                }
            }
            return;
        }
        let renamed = match rest {
            [TokenTree::Ident(word), TokenTree::Ident(name)] if word == "as" => Some(name.to_string()),
            _ => None,
        };
        let mut whole = whole;
        if whole.len() > 1 && whole.last().is_some_and(|last| last == "self") {
            whole.pop();
        }
        let everything = is(rest.first(), '*');
        let Some(to) = self.absolute(&whole, base) else { return };
        let local = renamed.or_else(|| whole.last().cloned()).filter(|_| !everything);
        match local {
            Some(local) if passes_on => self.module.passed_on.push((local, to)),
            local => self.module.links.push((to, local)),
        }
    }

    /// A path from the root of the crate; `None` for one of another crate or of something local.
    fn absolute(&self, path: &[String], base: &[String]) -> Option<Name> {
        let (head, mut rest) = path.split_first()?;
        let mut from = match head.as_str() {
            "crate" => &[],
            "self" => base,
            "super" => base.split_last()?.1,
            head if base == self.name.as_slice() && (self.is_child)(head) => {
                rest = path;
                base
            }
            _ => return None,
        };
        while let Some((next, others)) = rest.split_first()
            && next == "super"
        {
            (from, rest) = (from.split_last()?.1, others);
        }
        Some([from, rest].concat())
    }
}

/// Holds the folders against the tables.
fn judge(folders: &BTreeMap<String, Folder>, layers: &[Layers<'_>], faults: &mut Vec<String>) {
    for (place, _) in layers.iter().filter(|(place, _)| !folders.contains_key(*place)) {
        faults.push(format!("there is no {place}, which a table of layers.rs names"));
    }
    for (place, folder) in folders {
        for name in folder.keys() {
            let Some(circle) = circle(folder, name) else { continue };
            // Told once, from the name that comes first.
            if circle.iter().all(|(from, _)| *from >= name.as_str()) {
                let steps: Vec<_> =
                    circle.iter().map(|(from, to)| format!("{from} → {to} ({})", example(folder, from, to))).collect();
                faults.push(format!("{place}: a circle: {}", steps.join(", ")));
            }
        }
        if let Some((_, layers)) = layers.iter().find(|(of, _)| of == place) {
            heights(place, folder, layers, faults);
        }
    }
}

fn heights(place: &str, folder: &Folder, layers: &[&[&str]], faults: &mut Vec<String>) {
    let depth = |name: &str| layers.iter().position(|layer| layer.contains(&name));
    for name in folder.keys().filter(|name| depth(name).is_none()) {
        faults.push(format!("{place}: {name} stands in no layer of layers.rs"));
    }
    for name in layers.iter().copied().flatten().filter(|name| **name != "self" && !folder.contains_key(**name)) {
        faults.push(format!("{place}: there is no {name}, which layers.rs names"));
    }
    for (from, imports) in folder {
        for (to, example) in imports {
            if let (Some(own), Some(other)) = (depth(from), depth(to))
                && other < own
            {
                faults.push(format!("{place}: {from} imports {to}, which is above it ({example})"));
            }
        }
    }
}

/// The shortest way from a module back to itself, in steps.
fn circle<'a>(folder: &'a Folder, start: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(from) = queue.pop_front() {
        for to in folder.get(from).into_iter().flat_map(BTreeMap::keys).map(String::as_str) {
            if to == start {
                let mut steps = vec![(from, start)];
                let mut at = from;
                while let Some(before) = came_from.get(at).filter(|_| at != start) {
                    steps.push((before, at));
                    at = before;
                }
                steps.reverse();
                return Some(steps);
            }
            if !came_from.contains_key(to) {
                came_from.insert(to, from);
                queue.push_back(to);
            }
        }
    }
    None
}

fn example<'a>(folder: &'a Folder, from: &str, to: &str) -> &'a str {
    folder.get(from).and_then(|imports| imports.get(to)).map_or("", String::as_str)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Layers, Tree, judge};

    fn tree(files: &[(&str, &str)]) -> Tree {
        let name = |name: &str| name.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let texts: Vec<_> = files.iter().map(|(module, text)| (name(module), (*text).to_owned())).collect();
        Tree::parse(&texts).unwrap()
    }

    fn faults(files: &[(&str, &str)], layers: &[Layers<'_>]) -> Vec<String> {
        let mut faults = Vec::new();
        judge(&tree(files).folders("k"), layers, &mut faults);
        faults
    }

    #[test]
    fn a_circle_is_found_whichever_way_it_is_written() {
        let other = ("b", "use crate::a::A;");
        for text in [
            "use crate::b;",
            "use crate::{b::B, c};",
            "use super::b::{self, B};",
            "fn f() { crate::b::g() }",
            "fn f() -> Vec<super::b::B> { x.y }",
            "mod inner { use super::super::b::B; }",
            "mod inner { fn f() { g![crate::b::X] } }",
            "pub(crate) use crate::b::B; fn f() { super::b::g() }",
        ] {
            let found = faults(&[("", "mod a; mod b;"), ("a", text), other], &[]);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found.concat().starts_with("k: a circle: a → b (crate::b"), "{found:?}");
        }
    }

    #[test]
    fn what_is_no_import_makes_no_circle() {
        let other = ("b", "use crate::a::A;");
        for text in [
            "/// Like [`crate::b::B`]",
            "pub use crate::b::B;",
            "#[cfg(test)] mod tests { use crate::b::B; }",
            "#[cfg(test)] use crate::b::B; pub(crate) fn f(b: B) { self.b }",
            "use other::b::B; fn f() { ::b::g(); x.b::<B>() }",
        ] {
            assert_eq!(faults(&[("", "mod a; mod b;"), ("a", text), other], &[]), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_name_that_is_passed_on_is_looked_up_where_it_comes_from() {
        let files = [
            ("", "pub mod a; mod b; pub mod prelude { pub use crate::a::A; } pub use a::{A, C as D};"),
            ("a", "mod c; pub use c::C; pub(crate) use c::f;"),
            ("a::c", "use super::C; use crate::b::B;"),
        ];
        let with = |b| faults(&[files[0], files[1], files[2], ("b", b)], &[]);
        assert_eq!(with("struct B;"), [""; 0]);
        assert!(with("use crate::D;").concat().contains("b → a (crate::D in b)"));
        assert!(with("use crate::a::f;").concat().contains("b → a (crate::a::f in b)"));
    }

    #[test]
    fn imports_go_down() {
        let files =
            [("", "mod a; mod b; mod c; use a::A;"), ("a", "use crate::b::B;"), ("b", ""), ("c", "use crate::b::B;")];
        let with = |layers: &[&[&str]]| faults(&files, &[("k", layers)]);
        assert_eq!(with(&[&["self"], &["a", "c"], &["b"]]), [""; 0]);
        assert_eq!(with(&[&["self"], &["a", "b", "c"]]), [""; 0]);
        assert_eq!(with(&[&["self"], &["b"], &["a"], &["c"]]).len(), 2);
        assert_eq!(with(&[&["self"], &["a"], &["b"]]), ["k: c stands in no layer of layers.rs"]);
        assert_eq!(with(&[&["self"], &["a", "c", "d"], &["b"]]), ["k: there is no d, which layers.rs names"]);
    }

    #[test]
    fn a_table_is_of_a_folder_that_is_there() {
        assert_eq!(faults(&[("a", "")], &[("l", &[&["a"]])]), ["there is no l, which a table of layers.rs names"]);
    }

    #[test]
    fn a_file_of_tools_is_imported_for_their_specs() {
        let list = ("list", "tools![List];\nstruct List; enum Order {}");
        let told = |text: &str| {
            let mut faults = Vec::new();
            tree(&[("", "static S: X = list::TOOLS;"), list, ("wait", text)]).tools("s", &mut faults);
            faults
        };
        assert_eq!(told("use crate::list::List; fn f() { send(&List::SPEC) }"), [""; 0]);
        assert_eq!(told("use crate::list; fn f(list: X) { list; send(&list::List::SPEC) }"), [""; 0]);
        let fault = "s: wait uses `Order` of list, which lists tools and is imported for its `SPEC`s alone";
        assert_eq!(told("use crate::list::{List, Order}; fn f(o: Order) { List::SPEC }"), [fault]);
    }
}
