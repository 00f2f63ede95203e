"""Turns the execution input into a plan: which sites, how many at once, how many tokens each."""
