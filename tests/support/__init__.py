"""What several suites share: no suite imports another."""
