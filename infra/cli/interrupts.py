"""Ctrl-C, SIGTERM and SIGHUP: the first asks to stop, the second ends at once."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

SHOW_CURSOR = b"\x1b[?25h\n"  # a live view hides it

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_asked = threading.Event()
_last_words: Callable[[], Iterable[str]] = tuple
_by = signal.SIGINT  # which signal asked


def stop_if_asked() -> None:
    """KeyboardInterrupt once more, where something on the way may have swallowed the first one."""
    if _asked.is_set():
        raise KeyboardInterrupt


def exit_code() -> int:
    """Of a process that a signal stopped, as shells number it: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + _by


def at_the_second(last_words: Callable[[], Iterable[str]]) -> None:
    """What the second signal still writes to stderr before it ends the process."""
    global _last_words
    _last_words = last_words


def end_if_interrupted(code: int) -> None:
    """End the process with this code. An interrupt that passed through `exec` makes Python 3.13 die of SIGINT at its
    very end, although it was caught; and threads that are still in a call have nothing more to say."""
    if _asked.is_set() and code == exit_code():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def interruptible() -> Iterator[None]:
    """The first of these signals is a KeyboardInterrupt, the second ends the process there and then."""
    handled: dict[signal.Signals, Any] = {}

    def at_once(number: int, frame: object) -> None:  # noqa: ARG001
        if os.isatty(2):
            os.write(2, SHOW_CURSOR)
        with suppress(Exception):
            os.write(2, "".join(f"{line}\n" for line in _last_words()).encode(errors="replace"))
        os._exit(128 + number)

    def first(number: int, frame: object) -> None:  # noqa: ARG001
        global _by
        for each in handled:
            signal.signal(each, at_once)
        _by = signal.Signals(number)
        _asked.set()
        if number == signal.SIGHUP:
            _write_nowhere()
        raise KeyboardInterrupt

    # A shell that starts something in the background has it ignore Ctrl-C, and `nohup` SIGHUP; and only the main
    # thread may ask for signals.
    if threading.current_thread() is threading.main_thread():
        before = {each: signal.getsignal(each) for each in SIGNALS}
        handled.update({each: handler for each, handler in before.items() if handler is not signal.SIG_IGN})
    _asked.clear()
    at_the_second(tuple)
    for each in handled:
        signal.signal(each, first)
    try:
        yield
    finally:
        for each, handler in handled.items():
            signal.signal(each, handler)


def _write_nowhere() -> None:
    """The terminal is gone, and every write to it would fail. Files and pipes are still there."""
    for descriptor in (1, 2):
        if os.isatty(descriptor):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
