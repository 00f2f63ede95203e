"""`python -m infra.messages_api`: the server in the foreground."""

from infra.messages_api.server import main

main()
