"""What the functions agree on: contract, errors, settings, storage, observability. A closed list."""
