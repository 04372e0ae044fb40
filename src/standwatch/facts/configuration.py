"""The effective configuration of an organisation: what `declare` makes of the text, and all that `enforce` reads.

Times are integer microseconds UTC, durations integer seconds, people are opaque ids once resolved.
"""

import hashlib
from typing import Any, Final, Literal, TypeVar

import msgspec

from standwatch.facts.asks import Asks
from standwatch.facts.content import Content
from standwatch.facts.credentials import Credential
from standwatch.facts.environments import Environment
from standwatch.facts.llm import Provider
from standwatch.facts.models import Model
from standwatch.facts.notifying import Notify
from standwatch.facts.relaxations import Relaxations
from standwatch.facts.rules import (
    After,
    ArgumentRule,
    Number,
    Otherwise,
    Sequence,
    Source,
    Unruled,
)
from standwatch.facts.sandbox import Sandbox
from standwatch.facts.signing_in import SignIn, Tls
from standwatch.facts.spending import FirstMessage, Price, Window
from standwatch.facts.stakes import Reversibility, tier_of
from standwatch.facts.watches import WatchRule
from standwatch.facts.words import Decision, Effect

T = TypeVar("T")
ANY: Final[tuple[Source, ...]] = ("task", "trusted", "untrusted", "model")
"""What `from: any` comes to."""


class Person(msgspec.Struct, frozen=True):
    """A human of the organisation. `id` is opaque and the only thing that ever stands in a leaf."""

    id: str
    address: str
    """How manifests name the person: an e-mail address."""
    name: str = ""
    keys: tuple[str, ...] = ()
    """Ed25519 public keys, `ed25519:` and base64."""
    roles: tuple[str, ...] = ()
    """`admin`: configuration, people, principals; `operator`: sees every system; `auditor`: reads the log."""
    os_user: str = ""
    """The account of this host that acts as this person on the Unix socket; empty for none."""
    subject: str = ""
    """What the OpenID Connect issuer calls this person (`sub`); "" to go by a verified e-mail address."""


class RedLine(msgspec.Struct, frozen=True):
    """A refusal that no manifest, relaxation, quorum or break-glass can cross. Every stated criterion must match."""

    name: str
    systems: tuple[str, ...] = ("*",)
    tools: tuple[str, ...] = ("*",)
    environments: tuple[str, ...] = ("*",)
    effects: tuple[Effect, ...] = ("read", "write", "irreversible")
    why: str = ""


class Listener(msgspec.Struct, frozen=True):
    host: str
    port: int
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    tls: Tls | None = None
    proxy: tuple[str, ...] = ()
    """IP addresses of reverse proxies whose word on client and scheme is taken."""

    @property
    def url(self) -> str:
        """Where it listens, as a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls is not None else 'http'}://{host}:{self.port}"


class Freeze(msgspec.Struct, frozen=True):
    """No such effect in [`begin`, `until`)."""

    begin: int
    until: int
    effects: tuple[Effect, ...] = ("write", "irreversible")
    environments: tuple[str, ...] = ()
    """Those in which it holds; empty for everywhere."""


class Organisation(msgspec.Struct, frozen=True):
    name: str
    origin: str
    """The log's globally unique origin (C2SP tlog-checkpoint)."""
    public_url: str
    agents: Listener
    operators: Listener
    rp_id: str = "localhost"
    store: str = "state"
    """Folder of the embedded store, relative to the organisation's folder."""
    development: bool = False
    people: tuple[Person, ...] = ()
    groups: dict[str, tuple[str, ...]] = {}
    """Group name to people's ids."""
    red_lines: tuple[RedLine, ...] = ()
    approval_seconds: int = 900
    """How long a question stays open, unless a manifest says otherwise."""
    notify: Notify = Notify()
    """Who is told of what. It permits nothing, so no envelope knows it."""
    irreversible: Literal["", "any", "enrolled", "passkey"] = ""
    """What approves an irreversible effect, as written; `irreversible_takes` is what that comes to."""

    relaxations: Relaxations | None = None
    """How long a check may be bypassed at most; manifests may say less. None: not at all, unless a manifest says."""
    watches: dict[str, WatchRule] = {}
    """Who keeps the watch over which systems, by the watch's name. It permits nothing, so no envelope knows it."""
    asks: Asks = Asks()
    """How much a system may ask of people, where its manifest does not say."""
    decoys: int | None = None
    """One question in so many brings a decoy along, where a manifest does not say; 0 for none."""
    sign_in: SignIn = SignIn()
    """How long sessions last, and who beside a passkey may open one."""
    content: Content | None = None
    """What is looked for in content, where a manifest does not say."""
    environments: dict[str, Environment] = {}
    """Environments of all systems; a manifest adds patterns and stricter answers."""
    freeze: tuple[Freeze, ...] = ()
    """Freezes of all systems, beside each manifest's own."""

    @property
    def irreversible_takes(self) -> Literal["any", "enrolled", "passkey"]:
        """What approves an irreversible effect: a key or a passkey; a passkey of those who have one; a passkey."""
        return self.irreversible or ("any" if self.development else "passkey")


