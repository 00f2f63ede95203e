"""Ctrl-C: the first asks to stop, the second ends at once."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130
SHOW_CURSOR = b"\x1b[?25h\n"  # a live view hides it


@contextmanager
def interruptible() -> Iterator[None]:
    """The first Ctrl-C is a KeyboardInterrupt, the second ends the process there and then."""

    def at_once(number: int, frame: object) -> None:  # noqa: ARG001
        if os.isatty(2):
            os.write(2, SHOW_CURSOR)
        os._exit(INTERRUPTED)

    def first(number: int, frame: object) -> None:  # noqa: ARG001
        signal.signal(signal.SIGINT, at_once)
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # started in the background by a shell: Ctrl-C is not meant for it
        yield
        return
    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
