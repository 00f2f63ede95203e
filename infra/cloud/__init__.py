"""The embedded AWS: the template, state machine and handlers of a deployment, in one process on a laptop."""
