"""Which Host and Origin headers a server on this machine accepts."""

import pytest

from infra.loopback import is_loopback, refusal

HERE = ("127.0.0.1", 4566)
DOCKER = ("172.17.0.1", 4566)
ANYWHERE = "0.0.0.0"  # noqa: S104 - compared, not bound


@pytest.mark.parametrize(
    ("host", "address", "bound"),
    [
        ("127.0.0.1:4566", HERE, "127.0.0.1"),
        ("localhost:4566", HERE, "127.0.0.1"),
        ("LOCALHOST:4566", HERE, ANYWHERE),
        ("[::1]:4566", ("::1", 4566), "::1"),
        ("host.docker.internal:4566", HERE, "127.0.0.1"),
        ("172.17.0.1:4566", DOCKER, "172.17.0.1"),
        ("172.17.0.1:4566", DOCKER, ANYWHERE),
        ("laptop.home:4566", DOCKER, "laptop.home"),
    ],
)
def test_the_servers_own_address_is_answered(host: str, address: tuple[str, int], bound: str) -> None:
    assert refusal(host, None, address, bound) is None
    assert refusal(host, f"http://{host}", address, bound) is None


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "127.0.0.1",
        "127.0.0.1:80",
        "rebound.example:4566",
        "localhost.rebound.example:4566",
        "127.0.0.1.rebound.example:4566",
        "127.0.0.1:4566@rebound.example:4566",
        "172.17.0.1:4566",
        "localhost:4566:4566",
        "2130706433:4566",
    ],
)
def test_any_other_name_is_refused(host: str | None) -> None:
    assert "not the address of this server" in str(refusal(host, None, HERE, "127.0.0.1"))


@pytest.mark.parametrize("host", ["localhost:4566", "127.0.0.1:4566"])
def test_loopback_names_are_refused_on_a_container_network(host: str) -> None:
    assert refusal(host, None, DOCKER, "172.17.0.1") is not None


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:8000", "https://127.0.0.1:4566", ""]
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    assert "is not this server" in str(refusal("127.0.0.1:4566", origin, HERE, "127.0.0.1"))


def test_loopback_is_recognized_by_address_or_name() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.8.0.1", "::1")))
    assert not any(map(is_loopback, ("10.0.0.1", "localhost.example", "", ANYWHERE)))
