"""Command lines of clouds and platforms that delete what runs, or change who may do what."""

import re
from typing import Final

from standwatch.enforce.idioms.listed import linear, listed

_NAMES: Final = listed(
    "aws gcloud gsutil az kubectl oc k3s helm terraform tofu terragrunt pulumi railway fly flyctl heroku vercel "
    "netlify doctl eksctl ibmcloud oci linode-cli hcloud scw wrangler firebase supabase render neonctl planetscale "
    "pscale turso gh glab docker-machine vault consul nomad argocd flux kops cdk sam serverless sls copilot eb ansible "
    "minikube kind velero rancher crossplane bw op aliyun civo upctl exo ovhai databricks snowsql bq cf "
    "docker podman nerdctl"
)
_VERBS: Final = listed(
    "delete destroy terminate remove rb rm purge uninstall down reset deregister revoke drop unlink nuke wipe erase "
    "delete-all truncate drain"
)
_LOCAL: Final = frozenset(
    {"docker", "podman", "nerdctl", "gh", "glab", "vault", "consul", "kind", "minikube"}
)
"""Where `rm`, `down` and their kin are everyday work on what is at hand."""
_RIGHTS: Final = re.compile(
    r"(?:^|-)(?:policy|policies|access-key|grant|permission|permissions|credential|credentials|login-profile|mfa-device|"
    r"bucket-acl|object-acl|iam-policy-binding|public-access-block|rolebinding|clusterrolebinding|account|trust|saml|"
    r"role-assignment|user-to-group|role-to-instance-profile|service-specific-credential|virtual-mfa)(?:-|s?$)"
)
_LOOKS: Final = re.compile(
    r"^(?:list|get|describe|show|ls|view|simulate|generate-credential-report|lookup|search|can-i|whoami|head|batch-get|"
    r"preview|plan|validate|diff|status|logs?|version|help|explain|top|history|print|read|inspect)(?:-|$)"
)
_MUTATION: Final = linear(r"(?i)mutation(?s:.*)(?:delete|destroy|remove|drop|terminate|reset)\w*\s*[({]")
_PLANS: Final = frozenset({"plan", "validate", "show", "output", "graph", "workspace", "state"})


def knows(name: str) -> bool:
    """Whether `name` is such a program."""
    return name in _NAMES


def mutates(text: str) -> bool:
    """Whether `text` is a GraphQL mutation that deletes."""
    return _MUTATION(text)


def danger(name: str, arguments: list[str]) -> str:
    """Why a person should look at `name arguments…`."""
    if any(one in ("--help", "-h", "--dry-run", "--dry-run=client", "--dry-run=server") for one in arguments):
        return ""
    said = [one.casefold() for one in arguments]
    words = _words(said)
    if words[:1] in (["run"], ["shell"], ["exec"]) and name in (
        "railway",
        "heroku",
        "doppler",
        "fly",
        "flyctl",
    ):
        return ""  # what it runs is looked at for itself
    if name in ("terraform", "tofu", "terragrunt"):
        return _terraform(name, said, words)
    for place, one in enumerate(words[:8]):
        if name == "aws" and place > 2:
            break
        if _LOOKS.match(one) and place < 4:
            break
        if why := _verb(name, one, words[place + 1 :], said):
            return why
    return _rights(name, words, said)


_VALUED: Final = listed(
    "--profile --region --output --endpoint-url --query -n --namespace --context --kubeconfig --project --zone "
    "--subscription -g --resource-group -a --app --account --cluster -c --config --org --environment --service"
)


def _words(said: list[str]) -> list[str]:
    """What is no option, nor the value of a common one."""
    found: list[str] = []
    for place, one in enumerate(said):
        if not one.startswith("-") and not (place and said[place - 1] in _VALUED):
            found.append(one)
    return found


def _verb(name: str, word: str, rest: list[str], said: list[str]) -> str:
    parts = word.replace(":", "-").replace("_", "-").split("-")
    hyphenated = name == "aws" or ":" in word
    acts = word in _VERBS or (hyphenated and (parts[0] in _VERBS or parts[-1] in _VERBS))
    acts = acts or "deletion" in parts
    if not acts or (name in ("kubectl", "oc") and rest[:1] in (["pod"], ["pods"]) and "--all" not in said):
        return ""  # what runs in a pod comes back
    if name == "aws" and word == "rm" and "--recursive" not in said:
        return ""
    if name in _LOCAL and word in ("rm", "down", "remove"):
        spared = not any(one in ("-v", "--volumes", "-f", "--force") for one in said) or name in (
            "docker",
            "podman",
        )
        volumes = "-v" in said or "--volumes" in said or (said and said[0] == "volume")
        return "" if spared and not volumes else f"{name} {word} removes what holds data"
    return f"{name} {word} removes what runs or holds data"


def _terraform(name: str, said: list[str], words: list[str]) -> str:
    acting = [one for one in words if one in ("destroy", "apply", *_PLANS)]
    first = acting[0] if acting else ""
    if first == "state" and any(one in ("rm", "push", "replace-provider") for one in words):
        return f"{name} state is changed by hand"
    if first == "workspace" and "delete" in words:
        return f"{name} workspace delete removes its state"
    if first == "destroy" or (
        first == "apply" and any(one.lstrip("-").partition("=")[0] == "destroy" for one in said)
    ):
        return f"{name} destroy removes what it built"
    return ""


def _rights(name: str, words: list[str], said: list[str]) -> str:
    acting = words[:5]
    if any(_LOOKS.match(one) for one in acting[:4]):
        return ""
    if (
        name == "aws"
        and acting[:1] in (["iam"], ["organizations"], ["sso-admin"], ["sts"])
        and len(acting) > 1
    ):
        return (
            ""
            if acting[0] == "sts" and acting[1] != "assume-role"
            else f"aws {' '.join(acting[:2])} changes rights"
        )
    if any(_RIGHTS.search(one) for one in acting):
        return f"{name} {' '.join(acting[:3])} changes who may do what"
    if name == "gsutil" and acting[:1] in (["iam"], ["acl"], ["defacl"]) and acting[1:2] not in (["get"], []):
        return f"{name} {' '.join(acting[:2])} changes who may do what"
    if name in ("kubectl", "oc") and acting[:2] in (["create", "token"], ["create", "clusterrolebinding"]):
        return f"{name} {' '.join(acting[:2])} gives access"
    if "create-for-rbac" in acting:
        return f"{name} {' '.join(acting[:3])} gives access"
    changing = {"create", "add", "set", "update", "reset", "assign", "patch", "edit", "enable"}
    keys = {
        "keys",
        "service-accounts",
        "sp",
        "role",
        "roles",
        "iam",
        "credential",
        "ad",
        "rbac",
        "auth",
        "secrets",
    }
    if name in ("gcloud", "az") and changing & set(acting) and keys & set(acting):
        return f"{name} {' '.join(acting[:3])} changes who may do what"
    if "--acl" in said and any("public" in one for one in said):
        return "it opens what is stored to everybody"
    if name in ("kubectl", "oc") and acting[:1] in (["exec"], ["drain"], ["cordon"], ["attach"], ["debug"]):
        return f"{name} {acting[0]} reaches into what runs"
    if name in ("kubectl", "oc") and acting[:1] == ["scale"] and any(one == "--replicas=0" for one in said):
        return f"{name} scale to nothing stops what runs"
    return ""
