"""infra/cli/wave_progress.py: each wave, why it has so many at once, and the expected end."""

from typing import Any

from infra.cli.wave_progress import WaveProgress
from nightfold.waves import Pace
from tests.unit.examples import plan, wave
from tests.unit.infra.cli.test_progress import Replay


def pace(number: int = 1, **fields: Any) -> Pace:
    growing: dict[str, Any] = {
        "sites": 16,
        "left": 40,
        "max_concurrency": 16,
        "why": "doubled to 16: the account carries 38",
    }
    return wave(plan("harbour"), number, **growing | fields)


def test_a_wave_is_one_line_with_its_number_and_why() -> None:
    replay = Replay("harbour")
    replay.paced(3, sites=48, max_concurrency=16, why="doubled to 16: the account carries 38")
    replay.paced(1, 2, sites=2, max_concurrency=2, why="calls are\x1b answered")
    assert replay.lines == [
        "run wave 3: 48 sites, 16 at once, doubled to 16: the account carries 38",
        "run round 2, wave 1: 2 sites, 2 at once, calls are answered",
    ]
    assert "round 2, wave 1: 2 at once, calls are answered" in replay.rows()[1]


def test_the_end_of_a_round_needs_no_line_and_a_stop_says_why() -> None:
    replay = Replay("harbour")
    replay.paced()
    replay.paced(2, sites=0, why="no sites are left")
    assert len(replay.lines) == 1
    assert not any("wave" in row for row in replay.rows())
    stop = {"reason": "unknown", "message": "every call of a wave failed; the API refused the key"}
    replay.paced(2, sites=0, left=496, stop=stop)
    assert replay.lines[-1].endswith(
        "no further wave: every call of a wave failed; the API refused the key; 496 sites left"
    )
    assert any("no further wave: every call of a wave failed" in row for row in replay.rows())


def test_what_is_spent_is_shown_against_the_ceiling() -> None:
    replay = Replay("harbour")
    replay.planned([{"site_id": "harbour"}], cost_ceiling_usd=2.5)
    replay.answered(replay.asked("harbour"))
    assert replay.rows()[0].endswith(" · $0.0022 of $2.50 · 300 tokens")
    replay.progress.simulated = True
    assert replay.rows()[0].endswith(" · $0.0022 of $2.50 · simulated · 300 tokens")


def test_the_end_follows_from_what_a_branch_takes_and_how_many_run() -> None:
    waves = WaveProgress()
    assert waves.left_s(40, now=0) is None  # no wave has begun
    waves.decided(pace(left=0), at=0)
    assert waves.left_s(40, now=0) is None  # no branch is over
    for seconds in (10, 30):
        waves.branch_ended(seconds)
    assert waves.left_s(40, now=30) == 20 * 40 / 16
    assert waves.left_s(4, now=30) == 20
    assert waves.left_s(0, now=30) is None


def test_while_the_number_still_grows_the_plan_is_expected_to_be_right() -> None:
    waves = WaveProgress()
    waves.expected_s = 400
    waves.decided(pace(), at=100)
    waves.branch_ended(20)
    assert waves.left_s(400, now=150) == 350
    assert waves.left_s(400, now=501) == 20 * 400 / 16  # it was not
    waves.decided(pace(2, why="still 16: the account carries 16"), at=160)
    assert waves.left_s(160, now=161) == 200
