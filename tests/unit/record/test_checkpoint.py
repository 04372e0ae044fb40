"""Checkpoints: c2sp.org/tlog-checkpoint, ours to the byte and others' with their extensions."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from standwatch.facts.errors import Malformed
from standwatch.record.checkpoint import Checkpoint, open_checkpoint, parse_text, sign_checkpoint, text_of
from standwatch.record.note import Note, NoteKey, Unverified, serialise, sign
from standwatch.record.tree import EMPTY_ROOT, MAX_SIZE, leaf_hash

ORIGIN = "log.example/one"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = NoteKey(ORIGIN, PRIVATE.public_key().public_bytes_raw())
NEXT_PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32))
NEXT_KEY = NoteKey(ORIGIN, NEXT_PRIVATE.public_key().public_bytes_raw())
ONE = Checkpoint(ORIGIN, 1, leaf_hash(b"entry"))
ROOT64 = "2cLWa1IsJSJyj1Of+fZ7hdQN7/8JX8ilKMmU9PNbs94="


def test_our_bytes_do_not_change() -> None:
    assert sign_checkpoint(ONE, KEY, PRIVATE.sign).decode() == (
        f"log.example/one\n1\n{ROOT64}\n\n"
        "— log.example/one "
        "vm73pau6x+oV18tXIfLalJl2QHqMLma8IFEXrPGC7Ljjhe3eKpzpWA7If7OESgekC6ydyt0Pri/lecjuXFpVFyiW1wg=\n"
    )


def test_the_specifications_example_is_read() -> None:
    checkpoint = parse_text(
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex().startswith("0ac5186a91863e8e")


checkpoints = st.builds(
    Checkpoint, st.just(ORIGIN), st.integers(1, MAX_SIZE), st.binary(min_size=32, max_size=32)
) | st.just(Checkpoint(ORIGIN, 0, EMPTY_ROOT))


@given(checkpoints)
def test_what_is_signed_is_opened(checkpoint: Checkpoint) -> None:
    assert open_checkpoint(sign_checkpoint(checkpoint, KEY, PRIVATE.sign), ORIGIN, [KEY]) == checkpoint


def test_while_a_key_rotates_either_opens() -> None:
    text = text_of(ONE)
    raw = serialise(Note(text, (sign(text, KEY, PRIVATE.sign), sign(text, NEXT_KEY, NEXT_PRIVATE.sign))))
    for keys in ([KEY], [NEXT_KEY], [KEY, NEXT_KEY]):
        assert open_checkpoint(raw, ORIGIN, keys) == ONE


def test_extensions_of_others_are_kept_and_never_written() -> None:
    text = text_of(ONE) + "any line\n— even this\n"
    opened = open_checkpoint(serialise(Note(text, (sign(text, KEY, PRIVATE.sign),))), ORIGIN, [KEY])
    assert opened.extensions == ("any line", "— even this")
    with pytest.raises(Malformed):
        text_of(opened)


def test_a_checkpoint_of_another_log_under_the_same_key_is_refused() -> None:
    """The text is signed well, and speaks of a log that nobody asked about."""
    text = text_of(Checkpoint("log.example/two", 1, ONE.root))
    raw = serialise(Note(text, (sign(text, KEY, PRIVATE.sign),)))
    with pytest.raises(Unverified):
        open_checkpoint(raw, ORIGIN, [KEY])


def test_a_key_of_another_name_does_not_sign_for_a_log() -> None:
    with pytest.raises(Malformed):
        sign_checkpoint(ONE, NoteKey("log.example/two", KEY.public), PRIVATE.sign)


@pytest.mark.parametrize("keys", [[], [NEXT_KEY], [NoteKey("log.example/two", KEY.public)]])
def test_an_untrusted_checkpoint_is_refused(keys: list[NoteKey]) -> None:
    with pytest.raises(Unverified):
        open_checkpoint(sign_checkpoint(ONE, KEY, PRIVATE.sign), ORIGIN, keys)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"{ORIGIN}\n1\n",
        f"{ORIGIN}\n1\n{ROOT64}",
        f"\n1\n{ROOT64}\n",
        f"{ORIGIN}\n\n{ROOT64}\n",
        f"{ORIGIN}\n01\n{ROOT64}\n",
        f"{ORIGIN}\n+1\n{ROOT64}\n",
        f"{ORIGIN}\n-1\n{ROOT64}\n",
        f"{ORIGIN}\n1 \n{ROOT64}\n",
        f"{ORIGIN}\n1_0\n{ROOT64}\n",
        f"{ORIGIN}\n0x1\n{ROOT64}\n",
        f"{ORIGIN}\n١\n{ROOT64}\n",
        f"{ORIGIN}\n{MAX_SIZE + 1}\n{ROOT64}\n",
        f"{ORIGIN}\n{'9' * 100_000}\n{ROOT64}\n",
        f"{ORIGIN}\n0\n{ROOT64}\n",  # an empty tree with a root of its own
        f"{ORIGIN}\n1\n{ROOT64[:-1]}\n",
        f"{ORIGIN}\n1\n{ROOT64[:-2]}5=\n",  # stray bits
        f"{ORIGIN}\n1\n{ROOT64[:40]}\n",
        f"{ORIGIN}\n1\n{ROOT64} \n",
        f"{ORIGIN}\n1\n\n{ROOT64}\n",
        f"{ORIGIN}\n1\n{ROOT64}\n\n",
        f"{ORIGIN}\n1\n{ROOT64}\n\nextension\n",
    ],
)
def test_a_malformed_text_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_text(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Checkpoint("", 1, ONE.root),
        lambda: Checkpoint("two\nlines", 1, ONE.root),
        lambda: Checkpoint(ORIGIN, -1, ONE.root),
        lambda: Checkpoint(ORIGIN, MAX_SIZE + 1, ONE.root),
        lambda: Checkpoint(ORIGIN, 1, ONE.root[:31]),
        lambda: Checkpoint(ORIGIN, 0, ONE.root),
        lambda: Checkpoint(ORIGIN, 1, ONE.root, ("",)),
    ],
)
def test_a_checkpoint_that_cannot_be_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(Malformed):
        make()


@given(
    st.text(alphabet="a1\n0=", max_size=20) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))
)
def test_hostile_texts_raise_nothing_else(text: str) -> None:
    with pytest.raises(Malformed):
        parse_text(text)
