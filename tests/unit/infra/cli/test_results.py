"""`nightfold results`: what was accepted, of nights and mornings together."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.cli.main import BAD_INPUT, main
from nightfold.storage import plan_key, results_key
from tests.support.hostile_texts import TEXTS
from tests.support.stored_runs import STARTED, MemoryBucket, store_run
from tests.unit.infra.cli.test_report_pages import as_files

NOON = STARTED.replace(hour=11)  # the same day in almost every time zone
NIGHTS = [f"nightly-2026-11-{day}" for day in (21, 22, 23)]


def store(bucket: MemoryBucket, run_id: str, site_id: str, titles: list[str], **more: Any) -> None:
    """These titles in place of what the run accepted."""
    key = results_key(run_id, site_id)
    entries = [{"title": title, "angle": f"about {title}"} for title in titles]
    bucket.objects[key] = json.dumps(json.loads(bucket.objects[key]) | {"entries": entries} | more).encode()


@pytest.fixture
def bucket() -> MemoryBucket:
    """Three nights of harbour and orchard; orchard's last night was missed, and a morning collected it."""
    bucket = MemoryBucket()
    for ago, run_id in zip((2, 1, 0), NIGHTS, strict=True):
        sites = {"harbour": ["ok"], "orchard": ["Overloaded"] if ago == 0 else ["ok"]}
        store_run(bucket, sites, run_id=run_id, started=NOON - timedelta(days=ago))
    store_run(
        bucket, {"orchard": ["ok"]}, run_id="redrive-2026-11-23", mode="redrive", started=NOON + timedelta(hours=1)
    )
    store(bucket, NIGHTS[0], "harbour", ["Retry storms", "Cold starts"])
    store(bucket, NIGHTS[1], "harbour", ["Disks"])
    store(bucket, NIGHTS[2], "harbour", ["Backups", "retry-STORMS!"])
    store(bucket, "redrive-2026-11-23", "orchard", ["Joules"])
    return bucket


