"""What surrounds the functions: the state machine, the command line, the embedded cloud, packaging."""
