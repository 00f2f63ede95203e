"""The planner's environment."""

from functools import cache
from typing import Literal

from nightfold.settings import FunctionSettings


class Settings(FunctionSettings):
    bucket: str
    configuration_parameter: str
    miss_queue_url: str
    messages_api: Literal["real", "simulated"]
    run_retention_days: int  # 0: what runs leave is kept for ever


@cache
def settings() -> Settings:
    return Settings.from_environment()
