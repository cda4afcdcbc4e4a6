"""The example in the docs runs."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs" / "rating.md"


def test_the_example_in_the_docs_runs() -> None:
    """The Python block of docs/rating.md does what its assertions say."""
    (block,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(block, str(DOCS), "exec"), {})
