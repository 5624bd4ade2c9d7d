"""What a field is told by, is said to whoever does not see it, too."""

import re
from pathlib import Path

import console

TEMPLATES = Path(console.__file__).with_name("templates")


def test_every_hint_and_error_is_said_with_its_field() -> None:
    unsaid = []
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text()
        described = " ".join(re.findall(r'aria-describedby="([^"]*)"', text))
        for told in re.findall(r'\bid="([^"]*-(?:hint|error))"', text):
            name = told.rpartition("-")[0].strip('{ }"')
            if told not in described and not re.search(rf'described\([\w.]+, "?{name}"?,', text):
                unsaid.append(f"{template.name}: {told}")
        for form, name in re.findall(r'forms\.error\(([\w.]+), ("?[\w-]+"?)\)', text):
            plain = name.strip('"')
            said = re.search(rf"forms\.(?:wrong|described)\({re.escape(form)}, {name}", text)
            if not said and f"{plain}-error" not in described and f"{{{{ {plain} }}}}-error" not in described:
                unsaid.append(f"{template.name}: {plain}-error")
    assert unsaid == []
