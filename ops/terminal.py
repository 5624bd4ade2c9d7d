"""Output of a command that shows its steps, a line each, in color if the terminal supports it."""

import os
import sys
from dataclasses import dataclass, field


@dataclass
class Terminal:
    """Prints the steps."""

    color: bool = field(default_factory=lambda: sys.stdout.isatty() and "NO_COLOR" not in os.environ)

    def title(self, text: str) -> None:
        """Print the title of a part of the scenario."""
        print(f"\n{self._paint(text, '1')}")

    def step(self, took: float, text: str) -> None:
        """Print a step and its duration in seconds."""
        print(f"  {self._paint(f'{took * 1000:7.0f} ms', '2')}  {self._paint('✓', '32')} {text}", flush=True)

    def note(self, text: str) -> None:
        """Print a line that is no step."""
        print(f"  {'':10}    {text}", flush=True)

    def fail(self, text: str) -> None:
        """Print the failure that ends the walk."""
        print(f"  {'':10}  {self._paint('✗', '31')} {text}", flush=True)

    def _paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.color else text
