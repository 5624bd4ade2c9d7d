"""What a browser has chosen: language, colors and shortcuts, in a cookie that is not secret."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from starlette.responses import Response

from console.texts import LANGUAGES, preferred_language

COOKIE = "preferences"
THEMES = ("auto", "light", "dark")
_YEAR = 365 * 24 * 60 * 60


@dataclass(frozen=True)
class Preferences:
    """Choices of one browser."""

    language: str
    theme: str = "auto"
    """`auto`: as the system has it."""
    shortcuts: bool = True
    """Whether single keys do something."""

    @classmethod
    def of(cls, cookies: Mapping[str, str], accepted_languages: str) -> Self:
        """Return the choices in the cookies, or the defaults."""
        default = cls(preferred_language(accepted_languages))
        language, _, others = cookies.get(COOKIE, "").partition(".")
        theme, _, shortcuts = others.partition(".")
        if language not in LANGUAGES or theme not in THEMES:
            return default
        return cls(language, theme, shortcuts != "0")

    def changed(self, fields: Mapping[str, str]) -> Self:
        """Return the choices after a form has changed some. What is no choice changes nothing."""
        language, theme, shortcuts = fields.get("language"), fields.get("theme"), fields.get("shortcuts")
        return replace(
            self,
            language=language if language in LANGUAGES else self.language,
            theme=theme if theme in THEMES else self.theme,
            shortcuts=self.shortcuts if shortcuts is None else shortcuts == "1",
        )

    def write(self, response: Response, *, secure: bool) -> None:
        """Set the cookie."""
        value = f"{self.language}.{self.theme}.{int(self.shortcuts)}"
        response.set_cookie(COOKIE, value, max_age=_YEAR, secure=secure, httponly=True, samesite="lax")