Excluded = Literal["owner", "requester"]
"""Who never answers a question: the system's owner; the person whom the run serves, or who started it."""


class Approvals(msgspec.Struct, frozen=True):
    """Who answers questions, how many of them must approve, and who never does. Of a tool, what is None is as its
    system's."""

    by: tuple[str, ...] | None = None
    """People's ids, in order where it is `ordered`."""
    quorum: int | None = None
    ordered: bool | None = None
    never: tuple[Excluded, ...] | None = None


class Answering(msgspec.Struct, frozen=True):
    """What `Approvals` come to for one tool, or for everything that is no tool."""

    by: tuple[str, ...]
    quorum: int = 1
    ordered: bool = False
    never: tuple[Excluded, ...] = ()


Format = Literal["", "json", "yaml", "csv", "text"]


class Returns(msgspec.Struct, frozen=True):
    """What a manifest says of a tool's results."""

    trusted: tuple[str, ...] = ()
    """JSONPath (RFC 9535) of the fields that no outside party can write."""
    secret: tuple[str, ...] = ()
    """JSONPath of the fields whose values are confidential."""
    format: Format = ""
    """How the text of a result is to be read; "" for structured content, or text that is JSON."""
    pattern: str = ""
    """Of `text`: RE2 syntax with named groups; each match is an object of its groups, the result a list of them."""
    names: tuple[str, ...] = ()
    """JSONPath of the fields by which things are called, whoever chose the name: good as a whole, and nothing in it."""


class Tool(msgspec.Struct, frozen=True):
    """One declared tool, `server.name`."""

    name: str
    effect: Effect
    arguments: dict[str, ArgumentRule] = {}
    only_declared: bool = False
    """Refuse arguments that `arguments` does not name."""
    intent: tuple[str, ...] = ()
    """Words and phrases of which the run's task must have one, in whatever inflection."""
    per_run: int | None = None
    per_task: int | None = None
    """Calls in one run, or as many as the task asks for where that is more."""
    after_untrusted: After = ""
    unruled: Unruled = "ask"
    otherwise: Otherwise = "deny"
    trusted: tuple[str, ...] = ()
    """`returns.trusted`: JSONPath of result fields that no outside party can write."""
    names: tuple[str, ...] = ()
    """`returns.names`: JSONPath of result fields that are good as a whole only."""
    secret: tuple[str, ...] = ()
    """`returns.secret`: JSONPath of result fields that are confidential."""
    returns_format: Format = ""
    """`returns.format`."""
    returns_pattern: str = ""
    """`returns.pattern`."""
    timeout: int | None = None
    """Seconds the upstream may take."""
    approvals: Approvals | None = None
    """Who answers questions about it; None for those who answer for its system."""
    effect_by: str = ""
    """Argument with a command line: each call has the effect of what it runs, at most `effect`; "" for `effect`."""

    @property
    def server(self) -> str:
        return self.name.partition(".")[0]

    @property
    def returns(self) -> Returns:
        """What is declared of its results."""
        return Returns(self.trusted, self.secret, self.returns_format, self.returns_pattern, self.names)


