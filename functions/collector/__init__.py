"""One site in, one answer out. A pure function of its event."""
