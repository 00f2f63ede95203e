"""One site after the other, with the official SDK as it comes. The first exception ends it."""

import json
import sys
from pathlib import Path
from typing import Annotated

import anthropic
from pydantic import BaseModel, Field, TypeAdapter


class Candidate(BaseModel):
    title: str = Field(min_length=1)
    angle: str = Field(min_length=1)


CANDIDATES: TypeAdapter[list[Candidate]] = TypeAdapter(Annotated[list[Candidate], Field(min_length=1)])

sites = json.loads(Path(sys.argv[1]).read_text())
folder = Path(sys.argv[2])
client = anthropic.Anthropic()

for site in sites:
    message = client.messages.create(
        model=site["model"],
        max_tokens=site["max_tokens"],
        thinking=site["thinking"],
        system=site["system"],
        messages=[{"role": "user", "content": site["user"]}],
    )
    text = "".join(block.text for block in message.content if block.type == "text")
    candidates = CANDIDATES.validate_json(text)
    (folder / f"{site['site_id']}.json").write_bytes(CANDIDATES.dump_json(candidates))
