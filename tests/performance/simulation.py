"""The virtual run beside the real state machine: what is simulated many times over is played for real once.

The real one is template, state machine and handlers in the embedded cloud against the simulated API, with the same
latencies and lengths call by call, on an account with room for half of what the run asks. What was decided with
virtual runs (the retrier, `infra/docs/decisions.md`) holds only as long as both do the same.
"""

from statistics import fmean
from typing import Any

from tests.performance import real_run, real_waves
from tests.performance.part import Options, Table
from tests.performance.virtual_run import Setting, play, under_pressure

AT_ONCE = 8
TOKENS = 8_192  # for each answer: nothing is cut
ROOM = 0.5  # of demand
REFUSED_S, OVERHEAD_S = 0.03, 0.02  # on this wall, what the embedded cloud takes for a refused call and for a branch
LUCK = 20  # virtual runs that differ in their jitter alone
LOST_ABOVE, CALLS_ABOVE = 10.0, 0.15  # of 100 sites; a share
FIGURES = ("calls", "rate_limited", "lost", "duration_s", "peak")


def measure(options: Options) -> dict[str, Any]:
    sites, speed = (30, 40.0) if options.quick else (60, 25.0)
    setting = under_pressure(
        Setting(
            sites=sites,
            concurrency=AT_ONCE,
            output_token_budget=TOKENS * AT_ONCE,
            refused_s=REFUSED_S * speed,
            overhead_s=OVERHEAD_S * speed,
        ),
        ROOM,
    )
    options.say(f"the real state machine: {sites} sites, {speed:g} times as fast")
    real = real_run.play(setting, options.seed, speed=speed, folder=options.work / "real")
    virtual = [play(setting, options.seed, luck) for luck in range(LUCK)]

    def beside(figure: str) -> dict[str, float]:
        values = [getattr(run, figure) for run in virtual]
        return {
            "real": getattr(real, figure),
            "virtual": fmean(values),
            "lowest": min(values),
            "highest": max(values),
        }

    figures: dict[str, Any] = {"sites": sites, "speed": speed, "retrier": setting.retrier.name}
    figures["gave_up"] = real.gave_up
    return {**figures, **{name: beside(name) for name in FIGURES}, "waves": real_waves.measure(options)}


def tables(figures: dict[str, Any]) -> list[Table]:
    rows = [
        [name.replace("_", " "), *(f"{figures[name][side]:.1f}" for side in ("real", "virtual", "lowest", "highest"))]
        for name in FIGURES
    ]
    return [
        Table(
            f"{figures['sites']} sites, {AT_ONCE} at once, an account with room for {ROOM:.0%} of that",
            ("", "real", "virtual, mean", "lowest", "highest"),
            rows,
            f"Retrier {figures['retrier']}. Waits of the real run pass {figures['speed']:g} times as fast. Virtual: "
            f"{LUCK} runs that differ in their jitter alone. On a busy machine the real calls come later and further "
            "apart, so fewer are refused: fewer than virtually, and the duration, are shown and are no rule.",
        ),
        *real_waves.tables(figures["waves"]),
    ]


def complaints(figures: dict[str, Any]) -> list[str]:
    calls, lost = figures["calls"], figures["lost"]
    wrong = []
    if calls["real"] > (1 + CALLS_ABOVE) * calls["highest"]:
        wrong.append(f"{calls['real']} calls really, at most {calls['highest']} virtually")
    if (lost["real"] - lost["highest"]) * 100 / figures["sites"] > LOST_ABOVE:
        wrong.append(f"{lost['real']} sites lost really, at most {lost['highest']} virtually")
    if figures["gave_up"]:
        wrong.append(f"{figures['gave_up']} sites given up before their last call really, none virtually")
    if figures["peak"]["real"] > AT_ONCE:
        wrong.append(f"{figures['peak']['real']} calls at once, the Map allows {AT_ONCE}")
    return wrong + real_waves.complaints(figures["waves"])
