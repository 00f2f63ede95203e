"""The collector's environment."""

from functools import cache

from nightfold.settings import FunctionSettings


class Settings(FunctionSettings):
    anthropic_base_url: str
    anthropic_api_key_parameter: str  # name of an SSM SecureString; the key itself is never in the environment


@cache
def settings() -> Settings:
    return Settings.from_environment()
