"""The local run: the same template, state machine and handlers on a laptop."""
