"""Before each wave: which sites now and how many at once, from what the last wave saw; or why none follows."""
