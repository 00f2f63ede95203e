"""Everything that depends on the internals of moto or its state machine interpreter. No other module imports moto.

    imports                  only the services that the template can use are imported: half the start-up time
    interception             every AWS call of this process passes through one handler
    cloudformation           deploying the template, and reading back what it made
    stepfunctions            clients, waits scaled by `speed`, recursion, memory, the end of an execution
    s3, sqs, ssm             bucket, queues and configuration, written through to the state directory
    speedups                 what only makes moto faster; a run is correct without it

Each patch says why it is there; infra/docs/moto.md describes those that work around bugs of moto.
`tests/integration/test_moto_patches.py` fails when moto changes under it.
"""

VERSION = "5.2.5"  # the version of moto that this was written against, and that pyproject.toml pins
