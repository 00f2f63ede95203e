"""Re-exporting `__init__` files, rewritten so that a name is imported when somebody asks for it.

`import anthropic` loads 3,200 modules, because each `__init__` imports everything below it; Messages.create needs a
third of them. An `__init__` is rewritten only where nothing but imports, aliases and `__all__` is in it; a file that is
not understood stays as it is. The names, and what they stand for, are the same before and after:
tests/e2e/test_packages.py compares them one by one.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_GETATTR = """
_IMPORTED = {imported}
_COMPUTED = {computed}
_SUBMODULES = {submodules}


def __getattr__(name):
    from importlib import import_module

    if name in _IMPORTED:
        module, original = _IMPORTED[name]
        value = import_module(module, __name__)
        if original:
            value = getattr(value, original)
    elif name in _COMPUTED:
        value = _COMPUTED[name]()
    elif name in _SUBMODULES:
        value = import_module("." + name, __name__)
    else:
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({{*globals(), *_IMPORTED, *_COMPUTED, *_SUBMODULES}})
"""


@dataclass
class _Init:
    """What stands in an `__init__` file, and when it will be done."""

    at_import: list[ast.stmt] = field(default_factory=list)
    imported: dict[str, tuple[str, str | None]] = field(default_factory=dict)  # name → its module, its name there
    computed: dict[str, ast.expr] = field(default_factory=dict)  # an alias of something that is imported when asked for


def make_lazy(package: Path) -> list[str]:
    """Rewrite the `__init__` files of `package` and below. Returns the names of the modules that were."""
    return [
        ".".join((package.name, *file.parent.relative_to(package).parts))
        for file in sorted(package.rglob("__init__.py"))
        if _rewrite(file)
    ]


def _rewrite(file: Path) -> bool:
    init = _read(file)
    if init is None or not init.imported:
        return False
    text = ast.unparse(ast.Module(init.at_import, []))
    if not any(_target(each) == "__all__" for each in init.at_import):
        own = [name for each in init.at_import for name in _bound(each)]
        text += f"\n__all__ = {_public([*own, *init.imported, *init.computed])!r}\n"
    computed = ", ".join(f"{name!r}: lambda: {ast.unparse(value)}" for name, value in init.computed.items())
    file.write_text(
        text
        + _GETATTR.format(
            imported=dict(sorted(init.imported.items())),
            computed="{" + computed + "}",
            submodules=sorted(_submodules(file)),
        )
    )
    return True


def _read(file: Path) -> _Init | None:
    """None where something in the file is not understood, or a name would mean two things."""
    init, later = _Init(), list[ast.Assign | ast.AnnAssign]()
    statements = ast.parse(file.read_text()).body
    used = {name for each in statements if not _may_wait(each) for name in _names(each)}
    for statement in statements:
        if isinstance(statement, ast.ImportFrom) and statement.level == 1:
            names = dict(_sources(statement, file.parent))
            if names.keys() & used:
                init.at_import.append(statement)
            elif any(original and name in _submodules(file) for name, (_, original) in names.items()):
                return None  # once the submodule is imported, `package.name` is that, whatever the file says
            else:
                init.imported |= names
        elif (
            isinstance(statement, ast.Assign | ast.AnnAssign)
            and _may_wait(statement)
            and _target(statement) not in used
        ):
            later.append(statement)
        elif isinstance(statement, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.Expr | ast.If):
            init.at_import.append(statement)
        elif not _exchanges_module_names(statement):
            return None
    for assignment in later:
        if assignment.value is not None and _names(assignment.value) & init.imported.keys():
            init.computed[str(_target(assignment))] = _AskFor(init.imported.keys()).visit(assignment.value)
        else:
            init.at_import.append(assignment)
    return init


class _AskFor(ast.NodeTransformer):
    """A module's own `__getattr__` is not asked for the names that its code uses."""

    def __init__(self, names: Iterable[str]) -> None:
        self._wanted = set(names)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(f"__getattr__({node.id!r})", mode="eval").body if node.id in self._wanted else node


def _may_wait(statement: ast.stmt) -> bool:
    """Relative imports, and plain assignments but for `__all__`: nobody else in the file needs them."""
    if isinstance(statement, ast.ImportFrom) or _exchanges_module_names(statement):
        return True
    return _target(statement) is not None and (_target(statement) != "__all__" or not _names(statement) - {"__all__"})


def _sources(statement: ast.ImportFrom, folder: Path) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """Each name that the statement binds, with the module it comes from and its name there."""
    for alias in statement.names:
        if statement.module is None:
            yield alias.asname or alias.name, (f".{alias.name}", None)
        elif alias.name == "*":
            module = folder.joinpath(*statement.module.split("."))
            names = _names_of_star(module / "__init__.py" if module.is_dir() else module.with_suffix(".py"))
            yield from ((name, (f".{statement.module}", name)) for name in names)
        else:
            yield alias.asname or alias.name, (f".{statement.module}", alias.name)


def _names_of_star(file: Path) -> list[str]:
    statements = ast.parse(file.read_text()).body
    for statement in statements:
        if _target(statement) == "__all__" and isinstance(statement, ast.Assign):
            return [str(name) for name in ast.literal_eval(statement.value)]
    return _public([name for each in statements for name in _bound(each)])


def _bound(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.ImportFrom | ast.Import):
        future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        return [] if future else [alias.asname or alias.name for alias in statement.names]
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        return [statement.name]
    name = _target(statement)
    return [name] if name else []


def _public(names: list[str]) -> list[str]:
    return sorted({name for name in names if not name.startswith("_")})


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _target(statement: ast.stmt) -> str | None:
    """The one name that the statement assigns to."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else None


def _exchanges_module_names(statement: ast.stmt) -> bool:
    """The SDK's last loop sets each export's `__module__`, for looks. It would import everything."""
    return isinstance(statement, ast.For) and isinstance(statement.iter, ast.Name) and statement.iter.id == "__all__"


def _submodules(file: Path) -> set[str]:
    modules = {each.stem for each in file.parent.glob("*.py")} - {"__init__"}
    return modules | {each.parent.name for each in file.parent.glob("*/__init__.py")}
