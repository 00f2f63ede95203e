"""Random sequences of runs and faults, checked to lose no site and to pay for none twice.

    python -m tests.chaos --runs 100 --kills 50 --seed 7      (or `make chaos ARGS="…"`)

`model` draws stories of nights, redrives, faults and crashes; `world` plays them in the embedded cloud; `ledger` reads
the state directory afterwards and reports what is wrong. `kill` does the same with SIGKILL.
"""
