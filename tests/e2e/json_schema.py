# SPDX-License-Identifier: Apache-2.0
"""Checks a document against a JSON Schema, strictly: members that the schema does not name are
problems, and so is a word of the schema language that this file does not know."""

import re

KNOWN = {"$schema", "title", "type", "properties", "required", "additionalProperties", "items",
         "enum", "const", "pattern", "format", "anyOf"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
         "number": (int, float), "null": type(None)}


def is_type(value, name):
    if isinstance(value, bool) and name != "boolean":
        return False
    return isinstance(value, TYPES[name])


def members(value, schema, path):
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{path}: {name} is missing"
    for name, member in value.items():
        if name in properties:
            yield from problems(member, properties[name], f"{path}.{name}")
        elif "additionalProperties" in schema:
            yield from problems(member, schema["additionalProperties"], f"{path}.{name}")
        else:
            yield f"{path}: {name} is not in the schema"


def problems(value, schema, path="$"):
    unknown = set(schema) - KNOWN
    if unknown:
        yield f"{path}: the schema says {unknown}"
    if "anyOf" in schema:
        found = [list(problems(value, form, path)) for form in schema["anyOf"]]
        if all(found):
            yield from min(found, key=len)
        return
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(is_type(value, name) for name in names):
        yield f"{path}: not of type {names}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{path}: not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value!r} does not fit {schema['pattern']}"
    if isinstance(value, dict) and "properties" in schema:
        yield from members(value, schema, path)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from problems(item, schema["items"], f"{path}[{index}]")


def error_problems(value, schema):
    """An error document may carry what the answer would have said."""
    answer, error = schema["anyOf"]
    both = {"type": "object", "required": error["required"],
            "properties": {**answer["properties"], **error["properties"]}}
    return list(problems(value, both))
