"""The payload keys of the tests. All tests use the same, because they share servers and the data on them."""

from temporalio.client import Client

from runtime.key_files import new_key
from runtime.payload_binding import PayloadBinding
from runtime.payload_codec import Encryption, count_refusal, encrypting
from runtime.payload_keys import PayloadKeys
from workflows.common.message_guard import MessageGuard

KEYS = f"test-1:{new_key()}"
CONVERTER = encrypting(PayloadKeys.parse(KEYS), "default")


async def bound_client(address: str, binding: PayloadBinding, keys: str = KEYS) -> Client:
    """Connect a client that binds payloads in this way."""
    return await Client.connect(address, data_converter=encrypting(PayloadKeys.parse(keys), "default", binding))


def guard(client: Client) -> MessageGuard:
    """Return the guard of a worker that binds payloads as a client does."""
    codec = client.data_converter.payload_codec
    seal_required = isinstance(codec, Encryption) and codec.binding is PayloadBinding.REQUIRE
    return MessageGuard(seal_required=seal_required, count=count_refusal)
