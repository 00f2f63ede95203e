"""What most people write: AsyncAnthropic at its defaults, a semaphore, gather(return_exceptions=True)."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import anthropic
from pydantic import BaseModel, Field, TypeAdapter

AT_ONCE = int(os.environ.get("AT_ONCE", "4"))


class Candidate(BaseModel):
    title: str = Field(min_length=1)
    angle: str = Field(min_length=1)


CANDIDATES: TypeAdapter[list[Candidate]] = TypeAdapter(Annotated[list[Candidate], Field(min_length=1)])


async def main() -> int:
    sites = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    client = anthropic.AsyncAnthropic()
    semaphore = asyncio.Semaphore(AT_ONCE)

    async def collect(site: dict[str, Any]) -> None:
        async with semaphore:
            message = await client.messages.create(
                model=site["model"],
                max_tokens=site["max_tokens"],
                thinking=site["thinking"],
                system=site["system"],
                messages=[{"role": "user", "content": site["user"]}],
            )
        text = "".join(block.text for block in message.content if block.type == "text")
        candidates = CANDIDATES.validate_json(text)
        (folder / f"{site['site_id']}.json").write_bytes(CANDIDATES.dump_json(candidates))

    results = await asyncio.gather(*map(collect, sites), return_exceptions=True)
    failures = [(site["site_id"], error) for site, error in zip(sites, results, strict=True) if error]
    for site_id, error in failures:
        sys.stderr.write(f"{site_id}: {error!r}\n")
    return 1 if failures else 0


sys.exit(asyncio.run(main()))
