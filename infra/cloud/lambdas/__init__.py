"""Lambda: invoking the handlers, each in a sandbox of its own inside this process."""
