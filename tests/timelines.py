"""Reads a trace as Perfetto does, and objects to what it would not draw."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Trace:
    """Spans by thread, as (name, from, to) in µs in the order of their ends; counters by name, as (µs, value)."""

    spans: dict[str, list[tuple[str, float, float]]]
    counters: dict[str, list[tuple[float, float]]]
    instants: dict[str, list[tuple[float, str, dict[str, Any]]]]

    def value(self, counter: str, at: float) -> float:
        """Of a counter at a time."""
        return [value for time, value in self.counters[counter] if time <= at][-1]


def parse(content: dict[str, Any]) -> Trace:
    """AssertionError where time runs back, or begins and ends are not balanced within a thread."""
    events = content["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    timed = [e for e in events if e["ph"] != "M"]
    assert all(earlier["ts"] <= later["ts"] for earlier, later in pairwise(timed))
    assert {e["pid"] for e in events} == {1}
    spans, counters, instants = defaultdict(list), defaultdict(list), defaultdict(list)
    begun: dict[int, list[tuple[str, float]]] = defaultdict(list)
    for event in timed:
        match event["ph"]:
            case "B":
                begun[event["tid"]].append((event["name"], event["ts"]))
            case "E":
                spans[names[event["tid"]]].append((*begun[event["tid"]].pop(), event["ts"]))
            case "C":
                counters[event["name"]].append((event["ts"], event["args"]["value"]))
            case "i":
                instants[names[event["tid"]]].append((event["ts"], event["name"], event.get("args", {})))
            case other:
                raise AssertionError(other)
    assert not any(begun.values())
    return Trace(spans, counters, instants)
