"""The shape of a JSON document on standard input: its paths, sorted, each with the type of what is there.

Ids and addresses as keys differ between any two runs; lists count by their first element.
"""
import json
import re
import sys


def walk(path, value, out):
    if isinstance(value, dict):
        out.add(f"{path}: object")
        for key, inner in value.items():
            key = "<id>" if re.fullmatch(r"(sha256:)?[0-9a-f]{64}", key) else key
            walk(f"{path}.{key}", inner, out)
    elif isinstance(value, list):
        out.add(f"{path}: list")
        if value:
            walk(f"{path}[]", value[0], out)
    else:
        out.add(f"{path}: {type(value).__name__}")


paths = set()
walk("", json.load(sys.stdin), paths)
print("\n".join(sorted(paths)))
