"""A few random stories of nights, mornings and faults. `make chaos` plays any number of them."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.faults import KINDS, Planned
from tests.chaos.model import ATTACKING, DAMAGE, play
from tests.chaos.world import World
from tests.support.ledger import Broken, Ledger, Paid


def test_no_site_is_lost_and_no_accepted_one_is_paid_for_again_in_any_story(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        play(world, stories=3, steps_each=5)
        assert sum(world.injector.injected.values()) >= 5, "hardly any fault happened"
        assert len(world.api.history) >= 20, "hardly any site was collected"


def redrive_until(happened: Callable[[], object], world: World, faults: Sequence[Planned] = ()) -> None:
    """Up to three times. A busy machine may cut a planner off between receive and claim: what it has received is
    hidden from its retry, but not from another process."""
    for attempt in range(3):
        if happened():
            break
        if attempt:
            world.reopen()
        world.redrive(faults=faults)


def test_every_kind_of_fault_is_injected_and_survived(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        for kind in KINDS:
            if "collector" in kind:
                world.reopen()  # a process that has the key does not read it again
            world.night([["ok"], [400]], faults=[Planned(kind)])
            redrive_until(partial(world.injector.injected.get, kind), world, [Planned(kind)])
            world.check()
        world.settle()
        assert world.injector.injected.keys() == KINDS.keys()


def test_the_ledger_adds_up_after_every_attack_of_a_server(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.night([[attack] for attack in ATTACKING])
        world.check()
        world.settle()
        assert {name for name in ATTACKING if world.hostile.sent[name]} == set(ATTACKING)


def test_the_ledger_adds_up_after_every_damage_to_the_directory(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        for kind in DAMAGE:
            world.night([["ok"], [400]])
            world.damage(kind)
            world.check()
        world.settle()


def test_a_lost_site_is_detected(tmp_path: Path) -> None:
    """The ledger really detects errors."""
    with World(tmp_path) as world:
        world.night([["ok"], [400]])
        world.check()
        [message] = (tmp_path / "queues" / "MissQueue").glob("*.json")
        message.unlink()
        with pytest.raises(Broken, match="lost: "):
            world.check()


def test_a_miss_that_is_parked_too_early_is_detected(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.night([["ok"], [400]])
        world.look(4)
        world.check()
        [message] = (tmp_path / "queues" / "MissQueue").glob("*.json")
        parked = tmp_path / "queues" / "ParkedQueue"
        parked.mkdir(exist_ok=True)
        message.rename(parked / message.name)
        with pytest.raises(Broken, match="parked before three attempts"):
            world.check()


def test_a_wrong_census_is_detected(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.night([["ok"], ["ok"]])
        [results, _] = (tmp_path / "runs").glob("*/results/*.json")
        results.unlink()
        with pytest.raises(Broken, match="results of "):
            world.check()


def test_a_site_in_two_waves_is_detected(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.night([["ok"]] * 10)
        world.check()
        [decided] = (tmp_path / "runs").glob("*/round-1/wave-2/pace.json")
        pace = json.loads(decided.read_text())
        assert (pace["first"], pace["sites"]) == (4, 6)
        decided.write_text(json.dumps(pace | {"first": 3}))
        with pytest.raises(Broken, match="does not continue the waves before it"):
            world.check()


def test_a_call_for_a_site_that_was_not_attempted_is_detected(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.night([[401]] * 10)
        ledger = world.check()
    [summary] = ledger.summaries.values()
    assert [site.error for site in summary.sites] == ["AccessDenied"] * 4 + ["NotAttempted"] * 6
    with pytest.raises(Broken, match="not attempted all the same"):
        ledger.check_payments([Paid(summary.run_id, 1, summary.sites[-1].site_id)])


def test_a_second_payment_is_detected(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.night([["ok"], [400]])
        redrive_until(lambda: len(Ledger.read(tmp_path).plans) == 2, world)
        ledger = Ledger.read(tmp_path)
    night, morning = ledger.plans
    [accepted] = [site.site_id for site in ledger.summaries[night].sites if site.accepted]
    with pytest.raises(Broken, match="paid for again"):
        ledger.check_payments([Paid(night, 1, accepted), Paid(morning, 1, accepted)])
    with pytest.raises(Broken, match="more than three calls"):
        ledger.check_payments([Paid(night, 1, accepted)] * 4)
