"""Renders pages from templates. A template gets one frozen dataclass as `page`, and the frame around it as `shell`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console import labels
from console.assets import Assets
from console.icons import icons
from console.preferences import Preferences
from console.sessions import Flash
from console.texts import LANGUAGES, Texts

_TEMPLATES = Path(__file__).with_name("templates")
_LANGUAGE_NAMES = {"ko": "한국어", "en": "English"}


@dataclass(frozen=True)
class MenuItem:
    """An entry of the menu of the person, or of one of its sections."""

    path: str
    label: str
    icon: str
    current: bool


@dataclass(frozen=True)
class Contact:
    """Whom customers call or write to."""

    phone: str | None
    mail: str | None


@dataclass(frozen=True)
class Shell:
    """The frame of a page."""

    preferences: Preferences
    languages: Mapping[str, str]
    menu: Sequence[MenuItem]
    section: Sequence[MenuItem]
    """The pages to which the current entry of the menu leads, if there are several."""
    person: str | None
    """What the person is called, or None for nobody."""
    link: str | None
    """Path of the order that is shown by a tracking link, to somebody who is not signed in."""
    role: str | None
    """The person's widest role, as a text."""
    outages: Sequence[str]
    flash: Flash | None
    address: str | None
    """Path and query of the page, to which a change of preferences returns. None for the answer to a form."""
    contact: Contact
    development: bool
    """Whether people sign in by choosing a person."""


class Renderer:
    """The templates in both languages. See `renderer`."""

    def __init__(self, assets: Assets, zone: tzinfo) -> None:
        self.texts = {language: Texts(language, zone) for language in LANGUAGES}
        self._environments = {language: _environment(texts, assets) for language, texts in self.texts.items()}

    def render(self, template: str, page: object, shell: Shell) -> str:
        """Return a whole page, in the language of the shell."""
        return self._environments[shell.preferences.language].get_template(template).render(page=page, shell=shell)

    def fragment(self, template: str, language: str, **values: Any) -> str:
        """Return a part of a page, such as a row of a list."""
        return self._environments[language].get_template(template).render(**values)

    @property
    def languages(self) -> Mapping[str, str]:
        """The languages by code, each by its own name."""
        return _LANGUAGE_NAMES


@cache
def renderer(assets: Assets, zone: tzinfo) -> Renderer:
    """Return the renderer for a time zone. A process reads the texts and compiles each template once."""
    return Renderer(assets, zone)


def _environment(texts: Texts, assets: Assets) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.globals |= {
        "texts": texts,
        "asset": assets.path_of,
        "label": labels.labeler(texts),
        "tone": labels.tone,
        "icon": icons().__getitem__,
    }
    translations: Any = environment  # the extension adds a method that its types do not know
    translations.install_gettext_translations(texts.translations, newstyle=True)
    return environment
