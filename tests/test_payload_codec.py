"""Encryption: which payloads are encrypted, and which can no longer be decrypted."""

import pytest
from prometheus_client import CollectorRegistry
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import ActivitySerializationContext, DataConverter, WorkflowSerializationContext
from temporalio.exceptions import ApplicationError

from domain.common.seals import MALFORMED_MESSAGE, is_sealed
from domain.common.texts import PlainText
from domain.orders import Order
from runtime.key_files import new_key
from runtime.payload_binding import PayloadBinding, bound_id
from runtime.payload_codec import (
    BOUND_TO,
    CONVERTERS_KEPT,
    ENCODING,
    ENCRYPTED,
    FORMAT,
    KEY_CHECK,
    KEY_ID,
    DecryptionError,
    NotBound,
    encrypting,
    worker_converter,
)
from runtime.payload_keys import PayloadKeys

OLD, NEW = f"old:{new_key()}", f"new:{new_key()}"
ORDER = Order("1", installation_address="PERSONAL")


def converter(
    *keys: str, namespace: str = "default", binding: PayloadBinding = PayloadBinding.ACCEPT, of: str | None = None
) -> DataConverter:
    ours = encrypting(PayloadKeys.parse(",".join(keys)), namespace, binding)
    return ours if of is None else ours.with_context(WorkflowSerializationContext(namespace, of))


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


BINDINGS = list(PayloadBinding)
WRITING = [PayloadBinding.WRITE, PayloadBinding.REQUIRE]
MINE, OTHER = "order-1", "order-2"


def with_metadata(payload: Payload, **changed: str) -> Payload:
    metadata = dict(payload.metadata) | {key.replace("_", "-"): value.encode() for key, value in changed.items()}
    return Payload(metadata=metadata, data=payload.data)


@pytest.mark.parametrize("writing", WRITING)
@pytest.mark.parametrize("reading", BINDINGS)
async def test_a_bound_payload_is_read_by_its_workflow_its_activities_and_who_is_told_of_none(
    writing: PayloadBinding, reading: PayloadBinding
) -> None:
    (payload,) = await converter(NEW, binding=writing, of=MINE).encode([ORDER])
    of_activity = ActivitySerializationContext("default", "1", "install", "queue", MINE, "type", is_local=False)

    assert payload.metadata == {
        "encoding": ENCODING,
        KEY_ID: b"new",
        KEY_CHECK: payload.metadata[KEY_CHECK],
        FORMAT: b"2",
        BOUND_TO: MINE.encode(),
    }
    for reader in (
        converter(NEW, binding=reading),
        converter(NEW, binding=reading, of=MINE),
        converter(NEW, OLD, binding=reading).with_context(of_activity),
        worker_converter(converter(NEW, binding=reading)).with_context(of_activity),
    ):
        assert await reader.decode([payload], [Order]) == [ORDER]


@pytest.mark.parametrize("reading", BINDINGS)
async def test_a_payload_that_is_bound_elsewhere_is_read_by_nobody_and_a_worker_does_not_stumble(
    reading: PayloadBinding,
) -> None:
    (theirs,) = await converter(NEW, binding=PayloadBinding.WRITE, of=OTHER).encode([ORDER])
    client = converter(NEW, binding=reading, of=MINE)
    worker = worker_converter(converter(NEW, binding=reading)).with_context(
        WorkflowSerializationContext("default", MINE)
    )
    assert worker.payload_codec is not None

    for forged in (
        theirs,
        with_metadata(theirs, bound_to=MINE),
        with_metadata(theirs, encryption_key_id="lost"),
        Payload(metadata=theirs.metadata, data=b"short"),
    ):
        with pytest.raises(NotBound):
            await client.decode([forged], [Order])
        (handed_on,) = await worker.payload_codec.decode([forged])
        with pytest.raises(ApplicationError) as refused:
            worker.payload_converter.from_payloads([handed_on], [Order])
        assert (refused.value.type, refused.value.non_retryable) == (MALFORMED_MESSAGE, True)


