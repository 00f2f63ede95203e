"""`unpark` and `drop` of a stack: what they take, and that they give back all the rest at once."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.cli.interrupts import interruptible
from infra.cli.recorded_misses import recorded_misses
from infra.cli.stack import Stack
from infra.stack.parked_queue import ParkedQueue
from infra.stack.unparked import NOTES
from infra.state.folder import Folder
from infra.state.queued_misses import read_messages, read_misses
from nightfold.errors import InvalidInput
from nightfold.misses import Miss
from nightfold.storage import Bucket
from tests.integration.command_line import Finished, InATerminal, in_a_process
from tests.integration.served_stack import Faulty, Served

NOT_A_MISS = json.dumps({"explanation": "not a miss of Nightfold: body", "body": "hello"})


class Queues:
    """The two queues of a served stack."""

    def __init__(self, stack: Served) -> None:
        self.stack, self.sqs = stack, stack.cloud.client("sqs")
        self.urls = {"waiting": stack.cloud.output("MissQueueUrl"), "parked": stack.cloud.output("ParkedQueueUrl")}

    def bodies(self, queue: Any) -> list[str]:
        return [message.body for message in read_messages(self.stack.state_dir, queue)]

    def sites(self, queue: str) -> list[str]:
        return sorted(
            json.loads(body).get("site", {}).get("site_id", "-") + f" {json.loads(body).get('attempts')}"
            for body in self.bodies(queue)
        )

    def send(self, queue: str, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.urls[queue], MessageBody=body)

    def park(self, *site_ids: str) -> None:
        """A miss of each site, as the parked one of meadow."""
        meadow = Miss.model_validate_json(self.bodies("parked")[0])
        for site_id in site_ids:
            site = meadow.site.model_copy(update={"site_id": site_id})
            self.send("parked", meadow.model_copy(update={"site": site}).model_dump_json())

    def hidden(self) -> int:
        name = "ApproximateNumberOfMessagesNotVisible"
        found = self.sqs.get_queue_attributes(QueueUrl=self.urls["parked"], AttributeNames=[name])
        return int(found["Attributes"][name])

    def receive_parked(self, hidden_s: int) -> str:
        """The receipt of one parked message."""
        received = self.sqs.receive_message(QueueUrl=self.urls["parked"], VisibilityTimeout=hidden_s)
        return str(received["Messages"][0]["ReceiptHandle"])

    def empty(self, queue: str) -> None:
        url = self.urls[queue]
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture
def queues(served: Served) -> Iterator[Queues]:
    """One miss waits and one is parked, both of meadow; afterwards as well."""
    queues = Queues(served)
    before = {queue: queues.bodies(queue) for queue in queues.urls}
    assert queues.hidden() == 0
    yield queues
    for queue, bodies in before.items():
        queues.empty(queue)
        queues.send(queue, *bodies)
    shutil.rmtree(served.state_dir / NOTES, ignore_errors=True)


def listed(shown: Finished) -> list[dict[str, Any]]:
    return [{name: value for name, value in miss.items() if name != "age"} for miss in shown.json]


# --- What is taken -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("unpark",), ("unpark", "meadow", "--json"), ("drop", "meadow", "--json")])
def test_a_stack_answers_as_a_laptop_does(
    queues: Queues, copy: Callable[..., Finished], command: tuple[str, ...]
) -> None:
    here, there = copy(*command, "--yes"), queues.stack.stack(*command, "--yes")
    assert (there.code, there.out) == (here.code, here.out) != (0, "")
    assert queues.sites("parked") == []
    assert queues.sites("waiting") == ["meadow 0", "meadow 1"][command[0] == "drop" :]


@pytest.mark.parametrize(
    "command", [("unpark", "harbour", "--yes"), ("drop", "meadow", "harbour", "--yes"), ("unpark",)]
)
def test_a_stack_refuses_what_a_laptop_refuses(
    queues: Queues, copy: Callable[..., Finished], command: tuple[str, ...]
) -> None:
    here, there = copy(*command), queues.stack.stack(*command)
    assert (there.code, there.out, there.err) == (here.code, here.out, here.err)
    assert there.code == 64
    assert (queues.sites("parked"), queues.hidden()) == (["meadow 3"], 0)


def test_only_what_was_chosen_is_taken_from_more_than_two_batches(queues: Queues) -> None:
    queues.park(*(f"site-{number:02}" for number in range(24)))
    queues.send("parked", NOT_A_MISS)
    some = queues.stack.stack("unpark", "site-03", "site-17", "--yes", "--json")
    assert sorted(each["site_id"] for each in some.json) == ["site-03", "site-17"]
    assert queues.sites("waiting") == ["meadow 1", "site-03 0", "site-17 0"]
    assert (len(queues.bodies("parked")), queues.hidden()) == (24, 0)
    assert queues.stack.stack("unpark", "--yes").out == "23 misses moved back, 1 still parked\n"
    assert (queues.bodies("parked"), queues.hidden()) == ([NOT_A_MISS], 0)
    assert len({message.message_id for message in read_messages(queues.stack.state_dir, "waiting")}) == 26


def test_no_message_of_the_miss_queue_is_received(queues: Queues) -> None:
    assert queues.stack.stack("drop", "meadow", "--yes").code == 0
    assert [message.received for message in read_messages(queues.stack.state_dir, "waiting")] == [0]


@pytest.mark.parametrize(
    ("command", "expected"),
    [(("unpark",), [("waiting", 0), ("waiting", 1)]), (("drop", "meadow"), [("waiting", 1)])],
)
def test_misses_knows_what_was_unparked_and_what_was_dropped(
    queues: Queues, command: tuple[str, ...], expected: list[tuple[str, int]]
) -> None:
    assert queues.stack.stack(*command, "--yes").code == 0
    here, there = queues.stack.laptop("misses", "--json"), queues.stack.stack("misses", "--json")
    assert sorted((miss["queue"], miss["attempts"]) for miss in listed(there)) == expected
    assert listed(there) == listed(here)
    assert "by SQS's count" not in there.err


def test_the_next_redrive_collects_what_was_unparked_and_misses_knows_it(queues: Queues, tmp_path: Path) -> None:
    assert queues.stack.stack("unpark", "--yes").code == 0
    state_dir = shutil.copytree(queues.stack.state_dir, tmp_path / "copy")  # a process has one cloud at a time
    assert len(recorded_misses(Folder(state_dir)).listed()) == 2
    assert in_a_process("redrive", "--simulate", "--quiet", "--state-dir", state_dir).code == 0
    assert recorded_misses(Folder(state_dir)).listed() == read_misses(state_dir) == []


# --- What is given back ------------------------------------------------------------------------------------------


def asked(stack: Served, *command: str) -> InATerminal:
    """A command that has asked its question in a terminal."""
    terminal = InATerminal(command[0], "--stack", "nightfold", *command[1:], **stack.credentials())
    terminal.wait_for("[y/N]")
    return terminal


@pytest.mark.parametrize(
    ("command", "answer", "expected"),
    [
        ("unpark", "n\n", 0),
        ("unpark", "\x04", 130),  # Ctrl-D
        ("unpark", signal.SIGINT, 130),
        ("unpark", signal.SIGTERM, 143),
        ("drop", "\n", 0),
        ("drop", signal.SIGINT, 130),
    ],
)
def test_without_a_yes_everything_is_given_back_at_once(
    queues: Queues, command: str, answer: str | signal.Signals, expected: int
) -> None:
    queues.park("harbour")
    terminal = asked(queues.stack, command, "meadow")
    assert queues.hidden() == 2
    if isinstance(answer, signal.Signals):
        terminal.send(answer)
        answer = "y\n"  # wakes a process that was about to read, and is too late
    terminal.type(answer)
    code, shown = terminal.end()
    assert code == expected
    assert "Traceback" not in shown
    assert (queues.hidden(), queues.sites("parked")) == (0, ["harbour 3", "meadow 3"])
    assert queues.sites("waiting") == ["meadow 1"]
    assert not (queues.stack.state_dir / NOTES).exists()


def test_a_yes_takes_what_the_question_named(queues: Queues) -> None:
    queues.park("harbour")
    terminal = asked(queues.stack, "drop", "harbour")
    terminal.type("y\n")
    code, shown = terminal.end()
    assert (code, "1 miss dropped, 1 still parked" in shown) == (0, True)
    assert (queues.sites("parked"), queues.hidden()) == (["meadow 3"], 0)


def test_what_is_no_longer_held_when_the_answer_comes_is_not_touched(queues: Queues) -> None:
    receipt = queues.receive_parked(0)
    queues.park("harbour")
    terminal = asked(queues.stack, "unpark")
    queues.sqs.delete_message(QueueUrl=queues.urls["parked"], ReceiptHandle=receipt)  # by another operator
    terminal.type("y\n")
    code, shown = terminal.end()
    assert code == 64
    assert "some were given back meanwhile; nothing was changed, try again" in " ".join(shown.split())
    assert (queues.sites("parked"), queues.sites("waiting"), queues.hidden()) == (["harbour 3"], ["meadow 1"], 0)


def test_what_another_command_holds_is_said(queues: Queues) -> None:
    receipt = queues.receive_parked(600)
    try:
        refused = queues.stack.stack("drop", "meadow", "--yes")
        assert refused.code == 64
        assert "SQS counts 1 more parked than it hands out." in refused.err
        assert "drop: no parked miss of 'meadow'; no miss is parked" in refused.err
    finally:
        queues.sqs.change_message_visibility(QueueUrl=queues.urls["parked"], ReceiptHandle=receipt, VisibilityTimeout=0)


def some_fail(call: Callable[..., Any], given: Any) -> Any:
    """A 200 in which the second entry failed, every time; the others get through."""
    others = [entry for entry in given["Entries"] if entry["Id"] != "1"]
    through = call(**given | {"Entries": others}) if others else {}
    return through | {"Failed": [{"Id": "1", "SenderFault": False, "Code": "InternalError"}]}


def interrupted(call: Callable[..., Any], given: Any) -> Any:  # noqa: ARG001
    raise KeyboardInterrupt


def held(queues: Queues, sqs: Any) -> ParkedQueue:
    bucket = Bucket(queues.stack.cloud.output("BucketName"), queues.stack.cloud.client("s3"))
    queue = ParkedQueue(sqs, bucket, queues.urls["parked"], queues.urls["waiting"])
    list(queue.receive(2))
    return queue


@pytest.mark.parametrize(
    ("operation", "fault", "raised", "sent", "recorded"),
    [
        ("send_message_batch", some_fail, InvalidInput, 1, 2),
        ("send_message_batch", interrupted, KeyboardInterrupt, 0, 2),
        ("delete_message_batch", some_fail, InvalidInput, 2, 2),
        ("delete_message_batch", interrupted, KeyboardInterrupt, 2, 3),
    ],
)
def test_a_miss_may_be_in_both_queues_and_never_in_none(
    queues: Queues, operation: str, fault: Any, raised: type[BaseException], sent: int, recorded: int
) -> None:
    queues.park("harbour")
    queue = held(queues, Faulty(queues.sqs, operation, fault))
    with pytest.raises(raised):
        queue.unpark(queue.misses())
    queue.give_back()
    assert len(queues.bodies("waiting")) == 1 + sent
    assert queues.hidden() == 0
    there = {*queues.sites("waiting"), *queues.sites("parked")}
    assert {"harbour 0", "harbour 3"} & there
    assert {"meadow 0", "meadow 3"} & there
    again = held(queues, queues.sqs)
    again.unpark(again.misses())
    assert queues.sites("parked") == []
    assert {"harbour 0", "meadow 0"} <= set(queues.sites("waiting"))
    found = recorded_misses(Folder(queues.stack.state_dir)).listed()  # they know of meadow alone, and of what was noted
    assert [(miss.queue, miss.site_id) for miss in found] == [("waiting", "meadow")] * recorded


def test_ctrl_c_waits_for_the_answer_that_has_the_messages(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in queues.stack.credentials().items():
        monkeypatch.setenv(name, value)

    def pressed(call: Callable[..., Any], given: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return call(**given)

    stack = Stack("nightfold")
    vars(stack._deployed)["_sqs"] = Faulty(stack._deployed._sqs, "receive_message", pressed)
    with interruptible(), pytest.raises(KeyboardInterrupt), stack.parked():
        pytest.fail("the command goes on")
    assert (queues.hidden(), [each.received for each in read_messages(queues.stack.state_dir, "parked")]) == (0, [1])
