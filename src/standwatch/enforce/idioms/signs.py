"""By what words, options and programs are known that a person should look at, whatever the program."""

import re
from typing import Final

from standwatch.enforce.idioms.listed import listed

UNKNOWN: Final = "what runs is known only when it runs"
DECODES: Final = frozenset(
    ["base64", "base32", "xxd", "openssl", "gunzip", "zcat", "nc", "ncat", "rev", "tr", "uudecode"]
)
NAMED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
FOLDER: Final = re.compile(r"\$\{?[A-Za-z_]+\}?/[\w./@+-]+|~/[\w./@+-]+")
KEYWORDS: Final = listed("if then else elif fi do done while until for in case esac { } !")
HINTS: Final = re.compile(
    r"--?(?:(?:pre-?|post-?|on-?)?(?:exec|execute|command|cmd|run|shell|hook|script|pager|editor|viewer|browser|rsh|"
    r"ssh-command|proxy-?command|interpreter|filter|askpass|up|down|launch|spawn|program|compress-program|"
    r"checkpoint-action|to-command|conf-script|init-command|eval|speller|ssh_command|use)|"
    r"(?:load|plugin|engine|module|library|require|import|extension)(?:s|-\w+)?)",
    re.IGNORECASE,
)
"""Options by whose names any program may run something or load code."""
SUBSCRIPT: Final = re.compile(r"\w\[[^\]\n]{0,200}(?:\$\(|`)")
"""An array's place that runs something to know itself."""
PROSE: Final = listed(
    "-m --message --title --body --subject --notes --description --comment --name --grep --author --label --reason "
    "--text"
)
SPEAKS: Final = listed("git gh glab hub hg svn jj jira bd task dnote linear notify-send dunstify mail mailx")
CODE: Final = re.compile(r"[ (\n{;\\]")
"""What a word has that is a program, or a text, and no name."""
SCREENS: Final = re.compile(
    r"\+?:?\s*(?:\d*,?\d*!|sh(?:ell)?\b|te(?:rm|rminal)\b|py(?:thon|file|x)?3?\b|lua|perl|ruby|tcl|mz|so(?:urce)?\b|set\s+shell)"
)
"""What an editor is told that runs something."""
EDITORS: Final = listed("vi vim nvim view rvim rview vimdiff gvim ex ed red emacs")
MODULAR: Final = listed("python python2 pypy")
TYPED: Final = re.compile(r"[\d\W_]*$|[\^!\\:][^ ]|\.[A-Za-z]|[a-zA-Z]$")
"""What stands at the beginning of a line that is typed into a program, and is no command itself."""
COMMANDS: Final = frozenset(["[", "[[", ":", ".", "w", "R", "{", "}", "((", "%"])
CONSOLE: Final = re.compile(
    r"(?:^|[;\n])\s*(?:\\!|\.(?:shell|system|load)\b|system\s|\\copy\b.*\bprogram\b|!)", re.IGNORECASE
)
"""What a database's own console runs."""
REMOTE: Final = re.compile(
    r"[\w.+-]*://(?!localhost|127\.)|(?:[\w.-]+@)?[\w-]+(?:\.[\w-]+)+:|[\w.-]+@[\w.-]+:|\w+:\w*://|[\w-]{2,}:[\w/]"
)
"""A place elsewhere, as programs that copy spell it."""
PROMPTS: Final = listed(
    "eval shell console repl tunnel dbshell dbconsole debug-shell run-command interactive tinker"
)
LETS_IN: Final = re.compile(
    r"--(?:listen|http-listen|allow-remote)(?:[=-]|$)"
    r"|(?:--?[\w-]+=)?(?:https?://|tcp://)?(?:0\.0\.0\.0|\[::\])(?::\d+)?$"
    r"|(?:--?[\w-]*(?:host|bind|listen|addr\w*)=|https?://|tcp://)\*(?::\d+)?$|\*:\d+$"
)
SECRETS: Final = re.compile(
    r"^(?:aws .*(?:secretsmanager (?:batch-)?get-secret-value|ssm get-parameters?\b.*--with-decryption"
    r"|ecr get-login-password)|vault (?:kv get|read)|gcloud (?:.*secrets versions access|auth print-\w+-token)"
    r"|az (?:keyvault \w+ (?:show|download)|account get-access-token)"
    r"|(?:kubectl|oc) (?:.* )?get secrets?\b.*(?:-o|--output|jsonpath|template)|heroku config|doppler secrets"
    r"|railway variables|op (?:read|item get)|gh auth token|docker-credential-\w+ get|secret-tool lookup"
    r"|chamber (?:read|export)|sops (?:-d|--decrypt)|ansible-vault (?:view|decrypt)|kubeseal --recovery-unseal|age -d"
    r"|gpg --export-secret)"
)
"""Command lines that tell a secret."""
PACKED: Final = re.compile(r"\.(?:deb|rpm|snap|flatpak|apk|pkg|msi|txz|pkg\.tar\.\w+)$")
EVERYDAY: Final = listed("cat echo printf chmod mkdir touch cd ls grep head tail true ln")
