"""`nightfold new-question`: two files to start from, or nothing at all."""

from pathlib import Path

import pytest

from infra.cli.main import BAD_INPUT, main
from infra.cli.new_question import FILES, TEMPLATE, write_question
from nightfold.errors import InvalidInput
from nightfold.question import load


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "functions/questions").mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def test_both_files_have_the_questions_name(clone: Path) -> None:
    contract, prompt = write_question("trends", clone)
    assert contract == clone / "functions/questions/trends/question.py"
    assert contract.read_text().startswith('"""trends: ')
    assert "== system ==\nYou answer trends for the site" in prompt.read_text()
    for file in FILES:
        assert "QUESTION_NAME" in (TEMPLATE / file).read_text()
        assert "QUESTION_NAME" not in (contract.parent / file).read_text()


@pytest.mark.parametrize("name", ["", "Trends", "my-ideas", "9lives", "../trends", "a" * 41, "trends\n"])
def test_a_name_that_no_configuration_accepts_is_refused(name: str, clone: Path) -> None:
    with pytest.raises(InvalidInput, match=r"^new-question: must be lower-case letters, digits and underscores"):
        write_question(name, clone)
    assert not [*(clone / "functions/questions").iterdir()]


def test_a_name_that_is_taken_is_refused_and_what_is_there_stays(clone: Path) -> None:
    contract, _ = write_question("trends", clone)
    contract.write_text("mine")
    with pytest.raises(InvalidInput, match="functions/questions/trends is there already; choose another name"):
        write_question("trends", clone)
    assert contract.read_text() == "mine"


def test_an_installed_package_is_no_place_for_a_question(clone: Path) -> None:
    (clone / "pyproject.toml").unlink()
    with pytest.raises(InvalidInput, match=r"is not a clone of it\. This Nightfold is an installed package"):
        write_question("trends", clone)


def test_a_folder_that_cannot_be_written_is_named(clone: Path) -> None:
    (clone / "functions/questions").rmdir()
    (clone / "functions/questions").symlink_to("/proc/self")  # not even root makes a folder there
    with pytest.raises(InvalidInput, match=r"^new-question: .*/functions/questions/trends cannot be written \("):
        write_question("trends", clone)


def test_the_command_refuses_before_it_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-question", "article_candidates"]) == BAD_INPUT
    assert "is there already" in capsys.readouterr().err
    assert load("article_candidates").noun == "candidate"
