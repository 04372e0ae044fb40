"""One reader stands before everything a browser says of a passkey: what `webauthn` alone lets slip has no other way in.

Two public vectors are accepted by the library (a challenge that stands twice, padded base64; tests/wire/
test_approval_corpora.py); here, that nothing in the product reads an assertion or a registration without our reader.
"""

import ast
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3] / "src/standwatch"
READERS = {"record/assertion.py", "keys/passkeys.py"}


@cache
def trees() -> dict[str, ast.Module]:
    return {
        path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


def used(name: str, tree: ast.AST) -> list[ast.AST]:
    """Where `name` is called, imported, or stands as a text of its own."""
    return [
        node
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id == name)
        or (isinstance(node, ast.Attribute) and node.attr == name)
        or (isinstance(node, ast.alias) and node.name == name)
        or (isinstance(node, ast.Constant) and node.value == name)
    ]


def where(name: str) -> set[str]:
    return {path for path, tree in trees().items() if used(name, tree)}


def test_client_data_is_read_in_one_place() -> None:
    assert where("clientDataJSON") <= READERS
    assert where("attestationObject") <= {"keys/passkeys.py"}
    assert where("authenticatorData") <= READERS


def test_the_library_never_judges_an_assertion_and_registrations_only_behind_our_reader() -> None:
    imports = {
        path
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "webauthn")
        or (isinstance(node, ast.Import) and any(one.name.split(".")[0] == "webauthn" for one in node.names))
    }
    assert imports == {"keys/passkeys.py"}
    assert where("verify_authentication_response") == set()
    assert where("verify_registration_response") == {"keys/passkeys.py"}
    tree = trees()["keys/passkeys.py"]
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    calling = {name for name, body in functions.items() if used("_library", body)}
    assert calling == {"registered"}
    lines = {
        name: min(one.lineno for one in used(name, functions["registered"]))
        for name in ("check_client", "_library")
    }
    assert lines["check_client"] < lines["_library"], "our reader first"
