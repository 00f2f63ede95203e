"""What the sites of a run were offered before, for their prompts."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from nightfold.contract import Plan
from nightfold.memory import read_memory
from nightfold.observability import log_step
from nightfold.storage import Bucket, memory_key

READERS = 16  # memories that are read at once


def earlier_headings(plan: Plan, bucket: Bucket) -> Mapping[str, list[str]]:
    """By site, newest first. A memory that cannot be read is none: the aggregator reports it."""
    most = plan.configuration.remember
    if not most:
        return {}

    def of_site(site_id: str) -> tuple[str, list[str]]:
        try:
            memory = read_memory(bucket.get(memory_key(site_id, plan.question_of(site_id))))
        except ClientError as error:
            if not 400 <= error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                raise
            memory = None
        if memory is None:
            log_step("plan", run_id=plan.run_id, site_id=site_id, error="UnreadableMemory")
            return site_id, []
        return site_id, memory.earlier(most, simulated=plan.simulated)

    with ThreadPoolExecutor(READERS) as readers:
        return dict(readers.map(of_site, [site.site_id for site in plan.sites]))
