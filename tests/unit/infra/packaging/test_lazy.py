"""A small package of the SDK's shape, before and after."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.packaging.lazy import make_lazy

FILES = {
    "sdk/__init__.py": (
        "import typing as _t\n"
        "from . import types\n"
        "from ._client import Client, Options as ClientOptions\n"
        "from ._setup import setup as _setup\n"
        "from .extra import *\n"
        '__all__ = ["types", "Client"]\n'
        "_setup()\n"
        "__locals = locals()\n"
        "for __name in __all__:\n"
        '    __locals[__name].__module__ = "sdk"\n'
    ),
    "sdk/_client.py": "class Client: ...\nclass Options: ...\n",
    "sdk/_setup.py": "def setup(): ...\n",
    "sdk/extra/__init__.py": ("from .things import Thing, _hidden\nAlias: type = Thing\nMany = list[Thing]\n"),
    "sdk/extra/things.py": "class Thing: ...\n_hidden = 1\n",
    "sdk/types/__init__.py": "from __future__ import annotations\nfrom .big import Big\nfrom .small import Small\n",
    "sdk/types/big.py": "class Big: ...\n",
    "sdk/types/small.py": "class Small: ...\n",
    "sdk/clash/__init__.py": "from .thing import thing\n",
    "sdk/clash/thing.py": "thing = 1\n",
    "sdk/own/__init__.py": "from .other import other_thing\ndef function(): return other_thing\n",
    "sdk/own/other.py": "other_thing = 1\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def python(root: Path, code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.strip()


def test_only_what_is_understood_is_rewritten(root: Path) -> None:
    assert make_lazy(root / "sdk") == ["sdk", "sdk.extra", "sdk.types"]


def test_nothing_is_imported_before_it_is_asked_for(root: Path) -> None:
    make_lazy(root / "sdk")
    loaded = "print(sorted(m for m in sys.modules if m.startswith('sdk')))"
    assert python(root, f"import sys, sdk; {loaded}") == "['sdk', 'sdk._setup']"
    small = python(root, f"import sys; from sdk.types import Small; {loaded}")
    assert small == "['sdk', 'sdk._setup', 'sdk.types', 'sdk.types.small']"


@pytest.mark.parametrize(
    "expression",
    [
        "sdk.Client.__name__",
        "sdk.ClientOptions.__name__",
        "sdk.types.big.Big is sdk.types.Big",
        "sdk.Thing is sdk.extra.things.Thing",
        "sdk.Alias is sdk.Thing",
        "sdk.Many",
        "sdk.extra.Many == list[sdk.Thing]",
        "sdk.own.function()",
    ],
)
def test_every_name_stands_for_what_it_stood_for(root: Path, expression: str) -> None:
    code = f"import sdk, sdk.own; print({expression})"
    eager = python(root, code)
    make_lazy(root / "sdk")
    assert python(root, code) == eager


def test_dir_still_shows_every_name(root: Path) -> None:
    code = "import sdk, sdk.extra; print(*dir(sdk), *dir(sdk.extra))"
    eager = set(python(root, code).split()) - {"__annotations__", "__locals", "__name"}
    make_lazy(root / "sdk")
    assert eager <= set(python(root, code).split())


def test_a_name_that_is_not_there_is_told_as_ever(root: Path) -> None:
    make_lazy(root / "sdk")
    assert (
        python(root, "import sdk; print(hasattr(sdk, 'nonsense'), hasattr(sdk.types, '_IMPORTED_'))") == "False False"
    )


def test_a_star_imports_the_public_names(root: Path) -> None:
    code = "from sdk.extra import *; print(sorted(n for n in globals() if n in {'Thing', 'Alias', 'Many', '_hidden'}))"
    eager = python(root, code)
    make_lazy(root / "sdk")
    assert python(root, code) == eager == "['Alias', 'Many', 'Thing']"
