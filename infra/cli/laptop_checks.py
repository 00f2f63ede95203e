"""What `nightfold doctor` looks at without --stack: this machine, and the state directory."""

import shutil
from collections import Counter
from collections.abc import Iterator
from functools import partial

from infra.cli import installation_checks
from infra.cli.checks import Check, Finding, fix, looked, note, ok
from infra.cli.configuration import check_writable
from infra.cli.laptop import Laptop
from infra.cli.machine_checks import MACHINE
from infra.state.lock import in_use
from nightfold.errors import InvalidInput

ENOUGH = 100_000_000  # bytes: a run of 10,000 sites stores half as much


def laptop_checks(at: Laptop) -> Iterator[Check]:
    yield from looked(
        {
            **MACHINE,
            "state directory": partial(_state_directory, at),
            "configuration": partial(installation_checks.configuration, at),
            "sites": partial(_sites, at),
            "misses": partial(_misses, at),
        }
    )


def _state_directory(at: Laptop) -> Finding:
    try:
        check_writable(at.state_dir)
    except InvalidInput as error:
        return fix(str(error))
    existing = next(each for each in (at.state_dir.absolute(), *at.state_dir.absolute().parents) if each.exists())
    free = shutil.disk_usage(existing).free
    if free < ENOUGH:
        return fix(f"only {free / 1e6:,.0f} MB are free where {at.state_dir} is")
    if in_use(at.state_dir):
        return note(f"{at.state_dir} is in use by another Nightfold process; a run waits for no other")
    return ok(f"{at.state_dir}{'' if at.state_dir.exists() else ' does not exist yet'}, {free / 1e9:,.1f} GB free")


def _sites(at: Laptop) -> Finding:
    return installation_checks.sites(at, at.site_list.read(), at.site_list.where)


def _misses(at: Laptop) -> Finding:
    return installation_checks.misses(at, Counter(miss.queue for miss in at.misses()))
