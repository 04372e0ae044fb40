"""Narrowing told from widening, field by field: what is not provably narrower is wider (DESIGN.md §8).

Narrowing takes force on reload. Widening, and every change to people, keys, roles, groups and validators, needs
the signatures of people whom the *previous* configuration names.
"""

from collections.abc import Collection, Mapping

import msgspec

from standwatch.declare.cedar import argument_names
from standwatch.declare.differences import Difference, Differences, Direction, direction
from standwatch.declare.order import compare_lock, compare_manifest, compare_relaxations
from standwatch.declare.policies import accepted
from standwatch.facts.asks import Asks, decoys, effective
from standwatch.facts.configuration import Configuration, Organisation, Policy, System


class Change(msgspec.Struct, frozen=True):
    """What a new configuration means beside the old one."""

    organisation: Direction
    systems: dict[str, Direction]
    """Every system of either configuration; an added one is `wider`, a removed one `narrower`."""
    differences: tuple[Difference, ...] = ()

    @property
    def whole(self) -> Direction:
        """`wider` if any part is, else `narrower` if any part is, else `same`."""
        parts = {self.organisation, *self.systems.values()}
        return "wider" if "wider" in parts else "narrower" if "narrower" in parts else "same"

    @property
    def widened(self) -> tuple[str, ...]:
        """The systems that are wider than before, or new."""
        return tuple(name for name, one in sorted(self.systems.items()) if one == "wider")


class Signature(msgspec.Struct, frozen=True):
    """One signature that is needed, from any one of these people (ids). Nobody named means it cannot be given."""

    why: str
    any_of: tuple[str, ...]


def compare(old: Configuration, new: Configuration) -> Change:
    """How `new` differs from `old`. It is a preorder: `same` both ways, or narrower one way and wider the other,
    or wider both ways where the two cannot be ranked."""
    organisation = Differences()
    compare_organisation(organisation, old.organisation, new.organisation)
    compare_policies(organisation, old.policies, new.policies)
    if old.policies and argument_names(old) != argument_names(new):
        # A forbid may ask whether an argument is there: what policies are shown decides what they forbid.
        organisation.wider("policies", "are shown other arguments")
    found, systems = list(organisation.found), dict[str, Direction]()
    for name in sorted(old.systems.keys() | new.systems.keys()):
        differences = Differences(name)
        _compare_system(differences, old, new, name)
        systems[name] = direction(differences.found)
        found += differences.found
    return Change(direction(organisation.found), systems, tuple(found))


def signers_needed(
    old: Configuration,
    change: Change,
    retired: Mapping[str, tuple[str, ...]],
    able: Collection[str] = (),
) -> tuple[Signature, ...]:
    """Whose signatures `change` needs before it may be taken up; none where it does not widen.

    An admin of the old configuration, and for every widened system a validator that the old one names for it. For
    one that comes back, a validator whom it had when it was removed (`retired`, system → those): what needs nobody's
    leave to go must not return without theirs. A new system, or one whose validator was nobody, has none: it is
    restricted until somebody validates it. An organisation under development needs none. `able`: people who can sign
    though the configuration gives them no key, by a passkey that somebody's key of it vouches for.
    """
    if change.whole != "wider" or old.organisation.development:
        return ()
    admins = [
        one.id for one in old.organisation.people if "admin" in one.roles and (one.keys or one.id in able)
    ]
    needed = [Signature("an admin, for the widening", tuple(admins))]
    for name in change.widened:
        here = name in old.systems
        validators = old.systems[name].manifest.validator if here else retired.get(name, ())
        if validators:
            what = "widened" if here else "back"
            needed.append(Signature(f"the validator of {name}, which is {what}", validators))
    return tuple(needed)


def _compare_system(log: Differences, old: Configuration, new: Configuration, name: str) -> None:
    before: System | None = old.systems.get(name)
    after: System | None = new.systems.get(name)
    if before is None or after is None:
        log.say("system", "added" if before is None else "removed", narrower=after is None)
        return
    around = (old.organisation, new.organisation)
    compare_manifest(log, before.manifest, after.manifest, around)
    compare_lock(log, before, after)


def compare_organisation(log: Differences, old: Organisation, new: Organisation) -> None:
    """People, keys, roles and groups have no order, nor has where we listen or what the log is called."""
    for name in ("name", "origin", "public_url", "agents", "operators", "rp_id", "store"):
        log.any_change(name, getattr(old, name), getattr(new, name))
    log.ranked("development", old.development, new.development, (True, False))
    _compare_people(log, old, new)
    for name in sorted(old.groups.keys() | new.groups.keys()):
        log.any_change(f"groups {name}", _group(old, name), _group(new, name))
    lines = [
        {(line.systems, line.tools, line.environments, line.effects) for line in one.red_lines}
        for one in (old, new)
    ]
    log.demanded("red_lines", *lines)
    log.at_most("approval_expires", old.approval_seconds, new.approval_seconds)
    log.ranked("approvals", old.irreversible_takes, new.irreversible_takes, ("any", "enrolled", "passkey"))
    if old.notify != new.notify:  # addresses may be credentials: they are not repeated
        log.wider("notify", "others are told, or of other things")
    compare_relaxations(log, old.relaxations, new.relaxations)
    for name in sorted(old.watches.keys() | new.watches.keys()):
        log.any_change(f"watch {name}", old.watches.get(name), new.watches.get(name))
    for name in Asks.__struct_fields__:
        both = (effective(Asks(), one.asks, development=one.development) for one in (old, new))
        log.at_most(f"defaults.asks.{name}", *(getattr(one, name) for one in both))
    rates = (decoys(None, one.decoys, development=one.development) for one in (old, new))
    log.at_most("approvals.decoys", *(rate or None for rate in rates))
    log.at_most("sign_in idle", old.sign_in.idle, new.sign_in.idle)
    log.at_most("sign_in longest", old.sign_in.longest, new.sign_in.longest)
    log.demanded("sign_in bound", set(old.sign_in.bound), set(new.sign_in.bound))
    log.any_change("sign_in oidc", old.sign_in.oidc, new.sign_in.oidc)


def _group(organisation: Organisation, name: str) -> list[str] | None:
    return sorted(organisation.groups[name]) if name in organisation.groups else None


def _compare_people(log: Differences, old: Organisation, new: Organisation) -> None:
    before = {one.id: one for one in old.people}
    after = {one.id: one for one in new.people}
    for ident in sorted(before.keys() | after.keys()):
        one, other = before.get(ident), after.get(ident)
        if one is None or other is None:
            log.wider(f"people {ident}", "added" if one is None else "removed")
            continue
        for name in ("address", "os_user", "subject"):
            log.any_change(f"people {ident} {name}", getattr(one, name), getattr(other, name))
        for name in ("keys", "roles"):
            log.any_change(f"people {ident} {name}", sorted(getattr(one, name)), sorted(getattr(other, name)))


def compare_policies(log: Differences, old: tuple[Policy, ...], new: tuple[Policy, ...]) -> None:
    """Forbids are conjoined: one more is narrower, one less wider; file names, layout and order are nothing."""
    log.demanded("policies", _forbids(old), _forbids(new))


def _forbids(policies: tuple[Policy, ...]) -> set[str]:
    found: set[str] = set()
    for policy in policies:
        try:
            forms = [dict(one.form) for one in accepted(policy.text)]
        except ValueError:
            found.add(policy.text)
            continue
        for form in forms:
            notes: dict[str, str | None] = form.pop("annotations", {})
            asks = notes.get("otherwise") == "step_up"
            found.add(msgspec.json.encode({**form, "asks": asks}, order="sorted").decode())
    return found
