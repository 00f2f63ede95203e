"""`python -m infra.local.messages_api`: the server in the foreground."""

from infra.local.messages_api.server import main

main()
