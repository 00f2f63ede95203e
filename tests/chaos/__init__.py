"""Nights in which anything may happen: drawn at random, and checked to lose no site and to pay for none twice.

    python -m tests.chaos --runs 100 --kills 50 --seed 7      (or `make chaos ARGS="…"`)

`model` draws stories of nights, redrives, faults and crashes; `world` plays them in the embedded cloud; `ledger` reads
what is left in the state directory and says what is wrong with it. `kill` does the same with SIGKILL, `scale` with
10,000 sites.
"""
