"""What stands around the functions: the state machine, the local run, the build."""
