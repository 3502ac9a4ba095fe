"""Prints every request that the official SDK can make, one JSON object a line, from an unpacked `openai` package.

Usage: extract.py FOLDER_OF_THE_PACKAGE COVERAGE. Nothing of the package is run: the syntax trees of its resources say it
all. What this script cannot read ends it with an error, so that a new shape of the SDK loses no request silently.

A line has the request, the server that it belongs to by `resources` of the file COVERAGE (the longest prefix counts),
the name of the SDK's method, and the parameters of `path`, `query`, `header` and `body` with their types as the SDK
writes them; one that must be given is marked with `!`. A socket's request is called `SOCKET`.
"""

import ast
import functools
import json
import pathlib
import re
import sys

VERBS = {"_get": "GET", "_get_api_list": "GET"} | {f"_{verb.lower()}": verb for verb in ("POST", "PUT", "PATCH", "DELETE")}
SDKS_OWN = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}


class Unknown(Exception):
    """A construct that this script cannot read."""


class Module:
    """A source file: its classes, its types, and where its imports come from."""

    def __init__(self, path):
        self.path = path
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.defined, self.imports = {}, {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef):
                self.defined.setdefault(node.name, node)
            elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name):
                    self.defined.setdefault(target.id, node.value)
            elif isinstance(node, ast.ImportFrom) and node.level:
                base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
                for alias in node.names:
                    self.imports.setdefault(alias.asname or alias.name, (base, alias.name))

    @staticmethod
    @functools.cache
    def at(base):
        """The module of a dotted path, a file or a package; `None` if there is none."""
        paths = (base.with_suffix(".py"), base / "__init__.py")
        return next((Module(path) for path in paths if path.is_file()), None)

    def find(self, name):
        """The module that defines `name` or `module.name`, and the definition; `None` outside the package."""
        head, _, rest = name.partition(".")
        if not rest and head in self.defined:
            return self, self.defined[head]
        if head not in self.imports:
            return None
        base, original = self.imports[head]
        if rest:
            module = Module.at(base / original)
            return module and module.find(rest)
        module = Module.at(base)
        return module and module is not self and module.find(original) or None


def text(node):
    return ast.unparse(node) if node else ""


def called(node, name):
    return isinstance(node, ast.Call) and text(node.func).split(".")[-1].endswith(name)


def has_decorator(function, name):
    return any(text(one).split(".")[-1].startswith(name) for one in function.decorator_list)


def typed(annotation):
    """A type without what only says that an argument may be left out."""
    plain = re.sub(r"\s*\|\s*(Omit|NotGiven)\b", "", text(annotation))
    return re.sub(r"\b\w+_params\.", "", plain)


def aliases(module, name):
    """The names on the wire of a params type's fields, where they are not the arguments' own."""
    found = {}
    for part in re.findall(r"[A-Za-z_][\w.]*", name):
        where = module.find(part)
        if where and isinstance(where[1], ast.ClassDef):
            holder, definition = where
            for base in definition.bases:
                found |= aliases(holder, text(base))
            for field in definition.body:
                alias = isinstance(field, ast.AnnAssign) and re.search(r"alias='([^']+)'", text(field.annotation))
                if alias and called_property(field.annotation):
                    found[field.target.id] = alias[1]
        elif where and part.split(".")[-1] not in ("Optional", "Union", "Annotated"):
            found |= aliases(where[0], text(where[1]))
    return found


def called_property(annotation):
    """Whether the alias is the field's, not one of a type inside."""
    while isinstance(annotation, ast.Subscript) and text(annotation.value) in ("Required", "NotRequired"):
        annotation = annotation.slice
    return isinstance(annotation, ast.Subscript) and text(annotation.value) == "Annotated"


