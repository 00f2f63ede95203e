"""How a function becomes a package: only what it imports, as bytecode, the same bytes every time, without Docker.

`python -m infra.packaging` makes all of them; `sam build` comes here through functions/Makefile, one function at a
time, from one of the folders `arm64` and `x86_64`: the folder's name is the only thing that SAM can tell a makefile
about the architecture (the template's `WorkingDirectory: !Sub infra/packaging/${Architecture}`).
"""
