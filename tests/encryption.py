"""The payload keys of the tests: the same for all, which share servers and what others have left there."""

from runtime.payload_codec import encrypting
from runtime.payload_keys import PayloadKeys, new_key

KEYS = f"test-1:{new_key()}"
CONVERTER = encrypting(PayloadKeys.parse(KEYS), "default")
