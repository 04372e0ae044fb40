"""Programs by what they do with their arguments."""

import re
from typing import Final

from standwatch.enforce.idioms.listed import listed

SHELLS: Final = listed(
    "sh bash zsh dash ksh ash fish csh tcsh pwsh powershell cmd rbash busybox ksh93 mksh yash posh osh oil elvish nu "
    "nushell xonsh rc es"
)
"""INVARIANT: every program that the table (`table_lines.py`) calls a shell; a test holds the two together."""
INTERPRETERS: Final = listed(
    "python python2 python3 node nodejs deno bun perl ruby php lua awk gawk mawk nawk osascript tclsh rscript groovy "
    "pypy pypy3 ipython luajit ts-node tsx julia raku guile r ghci irb pry jruby jython racket sbcl clojure clj scala "
    "elixir iex erl ocaml utop kotlin swift jshell octave expect wish"
)
EDITS: Final = listed("vim vi nvim ex ed view emacs sed gsed less")
RIGHTS: Final = listed("sudo sudoedit su doas pkexec runas gosu setpriv nsenter machinectl runuser su-exec")
WRAPPERS: Final = listed(
    "env nohup timeout nice ionice stdbuf setsid xargs command exec builtin unbuffer fakeroot dbus-run-session "
    "taskset chroot watch strace ltrace script flock parallel time chrt numactl unshare firejail proot prlimit "
    "systemd-run caffeinate winpty expect faketime rlwrap ssh-agent dbus-launch xvfb-run catchsegv torsocks "
    "proxychains proxychains4 eatmydata cgexec sem entr find fd ssh"
)
RUNNERS: Final = listed(
    "npx npm pnpm yarn bunx uvx pipx poetry uv pipenv bundle railway heroku doppler direnv op nix aws-vault chamber"
)
INERT: Final = listed(
    "echo printf grep egrep fgrep rg ag man which type help apropos whatis true false : test [ alias history_ "
    "whereis info date sleep seq yes"
)
FETCHES: Final = listed("curl wget http https xh httpie fetch aria2c lynx w3m ab hey lwp-request links axel")
DATABASES: Final = listed(
    "psql mysql mariadb sqlite3 sqlcmd sqlplus clickhouse-client duckdb cockroach mysqlsh pgcli"
)

PACKAGES: Final = listed("apt apt-get brew dnf yum apk pacman zypper")
WRITES_LAST: Final = listed("cp mv install rsync scp ln tee dd")
PUBLIC: Final = frozenset(
    ".".join(one)
    for one in (
        ("pypi", "org"), ("test", "pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
    )
)  # fmt: skip
"""What package managers ask where nobody tells them anything else. In pieces, for no file here names a registry as one
to be used: these are recognised, and never asked."""


def known(word: str) -> str:
    """The program that a command's first word names: without folder, ending, or a package's scope and version."""
    name = word.replace("\\", "/").rstrip("/").rpartition("/")[2].casefold()
    if word.startswith("@") and "/" in word:
        name = word[1:].partition("/")[0].casefold()
    name = re.sub(r"\.(?:exe|cmd|bat|com|ps1)$", "", name)
    name = re.sub(r"(?<=[a-z])@[\w.^~-]+$", "", name)
    return re.sub(r"^(python|perl|ruby|php|lua|node)[\d.]+$", r"\1", name)
