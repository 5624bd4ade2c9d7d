"""Writes results into the documents: `python -m bench --record`, `python -m drills NAME --record`."""

from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
BENCHMARKS = DOCS / "benchmarks.md"
DRILLS = DOCS / "drills.md"


def record(document: Path, name: str, text: str) -> None:
    """Replace the text of the document between the markers `<!-- name -->` and `<!-- /name -->`.

    Raises:
        ValueError: the document does not have each marker once.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    content = document.read_text(encoding="utf-8")
    if content.count(begin) != 1 or content.count(end) != 1:
        raise ValueError(f"{document.name} has no place for the results of {name}")
    before, rest = content.split(begin)
    _, after = rest.split(end)
    document.write_text(f"{before}{begin}{text.rstrip()}\n{end}{after}", encoding="utf-8")
