"""The state directory: what the embedded cloud knows, as files that the command line reads without a cloud."""
