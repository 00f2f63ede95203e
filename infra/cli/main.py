"""The command line: the group of commands, and how their errors are reported. One module per command.

Results go to stdout, everything else to stderr. Exit codes: 0 every site accepted, 2 partial, 1 nothing accepted or
the run failed, 64 bad input before anything started, 130 after Ctrl-C. A command's module imports at the top only what
`--help` needs, and the rest when it runs, so that `plan`, `misses` and `--help` answer at once.
"""

import gc
import os
import re
import shlex
import signal
import sys
from io import TextIOWrapper

import click

from infra.cli.cloud import cloud
from infra.cli.config import config
from infra.cli.doctor import doctor
from infra.cli.drop import drop
from infra.cli.interrupts import end_if_interrupted, exit_code, interruptible
from infra.cli.invocation import program
from infra.cli.key import key
from infra.cli.memory import memory
from infra.cli.misses import misses
from infra.cli.new_question import new_question
from infra.cli.plan import plan
from infra.cli.redrive import redrive
from infra.cli.report import report
from infra.cli.results import results
from infra.cli.run import run
from infra.cli.sites import sites
from infra.cli.smoke import smoke
from infra.cli.stop import stop
from infra.cli.terminal import pasteable, to_stderr
from infra.cli.unpark import unpark
from infra.cli.watch import watch

BAD_INPUT = 64  # EX_USAGE of sysexits.h; click's own 2 means "partial" here


@click.version_option(package_name="nightfold", message="nightfold %(version)s")
@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def nightfold() -> None:
    """Fan out at night, fold in by morning: one question to Claude about each of your sites.

    Exit codes of a run: 0 all sites accepted, 2 some, 1 none (or the run failed), 64 bad input before anything
    started, 130 after Ctrl-C.
    """


for command in (
    *(run, plan, watch, stop, misses, unpark, drop, redrive, results, report, memory, config, sites, key),
    *(doctor, smoke, new_question, cloud),
):
    nightfold.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the console script, which passes no arguments; returns the exit code."""
    code = _main(arguments)
    if arguments is None:  # the process ends here: the interpreter's final garbage collection would take 0.8 s
        gc.freeze()
        end_if_interrupted(code)
    return code


def _main(arguments: list[str] | None) -> int:
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # `>&-` closed it
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a title must not fail on a terminal without UTF-8
    with interruptible():
        try:
            return int(nightfold.main(arguments, prog_name="nightfold", standalone_mode=False) or 0)
        except click.exceptions.NoArgsIsHelpError as error:
            to_stderr(error.format_message())
            return BAD_INPUT
        except click.UsageError as error:
            return _refuse(f"{error.format_message()}{_meant(error)} (see {_typed(error.ctx)} --help)")
        except (KeyboardInterrupt, click.Abort):
            to_stderr("Interrupted.")
            return exit_code()
        except BrokenPipeError:  # `| head` stopped reading
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 128 + signal.SIGPIPE
        except OSError as error:  # a full disk, a missing permission: the file and the reason say it all
            where = f"{error.filename}: " if error.filename else ""
            to_stderr(f"nightfold: {pasteable(f'{where}{error.strerror or error}')}")
            return 1
        except Exception as error:
            if _is_bad_input(error):
                return _refuse(str(error))
            raise


def _meant(error: click.UsageError) -> str:
    """The likely option, if a site list was given without one."""
    extra = re.search(r"unexpected extra argument \((.+)\)|No such command '(.+\.json)'", error.message)
    if extra is None or error.ctx is None:
        return ""
    file = shlex.quote(extra[1] or extra[2])
    if error.ctx.command is nightfold:
        return f" Did you mean {_typed(error.ctx)} run --sites {file}?"
    takes_sites = any("--sites" in option.opts for option in error.ctx.command.params)
    return f". Did you mean --sites {file}?" if takes_sites else ""


def _typed(context: click.Context | None) -> str:
    """The command that was typed, without its options."""
    command = context.command_path.removeprefix("nightfold") if context else ""
    return f"{program()}{command}"


def _is_bad_input(error: Exception) -> bool:
    from infra.state.directory import CorruptState
    from infra.state.lock import StateDirInUse
    from infra.state.places import UnsafeState
    from nightfold.errors import InvalidInput

    return isinstance(error, InvalidInput | StateDirInUse | CorruptState | UnsafeState)


def _refuse(message: str) -> int:
    to_stderr(f"nightfold: {pasteable(message)}")
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
