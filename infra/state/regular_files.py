"""Files of a state directory, opened so that nothing outside it is touched and no open ever hangs.

A state directory can come from a careless copy or from someone else's repository (git carries symbolic links): a link
would have Nightfold read, append to or delete files elsewhere, and a named pipe would hold it for ever. So only regular
files are opened, and links are never followed. Only the path of the state directory itself may lead through links.
"""

import errno
import os
import stat
import time
from pathlib import Path

PATIENCE_S = 10

_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OTHER_KINDS = frozenset({errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR})  # what opening a link or socket gives
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
    """There is something else in the place of a file: a link, a directory, a named pipe. The message names both."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(errno.EINVAL, f"{path} is {kind_of(path)}, and only a regular file is used there")
        self.path = str(path)

    def __str__(self) -> str:
        return str(self.strerror)


def open_file(path: str | Path, flags: int, mode: int = 0o666) -> int:
    """A descriptor of a regular file, which may be new. Raises NotARegularFile and every other OSError of `open`.

    Where the process has no descriptor left it waits: they come back as other calls end.
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
    """The content of a regular file. Raises NotARegularFile and every other OSError of `open` and `read`."""
    with open(open_file(path, os.O_RDONLY), "rb", buffering=0) as file:
        return file.read()


def kind_of(path: str | Path) -> str | None:
    """What is there in words ("a symbolic link"), links not followed; None where there is nothing."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _NAMES.get(stat.S_IFMT(mode), "a regular file")
