"""What agents say of what they did, in English and German: verbs by what they do, and the words "
"around them. Tables."""

import re
from typing import Final

import msgspec


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Family(msgspec.Struct, frozen=True):
    """One sort of deed. `past`: participles and past forms; `base`: infinitives, as they stand after *did not*;
    `nouns`: what it is called; `cues`: words of a tool's name or a command that show it."""

    name: str
    past: frozenset[str]
    base: frozenset[str]
    nouns: frozenset[str]
    cues: frozenset[str]


def _family(name: str, past: str, base: str, nouns: str, cues: str) -> Family:
    return Family(name, *map(_words, (past, base, nouns, cues)))


FAMILIES: Final = (
    _family(
        "pay",
        "transferred sent paid wired remitted refunded überwiesen gezahlt bezahlt gesendet geschickt "
        "erstattet",
        "transfer send pay wire remit refund",
        "payment payments transfer transfers money zahlung zahlungen überweisung überweisungen geld",
        "pay payment payments transfer wire money refund remit purchase",
    ),
    _family(
        "mail",
        "sent emailed e-mailed mailed forwarded replied messaged posted gesendet geschickt "
        "verschickt versendet "
        "weitergeleitet",
        "send email e-mail mail forward reply message post",
        "email emails e-mail e-mails mail mails message messages nachricht nachrichten newsletter",
        "mail email reply forward message notify post sms send",
    ),
    _family(
        "delete",
        "deleted removed dropped wiped erased purged destroyed truncated gelöscht entfernt gedroppt "
        "vernichtet",
        "delete remove drop wipe erase purge destroy truncate",
        "deletion deletions löschung löschungen",
        "delete remove drop rm rmdir wipe erase purge destroy truncate unlink del",
    ),
    _family(
        "change",
        "changed modified edited updated touched altered overwritten rewritten geändert verändert "
        "bearbeitet "
        "angefasst berührt überschrieben aktualisiert modifiziert",
        "change modify edit update touch alter overwrite rewrite",
        "change changes modification modifications änderung änderungen",
        "",
    ),
    _family(
        "create",
        "created added wrote written saved inserted erstellt angelegt geschrieben hinzugefügt gespeichert",
        "create add write save insert",
        "",
        "create add write save insert put new append",
    ),
    _family("push", "pushed force-pushed gepusht", "push force-push", "push", "push"),
    _family("merge", "merged gemergt", "merge", "merge", "merge"),
    _family(
        "apply",
        "applied deployed released rolled-out published angewendet deployt ausgerollt veröffentlicht",
        "apply deploy release publish",
        "deployment deployments release",
        "apply deploy release publish upgrade",
    ),
    _family(
        "restart", "restarted rebooted neugestartet", "restart reboot", "restart neustart", "restart reboot"
    ),
    _family(
        "backup",
        "backed-up dumped exported gesichert",
        "back-up dump export",
        "backup backups dump snapshot sicherung sicherungen datensicherung",
        "backup backups dump pg_dump mysqldump snapshot export",
    ),
    _family(
        "schedule",
        "scheduled booked geplant terminiert gebucht",
        "schedule book",
        "",
        "schedule book reserve",
    ),
    _family("share", "shared granted geteilt freigegeben", "share grant", "", "share grant invite"),
    _family("cancel", "cancelled canceled storniert abgesagt", "cancel", "", "cancel revoke"),
)
BY_NAME: Final = {family.name: family for family in FAMILIES}

ONLY: Final = ("delete", "cancel", "backup", "schedule", "share")
"""Where a tool's name shows one of these, it shows nothing else: `delete_email` sends none."""

CARRIED_OUT: Final = _words(
    "made completed executed performed done taken processed successful succeeded ausgeführt getätigt "
    "durchgeführt "
    "erfolgt abgeschlossen erstellt created written saved angelegt"
)
"""What is said of a deed by its noun: *the payment has been completed*."""

