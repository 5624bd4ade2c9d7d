"""The payload keys of the tests. All tests use the same, because they share servers and the data on them."""

from runtime.key_files import new_key
from runtime.payload_codec import encrypting
from runtime.payload_keys import PayloadKeys

KEYS = f"test-1:{new_key()}"
CONVERTER = encrypting(PayloadKeys.parse(KEYS), "default")
