"""All sites at once, as many as there are. A failure does not cost the others their answers."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import anthropic
from pydantic import BaseModel, Field, TypeAdapter


class Candidate(BaseModel):
    title: str = Field(min_length=1)
    angle: str = Field(min_length=1)


CANDIDATES: TypeAdapter[list[Candidate]] = TypeAdapter(Annotated[list[Candidate], Field(min_length=1)])


async def collect(client: anthropic.AsyncAnthropic, site: dict[str, Any], folder: Path) -> None:
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


async def main() -> int:
    sites = json.loads(Path(sys.argv[1]).read_text())
    async with anthropic.AsyncAnthropic() as client:
        calls = [collect(client, site, Path(sys.argv[2])) for site in sites]
        results = await asyncio.gather(*calls, return_exceptions=True)
    failures = [(site["site_id"], error) for site, error in zip(sites, results, strict=True) if error]
    for site_id, error in failures:
        sys.stderr.write(f"{site_id}: {error!r}\n")
    return 1 if failures else 0


sys.exit(asyncio.run(main()))
