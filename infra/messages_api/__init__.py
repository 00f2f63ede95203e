"""The simulated Messages API: a real HTTP server on loopback that takes scripts and keeps a history of calls."""

from infra.messages_api.server import MessagesAPI

__all__ = ["MessagesAPI"]
