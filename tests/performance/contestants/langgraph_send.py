"""LangGraph's map-reduce: a `Send` for each site, four at once, three attempts each, failures kept as records.

https://docs.langchain.com/oss/python/langgraph/fault-tolerance
"""

import asyncio
import json
import operator
import os
import sys
from pathlib import Path
from typing import Annotated, Any, TypedDict

import anthropic
from langgraph.errors import NodeError
from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy, Send
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

TIMEOUT_S = float(os.environ.get("REQUEST_TIMEOUT_S", "120"))


class Candidate(BaseModel):
    title: str = Field(min_length=1)
    angle: str = Field(min_length=1)


CANDIDATES: TypeAdapter[list[Candidate]] = TypeAdapter(Annotated[list[Candidate], Field(min_length=1)])


class State(TypedDict):
    sites: list[dict[str, Any]]
    stored: Annotated[list[str], operator.add]
    failures: Annotated[list[str], operator.add]


# The graph's policy is the only one that retries.
client = anthropic.AsyncAnthropic(timeout=TIMEOUT_S, max_retries=0)
folder = Path(sys.argv[2])


def fan_out(state: State) -> list[Send]:
    return [Send("collect", site) for site in state["sites"]]


async def collect(site: dict[str, Any]) -> dict[str, Any]:
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
    return {"stored": [site["site_id"]]}


def record(site: dict[str, Any], error: NodeError) -> dict[str, Any]:
    return {"failures": [f"{site['site_id']}: {error.error!r}"]}


def worth_another(error: Exception) -> bool:
    """LangGraph's own default leaves out every ValueError, and with it a broken answer."""
    if isinstance(error, anthropic.APIStatusError):
        return error.status_code in {408, 409, 429} or error.status_code >= 500
    return isinstance(error, anthropic.APIConnectionError | ValidationError)


async def main() -> int:
    builder = StateGraph(State)
    builder.add_node("collect", collect, retry_policy=RetryPolicy(retry_on=worth_another), error_handler=record)
    builder.add_conditional_edges(START, fan_out, ["collect"])
    builder.add_edge("collect", END)
    sites = json.loads(Path(sys.argv[1]).read_text())
    end = await builder.compile().ainvoke({"sites": sites}, config={"max_concurrency": 4})
    for failure in end["failures"]:
        sys.stderr.write(f"{failure}\n")
    return 1 if end["failures"] else 0


sys.exit(asyncio.run(main()))
