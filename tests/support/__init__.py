"""Code shared by several test suites, which never import each other."""
