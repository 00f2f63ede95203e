"""`nightfold sites` on a laptop: the list as a table and as JSON, its difference to a new one, and replacing it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from infra.cli.main import BAD_INPUT, main
from nightfold.storage import SITES_KEY
from tests.unit.infra.cli.answered import typed

DEFAULT = Path("events/sites.json").read_text(encoding="utf-8")
A, B, C = ({"site_id": name, "domain": f"{name}.example"} for name in "abc")


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def stored(state_dir: Path) -> Path:
    """A state directory's own list."""
    state_dir.mkdir()
    file = state_dir / "sites.json"
    file.write_text(json.dumps([A, B]))
    return file


def sites(state_dir: Path, *arguments: str | Path) -> int:
    return main(["sites", *map(str, arguments), "--state-dir", str(state_dir)])


def new(state_dir: Path, document: Any) -> Path:
    """A list that may replace the stored one."""
    file = state_dir.parent / "new.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return file


def piped(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_without_a_list_of_its_own_the_default_one_is_shown(
    state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sites(state_dir) == 0
    count, _, heading, *rows = capsys.readouterr().out.splitlines()
    assert count == "4 sites in events/sites.json"
    assert heading.split() == ["SITE", "DOMAIN", "MAX", "TOKENS", "BRIEF"]
    assert [row.split()[:2] for row in rows] == [[s["site_id"], s["domain"]] for s in json.loads(DEFAULT)]
    assert rows[3].split()[2] == "1,024"
    assert not state_dir.exists()


def test_as_json_it_is_a_list_that_can_be_stored_again(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored.write_text(json.dumps([A | {"domain": "https://A.example/", "facts": {"articles": "One"}}, B]))
    assert sites(stored.parent, "--json") == 0
    shown = capsys.readouterr().out
    assert json.loads(shown) == [A | {"facts": {"articles": "One"}}, B]
    assert sites(stored.parent, new(stored.parent, shown), "--yes") == 0
    assert capsys.readouterr().err == "Nothing changes: these sites are in the list, in this order.\n"


def test_a_column_is_there_if_a_site_has_something_to_show_in_it(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sites(stored.parent) == 0
    assert capsys.readouterr().out.splitlines()[2].split() == ["SITE", "DOMAIN"]
    stored.write_text(json.dumps([A | {"brief": "x" * 2_000, "facts": {"one": "1", "two": "2"}}, B]))
    assert sites(stored.parent) == 0
    _, _, heading, first, _ = capsys.readouterr().out.splitlines()
    assert heading.split() == ["SITE", "DOMAIN", "FACTS", "BRIEF"]
    assert first.split() == ["a", "a.example", "2", f"{'x' * 99}…"]


def test_ten_thousand_sites_are_counted_and_not_all_shown(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = [{"site_id": f"s{number}", "domain": f"s{number}.example"} for number in range(10_000)]
    assert sites(stored.parent, new(stored.parent, many), "--yes") == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 23
    assert [line.split() for line in lines[:3]] == [
        ["removed", "a", "a.example"],
        ["removed", "b", "b.example"],
        ["added", "s0", "s0.example"],
    ]
    assert lines[20:22] == ["and 9,982 more", "2 removed, 10,000 added; 10,000 sites instead of 2."]
    assert sites(stored.parent) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 104
    assert shown[-1] == "and 9,900 more; --json prints all of them"


def test_a_new_list_is_written_here_and_into_the_bucket_and_the_former_one_is_kept(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.dumps([B, A | {"brief": "new", "facts": {"one": "1"}, "max_tokens": 1024, "domain": "a.org"}, C])
    assert sites(stored.parent, new(stored.parent, content), "--yes") == 0
    printed = capsys.readouterr()
    former = stored.with_name("former-sites.json")
    assert printed.out == f"3 sites written to {stored}\nthe former list is kept in {former}\n"
    assert printed.err == (
        'changed  a  domain "a.example" → "a.org", max_tokens null → 1024, brief, facts.one\n'
        "added    c  c.example\n"
        "1 changed, 1 added; 3 sites instead of 2.\n"
    )
    assert stored.read_text() == (stored.parent / SITES_KEY).read_text() == content
    assert json.loads(former.read_text()) == [A, B]
    assert sites(stored.parent, new(stored.parent, [A]), "--yes", "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == [A]
    assert "The next redrive parks the misses of removed sites" in printed.err
    assert former.read_text() == content, "only the list before this one is kept"


def test_the_default_list_is_not_kept(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sites(state_dir, new(state_dir, [A]), "--yes") == 0
    printed = capsys.readouterr()
    assert printed.out == f"1 site written to {state_dir}/sites.json\n"
    assert "4 removed, 1 added; 1 site instead of 4." in printed.err
    assert not (state_dir / "former-sites.json").exists()
    assert main(["plan", "--json", "--state-dir", str(state_dir)]) == 0
    assert [site["site_id"] for site in json.loads(capsys.readouterr().out)["sites"]] == ["a"]


def test_a_list_of_which_half_was_written_is_written_by_the_same_command(stored: Path) -> None:
    document = new(stored.parent, [A])
    in_the_way = stored.parent / SITES_KEY
    in_the_way.mkdir(parents=True)
    assert sites(stored.parent, document, "--yes") == 1
    in_the_way.rmdir()
    assert sites(stored.parent, document, "--yes") == 0
    assert json.loads(stored.read_text()) == json.loads(in_the_way.read_text()) == [A]


def test_the_same_sites_in_another_format_are_no_change_and_in_another_order_they_are(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sites(stored.parent, new(stored.parent, json.dumps([A, B], indent=8))) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "Nothing changes: these sites are in the list, in this order.\n")
    assert [*stored.parent.iterdir()] == [stored]
    assert sites(stored.parent, new(stored.parent, [B, A]), "--yes") == 0
    assert capsys.readouterr().err == "The same 2 sites in another order.\n"
    assert json.loads(stored.read_text()) == [B, A]


def test_standard_input_is_a_file_too(
    stored: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, json.dumps([A]).encode())
    assert sites(stored.parent, "-") == BAD_INPUT
    assert "sites: stdin is not a terminal, so nothing can be confirmed; add --yes" in capsys.readouterr().err
    assert json.loads(stored.read_text()) == [A, B]
    piped(monkeypatch, json.dumps([A]).encode())
    assert sites(stored.parent, "-", "--yes") == 0
    assert json.loads(stored.read_text()) == [A]
    capsys.readouterr()
    piped(monkeypatch, b"[]")
    assert sites(stored.parent, "-", "--yes") == BAD_INPUT
    assert capsys.readouterr().err == "nightfold: standard input: the site list must have at least 1 entry\n"


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ([A, {"site_id": "b"}], "new.json: site 2 (b), domain: is missing"),
        ([A | {"breif": "x"}], "new.json: site 1 (a), breif: is not a known key, did you mean 'brief'?"),
        ([A, A], "new.json: sites 1 and 2 have the same site_id, 'a'"),
        ("{", "new.json: not valid JSON"),
    ],
)
def test_a_bad_list_is_refused_and_nothing_is_written(
    stored: Path, document: Any, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sites(stored.parent, new(stored.parent, document), "--yes") == BAD_INPUT
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert complaint in printed.err
    assert [*stored.parent.iterdir()] == [stored]


def test_what_only_planning_would_refuse_is_refused_too(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored.with_name("configuration.json").write_text('{"question": "articles_to_refresh"}')
    complaint = ": site a, facts.articles: is missing; the prompt of question articles_to_refresh uses it\n"
    assert sites(stored.parent) == BAD_INPUT
    printed = capsys.readouterr()
    assert printed.out.startswith("2 sites in "), "it is shown all the same"
    assert printed.err == f"nightfold: {stored}{complaint}"
    assert sites(stored.parent, file := new(stored.parent, [A]), "--yes") == BAD_INPUT
    assert capsys.readouterr().err == f"nightfold: {file}{complaint}"
    assert sites(stored.parent, new(stored.parent, [A | {"facts": {"articles": "One"}}]), "--yes") == 0


def test_an_invalid_list_can_be_replaced(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored.write_text("{}")
    assert sites(stored.parent) == BAD_INPUT
    assert capsys.readouterr().err == f"nightfold: {stored}: the site list must be a JSON array\n"
    assert sites(stored.parent, new(stored.parent, [A]), "--yes") == 0
    assert capsys.readouterr().err == f"{stored}: the site list must be a JSON array\nIt is replaced by 1 site.\n"
    assert stored.with_name("former-sites.json").read_text() == "{}"


@pytest.mark.parametrize("before", ["a list", "none"])
def test_a_list_that_was_changed_meanwhile_is_kept(
    before: str, stored: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if before == "none":
        stored.unlink()
    typed(monkeypatch, "y\n", lambda: stored.write_text(json.dumps([C])))
    assert sites(stored.parent, new(stored.parent, [A])) == BAD_INPUT
    complaint = "nightfold: sites: the site list was changed meanwhile; look at it and try again\n"
    assert capsys.readouterr().err.endswith(complaint)
    assert json.loads(stored.read_text()) == [C]
    assert not stored.with_name("former-sites.json").exists()


def test_a_missing_file_is_named(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sites(stored.parent, "nowhere.json", "--yes") == BAD_INPUT
    assert capsys.readouterr().err == "nightfold: nowhere.json: cannot be read (No such file or directory)\n"
