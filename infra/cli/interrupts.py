"""Ctrl-C, SIGTERM and SIGHUP: the first stops the run in order, the second ends the process at once."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

SHOW_CURSOR = b"\x1b[?25h\n"  # a live view hides it

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_stop_requested = threading.Event()
_final_lines: Callable[[], Iterable[str]] = tuple
_received = signal.SIGINT  # the first signal
_held = False


def is_stop_requested() -> bool:
    """Whether a signal has arrived."""
    return _stop_requested.is_set()


def stop_if_requested() -> None:
    """Raise KeyboardInterrupt again, in case a library swallowed the first one."""
    if is_stop_requested():
        raise KeyboardInterrupt


@contextmanager
def signals_held() -> Iterator[None]:
    """Inside the block the first signal raises nothing; `stop_if_requested` after it does."""
    global _held
    _held = True
    try:
        yield
    finally:
        _held = False


def exit_code() -> int:
    """The exit code of a process that a signal stopped: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + _received


def on_second_signal(final_lines: Callable[[], Iterable[str]]) -> None:
    """The lines that the second signal writes to stderr before it ends the process."""
    global _final_lines
    _final_lines = final_lines


def end_if_interrupted(code: int) -> None:
    """End the process with this code. Python 3.13 would die of SIGINT at its very end if the interrupt passed through
    `exec`, even though it was caught; and threads that are still in a call would print errors."""
    if _stop_requested.is_set() and code == exit_code():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def interruptible() -> Iterator[None]:
    """The first of these signals raises KeyboardInterrupt, the second ends the process at once."""
    handled: dict[signal.Signals, Any] = {}

    def at_once(number: int, frame: object) -> None:  # noqa: ARG001
        if os.isatty(2):
            os.write(2, SHOW_CURSOR)
        with suppress(Exception):
            os.write(2, "".join(f"{line}\n" for line in _final_lines()).encode(errors="replace"))
        os._exit(128 + number)

    def first(number: int, frame: object) -> None:  # noqa: ARG001
        global _received
        for each in handled:
            signal.signal(each, at_once)
        _received = signal.Signals(number)
        _stop_requested.set()
        if number == signal.SIGHUP:
            _discard_terminal_output()
        if not _held:
            raise KeyboardInterrupt

    # A shell makes its background jobs ignore Ctrl-C, and `nohup` makes a command ignore SIGHUP: that is kept. Only
    # the main thread may set handlers.
    if threading.current_thread() is threading.main_thread():
        before = {each: signal.getsignal(each) for each in SIGNALS}
        handled.update({each: handler for each, handler in before.items() if handler is not signal.SIG_IGN})
    _stop_requested.clear()
    on_second_signal(tuple)
    for each in handled:
        signal.signal(each, first)
    try:
        yield
    finally:
        for each, handler in handled.items():
            signal.signal(each, handler)


def _discard_terminal_output() -> None:
    """The terminal is gone, and every write to it would fail. Files and pipes are still open."""
    for descriptor in (1, 2):
        if os.isatty(descriptor):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
