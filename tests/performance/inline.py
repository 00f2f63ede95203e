"""A drawing of matplotlib's as a part of the page, which colours it.

matplotlib writes colours into `style` attributes, which the page's Content-Security-Policy refuses and which know one
scheme only. Here each becomes an attribute that names a variable of the style sheet.
"""

import re
from xml.etree import ElementTree as ET

# Colours to draw with, each of which stands for a variable.
INK, SOFT, LINE = "#000001", "#000002", "#000003"
SERIES = 8
VARIABLES = {INK: "var(--ink)", SOFT: "var(--soft)", LINE: "var(--line)"} | {
    f"#0000a{number}": f"var(--series-{number})" for number in range(SERIES)
}


def series_colour(which: int) -> str:
    return f"#0000a{which % SERIES}"


def inline(svg: str, title: str, name: str) -> str:
    """An `<svg>` whose ids begin with `name`, with neither style nor size of its own."""
    root = ET.fromstring(re.sub(r"<!DOCTYPE.*?>", "", svg, count=1, flags=re.DOTALL))  # noqa: S314 - our own
    links = set(re.findall(r"#([\w.-]+)[\")]", svg))
    for element in list(root.iter()):
        for child in [each for each in element if _plain(each.tag) in ("metadata", "style")]:
            element.remove(child)
        element.tag = _plain(element.tag)
        element.tail = None
        if element.tag not in ("text", "tspan"):
            element.text = None
        attributes = {_plain(key): value for key, value in element.attrib.items()}
        style = [each.partition(":") for each in attributes.pop("style", "").split(";") if each.strip()]
        attributes |= {key.strip(): value.strip() for key, _, value in style}
        element.attrib.clear()
        for key, value in attributes.items():
            if key == "font-family" or (key == "id" and value not in links):
                continue
            element.set(key, _attribute(key, value, name))
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-labelledby": f"{name}-title"}
    heading = ET.Element("title", {"id": f"{name}-title"})
    heading.text = title
    root.insert(0, heading)
    return ET.tostring(root, encoding="unicode")


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]


def _attribute(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key in ("href", "clip-path"):
        return value.replace("#", f"#{name}-")
    if key in ("d", "transform", "x", "y"):
        return " ".join(re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.2f}", value).split())
    return VARIABLES.get(value, value)
