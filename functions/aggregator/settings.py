"""The aggregator's environment."""

from functools import cache

from nightfold.settings import FunctionSettings


class Settings(FunctionSettings):
    bucket: str
    miss_queue_url: str
    parked_queue_url: str


@cache
def settings() -> Settings:
    return Settings.from_environment()
