"""`output_config.format`: a JSON schema for the answer, refused where the real API refuses it."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

UNSUPPORTED = {
    *("minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("maxItems", "uniqueItems", "minProperties", "maxProperties", "prefixItems", "oneOf", "not"),
}


def _supported(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type") != "object":
        raise PydanticCustomError("root", "the root of the schema must be an object")
    _check(schema, schema.get("$defs", {}), ())
    return schema


def _check(schema: Any, definitions: dict[str, Any], inside: tuple[str, ...]) -> None:
    if isinstance(schema, list):
        for each in schema:
            _check(each, definitions, inside)
    if not isinstance(schema, dict):
        return
    if wrong := sorted(UNSUPPORTED & schema.keys()):
        raise PydanticCustomError("unsupported", "property '{name}' is not supported", {"name": wrong[0]})
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        raise PydanticCustomError(
            "additional", "for 'object' type, 'additionalProperties' must be explicitly set to false"
        )
    if schema.get("minItems", 0) > 1:
        raise PydanticCustomError(
            "unsupported", "for 'array' type, 'minItems' values other than 0 or 1 are not supported"
        )
    if name := schema.get("$ref", "").rpartition("/")[2]:
        if name in inside:
            raise PydanticCustomError("recursive", "recursive schemas are not supported")
        _check(definitions.get(name), definitions, (*inside, name))
    for each in (*schema.get("properties", {}).values(), schema.get("items"), schema.get("anyOf"), schema.get("allOf")):
        _check(each, definitions, inside)


class OutputFormat(BaseModel):
    type: Literal["json_schema"]
    json_schema: Annotated[dict[str, Any], Field(alias="schema"), AfterValidator(_supported)]
