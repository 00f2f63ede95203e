"""The reporter's environment."""

from functools import cache

from nightfold.settings import FunctionSettings


class Settings(FunctionSettings):
    bucket: str
    digest_topic_arn: str
    morning_schedule: str  # of the template: when misses are collected again
    time_zone: str
    schedule_state: str  # ENABLED or DISABLED
    redrive_command: str  # what starts a redrive by hand: of the stack, or of a local run


@cache
def settings() -> Settings:
    return Settings.from_environment()
