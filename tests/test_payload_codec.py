"""Encryption: which payloads are encrypted, and which can no longer be decrypted."""

import pytest
from prometheus_client import CollectorRegistry
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError

from domain.common.texts import PlainText
from domain.orders import Order
from runtime.key_files import new_key
from runtime.payload_codec import ENCRYPTED, KEY_ID, DecryptionError, encrypting
from runtime.payload_keys import PayloadKeys

OLD, NEW = f"old:{new_key()}", f"new:{new_key()}"
ORDER = Order("1", installation_address="PERSONAL")


def converter(*keys: str, namespace: str = "default") -> DataConverter:
    return encrypting(PayloadKeys.parse(",".join(keys)), namespace)


async def test_a_value_is_encrypted_each_time_anew_and_read_as_it_was() -> None:
    ours = converter(NEW)

    first, again = await ours.encode([ORDER, ORDER])

    assert b"PERSONAL" not in first.SerializeToString()
    assert first.data != again.data
    assert await ours.decode([first, again], [Order, Order]) == [ORDER, ORDER]


async def test_an_old_key_decrypts_and_the_new_one_encrypts() -> None:
    (before,) = await converter(OLD).encode([ORDER])
    both = converter(NEW, OLD)

    assert await both.decode([before], [Order]) == [ORDER]
    assert (await both.encode([ORDER]))[0].metadata[KEY_ID] == b"new"


async def test_what_is_encrypted_counts_for_its_key() -> None:
    key = f"counted:{new_key()}"
    count = ENCRYPTED.labels("counted")
    ours, again = converter(key, OLD), converter(key)

    await ours.decode(await ours.encode([ORDER, ORDER, PlainText("in sight")]))
    await again.encode([ORDER])

    registry = CollectorRegistry()
    registry.register(ENCRYPTED)
    assert registry.get_sample_value("payloads_encrypted_total", {"key": "counted"}) == 3
    assert count is ENCRYPTED.labels("counted")


@pytest.mark.parametrize(
    "reader",
    [
        converter(OLD),
        converter(f"new:{new_key()}"),
        converter(NEW, namespace="other"),
        converter(f"other:{NEW.partition(':')[2]}"),
    ],
    ids=["key unknown", "another key of that id", "another namespace", "another id"],
)
async def test_what_was_encrypted_otherwise_cannot_be_read(reader: DataConverter) -> None:
    payloads = await converter(NEW).encode([ORDER])

    with pytest.raises(DecryptionError):
        await reader.decode(payloads)


async def test_what_was_tampered_with_cannot_be_read() -> None:
    ours = converter(NEW, OLD)
    (payload,) = await ours.encode([ORDER])
    renamed = Payload(metadata=dict(payload.metadata) | {KEY_ID: b"old"}, data=payload.data)
    turned = Payload(metadata=payload.metadata, data=payload.data[:-1] + bytes([payload.data[-1] ^ 1]))
    cut = Payload(metadata=payload.metadata, data=payload.data[:5])

    for changed in (renamed, turned, cut):
        with pytest.raises(DecryptionError):
            await ours.decode([changed])


async def test_what_a_release_before_has_written_in_the_open_is_read() -> None:
    payloads = await DataConverter.default.encode([ORDER])

    assert await converter(NEW).decode(payloads, [Order]) == [ORDER]


async def test_a_summary_stays_readable_for_everybody_and_any_other_text_does_not() -> None:
    summary, text = await converter(NEW).encode([PlainText("설치 · Installation"), "PERSONAL"])

    assert await DataConverter.default.decode([summary]) == ["설치 · Installation"]
    assert b"PERSONAL" not in text.SerializeToString()


async def test_messages_and_stack_traces_of_failures_and_of_their_causes_are_encrypted() -> None:
    ours, failure = converter(NEW), Failure()
    try:
        try:
            raise ValueError("PERSONAL cause")
        except ValueError as cause:
            raise ApplicationError("PERSONAL message", ORDER) from cause
    except ApplicationError as error:
        await ours.encode_failure(error, failure)

    stored = failure.SerializeToString()
    assert b"PERSONAL" not in stored
    assert b"test_payload_codec" not in stored
    read = await ours.decode_failure(failure)
    assert isinstance(read, ApplicationError)
    assert read.message == "PERSONAL message"
