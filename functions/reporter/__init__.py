"""Renders the digest page and announces it. Reads everything, decides nothing."""