class Method:
    """A method of a resource."""

    def __init__(self, module, cls, name, functions):
        self.module, self.where = module, f"{module.path}: {cls.name}.{name}"
        whole = [function for function in functions if not has_decorator(function, "overload")]
        if len(whole) != 1:
            raise Unknown(f"{self.where} has {len(whole)} bodies")
        self.function = whole[0]
        overloads = [function for function in functions if function is not self.function] or whole
        self.required = set.intersection(*(set(without_default(function)) for function in overloads))
        arguments = self.function.args
        self.types = {
            one.arg: typed(one.annotation)
            for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            if one.arg not in SDKS_OWN
        }
        self.calls = [
            node
            for node in ast.walk(self.function)
            if isinstance(node, ast.Call) and text(node.func) in {f"self.{verb}" for verb in VERBS}
        ]

    def assigned(self, name):
        for node in ast.walk(self.function):
            if isinstance(node, ast.Assign) and any(text(target) == name for target in node.targets):
                yield node.value

    def path(self, node):
        if called(node, "path_template"):
            node = node.args[0]
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            raise Unknown(f"{self.where}: path {text(node)}")
        return node.value

    def payload(self, node):
        """The parameters of an expression that becomes a body or a query."""
        while isinstance(node, ast.Name):
            node = next((value for value in self.assigned(node.id) if not isinstance(value, ast.Name)), None)
        if called(node, "encode_multipart"):
            node = node.args[0]
            while isinstance(node, ast.Name):
                node = next(self.assigned(node.id), None)
        names = {}
        if called(node, "maybe_transform"):
            kinds = node.args[1]
            kinds = [kinds.body, kinds.orelse] if isinstance(kinds, ast.IfExp) else [kinds]
            for kind in kinds:
                names |= aliases(self.module, text(kind))
            node = node.args[0]
        root = text(node).split(".")[0]
        if not isinstance(node, ast.Dict):
            made = [part for value in self.assigned(root) for part in ast.walk(value) if isinstance(part, ast.Dict)]
            node = made[0] if made else node
        if not isinstance(node, ast.Dict):
            raise Unknown(f"{self.where}: payload {text(node)}")
        parameters = {}
        for key, value in zip(node.keys, node.values):
            if not isinstance(key, ast.Constant):
                raise Unknown(f"{self.where}: payload {text(node)}")
            name = key.value
            parameters[names.get(name, name)] = self.parameter(name, value)
        return parameters

    def parameter(self, name, value=None):
        if name not in self.types:
            # Computed from another argument.
            name = next((part.id for part in ast.walk(value) if isinstance(part, ast.Name) and part.id in self.types), "")
        if name not in self.types:
            raise Unknown(f"{self.where}: no argument for {text(value)}")
        return ("!" if name in self.required else "") + self.types[name]

    def headers(self):
        found = {}
        for value in self.assigned("extra_headers"):
            for part in ast.walk(value):
                if called(part, "strip_not_given") and isinstance(part.args[0], ast.Dict):
                    for key, item in zip(part.args[0].keys, part.args[0].values):
                        found[key.value.lower()] = self.parameter("", item)
        return found

    def request(self):
        call = self.calls[0]
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        options = given.get("options")
        options = {keyword.arg: keyword.value for keyword in options.keywords} if isinstance(options, ast.Call) else {}
        verb = given["method"].value.upper() if "method" in given else VERBS[call.func.attr]
        path = self.path(call.args[0])
        return f"{verb} {path}", {
            "path": {name: self.types.get(name, "str") for name in re.findall(r"\{(\w+)\}", path)},
            "query": self.payload(options["query"]) if "query" in options else {},
            "header": self.headers(),
            "body": self.payload(given["body"]) if "body" in given else {},
        }

    def socket(self):
        """What `connect` opens: its manager says the path, and which of its arguments go into the query."""
        holder, manager = self.module.find(text(self.function.returns)) or (None, None)
        prepare = manager and next((one for one in manager.body if getattr(one, "name", "") == "_prepare_url"), None)
        if not prepare:
            raise Unknown(f"{self.where} makes no request and says no URL")
        paths = [self.path(one) for one in ast.walk(prepare) if called(one, "path_template")]
        constants = [one.value for one in ast.walk(prepare) if isinstance(one, ast.Constant)]
        paths += [one.decode() for one in constants if isinstance(one, bytes) and len(one) > 1 and one.startswith(b"/")]
        if len(paths) != 1:
            raise Unknown(f"{self.where}: paths {paths}")
        source = text(manager)
        query = {name: self.parameter(name) for name in self.types if f"'{name}': self.__{name}" in source}
        names = re.findall(r"\{(\w+)\}", paths[0])
        parameters = {"path": {name: self.types.get(name, "str") for name in names}, "query": query}
        return f"SOCKET {paths[0]}", parameters


def without_default(function):
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    count = len(positional) - len(arguments.defaults)
    yield from (one.arg for one in positional[:count])
    yield from (one.arg for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default is None)


def methods(cls):
    grouped = {}
    for one in cls.body:
        if isinstance(one, ast.FunctionDef) and not one.name.startswith("_") and not has_decorator(one, "property"):
            if not has_decorator(one, "cached_property"):
                grouped.setdefault(one.name, []).append(one)
    return grouped


def children(module, cls):
    """The resources that a resource, or the client, leads to."""
    for one in cls.body:
        if isinstance(one, ast.FunctionDef) and has_decorator(one, "cached_property") and one.returns:
            where = module.find(text(one.returns))
            if where and isinstance(where[1], ast.ClassDef) and "SyncAPIResource" in map(text, where[1].bases):
                yield one.name, *where


def requests(root):
    """`(resource.method, request, parameters)` of every method that makes one."""
    client = Module.at(root / "_client")
    queue = list(children(client, client.defined["OpenAI"]))
    seen = set()
    while queue:
        # Breadth first: of two ways to a resource the shorter one names it.
        resource, module, cls = queue.pop(0)
        if (module.path, cls.name) in seen:
            continue
        seen.add((module.path, cls.name))
        for name, functions in methods(cls).items():
            method = Method(module, cls, name, functions)
            if len(method.calls) > 1:
                raise Unknown(f"{method.where} makes {len(method.calls)} requests")
            if method.calls:
                yield f"{resource}.{name}", *method.request()
            elif name == "connect":
                yield f"{resource}.{name}", *method.socket()
        queue += ((f"{resource}.{name}", *rest) for name, *rest in children(module, cls))
    for path in sorted((root / "resources").rglob("*.py")):
        for name, cls in Module.at(path.with_suffix("")).defined.items():
            if isinstance(cls, ast.ClassDef) and "SyncAPIResource" in map(text, cls.bases):
                if (path, name) not in seen:
                    raise Unknown(f"{path}: nothing leads to {name}")


def main(package, coverage):
    servers = json.loads(pathlib.Path(coverage).read_text(encoding="utf-8"))["resources"]
    rules = {prefix: server for server, prefixes in servers.items() for prefix in prefixes}
    rows = {}
    for method, request, parameters in requests(pathlib.Path(package)):
        parts = method.split(".")
        prefixes = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
        server = next((rules[prefix] for prefix in prefixes if prefix in rules), None)
        row = rows.setdefault(request, {"request": request, "server": server, "sdk": method})
        for place, found in parameters.items():
            # Two methods may make one request, of which one is older.
            row[place] = {**found, **row.get(place, {})}
    for row in sorted(rows.values(), key=lambda row: (row["server"] or "", row["request"].split()[::-1])):
        print(json.dumps({name: value for name, value in row.items() if value != {}}, ensure_ascii=False))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Unknown as error:
        sys.exit(f"cannot read {error}")
