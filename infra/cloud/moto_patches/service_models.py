"""moto's service models: found and parsed once, and for one region (0.2 s of start-up and first calls, measured).

For each service moto makes a loader of its own, which then looks into 400 folders again, and it parses the models of
all services it can deploy, to know their regions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from infra.cloud.boto_sessions import QuickLoader
from infra.cloud.moto_patches.cloudformation import REGION


@contextmanager
def parsed_once() -> Iterator[None]:
    from moto.core import loaders, utils
    from moto.core.base_backend import AccountSpecificBackend

    class Loader(QuickLoader, loaders.Loader):
        pass

    loader = Loader(extra_search_paths=[loaders.moto_root])
    with (
        mock.patch.object(utils, "create_loader", return_value=loader),
        # The services of a run are called the same in moto and in AWS; moto makes sure with a new boto3 session.
        mock.patch.object(utils, "service_name_from_moto_package_name", str),
        mock.patch.object(AccountSpecificBackend, "_generate_regions", return_value=[REGION]),
    ):
        yield
