"""Opens files of a state directory without touching anything outside it, and without ever hanging.

A state directory can come from a careless copy or from someone else's repository (git stores symbolic links). Through
a link Nightfold would read, append to or delete files elsewhere, and a named pipe would block it for ever. So only
regular files are opened, and links are not followed. Only the path of the state directory itself may contain links.
"""

import errno
import os
import stat
import time
from pathlib import Path

PATIENCE_S = 10

_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OTHER_KINDS = frozenset({errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR})  # opening a link or socket
_NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})
_NAMES = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotARegularFile(OSError):  # noqa: N818
    """The path is not a file but a link, a directory or a named pipe. The message names the path and its kind."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(errno.EINVAL, f"{path} is {kind_of(path)}, and only a regular file is used there")
        self.path = str(path)

    def __str__(self) -> str:
        return str(self.strerror)


def open_file(path: str | Path, flags: int, mode: int = 0o666) -> int:
    """A descriptor of a regular file, which `flags` may create. Raises NotARegularFile and any other OSError of `open`.

    Waits while the process is out of file descriptors: other calls release theirs when they end.
    """
    patience = time.monotonic() + PATIENCE_S
    while True:
        try:
            descriptor = os.open(path, flags | _SAFELY, mode)
            break
        except OSError as error:
            if error.errno in _OTHER_KINDS:
                raise NotARegularFile(path) from None
            if error.errno not in _NO_DESCRIPTOR or time.monotonic() > patience:
                raise
            time.sleep(0.02)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise NotARegularFile(path)


def read_file(path: str | Path) -> bytes:
    """The content of a regular file. Raises NotARegularFile and any other OSError of `open` and `read`."""
    with open(open_file(path, os.O_RDONLY), "rb", buffering=0) as file:
        return file.read()


def kind_of(path: str | Path) -> str | None:
    """The kind of file in words ("a symbolic link"), without following links; None if there is nothing."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _NAMES.get(stat.S_IFMT(mode), "a regular file")
