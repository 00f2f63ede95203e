"""The trust boundary: validates every answer, keeps what is good, closes the census."""
