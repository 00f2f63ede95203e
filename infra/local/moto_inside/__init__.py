"""Everything that has to know moto's inside, or its state machine interpreter's. Nobody else imports moto.

    imports       only the services that the template can use are imported: half the start-up time
    calls         one door for every AWS call of this process
    deployment    CloudFormation, and reading back what it made
    interpreter   the state machine's own clients, waits scaled by `speed`, memory, recursion, the end of an execution
    buckets       the bucket,
    queues        the queues and
    parameters    the configuration parameter, written through to the state directory

Each patch says why it is there. `tests/integration/test_moto_inside.py` fails when moto changes under it.
"""

VERSION = "5.2.5"  # of moto: what this was written against, and what pyproject.toml pins
