"""What is around a command line: read from real repositories and real files, and left out where it may mean something
else."""

import subprocess
from pathlib import Path

import pytest

from standwatch.hook.around import around, branch, context, workspace

CONFIG = """apiVersion: v1
clusters:
- cluster: {server: https://10.0.0.1}
  name: kind
contexts:
- context:
    cluster: kind
    namespace: dev
    user: me
  name: kind-dev
- context:
    cluster: live
    user: me
  name: shop-prod
current-context: CURRENT
kind: Config
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("KUBECONFIG", "TF_WORKSPACE", "TF_DATA_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def git(folder: Path, *words: str) -> None:
    author = ("-c", "user.name=Ann", "-c", "user.email=ann@shop.example")
    subprocess.run(["git", "-C", folder, *author, *words], check=True, capture_output=True)


def repository(folder: Path) -> Path:
    (folder / "inner").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "feature/x")
    git(folder, "commit", "-q", "--allow-empty", "-m", "Begin")
    return folder


def test_the_branch_that_is_checked_out(home: Path) -> None:
    folder = repository(home / "shop")
    assert branch(str(folder)) == "feature/x"
    assert branch(str(folder / "inner")) == "feature/x"
    git(folder, "worktree", "add", "-q", "-b", "other", str(home / "beside"))
    assert branch(str(home / "beside")) == "other"
    git(folder, "checkout", "-q", "--detach")
    assert branch(str(folder)) == ""
    assert branch("/") == ""


@pytest.mark.parametrize(
    "setting", ["remote.origin.push=HEAD:main", "push.default=upstream", "push.default=matching"]
)
def test_a_push_that_goes_elsewhere_is_not_told(home: Path, setting: str) -> None:
    name, _, value = setting.partition("=")
    folder = repository(home / "shop")
    git(folder, "config", name, value)
    assert branch(str(folder)) == ""
    git(folder, "config", "--unset", name)
    assert branch(str(folder)) == "feature/x"
    (home / ".gitconfig").write_text(f"[{name.rpartition('.')[0]}]\n\t{name.rpartition('.')[2]} = {value}\n")
    assert branch(str(folder)) == "", "nor where it is said for all repositories"


def test_the_context_of_kubernetes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert context() == ("", "")
    (home / ".kube").mkdir()
    (home / ".kube" / "config").write_text(CONFIG.replace("CURRENT", "kind-dev"))
    assert context() == ("kind-dev", "dev")
    (home / "live").write_text(CONFIG.replace("CURRENT", "shop-prod"))
    monkeypatch.setenv("KUBECONFIG", str(home / "live"))
    assert context() == ("shop-prod", "default")
    monkeypatch.setenv("KUBECONFIG", f"{home / 'live'}:{home / '.kube/config'}")
    assert context() == ("", ""), "which of several is asked is not for us to guess"


def test_the_workspace_of_terraform(home: Path) -> None:
    assert workspace(str(home)) == ""
    (home / ".terraform").mkdir()
    assert workspace(str(home)) == "default"
    (home / ".terraform" / "environment").write_text("prod")
    assert workspace(str(home)) == "prod"


def test_only_what_the_command_asks_for_is_read(home: Path) -> None:
    folder = repository(home / "shop")
    assert around("ls -la", str(folder)) == {}
    assert around("git push", str(folder)) == {"branch": "feature/x"}
    assert around("cd x && git push; kubectl get pods", str(folder)) == {"branch": "feature/x"}
