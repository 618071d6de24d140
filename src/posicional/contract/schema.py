"""JSON Schemas of a feed's and a layout's YAML, made from the words themselves: for editors, which then complete words
and underline what is wrong while it is typed. `posicional check` knows more: what words mean together, and other files.

They accept whatever the loader accepts, and ship as files: `posicional/schemas/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from posicional.contract.feed_words import FeedWords
from posicional.contract.layout_words import LayoutWords
from posicional.contract.vocabulary import Words

Json = JsonSchemaValue

_CLOCK = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
_DURATION = "^[0-9]{1,6} ?(ms|s|min)$"
_SHARE = "^([0-9]{1,18}|[0-9]{1,3}(\\.[0-9]{1,9})? ?%)$"


def _one_or_many(item: Json) -> Json:
    return {"anyOf": [item["items"], item]}


FORMS: Mapping[str, Json | Callable[[Json], Json]] = {
    "_said": {"type": "string", "pattern": "\\S"},
    "_identifier": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]*$", "maxLength": 128},
    "_feed_name": {"type": "string", "pattern": "^[a-z][a-z0-9_-]*$", "maxLength": 64},
    "_listed": _one_or_many,
    "_span": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2},
    "_day": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    "_filler": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1_000_000}, {"const": "rest"}]},
    "_bound": {"type": ["number", "string"]},
    "_counted": {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
    },
    "_rejects": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _SHARE}]},
    "_settle": {"type": "string", "pattern": _DURATION},
    "_lookback": {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 3660},
            {"type": "string", "pattern": "^[1-9][0-9]{0,3} days?$"},
        ],
    },
    "_protection": {
        "anyOf": [
            {"enum": ["hmac", "year", "drop", "plain"]},
            {
                "type": "object",
                "properties": {"mask": {"type": "string", "pattern": "^last[1-9][0-9]?$"}},
                "required": ["mask"],
                "additionalProperties": False,
            },
        ],
    },
    "_settings": {"type": "object"},
    "_field_of": {
        "anyOf": [
            {"type": "string", "pattern": "^[a-z_]+$"},
            {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]},
        ]
    },
    "_alert": lambda words: {"anyOf": [{"type": "string", "pattern": "\\S"}, words]},
    "_alert_name": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,39}$"},
    "_remind": {"type": "string", "pattern": "^[1-9][0-9]{0,3} ?(min|h)$"},
    "_auth": lambda words: {"anyOf": [{"const": "aws"}, words]},
    "_engine": lambda words: {"anyOf": [{"enum": ["duckdb", "spark"]}, words]},
    "_size": {"type": "string", "pattern": "^[1-9][0-9]{0,5} ?(MB|GB|TB)$"},
    "_moment": lambda words: {"anyOf": [_CLOCK, words]},
    "_header_or_arrival": {"type": "string", "pattern": "^(arrival|[^.]+\\.[^.]+)$"},
}
"""What each validator of the words takes: a form of its own, or one made of what stands behind it.

A validator that is not named here fails the generator: say its form.
"""


def _either(*words: str | tuple[str, ...]) -> list[Json]:
    return [{"required": [one] if isinstance(one, str) else list(one)} for one in words]


RULES: Mapping[str, Json] = {
    "LayoutWords": {"oneOf": _either("fields", "records")},
    "FieldWords": {
        "oneOf": [
            {"required": ["filler"], "maxProperties": 1},
            {
                "required": ["name"],
                "allOf": [
                    {"anyOf": _either("type", "pic", "fields")},
                    {"anyOf": _either("pos", "width", "pic", "fields")},
                ],
            },
        ]
    },
    "ConditionWords": {"oneOf": _either("otherwise", ("pos", "is"), ("pos", "hex"))},
    "ControlWords": {"allOf": [{"oneOf": _either("count", "sum")}, {"oneOf": _either("field", "pos")}]},
    "PartsWords": {"oneOf": _either("count", "marker")},
    "DueWords": {
        "properties": {"at": _CLOCK, "after": {"type": "string", "pattern": "^[0-9]{1,3} (business )?days?$"}}
    },
}
"""What must hold of the words of a model together, in addition to what each takes by itself."""


class _Generator(GenerateJsonSchema):
    """Pydantic's schemas without what YAML does not have here: null is a fault everywhere, and titles only repeat."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> Json:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Json:
        made = self.generate_inner(schema["schema"])
        default = schema.get("default")
        return {**made, "default": default} if isinstance(default, str | int) else made

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> Json:
        return self._form(schema)

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> Json:
        return self._form(schema)

    def _form(
        self, schema: core_schema.BeforeValidatorFunctionSchema | core_schema.AfterValidatorFunctionSchema
    ) -> Json:
        form = FORMS[schema["function"]["function"].__name__]
        inner = schema["schema"]
        return form(self.generate_inner(inner)) if callable(form) else form

    def dict_schema(self, schema: core_schema.DictSchema) -> Json:
        """A mapping whose names have a form, and whose values have another."""
        names, values = (self.generate_inner(schema[part]) for part in ("keys_schema", "values_schema"))
        return {"type": "object", "propertyNames": names, "additionalProperties": values}

    def model_schema(self, schema: core_schema.ModelSchema) -> Json:
        made = super().model_schema(schema)
        rules = RULES.get(schema["cls"].__name__, {})
        return made | rules | {"properties": made["properties"] | rules.get("properties", {})}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # pydantic asks of each
        return False


def feed_schema() -> dict[str, Any]:
    """The JSON Schema of a feed.yaml."""
    return _schema(FeedWords, "feed.yaml of posicional")


def layout_schema() -> dict[str, Any]:
    """The JSON Schema of a layout's YAML."""
    return _schema(LayoutWords, "A layout of posicional")


def _schema(model: type[Words], title: str) -> dict[str, Any]:
    made = model.model_json_schema(schema_generator=_Generator, by_alias=True)
    plain = cast("dict[str, Any]", _without_titles(made))
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": title, **plain}


def _without_titles(value: Any) -> Any:
    """The same without the models' names as titles; a word may be called `title` all the same."""
    if isinstance(value, list):
        return [_without_titles(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _without_titles(one) for key, one in value.items() if key != "title" or not isinstance(one, str)}
