"""`nightfold smoke`: two sites of the site list are asked, and what their run leaves is looked at."""

from pathlib import Path

from tests.integration.command_line import Finished, in_a_process, scenario
from tests.integration.served_stack import Served, another_stack
from tests.support.stack_commands import NEEDED

CHECKS = ["run", "census", "miss queue", "logs"]


def found(done: Finished) -> dict[str, tuple[str, str]]:
    return {each["check"]: (each["status"], each["found"]) for each in done.json}


def runs(served: Served) -> set[str]:
    return {path.name for path in (served.state_dir / "runs").iterdir()}


def asked(served: Served) -> list[str]:
    """The domains of all calls so far, without their endings."""
    assert served.api is not None
    return [call.site.partition(".")[0] for call in served.api.history]


def test_two_sites_of_the_stacks_list_are_asked(served: Served) -> None:
    before, calls = runs(served), len(asked(served))
    sites = served.state_dir / "config" / "sites.json"
    written = sites.stat().st_mtime_ns
    done = served.stack("smoke", key=served.key_of(NEEDED["smoke"]))
    assert done.code == 0, done.err
    (run,) = runs(served) - before
    assert run.startswith("smoke-")
    assert done.out.splitlines() == [
        f"ok  run: {run} is complete",
        "ok  census: planned 2 = accepted 2 + missed 0",
        "ok  miss queue: 1 message waiting, 0 sites missed",
        "ok  logs: 2 lines of the collector about 2 sites, in CloudWatch's log groups /aws/lambda/nightfold-*",
    ]
    assert "2 sites, auto" in done.err, "what it will do and cost"
    assert f"collecting 2 sites as {run}" in done.err, "the live view"
    assert sorted(asked(served)[calls:]) == ["harbour", "orchard"]
    assert sites.stat().st_mtime_ns == written, "the site list is only read"


def test_a_site_that_was_missed_waits_in_the_queue(served: Served) -> None:
    assert served.api is not None
    served.api.script("orchard", [400])
    done = served.stack("smoke", "--json")
    assert (done.code, list(found(done))) == (0, CHECKS)
    assert found(done)["run"][0] == "note"
    assert found(done)["census"] == ("ok", "planned 2 = accepted 1 + missed 1")
    assert found(done)["miss queue"] == ("ok", "2 messages waiting, 1 site missed")
    (miss,) = [each for each in done.json if each["check"] == "run"]
    assert miss["found"].endswith(" is partial: 1 site missed")
    assert miss["command"].endswith(" misses --stack nightfold")


def test_a_wrong_key_is_found(served: Served) -> None:
    assert served.api is not None
    for site in ("harbour", "orchard"):
        served.api.script(site, [401] * 3)
    done = served.stack("smoke", "--json")
    assert done.code == 1
    status, said = found(done)["run"]
    assert status == "fix"
    assert said.endswith(" is failed: no site was accepted (AccessDenied)")
    assert found(done)["census"] == ("ok", "planned 2 = accepted 0 + missed 2")


def test_nothing_is_started_that_costs_something_and_was_not_confirmed(served: Served) -> None:
    with another_stack(served, "paid", MessagesApi="real"):
        before = runs(served)
        refused = served.stack("smoke", "--stack", "paid")
        assert (refused.code, refused.out) == (64, "")
        assert "smoke: stdin is not a terminal, so nothing can be confirmed; add --yes" in refused.err
        assert runs(served) == before


def test_what_a_run_would_refuse_starts_nothing(served: Served) -> None:
    sites = served.state_dir / "config" / "sites.json"
    stored, before = sites.read_bytes(), runs(served)
    sites.write_text('[{"site_id": "Harbour", "domain": "harbour.example.com"}]')
    try:
        refused = served.stack("smoke", "--yes")
    finally:
        sites.write_bytes(stored)
    assert (refused.code, refused.out, runs(served)) == (64, "", before)
    assert "site 1 (Harbour), site_id: must be lower-case" in refused.err


def test_a_laptop_is_tried_in_the_same_way(tmp_path: Path) -> None:
    state = tmp_path / "state"
    one_broken = scenario(tmp_path / "scenario.json", {"orchard": [400]})
    done = in_a_process("smoke", "--scenario", one_broken, "--state-dir", state, "--json")
    assert (done.code, list(found(done))) == (0, CHECKS), done.err
    assert found(done)["miss queue"] == ("ok", "1 message waiting, 1 site missed")
    assert found(done)["logs"] == ("ok", f"2 lines of the collector about 2 sites, in {state / 'logs'}")
    assert sorted(path.name for path in (state / "queues" / "MissQueue").iterdir() if path.suffix == ".json")
