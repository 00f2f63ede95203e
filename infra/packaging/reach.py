"""Which modules of a package an import of its handler loads, read from the source: nothing is run.

Only those are compiled. A module that is missed here is compiled by Lambda when it is imported, which takes longer and
nothing else.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard


def reached(folder: Path, *roots: str) -> set[Path]:
    """The files in `folder` that importing the modules `roots` executes, whatever platform they are for."""
    files: set[Path] = set()
    waiting = list(roots)
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        file = _file(folder, module)
        if "." in module:
            waiting.append(module.rpartition(".")[0])
        if file is not None and file.suffix == ".py":
            files.add(file)
            waiting += _imports(folder, file, module)
    return files


def _file(folder: Path, module: str) -> Path | None:
    path = folder.joinpath(*module.split("."))
    for candidate in (path / "__init__.py", path.with_name(path.name + ".py")):
        if candidate.is_file():
            return candidate
    return None


def _imports(folder: Path, file: Path, module: str) -> Iterator[str]:
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in _executed(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - (node.level - 1)] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            yield source
            lazy = _lazy_names(folder, source)
            for alias in node.names:
                yield f"{source}.{alias.name}"  # where it is a module
                if alias.name in lazy:
                    yield source + lazy[alias.name]


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement that an import executes: not those in functions, nor those for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if _for_type_checkers(node):
            yield from (each for statement in node.orelse for each in (statement, *_executed(statement)))
            continue
        yield node
        yield from _executed(node)


def _lazy_names(folder: Path, module: str) -> dict[str, str]:
    """Of an `__init__` that imports names when they are asked for: name → its module, relative.

    infra.packaging.lazy writes them down in a dictionary; others, pydantic among them, show them to type checkers.
    """
    file = _file(folder, module)
    if file is None or file.name != "__init__.py" or "def __getattr__" not in (text := file.read_text()):
        return {}
    names: dict[str, str] = {}
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "_IMPORTED":
            names |= {name: source for name, (source, _) in ast.literal_eval(statement.value).items()}
        elif _for_type_checkers(statement):
            for each in statement.body:
                if isinstance(each, ast.ImportFrom) and each.level == 1:
                    names |= {alias.asname or alias.name: f".{each.module}" for alias in each.names}
    return names


def _for_type_checkers(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
