"""Texts that would act where they are exported to: in a spreadsheet, in Markdown, in a terminal."""

from tests.support.links import LINKS_AND_NONE

FORMULAS = {  # and as a cell has them
    "=1+1": "'=1+1",
    "+1": "'+1",
    "-1": "'-1",
    "@SUM(A1)": "'@ SUM(A1)",
    "\N{FULLWIDTH EQUALS SIGN}1+1": "'\N{FULLWIDTH EQUALS SIGN}1+1",
    "\N{FULLWIDTH PLUS SIGN}1": "'\N{FULLWIDTH PLUS SIGN}1",
    "\N{FULLWIDTH HYPHEN-MINUS}1": "'\N{FULLWIDTH HYPHEN-MINUS}1",
    "\N{FULLWIDTH COMMERCIAL AT}SUM(A1)": "'\N{FULLWIDTH COMMERCIAL AT}SUM(A1)",
    "\t=1+1": "' =1+1",
    "harmless;=1+1": "harmless;'=1+1",
    "harmless\n=1+1": "harmless =1+1",
    "1 = 1, 2 - 1": "1 = 1, 2 - 1",
}
MARKUP = (
    "[a](b) ![c](d) <b>e</b> `f` **g** __h__ ~~i~~ | j | &amp; $k$ # l",
    "\\[already escaped\\]",
    "one\n\n# two\r\n* three\u2028four\u2029five\x85six",
)
TEXTS = (*FORMULAS, *MARKUP, *LINKS_AND_NONE)
