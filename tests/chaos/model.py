"""The stories: hypothesis draws them, the world plays them, and every guarantee is checked after each step.

hypothesis chooses the order of the steps, and for each step a number from which everything in it is drawn: hypothesis's
own draws begin with the simplest, which in a test's few stories would be nights in which nothing happens.
"""

from random import Random
from typing import Any, ClassVar, get_args

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from infra.messages_api.scenario import Behaviour, Status
from tests.chaos.faults import BEYOND_BOTOCORE, KINDS, Planned
from tests.chaos.world import World
from tests.support.hostile_api import ATTACKS

SLOW = {"hang", "drip", "drip_headers"}  # each takes the whole request timeout
QUICK = tuple(name for name in (*get_args(Behaviour), *get_args(Status)) if name not in SLOW | {"text"})
ATTACKING = tuple(name for name in ATTACKS if not name.startswith(("dripping", "endless")))
MISSED: tuple[list[Any], ...] = ([400], ["refusal"], [529] * 3, ["reset"] * 3, ["prose", "wrong_shape"], ["hang", 401])
TIMES = (1, 1, 2, BEYOND_BOTOCORE, 2 * BEYOND_BOTOCORE, 5 * BEYOND_BOTOCORE)

DAMAGE = (
    *("lease", "closed runs", "copied run", "renamed run", "stray folder"),
    *("torn message", "pipe in a queue", "link in a run", "left-over temporary file"),
)

numbers = st.integers(0, 2**64 - 1)


def scripts(random: Random) -> list[list[Any]]:
    """The API's behaviour for each of a few sites."""
    return [
        random.choice(MISSED)
        if random.random() < 0.3
        else random.choices(ATTACKING if random.random() < 0.2 else QUICK, k=random.randint(0, 3))
        for _ in range(random.randint(1, 8) if random.random() < 0.6 else random.randint(9, 20))  # more have waves
    ]


def faults(random: Random) -> list[Planned]:
    """None in a third of the runs, so that these collect something."""
    kinds = sorted(KINDS)
    return [
        Planned(random.choice(kinds), random.randint(0, 20), random.choice(TIMES))
        for _ in range(random.choice((0, 1, 2, 4)))
    ]


def ending(random: Random) -> tuple[str, int]:
    """How a run ends: waited for, stopped, or the process ends; the last two after this many milliseconds."""
    return random.choice(("wait", "wait", "wait", "stop", "reopen")), random.randint(0, 300)


class Stories(RuleBasedStateMachine):
    """A few nights and mornings. The caller opens `world`, which outlives the stories."""

    world: ClassVar[World]
    played: ClassVar[list[str]] = []  # the story that is being played, for a report
    count: ClassVar[int] = 0
    damaging: ClassVar[bool] = False  # between two runs something damages the state directory
    broken: ClassVar[BaseException | None] = (
        None  # the first failure; hypothesis then tries again, and thread timing never repeats
    )

    def __init__(self) -> None:
        super().__init__()
        if self.broken:
            raise self.broken
        type(self).count += 1
        self.played.clear()
        self._whole = True

    @initialize(number=numbers)
    def first_night(self, number: int) -> None:
        self.night(number)

    @rule(number=numbers)
    def night(self, number: int) -> None:
        random = Random(number)
        self._step(
            "night",
            scripts=scripts(random),
            faults=faults(random),
            scheduled=random.random() < 0.5,
            twice=random.random() < 0.5,
            ending=ending(random),
        )
        if random.random() < 0.2:
            self._step("late_delivery")

    @rule(number=numbers)
    def morning(self, number: int) -> None:
        random = Random(number)
        if random.random() < 0.2:
            self._step("look", times=random.randint(1, 4))
        if self.damaging and random.random() < 0.5:
            self._step("damage", kind=random.choice(DAMAGE))
        left = random.randrange(100) if random.random() < 0.2 else None
        self._step("redrive", faults=faults(random), twins=random.random() < 0.3, ending=ending(random), left=left)
        if random.random() < 0.2:
            self._step("reopen")

    def teardown(self) -> None:
        if self._whole:
            self._step("settle")

    def _step(self, name: str, **given: Any) -> None:
        self._whole = False
        self.played.append(f"world.{name}({', '.join(f'{key}={value!r}' for key, value in given.items())})")
        try:
            getattr(self.world, name)(**given)
            self.world.check()
        except BaseException as error:
            type(self).broken = self.broken or error
            raise
        self._whole = True


def play(world: World, stories: int, steps_each: int, seed: int | None = None) -> None:
    """Play this many stories; without a seed they are always the same. Raises the first broken guarantee.

    Stories are not shrunk: each takes seconds, and thread timing never repeats."""
    Stories.world, Stories.broken = world, None
    effort = settings(
        max_examples=stories,
        stateful_step_count=steps_each,
        derandomize=seed is None,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    try:
        run_state_machine_as_test(Stories if seed is None else seeded(seed)(Stories), settings=effort)
    except Exception as error:
        story = "\n".join(Stories.played)
        raise (Stories.broken or error) from RuntimeError(f"the story:\n{story}")
