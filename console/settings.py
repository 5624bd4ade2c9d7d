"""What the console makes of the settings, and which of them it refuses."""

from console.sealing import SealedCookie, sealer
from console.sign_in.development import DevelopmentSignIn
from console.sign_in.oidc import ATTEMPT_SECONDS, CALLBACK, OidcSignIn
from console.sign_in.provider import Attempts, OpenIdProvider
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
    """Return how people sign in.

    Raises:
        InsecureConfiguration: there are no keys for cookies.
    """
    client_id, secret = settings.console_oidc_client_id, settings.console_oidc_client_secret
    if settings.auth_issuer is None or client_id is None:
        return DevelopmentSignIn(settings.data_dir)
    origin = url_of_console(settings)
    provider = OpenIdProvider(
        settings.auth_issuer, client_id, secret.get_secret_value() if secret else None, origin + CALLBACK
    )
    attempts = SealedCookie("sign-in", Attempts, sealer(session_keys(settings)), ATTEMPT_SECONDS, is_secure(settings))
    return OidcSignIn(provider, attempts, origin, settings.auth_issuer)


def url_of_console(settings: Settings) -> str:
    """Return the origin by which browsers name the console."""
    return settings.console_url or f"http://127.0.0.1:{settings.console_port}"


def is_secure(settings: Settings) -> bool:
    """Return whether browsers reach the console by https."""
    return url_of_console(settings).startswith("https:")


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