class Component(msgspec.Struct, frozen=True):
    """One line of the AIBOM. For `mcp_server`, `command` or `url` says how to reach it; for `model`, `url` may."""

    kind: str
    name: str
    vendor: str = ""
    version: str = ""
    command: tuple[str, ...] = ()
    url: str = ""
    env: dict[str, str] = {}
    """Environment given to a started server: all it gets beside PATH, HOME, LANG and TZ. `${NAME}` reads ours."""
    cwd: str = ""
    resources: tuple[str, ...] = ()
    """URI patterns (`*` within a segment, `**` across) that `resources/read` may name; empty for none."""
    prompts: tuple[str, ...] = ()
    """Prompts (patterns) that may be got; empty for none."""
    headers: dict[str, str] = {}
    """Headers sent to `url` with every request, for its credentials. `${NAME}` reads our environment."""
    era: Literal["", "modern", "legacy"] = ""
    """Which MCP revisions it is spoken to in; empty to ask it."""
    may_ask: tuple[str, ...] = ()
    """What this server may ask of its client: `sampling`, `elicitation`, `roots`."""
    credential: Credential | None = None
    """How it is shown that one act was released; None for what `headers` say."""
    sandbox: Sandbox | Literal["", "none"] = ""
    """What a started server may reach; "" for what `facts.sandbox.confinement` makes of it."""
    price: Price | None = None
    """Of an llm: what a million tokens cost."""
    window: Window = Window()
    """Of an llm: the most tokens that one call takes and gives."""
    fallback: tuple[str, ...] = ()
    """Of an llm: the components that stand in for it while it cannot be reached, in order."""
    provider: Provider = ""
    """Of an llm: which protocol its `url` speaks; "" for one that is not asked through us."""
    models: tuple[str, ...] = ()
    """Of an llm: the models, by name or pattern (`*`), that may be asked for; empty for its `version` alone."""
    key_env: str = ""
    """Of an llm: the variable of our environment that holds its key; of one with neither this nor `key_file`, none."""
    key_file: str = ""
    """Of an llm: the file that holds its key, relative to the organisation's folder."""
    hosted_tools: tuple[str, ...] = ()
    """Of an llm: types of tools that its provider may carry out itself, where we see nothing of them."""
    timeout: int | None = None
    """Of an llm: seconds that a whole answer may take."""
    silence: int | None = None
    """Of an llm: seconds that a stream may be silent."""


class Limits(msgspec.Struct, frozen=True):
    """Budgets of a system. Keys of `per_day` are `tool.argument` (summed) or a tool's name (counted), or `calls`,
    `tokens` or `money` (`facts.spending`)."""

    calls_per_run: int | None = None
    minutes_per_run: int | None = None
    calls_per_minute: int | None = None
    per_day: dict[str, Number] = {}
    asks_per_run: int | None = None
    asks_per_person_per_hour: int | None = None
    asks_per_hour: int | None = None
    asks_per_day: int | None = None
    tokens_per_run: int | None = None
    money_per_run: Number | None = None

    @property
    def asks(self) -> Asks:
        """What is said of questions to people."""
        return Asks(self.asks_per_run, self.asks_per_person_per_hour, self.asks_per_hour, self.asks_per_day)


