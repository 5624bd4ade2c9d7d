"""What the console makes of the settings, and which of them it refuses."""

from console.sign_in.development import DevelopmentSignIn
from console.sign_in.way import SignIn
from runtime.console_settings import session_keys_file
from runtime.key_rings import KeyRing
from runtime.settings import InsecureConfiguration, Settings


def check(settings: Settings) -> None:
    """
    Raises:
        InsecureConfiguration: the console would be less guarded than it has to be. The text says what to do.
    """
    if text := settings.console_insecurity:
        raise InsecureConfiguration(text)


def sign_in_of(settings: Settings) -> SignIn:
    """Return how people sign in."""
    return DevelopmentSignIn(settings.data_dir)


def url_of_console(settings: Settings) -> str:
    """Return the origin by which browsers name the console."""
    return settings.console_url or f"http://127.0.0.1:{settings.console_port}"


def url_of_api(settings: Settings) -> str:
    """Return the origin at which the API is."""
    return settings.console_api_url or f"http://127.0.0.1:{settings.api_port}"


def session_keys(settings: Settings) -> KeyRing:
    """Return the keys that encrypt sessions.

    Raises:
        InsecureConfiguration: there are none.
    """
    if settings.console_session_keys is not None:
        return KeyRing.parse(settings.console_session_keys.get_secret_value())
    try:
        return KeyRing.parse(session_keys_file(settings.data_dir).read_text(encoding="ascii"))
    except FileNotFoundError as error:
        raise InsecureConfiguration(
            "CONSOLE_SESSION_KEYS is not set: every console process needs the same keys"
        ) from error
