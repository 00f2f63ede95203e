"""What the sites of a run were offered before, for their prompts."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import batched

from botocore.exceptions import ClientError

from nightfold.contract import Plan
from nightfold.errors import refused
from nightfold.memory import read_memory
from nightfold.observability import log_step
from nightfold.storage import Bucket, memory_key

READERS = 16  # memories that are read at once
BATCH = 160  # that are held at once: those of ten thousand sites are 50 MB


def earlier_headings(plan: Plan, bucket: Bucket) -> Iterator[list[str]]:
    """Of each of the plan's sites, newest first. A memory that cannot be read is none: the aggregator reports it."""
    most = plan.configuration.remember

    def of_site(site_id: str) -> list[str]:
        if not most:
            return []
        try:
            memory = read_memory(bucket.get(memory_key(site_id, plan.question_of(site_id))))
        except ClientError as error:
            if not refused(error):
                raise
            memory = None
        if memory is None:
            log_step("plan", run_id=plan.run_id, site_id=site_id, error="UnreadableMemory")
            return []
        return memory.earlier(most, simulated=plan.simulated)

    with ThreadPoolExecutor(READERS) as readers:
        for batch in batched(plan.sites, BATCH, strict=False):
            yield from readers.map(of_site, [site.site_id for site in batch])
