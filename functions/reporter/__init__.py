"""Renders the page of the morning and announces it. Reads everything, decides nothing."""
