"""What a manifest says of the servers behind a model's versions, held together: no two versions are one server."""

from standwatch.declare.schema import Fields, short
from standwatch.declare.text import Mapping, Mark, Problems
from standwatch.facts.configuration import Component
from standwatch.facts.models import Feature, Model


def check_served(fields: Fields, model: Model, component: Component | None, problems: Problems) -> None:
    """Tell what contradicts itself in how `model` is served. `fields` are the model's."""
    if fields.has("tensor") and model.layout != "matrix":
        problems.add(fields.place("tensor"), "tensor without layout: matrix, expected them together")
    if model.protocol == "client" or component is None or component.kind != "model":
        return
    if model.protocol == "oip" and model.layout == "matrix":
        _check_matrix(fields, model, problems)
    for name, version in model.versions.items():
        if not (version.url or component.url):
            problems.add(
                fields.place("versions"),
                f"nothing says where version {short(name)} is served, expected a url here or on the component",
            )
    if model.protocol == "oip":
        _check_apart(fields, model, component, problems)


def _check_matrix(fields: Fields, model: Model, problems: Problems) -> None:
    for feature in model.inputs:
        if not _numeric(feature):
            problems.add(
                _mark(fields, "inputs", feature.name),
                f"{short(feature.name)} may be text, which layout: matrix cannot carry, expected numbers,"
                " or layout: columns or pandas",
            )


def _numeric(feature: Feature) -> bool:
    if feature.type == "category":
        return bool(feature.one_of) and not any(isinstance(one, str) for one in feature.one_of or ())
    return feature.type != "text"


def _check_apart(fields: Fields, model: Model, component: Component, problems: Problems) -> None:
    """Without `served_as` the version that a server reports is compared with nothing."""
    taken: dict[tuple[str, str, str], str] = {}
    for name, version in model.versions.items():
        mark = _mark(fields, "versions", name)
        place = (version.url or component.url, version.model or component.name, version.served_as)
        other = taken.setdefault(place, name)
        if other != name:
            problems.add(
                mark,
                f"{short(name)} is served where {short(other)} is, expected another url, model or served_as",
            )
        elif len(model.versions) > 1 and not version.served_as:
            problems.warn(
                mark,
                f"version {short(name)} says no served_as: which version its server says that it is will not be"
                " looked at, expected served_as",
            )


def _mark(fields: Fields, name: str, member: str) -> Mark:
    node = fields.node(name)
    found = node.members.get(member) if isinstance(node, Mapping) else None
    return found.mark if found is not None else fields.place(name)
