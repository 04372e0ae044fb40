"""A digest in six words, so that two people can tell over the telephone whether they mean the same action.

The words are for ears and eyes only: what is signed is the whole digest. Six words of 256 carry its first 48 bits. An
agent cannot search for an action whose words are those of another: the nonce that goes into the digest is drawn by us,
after its arguments are fixed.
"""

from typing import Final

SPOKEN: Final = 6
"""Words of one digest."""

_LIST: Final = """
acorn album almanac amber anchor angel aquarium arena arrow artist asteroid athlete atlas avocado badge
balcony bamboo banana banjo basket beacon beaver bicycle biscuit bishop blizzard bonfire bottle boulder
bracelet broccoli bubble burgundy butcher button cabin cactus calendar camel canyon captain caravan carpet
cashew cathedral cement champion cherry chestnut chicken chimney chocolate cinnamon circus clarinet
climate clover cobalt cockpit coffee comma compass copper corridor crocodile cupboard cyclone daffodil
dancer delta dentist desert diamond doctor dolphin domino donkey dragon ebony eclipse elbow elephant
emerald engine engraver evening fabric farmer feather festival fiddle flamingo flannel flute forest fossil
fountain freight galleon garage garlic gazelle geyser giraffe glacier gondola gorilla granite guitar
harvest helmet highway holiday horizon hotel hunter hurdle iceberg iguana incense indigo inkwell insect
island jaguar jasmine jelly jigsaw jungle juniper kangaroo keyhole kitchen kiwi koala ladder lagoon laptop
lavender lemon leopard library lobster logbook lyric magnet magpie mammoth mandolin marathon meadow
mercury meteor mirror molecule monsoon mosaic museum mustard napkin nectar needle nephew nickel notebook
nutmeg nylon oasis obelisk ocean olive onion opera orbit orchard ostrich otter pagoda palace pancake
panther paper peacock pencil phoenix piano picnic pigeon pilot pirate plaza pocket portrait potato prism
pumpkin pyramid python quarry quilt quiver rabbit radar rainbow raven rhubarb ribbon rubber ruby sailor
sandal sapphire saxophone scarf scooter shepherd silver sketch spider sponge squirrel stadium statue
sunflower sunset swallow syrup telescope temple tornado tractor trumpet tulip turquoise ukulele umbrella
valley vanilla village vinegar violin volcano vulture waffle walnut waterfall whisper window wizard
xylophone yacht yogurt zebra zeppelin zigzag zodiac
"""
WORDS: Final = tuple(_LIST.split())
"""One word for each byte, in alphabetical order. Our own list: four to eleven letters, no two with the same first four,
and any two at least three letters apart, so that one is not misheard or mistyped as another. It never changes: words
that somebody wrote down must still compare in ten years."""


def short_words(digest: str) -> str:
    """The first six bytes of `digest` (hexadecimal) as words; "" where that is no digest."""
    try:
        start = bytes.fromhex(digest[: 2 * SPOKEN])
    except ValueError:
        return ""
    return " ".join(WORDS[byte] for byte in start) if len(start) == SPOKEN else ""
