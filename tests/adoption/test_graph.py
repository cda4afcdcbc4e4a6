"""``graph``: the resources and their references in Mermaid, the same text for the same graph, planned actions marked."""

from __future__ import annotations

import re
from pathlib import Path

from adoption_kit import HEAD, project_of
from support import Project

CHART = """\
flowchart LR
  subgraph contracts["contracts"]
    n1["demo.payg"]
  end
  subgraph customers["customers"]
    n2["demo<br/>Nova Demo Customer"]
  end
  subgraph rate_cards["rate cards"]
    n3["standard<br/>Nova Image Generation Pricing"]
  end
  subgraph products["products"]
    n4["image_generation<br/>Nova AI Image Generation"]
  end
  subgraph billable_metrics["billable metrics"]
    n5["image_generation<br/>Nova Image Generation"]
  end
  n1 --> n2
  n1 --> n3
  n4 --> n5
  n3 -->|"3 prices"| n4
  classDef default fill:#ffffff,stroke:#8c959f,color:#1f2328
  classDef section fill:none,stroke:#8c959f
  class contracts,customers,rate_cards,products,billable_metrics section
"""


def test_the_example(project: Project) -> None:
    """The example's graph, to the byte; offline."""
    assert project.ok("graph").out == CHART
    assert project.requests() == []


def test_planned_actions_are_marked(applied: Project) -> None:
    """Boxes by their action, prices by how many change; what would be archived is there, too; nothing else differs."""
    applied.edit("Nova Demo Customer", "Nova Demo")
    applied.edit(
        "        # - starting_at: 2026-03-01\n        #   prices: {ultra: $0.12}",
        "        - {starting_at: 2027-03-01, prices: {ultra: $0.12}}",
    )
    applied.edit("    contracts:\n      payg: {rate_card: standard, starting_at: 2025-09-01}\n", "  new: {name: New}\n")

    assert applied.ok("graph", "--plan").out == (
        CHART.replace('["demo.payg"]', '["demo.payg (- archive)"]')
        .replace("demo<br/>Nova Demo Customer", "demo (~ update)<br/>Nova Demo")
        .replace("  end\n  subgraph rate_cards", '    n3["new (+ create)<br/>New"]\n  end\n  subgraph rate_cards')
        .replace('n3["standard', 'n4["standard')
        .replace('n4["image', 'n5["image', 1)
        .replace('n5["image_generation<br/>Nova Image', 'n6["image_generation<br/>Nova Image')
        .replace('  n1 --> n3\n  n4 --> n5\n  n3 -->|"3 prices"| n4\n', '  n5 --> n6\n  n4 -->|"3 prices (^ 1)"| n5\n')
        + "  classDef archive fill:#ffebe9,stroke:#cf222e,color:#1f2328\n  class n1 archive\n"
        "  classDef update fill:#fff8c5,stroke:#9a6700,color:#1f2328\n  class n2 update\n"
        "  classDef create fill:#dafbe1,stroke:#1a7f37,color:#1f2328\n  class n3 create\n"
        "  linkStyle 2 stroke:#0969da,stroke-width:2px\n"
    )


def test_a_saved_plan_marks_the_same(applied: Project) -> None:
    """graph PLANFILE and graph --plan draw one chart; with the file nothing is read."""
    applied.edit("Nova Demo Customer", "Nova Demo")
    applied.ok("plan", "--out", "plan.json")
    planned = applied.ok("graph", "--plan").out
    applied.forget_requests()

    assert applied.ok("graph", "plan.json").out == planned
    assert applied.requests() == []
    assert applied.ok("graph", "--plan", "--no-refresh").out == planned
    assert "a plan file is a plan" in applied.run("graph", "plan.json", "--plan").err
    assert "was made for environment local" in applied.run("graph", "plan.json", "-e", "production").err


def test_a_pulled_account(tmp_path: Path) -> None:
    """Every resource but prices has one box, every arrow leads from a box to a box, and twice is the same text."""
    project = project_of("studio", tmp_path)
    project.ok("pull")

    chart = project.ok("graph").out

    boxes = re.findall(r"^    (n\d+)\[", chart, re.MULTILINE)
    arrows = re.findall(r"^  (n\d+) -->(?:\|[^|]*\|)? (n\d+)$", chart, re.MULTILINE)
    assert len(boxes) == len(set(boxes)) == sum(not address.startswith("rate.") for address in project.recorded)
    assert {end for arrow in arrows for end in arrow} <= set(boxes)
    assert project.ok("graph").out == chart


def test_names_cant_break_the_chart(tmp_path: Path) -> None:
    """Quotes, brackets, line breaks and markup in a name are written as entities."""
    project = Project(tmp_path, f'{HEAD}\ncustomers:\n  a:\n    name: "x\\"]\\n<b>; #1 & `y`\\u202E"\n')

    assert '    n1["a<br/>x#34;] #60;b#62;#59; #35;1 #38; #96;y#96;#92;u202e"]\n' in project.ok("graph").out
