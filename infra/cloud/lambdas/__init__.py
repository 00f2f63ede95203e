"""Lambda: invokes the handlers, each in its own sandbox inside this process."""
