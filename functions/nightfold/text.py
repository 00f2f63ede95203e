"""The one set of rules for untrusted text before it gets into a log, a message, a terminal, a page or an answer.

Characters that act (controls, overrides of the writing direction) or show nothing are dropped from what Nightfold
shows, and refused in what it accepts. Joiners and emoji selectors stay where a script or an emoji needs them.
"""

import re

MESSAGE_LIMIT = 200  # characters; keeps the record of a failure small

# Python calls these printable, and yet they show nothing: fillers, blanks, and selectors of a glyph's variant.
_BLANK = frozenset(
    map(
        chr,
        [
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0x1D159),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ],
    )
)
_LOOSE = "\u200c\u200d\ufe0e\ufe0f"  # two joiners, and the selectors of an emoji's two forms
# Arabic to Myanmar with all scripts of India, Khmer and Mongolian, Arabic's presentation forms.
_JOINED = "[\u0620-\u109f\u1780-\u18aa\ufb50-\ufdff\ufe70-\ufefc]"
_EMOJI = "[\u00a9\u00ae\u203c\u2049\u2122-\u27bf\u2900-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
_NEEDED = re.compile(
    f"((?<={_JOINED})[\u200c\u200d]|(?:(?<={_EMOJI})|(?<={_EMOJI}\ufe0f))\u200d(?={_EMOJI})"
    f"|(?<={_EMOJI})[\ufe0e\ufe0f]|(?<=[0-9#*])\ufe0f(?=\u20e3))|[{_LOOSE}]"
)

# Where a mail program, a chat or a Markdown renderer would make a link. Python and JavaScript read it alike: the page's
# script gets it from here.
LINKS = (
    r"(?<=[A-Za-z]:)(?=[^\s:])"  # https://…, mailto:…
    r"|(?<=@)(?=\S)"  # mail addresses, mentions
    r"|(?<=[A-Za-z0-9]#)(?=[0-9])"  # owner/repository#1
    r"|(?<=[^\s.]\.)(?!js(?![A-Za-z0-9.-]))(?=[^\s0-9!-/:-@\[-`{-~]{2})"  # evil.example, but not Node.js
)
_LINKS = re.compile(LINKS)
_API_KEY = re.compile(r"[\x21-\x7e]{1,512}")


def is_api_key(text: str) -> bool:
    """Whether `text` can be an API key, which goes out as a header: one word of printable ASCII."""
    return _API_KEY.fullmatch(text) is not None


def one_line(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """The visible part of `text` on one line of at most `limit` characters: safe in a log or a terminal."""
    cut = text[: limit * 4]
    line = " ".join(_shown(cut).split())
    if len(line) <= limit and len(cut) == len(text):
        return line
    return line[: limit - 1].rstrip(_LOOSE) + "…"


def visible_line(text: str) -> str:
    """`text` with its white space folded. Raises ValueError if it holds an invisible character, or nothing to read."""
    text = " ".join(text.split())
    for character, shown in zip(text, _shown(text), strict=True):
        if character != shown:
            raise ValueError(f"must not hold the character U+{ord(character):04X}")
    if not any(character.isalnum() for character in text):
        raise ValueError("must hold at least one letter or digit")
    return text


def unlinked(text: str) -> str:
    """`text` with a space wherever it would become a link or a mention."""
    return _LINKS.sub(" ", text)


def _shown(text: str) -> str:
    """`text` with a space for each character that acts or shows nothing."""
    if text.isascii() and text.isprintable():
        return text
    seen = "".join(each if each in _LOOSE or (each.isprintable() and each not in _BLANK) else " " for each in text)
    return _NEEDED.sub(lambda found: found[1] or " ", seen)
