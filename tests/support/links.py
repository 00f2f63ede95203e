"""Texts that a mail program, a chat or a Markdown renderer would turn into links, and texts that it would not."""

LINKS = {
    "https://evil.example/a?b=c": "https: //evil. example/a?b=c",
    "HTTPS://EVIL.EXAMPLE": "HTTPS: //EVIL. EXAMPLE",
    "go to evil.example now": "go to evil. example now",
    "www.evil.example": "www. evil. example",
    "mailto:you@evil.example": "mailto: you@ evil. example",
    "you@evil.example": "you@ evil. example",
    "javascript:alert(1)": "javascript: alert(1)",
    "tel:+49301234": "tel: +49301234",
    "ask @octocat": "ask @ octocat",
    "<!channel> @here": "<!channel> @ here",
    "owner/repository#1": "owner/repository# 1",
    "пример.рф": "пример. рф",
    "xn--e1afmkfd.xn--p1ai": "xn--e1afmkfd. xn--p1ai",
    "evil.js.example": "evil. js. example",
    "//evil.example": "//evil. example",
    "(evil.example)": "(evil. example)",
}
NO_LINKS = (
    "Why 3.14 is not 3.1.4",
    "Node.js and Next.js, compared",
    "e.g. this, i.e. that",
    "A sentence. Another one…",
    "At 9:30: the std::vector",
    "The #1 mistake in C#",
    "… and so on.",
    "港の記事。次の記事",
)
LINKS_AND_NONE = (*LINKS, *NO_LINKS)
