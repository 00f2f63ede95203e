"""The simulated Messages API: a real HTTP server on loopback, with a script going in and a history coming out."""

from infra.messages_api.server import MessagesAPI

__all__ = ["MessagesAPI"]
