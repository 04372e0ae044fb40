"""Letters that most fonts draw as they draw an ASCII one: those of UTS #39 §5 that nearly all such fraud is made of."""

from typing import Final

_TWINS: Final = (
    # Cyrillic
    "а=a е=e о=o р=p с=c у=y х=x і=i ј=j ѕ=s ԁ=d һ=h ӏ=l ԛ=q ԝ=w ѵ=v ү=y к=k м=m т=t п=n г=r в=b ь=b "
    "А=A В=B Е=E К=K М=M Н=H О=O Р=P С=C Т=T У=Y Х=X І=I Ј=J Ѕ=S Ү=Y Ԛ=Q Ԝ=W Ԍ=G Ӏ=I З=3 "
    # Greek
    "α=a ο=o ν=v ι=i κ=k ρ=p υ=u τ=t χ=x γ=y η=n ω=w ϲ=c ϳ=j "
    "Α=A Β=B Ε=E Ζ=Z Η=H Ι=I Κ=K Μ=M Ν=N Ο=O Ρ=P Τ=T Υ=Y Χ=X "
    # Armenian, Cherokee, Hebrew, and letters of Latin that are others' twins
    "ո=n օ=o ս=u ց=g հ=h զ=q ք=p Ս=U Օ=O Ꭺ=A Ꭼ=E Ꭻ=J Ꮃ=W Ꮇ=M Ꮋ=H Ꮓ=Z Ꮤ=W Ꮪ=S Ꮯ=C Ꮲ=P Ꭱ=R Ꭲ=T "
    "ס=o ן=l ı=i ɑ=a ɡ=g ɩ=i ʏ=y ᴏ=o ᴄ=c ᴜ=u ᴠ=v ᴡ=w ᴢ=z ⅼ=l ⅽ=c ⅾ=d ⅿ=m ǀ=l"
)
TWINS: Final[dict[str, str]] = {pair[0]: pair[2] for pair in _TWINS.split()}
"""Letter → the ASCII letter that it can be taken for."""
