"""Finds where a module reads the clock when it is imported: minutes may pass until its tests run.

That is any call outside of functions: in a module's or class's body, in decorators (the parameters of tests) and in
default arguments. Functions and classes of the same sources that read the clock when they are called are followed.

The class of an object is not known here, so methods are followed by their names. Names that the built-in types have,
such as `get`, are not: nearly all calls of them are calls on a mapping or a text.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

CLOCK = frozenset(
    {
        *("now", "utcnow", "today", "time", "time_ns", "monotonic", "monotonic_ns"),
        *("perf_counter", "perf_counter_ns", "localtime", "gmtime", "ctime"),
    }
)
_MAKING = frozenset({"__init__", "__post_init__", "__new__"})
"""The methods that run when a class is instantiated."""
_OF_BUILT_INS = frozenset(name for each in (dict, list, set, str, bytes) for name in dir(each))
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class _Module:
    """A module, and the meaning of its names."""

    name: str
    tree: ast.Module
    imported: dict[str, str] = field(default_factory=dict)
    """The full names of imported objects, by their local names."""
    defined: dict[str, list[ast.AST]] = field(default_factory=dict)
    """The code that runs when a function or class of this module is called, by name."""

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                self.imported |= {each.asname or each.name.split(".")[0]: each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                self.imported |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        for statement in self.tree.body:
            if isinstance(statement, _Function):
                self.defined[statement.name] = list(statement.body)
            elif isinstance(statement, ast.ClassDef):
                self.defined[statement.name] = list(_making(statement))

    def full_name(self, name: str) -> str:
        """Return the full name of a local name."""
        return self.imported.get(name) or f"{self.name}.{name}"


def reading_at_import(sources: Mapping[str, str]) -> list[str]:
    """Return every call that reads the clock when one of these modules is imported: `module:line: call`.

    Args:
        sources: The text of each module, by its full name.
    """
    modules = {name: _Module(name, ast.parse(text)) for name, text in sources.items()}
    readers = _readers(modules)
    return [
        f"{module.name}:{node.lineno}: {ast.unparse(node)}"
        for module in modules.values()
        for node in _at_import(module.tree)
        if isinstance(node, ast.Call) and _reads(module, node, readers)
    ]


def _readers(modules: Mapping[str, _Module]) -> set[str]:
    """Return the full names of functions and classes that read the clock when called; of methods, `.` and the name."""
    bodies = {
        f"{module.name}.{name}": (module, body) for module in modules.values() for name, body in module.defined.items()
    }
    for module in modules.values():
        for node in ast.walk(module.tree):
            for method in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(method, _Function) and method.name not in _MAKING | _OF_BUILT_INS:
                    before = bodies.get(f".{method.name}", (module, []))[1]
                    bodies[f".{method.name}"] = module, [*before, *method.body]
    calls = {name: (module, list(_calls(body))) for name, (module, body) in bodies.items()}
    # What a module imports and hands on has two names.
    handed_on = {f"{module.name}.{name}": full for module in modules.values() for name, full in module.imported.items()}
    readers: set[str] = set()
    while True:
        found = {
            name
            for name, (module, called) in calls.items()
            if any(_reads(module, call, readers) or _has_factory(module, call, readers) for call in called)
        } | {name for name, full in handed_on.items() if full in readers}
        if found <= readers:
            return readers
        readers |= found


def _calls(body: list[ast.AST]) -> Iterator[ast.Call]:
    """Yield the calls that a function makes. An inner function counts only if the function calls it."""
    inner: dict[str, list[ast.AST]] = {}
    called: set[str] = set()
    left = list(body)
    while left:
        node = left.pop()
        if isinstance(node, _Function):
            inner[node.name] = list(node.body)
        elif not isinstance(node, ast.Lambda):
            left += ast.iter_child_nodes(node)
        if isinstance(node, ast.Call):
            yield node
            called |= {node.func.id} if isinstance(node.func, ast.Name) else set()
    for name in called & inner.keys():
        yield from _calls(inner[name])


def _reads(module: _Module, node: ast.AST, readers: set[str]) -> bool:
    """Return whether an expression is a call that reads the clock."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if _is_clock(module, called):
        return True
    if isinstance(called, ast.Name):
        return module.full_name(called.id) in readers
    return isinstance(called, ast.Attribute) and (
        f".{called.attr}" in readers or f"{_full_name(module, called.value)}.{called.attr}" in readers
    )


def _has_factory(module: _Module, node: ast.AST, readers: set[str]) -> bool:
    """Return whether a node is a field whose default factory reads the clock."""
    if not isinstance(node, ast.Call):
        return False
    factories = [each.value for each in node.keywords if each.arg == "default_factory"]
    made = [ast.Call(each, [], []) if not isinstance(each, ast.Lambda) else each.body for each in factories]
    return any(_reads(module, each, readers) for one in made for each in ast.walk(one))


def _is_clock(module: _Module, called: ast.expr) -> bool:
    """Return whether a function reads the clock. `datetime.time` does not: it is a time of day."""
    if isinstance(called, ast.Name):
        full = module.imported.get(called.id, "")
        return full.rpartition(".")[2] in CLOCK and full.rpartition(".")[0] == "time"
    if not isinstance(called, ast.Attribute) or called.attr not in CLOCK:
        return False
    return called.attr != "time" or _full_name(module, called.value) != "datetime"


def _full_name(module: _Module, node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return module.imported.get(node.id, "")
    return f"{_full_name(module, node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def _making(class_: ast.ClassDef) -> Iterator[ast.AST]:
    """Yield the code that runs when a class is instantiated: its initializers, and the factories of its fields."""
    for statement in class_.body:
        if isinstance(statement, _Function):
            if statement.name in _MAKING:
                yield from statement.body
        elif isinstance(statement, ast.AnnAssign) and statement.value:
            yield statement.value


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every expression that is evaluated when the module is imported."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
        return
    yield node
    if isinstance(node, _Function):
        inner: list[ast.AST] = [*node.decorator_list, *_defaults(node.args)]
    elif isinstance(node, ast.Lambda):
        inner = _defaults(node.args)
    else:
        inner = list(ast.iter_child_nodes(node))
    for each in inner:
        yield from _at_import(each)


def _defaults(arguments: ast.arguments) -> list[ast.AST]:
    return [*arguments.defaults, *filter(None, arguments.kw_defaults)]
