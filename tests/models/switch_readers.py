"""Which models read a switch, from their own text: what must be built anew when it changes, and what must stay as it is."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SWITCHES = {"seed.nianjian.switches", "model.nianjian.audit_switches"}
LISTS = {"audit_switches", "audit_variable_ranges"}  # the switches in use, and the limits widened by them


@dataclass(frozen=True)
class Models:
    """Every model that a switch can change, by name.

    Attributes:
        tables: schema and table. texts: source of the model with everything of this project that it calls.
        children: names of the models built from it. asking: names of the models that refer to the switches at all.
    """

    tables: Mapping[str, str]
    texts: Mapping[str, str]
    children: Mapping[str, frozenset[str]]
    asking: frozenset[str]

    def readers(self, switch: str) -> frozenset[str]:
        """The models whose SQL, macros or Python functions name the switch."""
        return frozenset(name for name, text in self.texts.items() if f"'{switch}'" in text or f'"{switch}"' in text)

    def reach(self, switch: str) -> frozenset[str]:
        """The models that read a switch and all that descend from them."""
        found, waiting = set(self.readers(switch)), list(self.readers(switch))
        while waiting:
            new = self.children[waiting.pop()] - found
            found |= new
            waiting += new
        return frozenset(found)


def models(manifest: Any) -> Models:
    """The models of a parsed project, but those of the results and what lists all switches."""
    nodes = {
        key: node
        for key, node in manifest.nodes.items()
        if node.resource_type == "model" and node.schema != "results" and node.name not in LISTS
    }
    return Models(
        tables={node.name: f"{node.schema}.{node.alias}" for node in nodes.values()},
        texts={node.name: _text(manifest, node) for node in nodes.values()},
        children={
            node.name: frozenset(nodes[child].name for child in manifest.child_map[key] if child in nodes)
            for key, node in nodes.items()
        },
        asking=frozenset(node.name for node in nodes.values() if SWITCHES & set(node.depends_on.nodes)),
    )


def _text(manifest: Any, node: Any) -> str:
    if str(node.language) == "python":
        return "\n".join([node.raw_code, *_functions(node.raw_code)])
    return "\n".join([node.raw_code, *_macros(manifest, node.depends_on.macros, set())])


def _macros(manifest: Any, keys: list[str], seen: set[str]) -> Iterator[str]:
    """Sources of macros and of the macros they call."""
    for key in keys:
        if key.startswith("macro.nianjian.") and key not in seen:
            seen.add(key)
            yield manifest.macros[key].macro_sql
            yield from _macros(manifest, manifest.macros[key].depends_on.macros, seen)


def _functions(code: str) -> Iterator[str]:
    """Sources of the functions of `estimation` that a Python model calls, directly or not."""
    namespace: dict[str, Any] = {}
    exec(compile(code, "model", "exec"), namespace)
    waiting, seen = [(code, namespace)], set()
    while waiting:
        text, known = waiting.pop()
        for name in {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}:
            called = known.get(name)
            if inspect.isfunction(called) and called.__module__.startswith("estimation") and called not in seen:
                seen.add(called)
                yield inspect.getsource(called)
                waiting.append((inspect.getsource(called), called.__globals__))
