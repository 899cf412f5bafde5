"""Reads the findings out of the sources: of each code what is said, why, and what to do.

A finding is made where the knowledge is, with words that are partly known only then; these become `...`. What is read
here is the source itself, so that a new finding is in the manual as soon as `make manual` has run.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import xnat_wizard

PACKAGE = Path(xnat_wizard.__file__).parent
CODE = re.compile(r"^[a-z]+\.[a-z][a-z_0-9]+$")
NO_ROOMS = {"practice", "wizard"}  # the stand-in has no findings; what else has the form of a code in screens are keys
FILES = re.compile(r"\.(txt|json|html|csv|log|lock|sqlite|toml|conf|cfg|db|ini|inf|tsv|gz|dcm|tcss|md|css|pyz)$")
MAKERS = {"Finding", "Message", "Rule", "Refused"}
GAP = "..."


@dataclass
class Said:
    """What the sources say under one code."""

    code: str
    what: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    todo: list[str] = field(default_factory=list)
    where: list[str] = field(default_factory=list)


class _Module:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.values: dict[str, ast.expr] = {}  # what names of the module stand for
        self.returns: dict[str, list[ast.expr]] = {}  # what its functions give
        self.lists: dict[str, list[ast.expr]] = {}  # what is put into lists of the function that is being read
        for node in self.tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.values[name] = value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self.values[name] = value
                case ast.FunctionDef(name=name):
                    inner = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
                    self.returns[name] = [value for value in inner if value is not None]

    def look_into(self, scope: ast.AST) -> None:
        """Note what is put into the lists of a function."""
        self.lists = {}
        for node in _own_nodes(scope):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.lists.setdefault(name, []).append(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self.lists.setdefault(name, []).append(value)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append" | "extend"), args=[value, *_]):
                    self.lists.setdefault(name, []).append(value)


def _modules() -> list[_Module]:
    return [_Module(path) for path in sorted(PACKAGE.rglob("*.py")) if "practice" not in path.parts]


def found() -> dict[str, Said]:
    """Return every code of a finding with what is said under it, in the order of the codes."""
    modules = _modules()
    names = _named_codes(modules)
    says: dict[str, Said] = {}
    for module in modules:
        for codes, parts in _makings(module, names):
            for code in codes:
                _add(says.setdefault(code, Said(code)), parts, module, names)
    for module in modules:
        for code in _noted(module, names):
            says.setdefault(code, Said(code))
    return dict(sorted(says.items()))


def _named_codes(modules: list[_Module]) -> dict[str, str]:
    """Return the constants of all modules that stand for a code: LOOSE_FILES -> structure.loose_files."""
    return {
        name: value.value
        for module in modules
        for name, value in module.values.items()
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and _is_code(value.value)
    }


def _is_code(text: str) -> bool:
    return bool(CODE.match(text)) and not FILES.search(text)


def _codes(node: ast.expr, names: dict[str, str]) -> list[str]:
    """Return the codes that an expression can stand for."""
    match node:
        case ast.Constant(value=str(text)) if _is_code(text):
            return [text]
        case ast.Name(id=name) | ast.Attribute(attr=name) if name.isupper() and name in names:
            return [names[name]]
        case ast.IfExp(body=one, orelse=other):
            return [*_codes(one, names), *_codes(other, names)]
    return []


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _makings(module: _Module, names: dict[str, str]) -> Iterator[tuple[list[str], dict[str, list[ast.expr]]]]:
    """Yield the codes and the words of every place where a finding is made."""
    helpers = _helpers(module)
    for scope in _scopes(module.tree):
        local = _local_codes(scope, names)
        module.look_into(scope)
        for node in _own_nodes(scope):
            if isinstance(node, ast.Dict):
                yield from _rules(node, names)
            if not isinstance(node, ast.Call):
                continue
            called = _called(node)
            if called == "Message" or called not in {"Finding", "note", *helpers}:
                continue
            parts, code = _parts(node, helpers.get(called, ()))
            codes = _codes(code, names) if code is not None else []
            if not codes and isinstance(code, ast.Name):
                codes = local.get(code.id, [])
            if codes:
                yield codes, parts


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _own_nodes(child)


def _local_codes(scope: ast.AST, names: dict[str, str]) -> dict[str, list[str]]:
    """Return the codes that variables of a function can hold: `code, what = "forecast.x", ...`."""
    held: dict[str, list[str]] = {}
    for node in _own_nodes(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                held.setdefault(name, []).extend(_codes(value, names))
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                for target, value in zip(targets, values, strict=False):
                    if isinstance(target, ast.Name):
                        held.setdefault(target.id, []).extend(_codes(value, names))
    return held


def _helpers(module: _Module) -> dict[str, tuple[str, ...]]:
    """Return functions of the module that take a code first and make a finding of it, with their parameters."""
    return {
        node.name: tuple(argument.arg for argument in node.args.args if argument.arg not in {"self", "cls"})
        + ((node.args.vararg.arg,) if node.args.vararg else ())
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef)
        and any(argument.arg == "code" for argument in (*node.args.args, *node.args.kwonlyargs))
        and any(isinstance(one, ast.Call) and _called(one) == "Finding" for one in ast.walk(node))
    }


def _parts(node: ast.Call, parameters: tuple[str, ...]) -> tuple[dict[str, list[ast.expr]], ast.expr | None]:
    order = parameters or ("code", "what", "why", "todo")
    parts: dict[str, list[ast.expr]] = {}
    for place, argument in enumerate(node.args):
        parts.setdefault(order[min(place, len(order) - 1)], []).append(argument)
    for keyword in node.keywords:
        parts.setdefault(keyword.arg or "", []).append(keyword.value)
    return parts, parts.get("code", [None])[0]


def _rules(node: ast.Dict, names: dict[str, str]) -> Iterator[tuple[list[str], dict[str, list[ast.expr]]]]:
    """Yield rows of tables of rules: code -> Rule(severity, what, why, todo)."""
    for key, value in zip(node.keys, node.values, strict=True):
        if key is not None and isinstance(value, ast.Call) and _called(value) in {"Rule", "_Rule"}:
            parts = dict(zip(("severity", "what", "why", "todo"), ([one] for one in value.args), strict=False))
            yield _codes(key, names), parts


def _noted(module: _Module, names: dict[str, str]) -> Iterator[str]:
    """Yield every other text with the form of a code that is used where findings are made."""
    if "wizard" in module.path.relative_to(PACKAGE).parts:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and _called(node) in MAKERS | {"note"}:
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                yield from _codes(argument, names)


def _add(said: Said, parts: dict[str, list[ast.expr]], module: _Module, names: dict[str, str]) -> None:
    for kind, words in (("what", said.what), ("why", said.why), ("todo", said.todo)):
        for expression in parts.get(kind, ()):
            words.extend(text for text in _texts(expression, module) if text not in words)
    said.where.append(module.path.name)


def _texts(node: ast.expr, module: _Module, depth: int = 0) -> list[str]:
    """Return the sentences that an expression can give."""
    if depth > 3:
        return []
    match node:
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return [text for item in items for text in _texts(item, module)]
        case ast.Starred(value=value):
            return _texts(value, module)
        case ast.IfExp(body=one, orelse=other):
            return [*_texts(one, module), *_texts(other, module)]
        case ast.BinOp(left=left, op=ast.Add(), right=right) if isinstance(left, ast.Tuple | ast.IfExp):
            return [*_texts(left, module), *_texts(right, module)]
        case ast.Call(func=ast.Name(id="tuple"), args=[inner]):
            return _texts(inner, module)
        case ast.Call(func=ast.Name(id=name)) if name in module.returns:
            return [text for value in module.returns[name] for text in _texts(value, module, depth + 1)]
        case ast.GeneratorExp(elt=inner) | ast.ListComp(elt=inner):
            return _texts(inner, module)
        case ast.Name(id=name) if name in module.lists and depth < 3:
            return [text for value in module.lists[name] for text in _texts(value, module, depth + 1)]
    text = _text(node, module)
    return [text] if len(text.replace(GAP, "").strip(" .:,;")) > 4 else []


def _text(node: ast.expr, module: _Module) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return re.sub(r"\{[a-z_]+\}", GAP, text)
        case ast.JoinedStr(values=values):
            return re.sub(r"(\.\.\. ?){2,}", f"{GAP} ", "".join(_text(value, module) for value in values))
        case ast.FormattedValue(value=ast.Name(id=name)) if name.isupper() and name in module.values:
            return _text(module.values[name], module)
        case ast.FormattedValue(value=ast.BinOp(left=ast.Constant(value=str(ending)), op=ast.Mult())):
            return ending  # of a plural
        case ast.FormattedValue(value=ast.IfExp(body=ast.Constant(value=str(one)), orelse=ast.Constant(value=other))):
            return max(one, str(other), key=len)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left, module) + _text(right, module)
        case ast.Name(id=name) if name in module.values:
            return _text(module.values[name], module)
        case ast.Call(func=ast.Attribute(value=ast.Constant() as text, attr="format")):
            return _text(text, module)
        case ast.IfExp(body=one):
            return _text(one, module)
    return GAP