@pytest.fixture
def printed(bucket: MemoryBucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """What the command prints about the bucket, as it is then."""

    def results(*options: str, code: int = 0) -> str:
        assert main(["results", *options, "--state-dir", str(as_files(tmp_path, bucket))]) == code
        captured = capsys.readouterr()
        return captured.out if code == 0 else captured.err

    return results


def as_rows(text: str) -> list[tuple[str, str, str, bool]]:
    documents = map(json.loads, text.splitlines())
    return [(each["site_id"], each["run_id"], each["entry"]["title"], each["new"]) for each in documents]


def test_of_each_site_the_newest_answer_is_shown_of_nights_and_mornings(printed: Any) -> None:
    assert as_rows(printed("--format", "json")) == [
        ("harbour", NIGHTS[2], "Backups", True),
        ("harbour", NIGHTS[2], "retry-STORMS!", False),
        ("orchard", "redrive-2026-11-23", "Joules", True),
    ]


def test_all_answers_begin_with_the_newest(printed: Any) -> None:
    rows = as_rows(printed("--all", "--site", "harbour", "--format", "json"))
    assert [(run_id, title) for _, run_id, title, _ in rows] == [
        (NIGHTS[2], "Backups"),
        (NIGHTS[2], "retry-STORMS!"),
        (NIGHTS[1], "Disks"),
        (NIGHTS[0], "Retry storms"),
        (NIGHTS[0], "Cold starts"),
    ]


def test_since_a_day_older_answers_are_left_out_and_still_count_as_older(printed: Any) -> None:
    rows = as_rows(printed("--all", "--since", "2026-11-23", "--format", "json"))
    assert [row[1:] for row in rows if row[0] == "harbour"] == [
        (NIGHTS[2], "Backups", True),
        (NIGHTS[2], "retry-STORMS!", False),
    ]
    assert printed("--since", "9999-12-31") == ""
    assert printed("--since", "0001-01-01") == printed()


@pytest.mark.parametrize("day", ["tomorrow", "2026-13-40"])
def test_a_day_that_is_none_is_refused_with_an_example(
    day: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["results", "--since", day, "--state-dir", str(tmp_path)]) == BAD_INPUT
    assert f"'--since': '{day}' is not a day such as 2026-11-01" in capsys.readouterr().err


def test_the_table_fits_the_terminal_and_marks_what_is_repeated(printed: Any) -> None:
    lines = printed().splitlines()
    assert lines[0] == "article_candidates: 3 candidates of 2 sites"
    assert lines[2].startswith("harbour  2026-11-23 ")
    assert lines[2].endswith(f"  {NIGHTS[2]}")
    assert lines[3:5] == [
        "  new       Backups · about Backups",
        "  repeated  retry-STORMS! · about retry-STORMS!",
    ]


def test_the_csv_has_a_column_for_each_field_and_hostile_texts_stay_texts(bucket: MemoryBucket, printed: Any) -> None:
    store(bucket, NIGHTS[2], "harbour", list(TEXTS))
    rows = list(csv.DictReader(io.StringIO(printed("--site", "harbour", "--format", "csv"))))
    assert len(rows) == len(TEXTS)
    assert [*rows[0]] == ["site", "question", "run", "when", "kind", "status", "title", "angle"]
    assert {row["kind"] for row in rows} == {"real"}
    assert not [row for row in rows if row["title"].lstrip()[0] in "=+-@\uff1d\uff0b\uff0d\uff20"]


def test_in_markdown_hostile_texts_stay_texts(bucket: MemoryBucket, printed: Any) -> None:
    store(bucket, NIGHTS[2], "harbour", ["[a](https://evil.example) @octocat", "<script>", "one\n# two"])
    text = printed("--site", "harbour", "--format", "markdown")
    assert text.startswith(f"# Candidates, article_candidates\n\n## harbour ({NIGHTS[2]}, 2026-11-23 ")
    assert "\n* **\\[a\\](https: //evil. example) @ octocat**: about " in text
    assert "\n* **\\<script\\>**: about \\<script\\>\n* **one \\# two**: about one \\# two\n" in text


def test_simulated_answers_are_shown_apart_and_only_without_real_ones_by_themselves(
    bucket: MemoryBucket, printed: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_run(bucket, {"harbour": ["ok"]}, run_id="tried", started=STARTED + timedelta(days=1), simulated=True)
    assert "tried" not in printed("--all")
    assert printed("--simulated").startswith("article_candidates: 5 candidates of 1 site, simulated\n")
    only = MemoryBucket()
    store_run(only, {"harbour": ["ok"]}, simulated=True)
    assert main(["results", "--format", "csv", "--state-dir", str(as_files(tmp_path / "other", only))]) == 0
    assert {row["kind"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))} == {"simulated"}


def test_questions_are_listed_apart_and_one_that_is_gone_is_still_shown(bucket: MemoryBucket, printed: Any) -> None:
    plan = json.loads(bucket.objects[plan_key(NIGHTS[1])])
    plan["questions"] = {"harbour": "of_old"}  # as a redrive's plan
    bucket.objects[plan_key(NIGHTS[1])] = json.dumps(plan).encode()
    bucket.objects[results_key(NIGHTS[1], "harbour")] = json.dumps(
        {"run_id": NIGHTS[1], "site_id": "harbour", "question": "of_old", "round": 1, "entries": [{"a": "x", "b": 2}]}
    ).encode()
    assert [line for line in printed().splitlines() if ":" in line and " of " in line] == [
        "article_candidates: 3 candidates of 2 sites",
        "of_old: 1 entry of 1 site",
    ]
    assert printed("--question", "of_old").endswith("\n  new       x · 2\n")
    assert printed("--question", "articles_to_refresh") == ""
    error = printed("--question", "candidates", code=BAD_INPUT)
    assert error.endswith("there is no functions/questions/candidates; the nearest is 'article_candidates'\n")


def test_a_site_without_answers_is_a_mistake(printed: Any) -> None:
    assert printed("--site", "harbor", code=BAD_INPUT) == (
        "nightfold: --site: nothing was accepted of 'harbor', did you mean 'harbour'?\n"
    )


def test_what_is_no_run_or_cannot_be_read_is_passed_over(bucket: MemoryBucket, printed: Any, tmp_path: Path) -> None:
    before = printed("--all", "--format", "json")
    for key, document in list(bucket.objects.items()):
        bucket.objects[key.replace(f"{NIGHTS[2]}/", f"{NIGHTS[2]}.backup/")] = document
    bucket.objects[results_key(NIGHTS[2], "lantern")] = b"{"
    bucket.objects["runs/notes/plan.json"] = b"[]"
    as_files(tmp_path, bucket)
    (tmp_path / "runs/linked").mkdir()
    (tmp_path / "runs/linked/plan.json").write_bytes(
        bucket.objects[plan_key(NIGHTS[0])].replace(b"nightly-2026-11-21", b"linked")
    )
    (tmp_path / "runs/linked/results").symlink_to(tmp_path / "runs" / NIGHTS[0] / "results")
    assert printed("--all", "--format", "json") == before


def test_before_the_first_run_it_says_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", "--state-dir", str(tmp_path / "none")]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Nothing is accepted yet." in printed.err
    assert not (tmp_path / "none").exists()
