"""Which HTTP requests a server of this machine answers: those that name it, and that no web page of another site sends.

A page in a browser reaches loopback servers. By DNS rebinding (a name of the page's own that suddenly resolves to
127.0.0.1) it also reads their answers; but its requests name its host, and what it sends elsewhere has an Origin.
"""

import ipaddress

CONTAINER_NAME = "host.docker.internal"  # what a container calls this machine; no web page can own the name


def refusal(host: str | None, origin: str | None, address: tuple[str, int], bound: str) -> str | None:
    """Why a request is refused; None if it is not.

    Args:
        host: the Host header.
        origin: the Origin header.
        address: where the request arrived, as `getsockname` gives it.
        bound: the name or address that the server was asked to listen on.
    """
    if host is None or not _names(host, address, bound):
        return f"Host {host!r} is not the address of this server."
    if origin is not None and origin != f"http://{host}":
        return f"Origin {origin!r} is not this server."
    return None


def _names(host: str, address: tuple[str, int], bound: str) -> bool:
    name, _, port = host.rpartition(":")
    if port != str(address[1]):
        return False
    name = name.strip("[]").lower()
    if name in {address[0], bound.lower(), CONTAINER_NAME}:
        return True
    return is_loopback(address[0]) and is_loopback(name)


def is_loopback(name: str) -> bool:
    """Whether a name or an address is of this machine alone."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