@pytest.mark.parametrize(
    "changed", [{"encryption_key_id": "lost"}, {"encryption_key_check": "0000"}, {"encryption_format": "3"}]
)
async def test_what_another_process_of_ours_may_read_is_an_error_also_for_a_worker(changed: dict[str, str]) -> None:
    """The worker retries, and somebody restores the key, or installs the newer release."""
    (payload,) = await converter(NEW, binding=PayloadBinding.WRITE, of=MINE).encode([ORDER])
    worker = worker_converter(converter(NEW, binding=PayloadBinding.REQUIRE))

    with pytest.raises(DecryptionError) as unreadable:
        await worker.with_context(WorkflowSerializationContext("default", MINE)).decode(
            [with_metadata(payload, **changed)], [Order]
        )

    assert not isinstance(unreadable.value, NotBound)


@pytest.mark.parametrize("reading", BINDINGS)
async def test_only_a_bound_payload_has_a_seal_whatever_its_sender_has_written(reading: PayloadBinding) -> None:
    worker = worker_converter(converter(NEW, binding=reading)).with_context(
        WorkflowSerializationContext("default", MINE)
    )
    writer = converter(NEW, binding=PayloadBinding.WRITE)
    bound = await writer.with_context(WorkflowSerializationContext("default", MINE)).encode([ORDER, "text", 1.5, 2])
    (plain,) = await DataConverter.default.encode([ORDER])
    claiming = with_metadata(plain, sealed="true")
    assert writer.payload_codec is not None
    (by_hand,) = await writer.payload_codec.encode([claiming])

    assert all(map(is_sealed, await worker.decode(bound, [Order, str, float, int])))
    for each in (plain, claiming, by_hand):
        (value,) = await worker.decode([each], [Order])
        assert value == ORDER
        assert not is_sealed(value)


async def test_a_client_reads_what_is_not_bound_until_that_is_required() -> None:
    for payloads in (await converter(NEW).encode([ORDER]), await DataConverter.default.encode([ORDER])):
        for binding in (PayloadBinding.ACCEPT, PayloadBinding.WRITE):
            assert await converter(NEW, binding=binding, of=MINE).decode(payloads, [Order]) == [ORDER]
        with pytest.raises(NotBound):
            await converter(NEW, binding=PayloadBinding.REQUIRE, of=MINE).decode(payloads, [Order])


async def test_the_format_of_the_release_before_is_written_until_everybody_reads_the_new_one() -> None:
    (payload,) = await converter(NEW, binding=PayloadBinding.ACCEPT, of=MINE).encode([ORDER])

    assert dict(payload.metadata) == {"encoding": ENCODING, KEY_ID: b"new"}


async def test_a_workflow_has_a_converter_of_its_own_which_is_made_once() -> None:
    ours = converter(NEW, binding=PayloadBinding.REQUIRE)
    of_activity = ActivitySerializationContext("default", "1", "install", "queue", MINE, "type", is_local=False)
    mine = ours.with_context(WorkflowSerializationContext("default", MINE))
    (payload,) = await mine.encode([ORDER])

    assert ours.with_context(of_activity) is mine
    for number in range(2 * CONVERTERS_KEPT):
        other = ours.with_context(WorkflowSerializationContext("default", f"{OTHER}-{number}"))
        assert other is not mine
    with pytest.raises(NotBound):
        await other.decode([payload], [Order])
    again = ours.with_context(of_activity)
    assert again is not mine, "every workflow that ever was has a converter"
    assert await again.decode([payload], [Order]) == [ORDER]
    assert type(mine.payload_converter) is type(ours.payload_converter)


def test_only_what_a_schedule_starts_shares_its_binding() -> None:
    assert bound_id("reconciliation-2026-11-29T06:20:33Z") == "reconciliation"
    for alone in (
        "reconciliation-1",
        "reconciliation",
        "order-2026-11-29T06:20:33Z",
        "reconciliation-2026-11-29T06:20:33Z-1",
    ):
        assert bound_id(alone) == alone
