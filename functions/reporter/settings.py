"""The reporter's environment."""

from functools import cache

from nightfold.settings import FunctionSettings


class Settings(FunctionSettings):
    bucket: str
    digest_topic_arn: str
    anthropic_base_url: str  # on loopback the answers were simulated
    morning_schedule: str  # of the template: when misses are collected once more
    time_zone: str
    schedule_state: str  # ENABLED or DISABLED


@cache
def settings() -> Settings:
    return Settings.from_environment()
