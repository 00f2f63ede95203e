"""The state directory: everything the embedded cloud stores, as files that the command line reads without a cloud."""
