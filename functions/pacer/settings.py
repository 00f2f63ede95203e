"""The pacer's environment."""

from functools import cache

from nightfold.settings import FunctionSettings


class Settings(FunctionSettings):
    bucket: str
    collector_reserved_concurrency: int  # 0: none is reserved


@cache
def settings() -> Settings:
    return Settings.from_environment()
