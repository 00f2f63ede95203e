"""Dollars, counts and durations, as the page, messages, terminal and errors show them."""

import re


def dollars(usd: float | None, *, exact: bool = False) -> str:
    """`$0.0345`, `$0.42`, `$1,234.50`: four digits below ten cents, where two would not be enough; `exact`: always
    four, for sums that are compared."""
    if usd is None:
        return "an unknown amount (this model has no price here)"
    return f"${usd:,.4f}" if exact or 0 < round(usd, 4) < 0.1 else f"${usd:,.2f}"


def price(usd: float | None, *, simulated: bool) -> str:
    """What was spent; of a simulated run what real answers would have cost, so that the two are never confused."""
    return f"nothing (simulated; real: about {dollars(usd)})" if simulated else dollars(usd)


def counted(number: int, noun: str) -> str:
    """`1 site`, `2 sites`, `2,000 more misses`."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """`sites`, `branches`, `entries`, `essays`."""
    if re.search("(s|x|z|ch|sh)$", noun):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if re.search("[^aeiou]y$", noun) else f"{noun}s"


def duration(seconds: float) -> str:
    """`0.8 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.{0 if seconds <= 0 or seconds == round(seconds) else 1}f} s"
    whole = round(seconds)
    for large, small, length, part in (("d", "h", 86_400, 3_600), ("h", "min", 3_600, 60), ("min", "s", 60, 1)):
        if whole >= length:
            rest = whole % length // part
            return f"{whole // length} {large}{f' {rest} {small}' if rest else ''}"
    return f"{whole} s"
