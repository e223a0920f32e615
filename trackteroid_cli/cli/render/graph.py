"""The graph of batches that were built on one another, as trees for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.text import Text
from rich.tree import Tree

from trackteroid_cli.batches.spool import State
from trackteroid_cli.batches.summary import Summary


def graph(summaries: Iterable[Summary]) -> Iterator[Tree]:
    """Yield the trees of the batches that have not landed, in recorded order.

    A batch stands below the last one that it was built on; further ones are named beside it.
    Batches that are built on nothing that waits, and nothing on them, are left out.
    """
    waiting = {each.header.id: each for each in summaries if each.state is not State.COMMITTED}
    nodes: dict[str, Tree] = {}
    tops = []
    for id_, summary in waiting.items():
        bases = [base for base in summary.header.built_on if base in nodes]
        label = _label(summary, bases[:-1])
        if bases:
            nodes[id_] = nodes[bases[-1]].add(label)
        else:
            nodes[id_] = Tree(label, guide_style="dim")
            tops.append(nodes[id_])
    return (tree for tree in tops if tree.children)


def _label(summary: Summary, others: list[str]) -> Text:
    header = summary.header
    text = Text(f"{header.id}  {header.name}")
    text.append(f"  {summary.state.value}", style="dim")
    if others:
        text.append(f"  also on {', '.join(others)}", style="dim")
    return text
