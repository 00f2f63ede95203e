"""A cap of four, a fixed share of the token budget for each, a timeout of its own; stored when all are in."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import anthropic
from pydantic import BaseModel, Field, TypeAdapter

AT_ONCE = 4
OUTPUT_TOKEN_BUDGET = 4096
MAX_TOKENS = OUTPUT_TOKEN_BUDGET // AT_ONCE
TIMEOUT_S = float(os.environ.get("REQUEST_TIMEOUT_S", "120"))


class Candidate(BaseModel):
    title: str = Field(min_length=1)
    angle: str = Field(min_length=1)


CANDIDATES: TypeAdapter[list[Candidate]] = TypeAdapter(Annotated[list[Candidate], Field(min_length=1)])


async def collect(
    client: anthropic.AsyncAnthropic, semaphore: asyncio.Semaphore, site: dict[str, Any]
) -> list[Candidate]:
    async with semaphore:
        message = await client.messages.create(
            model=site["model"],
            max_tokens=MAX_TOKENS,
            thinking=site["thinking"],
            system=site["system"],
            messages=[{"role": "user", "content": site["user"]}],
        )
    text = "".join(block.text for block in message.content if block.type == "text")
    return CANDIDATES.validate_json(text)


async def main() -> int:
    sites = json.loads(Path(sys.argv[1]).read_text())
    semaphore = asyncio.Semaphore(AT_ONCE)
    async with anthropic.AsyncAnthropic(timeout=TIMEOUT_S) as client:
        results = await asyncio.gather(*(collect(client, semaphore, site) for site in sites), return_exceptions=True)
    for site, result in zip(sites, results, strict=True):
        if isinstance(result, BaseException):
            sys.stderr.write(f"{site['site_id']}: {result!r}\n")
        else:
            file = Path(sys.argv[2]) / f"{site['site_id']}.json"
            file.write_bytes(CANDIDATES.dump_json(result))
    return 1 if any(isinstance(result, BaseException) for result in results) else 0


sys.exit(asyncio.run(main()))
