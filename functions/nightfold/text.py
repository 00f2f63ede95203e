"""The rules for text from outside, before it gets into a log, a message, a terminal or an answer."""

import re
import unicodedata

MESSAGE_LIMIT = 200  # characters; keeps the record of a failure small


def one_line(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """`text` without control characters or line breaks, at most `limit` characters: safe in a log or a terminal."""
    line = " ".join(
        re.sub(r"[^\x20-\x7e\xa0-\u1fff\u2010-\u2027\u2030-\u205f\u2070-\ud7ff\ue000-\ufffd]", " ", text).split()
    )
    return line if len(line) <= limit else line[: limit - 1] + "…"


def visible_line(text: str) -> str:
    """One line of visible text. White space is folded; what could act on a terminal or hide text is refused."""
    text = " ".join(text.split())
    for character in text:
        # Cc: control characters, Cs: lone surrogates; overrides turn the direction of writing, tags are never seen.
        if (
            unicodedata.category(character) in {"Cc", "Cs"}
            or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
            or "\U000e0000" <= character <= "\U000e007f"
        ):
            raise ValueError(f"must not hold the character U+{ord(character):04X}")
    if not any(character.isalnum() for character in text):
        raise ValueError("must hold at least one letter or digit")
    return text