class Manifest(msgspec.Struct, frozen=True):
    """One AI system, its people resolved to opaque ids."""

    system: str
    purpose: str
    owner: tuple[str, ...]
    """One person or the members of a group; empty where the address is nobody's."""
    halt_authority: tuple[str, ...]
    validator: tuple[str, ...]
    environment: str = "production"
    reversibility: Reversibility = "irreversible"
    people_per_week: int = 0
    critical_infrastructure: bool = False
    data_subjects: tuple[tuple[str, str], ...] = ()
    """(`argument` or `input` or `result`, name) pairs that say where data subjects' ids stand."""
    components: tuple[Component, ...] = ()
    models: dict[str, Model] = {}
    """Predictive models by component, from `components` of kind `model` and `decisions`."""
    tools: dict[str, Tool] = {}
    limits: Limits = Limits()
    sequences: tuple[Sequence, ...] = ()
    freeze: tuple[Freeze, ...] = ()
    fallback: str = "refuse"
    """Its kind; what it gives stands in each model's own `fallback`."""
    approvers: tuple[str, ...] = ()
    """People who may answer a question; defaults to the halt authority."""
    approval_seconds: int | None = None
    approvals: Approvals = Approvals()
    """How many of the approvers, and so on; `by` stands in `approvers`."""
    observe_until: int = 0
    """Policy, provenance, content and grant are judged but not enforced before this time; 0 for never."""
    relaxations: Relaxations | None = None
    """As the organisation's; where both speak, the shorter counts."""
    decoys: int | None = None
    """One question in so many brings a decoy along; 0 for none, None for what the organisation says."""
    content: Content | None = None
    """What is looked for in content; None for what the organisation says."""
    task: FirstMessage | None = None
    """Whose first message may say the run's task; None for nobody's: then only who opens a run says it."""
    environments: dict[str, Environment] = {}
    """By what it is known where its acts reach, and what may be done there; conjoined with the organisation's."""

    def answering(self, tool: str = "") -> Answering:
        """Who answers questions about `tool`, by what is said of it, of the system, and of its halt authority."""
        found = self.tools.get(tool)
        own = found.approvals if found is not None else None
        mine, ours = own or Approvals(), self.approvals
        return Answering(
            by=mine.by or self.approvers or self.halt_authority,
            quorum=_first(mine.quorum, ours.quorum, 1),
            ordered=_first(mine.ordered, ours.ordered, False),
            never=_first(mine.never, ours.never, ()),
        )

    @property
    def described(self) -> frozenset[str]:
        """The tools that a server describes, so that a lock can hold what it says: all but those of a `service`, which
        no server offers and which are asked for by hook or client alone."""
        services = {one.name for one in self.components if one.kind == "service"}
        return frozenset(name for name, tool in self.tools.items() if tool.server not in services)

    @property
    def tier(self) -> int:
        """The tier that is declared: `facts.stakes`. What the record counts may raise it (`authority.tiers`)."""
        return tier_of(self.people_per_week, self.reversibility, critical=self.critical_infrastructure)


def _first(mine: T | None, ours: T | None, default: T) -> T:
    return mine if mine is not None else ours if ours is not None else default


class Lock(msgspec.Struct, frozen=True):
    """Digests of what was accepted, hexadecimal SHA-256: tool definitions by `server.tool`, components by name, and
    artifacts of models' versions as `component@version`."""

    tools: dict[str, str] = {}
    components: dict[str, str] = {}


class System(msgspec.Struct, frozen=True):
    """A manifest with its lock. `envelope`: digest of what it permits; comments and layout do not count."""

    manifest: Manifest
    lock: Lock
    envelope: str

    @property
    def component_digest(self) -> str:
        """One digest over the locked components and tool definitions: what evidence was gathered on.

        Without the versions of models: evidence is about the one that runs (`record.serving.running`).
        """
        models = {one.name for one in self.manifest.components if one.kind == "model"}
        kept = {
            name: digest
            for name, digest in self.lock.components.items()
            if "@" not in name or name.partition("@")[0] not in models
        }
        lock = msgspec.structs.replace(self.lock, components=kept)
        return hashlib.sha256(msgspec.json.encode(lock, order="sorted")).hexdigest()


class Policy(msgspec.Struct, frozen=True):
    """One of the organisation's Cedar files: forbids only."""

    name: str
    text: str


class Configuration(msgspec.Struct, frozen=True):
    """All of it. `root` is the digest over everything that has force."""

    organisation: Organisation
    systems: dict[str, System]
    policies: tuple[Policy, ...]
    root: str

    def person(self, ident: str) -> Person | None:
        """The person with opaque id `ident`."""
        return next((person for person in self.organisation.people if person.id == ident), None)


class Definition(msgspec.Struct, frozen=True):
    """A tool as its server describes it now. `digest`: SHA-256 of its JCS (name, description, schemas, annotations)."""

    name: str
    digest: str
    schema: dict[str, Any]
    """Its input schema, as the server gave it."""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One check's decision and reason. `reached` is False where an earlier refusal made the check unnecessary."""

    check: str
    decision: Decision = "allow"
    reason: str = ""
    code: str = ""
    """A stable word for what was found, for statistics and for tests."""
    reached: bool = True
    enforced: bool = True
    """False under `observe` and under a relaxation: judged and recorded, not acted on."""
    relaxed: int = -1
    """Index of the relaxation that bypassed it; -1 for none."""
