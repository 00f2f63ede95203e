"""The queues' messages as files."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.state.directory import StateDirectory
from infra.state.message_files import Messages, StoredMessage


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateDirectory]:
    state = StateDirectory(tmp_path).open()
    yield state
    state.close()


def test_a_message_is_a_readable_file(state: StateDirectory) -> None:
    Messages(state, "MissQueue").put(StoredMessage("m-1", '{"site": "harbour"}', 1_795_000_000_000))
    shown = json.loads((state.path / "queues" / "MissQueue" / "m-1.json").read_text())
    assert shown["body"] == '{"site": "harbour"}'
    assert shown["receive_count"] == 0


def test_messages_come_back_oldest_first_with_counts_and_handles(state: StateDirectory) -> None:
    messages = Messages(state, "Queue")
    messages.put(StoredMessage("later", "b", 2))
    messages.put(StoredMessage("earlier", "a", 1, receive_count=2, receipt_handles=["old", "new"]))
    assert [message.message_id for message in messages.load()] == ["earlier", "later"]
    assert messages.load()[0].receipt_handles == ["old", "new"]
    messages.delete("earlier")
    assert [message.message_id for message in messages.load()] == ["later"]


@pytest.mark.parametrize(
    "content",
    ["", "no JSON", "[]", "{}", '{"message_id": "other", "body": "x", "sent_at": 1}', '{"unknown": 1}', "\xff"],
)
def test_a_file_that_is_not_a_message_is_set_aside_and_the_others_are_read(state: StateDirectory, content: str) -> None:
    messages = Messages(state, "Queue")
    messages.put(StoredMessage("good", "a", 1))
    messages.path("bad").write_bytes(content.encode("latin-1"))
    assert [message.message_id for message in messages.load()] == ["good"]
    assert len(state.notices) == 1
    (kept,) = (state.path / "corrupt").rglob("bad.json")
    assert kept.read_bytes() == content.encode("latin-1")


@given(body=st.text(alphabet=st.characters(codec=None, exclude_categories=())))
def test_any_text_is_read_back_unchanged(tmp_path_factory: pytest.TempPathFactory, body: str) -> None:
    state = StateDirectory(tmp_path_factory.mktemp("state")).open()
    messages = Messages(state, "Queue")
    messages.put(StoredMessage("m", body, 1))
    assert messages.load()[0].body == body
    state.close()
