"""Ctrl-C: the first asks to stop, the second ends at once."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130
SHOW_CURSOR = b"\x1b[?25h\n"  # a live view hides it

_asked = threading.Event()


def stop_if_asked() -> None:
    """KeyboardInterrupt once more, where something on the way may have swallowed the first one."""
    if _asked.is_set():
        raise KeyboardInterrupt


def end_if_interrupted(code: int) -> None:
    """End the process with this code. An interrupt that passed through `exec` makes Python 3.13 die of SIGINT at its
    very end, although it was caught; and threads that are still in a call have nothing more to say."""
    if code == INTERRUPTED:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def interruptible() -> Iterator[None]:
    """The first Ctrl-C is a KeyboardInterrupt, the second ends the process there and then."""

    def at_once(number: int, frame: object) -> None:  # noqa: ARG001
        if os.isatty(2):
            os.write(2, SHOW_CURSOR)
        os._exit(INTERRUPTED)

    def first(number: int, frame: object) -> None:  # noqa: ARG001
        signal.signal(signal.SIGINT, at_once)
        _asked.set()
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    # A shell that starts something in the background has it ignore Ctrl-C; and only the main thread may ask for it.
    if before is signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return
    _asked.clear()
    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
