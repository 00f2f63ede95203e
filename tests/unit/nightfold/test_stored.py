"""nightfold/stored.py: what the state machine has stored, read back."""

import json

import pytest

from nightfold.stored import body_of, read_outcome
from tests.unit.examples import answered


def test_an_outcome_is_read_whether_its_body_is_quoted_or_bare() -> None:
    outcome = answered("night", "harbour")
    bare = outcome.model_dump_json()
    assert read_outcome(bare.encode()) == read_outcome(json.dumps(bare).encode()) == outcome
    assert read_outcome(None) is None


@pytest.mark.parametrize("junk", [b"", b"{", b"\xff", b"null", b'"text"', b"[" * 100_000, b"9" * 5_000])
def test_junk_holds_no_outcome_and_no_body(junk: bytes) -> None:
    assert read_outcome(junk) is None
    assert body_of(junk) is None
