"""Which modules an import loads, told without importing."""

from pathlib import Path

import pytest

from infra.packaging.lazy import make_lazy
from infra.packaging.reach import reached

FILES = {
    "fn/__init__.py": "",
    "fn/handler.py": (
        "import json\n"
        "from typing import TYPE_CHECKING\n"
        "from lib import thing\n"
        "from lib.deep import Deep\n"
        "from fn import step\n"
        "if TYPE_CHECKING:\n"
        "    import lib.typing_only\n"
        "try:\n"
        "    import lib.tried\n"
        "except ImportError:\n"
        "    pass\n"
        "def later():\n"
        "    import lib.in_a_function\n"
    ),
    "fn/step.py": "",
    "fn/unused.py": "",
    "lib/__init__.py": "from .one import One\n",
    "lib/one.py": "",
    "lib/thing.py": "from . import sibling\n",
    "lib/sibling.py": "",
    "lib/deep/__init__.py": "from .a import Deep, Other\nfrom .b import B\n",
    "lib/deep/a.py": "",
    "lib/deep/b.py": "",
    "lib/tried.py": "",
    "lib/typing_only.py": "",
    "lib/in_a_function.py": "",
}
AT_IMPORT = {"fn", "fn/handler", "fn/step", "lib", "lib/one", "lib/thing", "lib/sibling", "lib/deep", "lib/tried"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def found(root: Path) -> set[str]:
    files = reached(root, "fn.handler")
    return {file.relative_to(root).as_posix().removesuffix(".py").removesuffix("/__init__") for file in files}


def test_what_an_import_executes_is_found_and_nothing_else(root: Path) -> None:
    assert found(root) == AT_IMPORT | {"lib/deep/a", "lib/deep/b"}


def test_of_a_lazy_package_only_the_modules_of_the_names_that_are_used(root: Path) -> None:
    make_lazy(root / "lib")
    assert found(root) == (AT_IMPORT - {"lib/one"}) | {"lib/deep/a"}


def test_names_that_a_package_shows_to_type_checkers_are_followed(root: Path) -> None:
    (root / "lib/deep/__init__.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from .a import Deep\n    from .b import B\n"
        "def __getattr__(name): ...\n"
    )
    assert found(root) == AT_IMPORT | {"lib/deep/a"}
