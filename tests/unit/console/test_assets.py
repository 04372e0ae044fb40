"""Static files: vendored as published, under names that hold their hash, packed where that pays."""

import gzip
from hashlib import sha256

import pytest

from standwatch.console.assets import BUNDLES, FOLDER, PREFIX, asset_path, assets, serve

VENDORED = {
    "vendor/htmx.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "vendor/hx-csp.js": "a7e1e6711ae6c3e50ad300fba7936cbe8d07599cdae313414a179ddd6b26e143",
    "vendor/hx-sse.js": "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
    "vendor/LICENSE": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
}
"""SHA-256 of dist/htmx.min.js, dist/ext/hx-csp.min.js, dist/ext/hx-sse.min.js and LICENSE of htmx.org 4.0.1."""


def test_what_is_vendored_is_what_was_published() -> None:
    there = {f"vendor/{file.name}" for file in (FOLDER / "vendor").iterdir()}
    assert there == VENDORED.keys()
    for name, digest in VENDORED.items():
        assert sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name


def test_nothing_of_ours_or_theirs_names_another_place() -> None:
    for file in FOLDER.rglob("*"):
        if file.is_file() and file.suffix in (".js", ".css"):
            text = file.read_text()
            away = (
                "http://",
                "https://",
                "//# sourceMappingURL",
                *(("@import", "url(") if file.suffix == ".css" else ()),
            )
            for scheme in away:
                found = [line for line in text.splitlines() if scheme in line]
                assert all("http://www.w3.org/" in line for line in found), (file.name, found[0][:200])


def test_a_name_holds_its_hash_and_the_answer_may_be_kept_for_ever() -> None:
    for name, asset in assets().items():
        stem, digest, suffix = asset.path.removeprefix(PREFIX).rsplit(".", 2)
        assert f"{stem}.{suffix}" == name
        assert sha256(asset.body).hexdigest().startswith(digest)
        assert asset_path(name) == asset.path
        found = serve(asset.path, "")
        assert found is not None
        assert dict(found.headers)["cache-control"].endswith("immutable")
        assert found.body == asset.body


def test_packed_where_it_pays_and_is_wanted() -> None:
    path = asset_path("htmx.js")
    packed, plain = serve(path, "br, GZIP;q=0.9"), serve(path, "br")
    assert packed is not None
    assert plain is not None
    assert dict(packed.headers)["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) // 2
    assert "content-encoding" not in dict(plain.headers)
    assert not assets()["icon.svg"].packed


def test_a_bundle_is_its_parts() -> None:
    for name, parts in BUNDLES.items():
        assert assets()[name].body == b";\n".join((FOLDER / part).read_bytes() for part in parts)


@pytest.mark.parametrize(
    "path", ["/static/", "/static/style.css", "/static/../app.py", "/static/style.0.css"]
)
def test_nothing_else_is_served(path: str) -> None:
    assert serve(path, "gzip") is None
