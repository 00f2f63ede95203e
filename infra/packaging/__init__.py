"""Builds a function's package: only what it imports, as bytecode, reproducibly, without Docker.

`python -m infra.packaging` builds all packages; `sam build` builds one function at a time through functions/Makefile,
from one of the folders `arm64` and `x86_64`: the folder's name is the only way for SAM to pass the architecture to a
makefile (the template's `WorkingDirectory: !Sub infra/packaging/${Architecture}`).
"""
