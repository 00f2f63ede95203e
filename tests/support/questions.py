"""The questions of the repository, for tests."""

from nightfold.question import load

CANDIDATES = load("article_candidates")
REFRESH = load("articles_to_refresh")