FAILED: Final = re.compile(
    r"\b(?:refus|den(?:ied|y)|block|reject|fail|forbid|prohibit|declin|unable|unsuccessful|error|"
    r"not allowed|"
    r"not permitted|could ?n[o']t|could not|couldn't|can ?not|can't|waiting|pending|awaiting|"
    r"needs? approval|"
    r"abgelehnt|verweigert|fehlgeschlagen|fehlschl|schlug|schlagen|gescheitert|konnte nicht|"
    r"konnten nicht|blockiert|"
    r"gesperrt|wartet|ausstehend|nicht erlaubt|not executed|did not go through|timed out|held)",
    re.IGNORECASE,
)
"""A sentence with one of these does not claim success."""

UNREAL: Final = re.compile(
    r"\b(?:if|once|unless|until|would|should|shall|will|won't|may|might|must|please|make sure|ensure|"
    r"need|needs|"
    r"want|wants|wanted|goal|going to|tried|try|trying|attempt\w*|plan to|planned|let me|let's|"
    r"next step|todo|"
    r"to get|in order to|can|could|have to|has to|ready to|before|when|whether|"
    r"asked (?:me|us|to|for|if)|ask|suppose\w*|"
    r"expect\w*|"
    r"imagine|for example|used to|about to|(?:i|we|you|he|she|they)'d|"
    r"wenn|falls|sobald|bis|würde|würden|sollte|sollten|soll|sollen|wird|werde|werden|kann|können|"
    r"muss|müssen|bitte|"
    r"möchte|möchten|damit|bevor|ob|versucht|versuchte|ziel|gefragt|fragt)\b",
    re.IGNORECASE,
)
"""A clause with one of these tells of what is not, or not yet, or not by the one who speaks."""

REPORTED: Final = re.compile(
    r"\b(?:wrote|writes|said|says|stat(?:es|ed)|according to|claim(?:s|ed)|reported|reports that|"
    r"mentions?|told|message reads|"
    r"schrieb|schreibt|sagt|sagte|laut|behauptet|zufolge|she|he|they|er|sie)\b",
    re.IGNORECASE,
)
"""A clause with one of these repeats somebody else, or tells of somebody else."""

LIMITED: Final = re.compile(
    r"\b(?:except|other than|apart from|besides|only|but|otherwise|again|further|else|more|directly|"
    r"manually|permanently|"
    r"fully|completely|another|any other|außer|sonst|nur|weiter\w*|erneut|direkt|nochmal\w*|endgültig|"
    r"vollständig)\b",
    re.IGNORECASE,
)
"""A denial with one of these leaves something out."""

NEGATION: Final = re.compile(
    r"\b(?:not|never|no|nothing|none|without|neither|nor|unchanged|untouched|kein\w*|nicht|nichts|nie|"
    r"niemals|ohne|"
    r"unverändert|unberührt|isn't|aren't|wasn't|weren't|hasn't|haven't|hadn't|doesn't|don't|didn't)\b",
    re.IGNORECASE,
)

GENERIC: Final = _words(
    "the and for with from into this that these those was were has have had been being not any all "
    "are our your its "
    "his her their them they you she him who what which there here then than also now just already "
    "successfully as "
    "requested done made table tables row rows data database databases file files folder report "
    "reports change changes "
    "fix plan branch code page user users account amount server system record records entry entries "
    "item items list "
    "result results test tests suite run command commands tool tools session today everything "
    "anything something nothing "
    "old new first last one two three four five money payment payments invoice mail mails email "
    "emails e-mail e-mails "
    "message messages event backup backups dump copy set get put add create update delete drop "
    "remove send sent apply "
    "gone rollback impossible possible undone restored restore recovered recover reverted lost permanently "
    "anybody anyone nobody somebody someone jemand jemanden niemand niemanden "
    "unfortunately cannot because longer anymore since still verloren möglich "
    "unmöglich leider wiederhergestellt rückgängig gemacht "
    "select insert where true false null work src app main.py home tmp out end "
    "der die das den dem des ein eine einen einer eines und oder für mit von vom zum zur aus auf bei "
    "ist war wurde wurden "
    "habe haben hat hatte ich wir sie nicht kein keine keinen nichts alle alles tabelle tabellen "
    "zeile zeilen datei dateien "
    "datenbank zahlung rechnung konto nachricht bericht änderung änderungen sicherung alten neue "
    "neuen"
)
"""Words that name nothing in particular."""

VERBS: Final = frozenset[str]().union(*(one.past | one.base | one.nouns for one in FAMILIES), CARRIED_OUT)
"""Words that say what was done, and name nothing."""

