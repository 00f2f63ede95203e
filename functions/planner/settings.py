"""The planner's environment."""

from functools import cache

from nightfold.settings import FunctionSettings


class Settings(FunctionSettings):
    bucket: str
    configuration_parameter: str
    miss_queue_url: str


@cache
def settings() -> Settings:
    return Settings.from_environment()
