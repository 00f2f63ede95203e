"""Everything that depends on the internals of moto or its state machine interpreter. No other module imports moto.

    imports                  only the services that the template can use are imported: half the start-up time
    interception             every AWS call of this process passes through one handler
    cloudformation           deploying the template, and reading back what it made
    stepfunctions            clients, waits scaled by `speed`, recursion, memory, the end of an execution
    s3, sqs, ssm             bucket, queues and configuration, written through to the state directory
    speedups                 what only makes moto faster; a night is correct without it

Each patch says why it is there; infra/docs/moto.md has the plain bugs of moto among them.
`tests/integration/test_moto_patches.py` fails when moto changes under it.
"""

VERSION = "5.2.5"  # of moto: what this was written against, and what pyproject.toml pins