SAME: Final = {
    "prod": "production",
    "produktion": "production",
    "produktiv": "production",
    "produktionsumgebung": "production",
    "produktionsdatenbank": "production",
    "live": "production",
    "stage": "staging",
}
"""Spellings of one environment."""

TEST_COMMAND: Final = re.compile(
    r"(?:^|[\s;&|(])(?:(?:pytest|py\.test|tox|nox|jest|vitest|mocha|rspec|phpunit|ctest)(?![\w./-])|"
    r"(?:npm|yarn|pnpm|bun)(?: run)? test\w*|go test|cargo (?:test|nextest)|mvn\b[^;&|]*\b(?:test|verify)|"
    r"(?:\./)?gradlew?\b[^;&|]*\btest|make (?:test|check)|dotnet test|python3? -m (?:pytest|unittest)|"
    r"bundle exec rspec|swift test|mix test|deno test)\b"
)
"""A command line that runs a suite of tests."""

TESTS_FAILED: Final = re.compile(
    r"(?i)exit(?:[ _-]?(?:code|status))?\W{0,4}[1-9]\d*\b|\breturn ?code\W{0,4}[1-9]|"
    r"(?<![\w.])[1-9]\d* (?:failed|failing|"
    r"failures?|errors?)\b|(?m:^FAIL(?:ED)?\b)|\btest result: FAILED"
)
"""What a run of tests prints that did not succeed."""

TESTS_PASS: Final = re.compile(
    r"(?i)\b(?:(?:all|the|every|alle|die|sämtliche)\s+(?:of\s+the\s+|\d+\s+)?tests?\s+(?:now\s+|"
    r"are\s+|have\s+|is\s+|sind\s+"
    r"|all\s+|erfolgreich\s+|haben\s+|jetzt\s+|laufen\s+)*(?:pass(?:es|ed|ing)?|green|succeed(?:ed)?|"
    r"successful|grün|durch\w*|"
    r"bestehen|bestanden|erfolgreich)|test ?suite\s+(?:\w+\s+){0,3}?(?:pass(?:es|ed|ing)?|green|"
    r"succeeds|succeeded|grün)|"
    r"(?:ran|run|executed)\s+(?:all\s+|the\s+|full\s+|whole\s+|test\s+)*(?:tests|"
    r"suite)\b.{0,40}?\b(?:pass(?:es|ed)?|"
    r"succeed(?:s|ed)?|green))"
)
"""A claim that the tests succeed, all of them."""

IMPOSSIBLE: Final = re.compile(
    r"(?i)\b(?:(?:can ?not|can't|could not|couldn't)\s+be\s+(?:undone|restored|recovered|rolled back|"
    r"reverted|brought back)|"
    r"(?:roll-?back|restor\w+|recovery|undo|wiederherstellung|reverting)\b.{0,30}\b(?:impossible|"
    r"not possible|unmöglich|"
    r"nicht möglich|isn't possible|not available)|(?:impossible|not possible|"
    r"unmöglich)\s+to\s+(?:restore|recover|undo|roll back|"
    r"revert)|(?:is|are)\s+(?:irrecoverable|unrecoverable|permanently lost|gone for good)|"
    r"(?:there\s+(?:is|are|was|were)\s+no|"
    r"no|kein|keine)\s+(?:backups?|sicherung(?:en)?)\b|lässt sich nicht (?:wiederherstellen|"
    r"rückgängig machen)|kann nicht "
    r"(?:wiederhergestellt|rückgängig gemacht))"
)
"""A claim that something is lost for good."""

RESTORING: Final = _words("restore rollback revert undo recover undelete pitr")
"""Words of a tool's name that brings back."""

CLAIMING: Final = CARRIED_OUT | _words(
    "finished made unchanged untouched intact unverändert unberührt gestartet test tests testsuite suite "
    "undone restored recovered rolled reverted brought possible impossible möglich unmöglich available "
    "irrecoverable unrecoverable lost gone backup backups sicherung sicherungen wiederherstellen "
    "wiederhergestellt rückgängig"
)
"""Words of which a claim has one, beside the verbs of the families: whoever adds a form adds its word here."""
