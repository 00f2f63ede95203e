"""infra/cli/configuration.py: options and environment over the configuration of the state directory."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.cli.configuration import configuration_text, overrides_of, question_override
from infra.cli.run_request import Selection
from nightfold.errors import InvalidInput

SITES = Path(__file__).parents[4] / "events" / "sites.json"
ALL = Selection(SITES)


@pytest.mark.parametrize(
    ("concurrency", "settings", "environment", "overrides"),
    [
        (None, [], {}, {}),
        ("3", [], {}, {"max_concurrency": 3}),
        ("auto", [], {"MAX_CONCURRENCY": "2"}, {"max_concurrency": "auto"}),
        (None, [], {"MAX_CONCURRENCY": "2"}, {"max_concurrency": 2}),
        ("3", [], {"MAX_CONCURRENCY": "nonsense"}, {"max_concurrency": 3}),
        (None, [], {"MAX_CONCURRENCY": ""}, {}),
        ("3", ["max_concurrency=5"], {}, {"max_concurrency": 3}),
        (None, ["max_concurrency=5"], {"MAX_CONCURRENCY": "2"}, {"max_concurrency": 5}),
        (
            None,
            ["model=claude-haiku-5-5", "cost_ceiling_usd=null"],
            {},
            {"model": "claude-haiku-5-5", "cost_ceiling_usd": None},
        ),
    ],
)
def test_options_become_fields_and_override_the_environment(
    concurrency: str | None, settings: list[str], environment: dict[str, str], overrides: dict[str, Any]
) -> None:
    assert overrides_of(concurrency, settings, environment) == overrides


@pytest.mark.parametrize(
    ("concurrency", "settings", "environment", "complaint"),
    [
        ("0", [], {}, '--concurrency: must be "auto" or a whole number from 1 to 1,000, not 0'),
        (None, ["request_timeout_s=long"], {}, '--set request_timeout_s: must be a whole number, not "long"'),
        (None, ["model=a=b"], {}, '--set model: must be a model id such as claude-haiku-5-5, not "a=b"'),
        (None, ["question=Nope"], {}, '--set question: must be the name of a question such as .*, not "Nope"'),
        (None, ["modle=x"], {}, r"--set: no field 'modle', did you mean 'model'\?; known are max_concurrency, "),
        (None, [], {"MAX_CONCURRENCY": "0"}, 'MAX_CONCURRENCY in the environment: must be "auto" or a whole number'),
    ],
)
def test_a_bad_value_is_named_by_its_option_or_variable(
    concurrency: str | None, settings: list[str], environment: dict[str, str], complaint: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^{complaint}"):
        overrides_of(concurrency, settings, environment)


def test_the_configuration_is_the_state_directorys_if_it_was_edited(tmp_path: Path) -> None:
    default = configuration_text(tmp_path)
    assert json.loads(default)["max_concurrency"] == "auto"
    (tmp_path / "configuration.json").write_text('{"max_concurrency": 7}\n')
    assert configuration_text(tmp_path) == '{"max_concurrency": 7}'
    deployed = {"schema_version": 1, "deployed": {"configuration.json": '{"max_concurrency": 7}'}}
    (tmp_path / "state.json").write_text(json.dumps(deployed))
    assert configuration_text(tmp_path) == default, "the template has a newer default, and the file is the older one"


def test_a_question_is_a_field_of_the_configuration_and_one_that_is_not_there_is_refused() -> None:
    assert question_override(None) == {}
    assert question_override("articles_to_refresh") == {"question": "articles_to_refresh"}
    with pytest.raises(
        InvalidInput, match=r"^--question: there is no .*/refresh; the nearest is 'articles_to_refresh'$"
    ):
        question_override("refresh")
