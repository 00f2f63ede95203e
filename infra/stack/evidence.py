"""What a run leaves outside the bucket of a stack. Raises InvalidInput where AWS refuses to answer."""

from dataclasses import dataclass

from infra.stack.aws_errors import explained
from infra.stack.deployed import DeployedStack


@dataclass(frozen=True)
class StackEvidence:
    """Counts messages and lines of log."""

    stack: DeployedStack
    late_s = 90.0  # SQS's approximate counts and CloudWatch's logs lag by a minute or more

    def waiting(self) -> int:
        return self.stack.count("waiting")

    def logged(self, run_id: str) -> int:
        """On all pages: one may be empty and still have a next."""
        group = f"/aws/lambda/{self.stack.description['StackName']}-collector"
        with explained("logs"):
            pages = self.stack.client("logs").get_paginator("filter_log_events")
            found = pages.paginate(logGroupName=group, filterPattern=f'{{ $.run_id = "{run_id}" }}')
            return sum(len(page["events"]) for page in found)
