"""Where command lines, URLs and arguments reach: a table for each family of tools."""

from typing import Any

import pytest

from standwatch.enforce.environments.reach import compile_environments, reach
from standwatch.facts.configuration import Tool
from standwatch.facts.environments import Environment
from standwatch.facts.rules import ArgumentRule

PRODUCTION = Environment(
    hosts=("*.prod.example.com", "db-prod*", "10.9.8.7"),
    urls=("https://api.example.com/v1/*",),
    branches=("main", "release/*"),
    namespaces=("prod", "prod-*", "payments"),
    contexts=("*-prod", "arn:aws:eks:*:cluster/live"),
    workspaces=("prod",),
    accounts=("prod-*", "123456789012", "shop-live"),
    databases=("billing", "*_production"),
    paths=("envs/prod", "/srv/live", "prod.tfvars", "inventories/prod"),
    variables=("SITE=live",),
    commands=("./ship.sh *",),
    names=("prod", "live"),
    tools=("ledger.*",),
)
STAGING = Environment(hosts=("*.stage.example.com",), branches=("develop",), namespaces=("stage",))
KNOWN = compile_environments({"production": PRODUCTION, "staging": STAGING})
SHELL = Tool("host.Bash", "irreversible", arguments={"command": ArgumentRule(reads_as="shell")})


def at(command: str, cwd: str = "", **around: str) -> str:
    """The environments that a command line reaches, those that it may reach with a `?`."""
    found = reach(KNOWN, SHELL, {"command": command, "cwd": cwd, "around": around}, hooked=True)
    return " ".join([*sorted(found.environments), *(f"{name}?" for name in sorted(found.unknown))])


def of(tool: str, **arguments: Any) -> str:
    found = reach(KNOWN, Tool(tool, "irreversible"), arguments)
    return " ".join([*sorted(found.environments), *(f"{name}?" for name in sorted(found.unknown))])


UNKNOWN = "production? staging?"

DATABASES = [
    ("psql -h db1.prod.example.com -c 'drop table x'", "production"),
    ("psql -hdb1.prod.example.com -d app", "production"),
    ("psql --host=DB1.PROD.EXAMPLE.COM.", "production"),
    ("psql -h db1.stage.example.com -d app -c 'select 1'", "staging"),
    ("psql -h localhost -d app -c 'select 1'", ""),
    ("psql -h 127.0.0.1 app", ""),
    ("psql -h localhost -c 'drop table x'", ""),
    ("psql -h localhost,cache7 -c 'drop table x'", "production?"),
    ("psql -v u=http://localhost/ -c 'drop table x'", UNKNOWN),
    ("psql -h 0x7f.1 app", ""),
    ("psql -h 10.9.8.7 app", "production"),
    ("psql -h 0x0a.9.8.7 app", "production"),
    ("psql billing", "production staging?"),
    ("psql -d shop_production -h localhost", "production"),
    ("psql 'postgresql://u:p@db1.prod.example.com:5432/app'", "production"),
    ("psql postgres://localhost/app", ""),
    ("psql 'host=db1.prod.example.com dbname=app'", "production"),
    ("psql app -c 'drop table x'", UNKNOWN),
    ("psql -c 'drop table x'", UNKNOWN),
    ("PGHOST=db1.prod.example.com psql -c 'drop table x'", "production"),
    ("export PGHOST=db1.prod.example.com; psql -c 'drop table x'", "production"),
    ("export PGHOST=localhost && psql app", ""),
    ("H=db1.prod.example.com; psql -h $H", "production"),
    ('psql -h "$DB_HOST" app', UNKNOWN),
    ("PGSERVICE=production psql", "production"),
    ("sudo -u postgres psql -h db-prod-2 -c 'drop database app'", "production"),
    ("bash -c \"psql -h db-prod-2 -c 'drop table x'\"", "production"),
    ("dropdb -h db-prod-2 app", "production"),
    ("pg_restore --clean -h db-prod-2 -d app x.dump", "production"),
    ("mysql -h db-prod-2 -e 'drop table x' app", "production"),
    ("mysqladmin -hdb-prod-2 drop app", "production"),
    ("mongosh 'mongodb+srv://u:p@db-prod-1,db-prod-2/app' --eval 'db.dropDatabase()'", "production"),
    ("mongosh app", ""),
    ("redis-cli -h db-prod-1 flushall", "production"),
    ("redis-cli flushall", ""),
    ("redis-cli -u redis://db-prod-1:6379 flushall", "production"),
    ("RAILS_ENV=production rails db:drop", "production"),
    ("bin/rails db:drop RAILS_ENV=production", "production"),
    ("DATABASE_URL=postgres://db-prod-1/app npx prisma migrate reset", "production"),
    ("npx prisma migrate reset --force", UNKNOWN),
    ("echo 'drop table x' | psql -h db-prod-1", "production"),
    ("psql -d postgres://localhost/app -c 'drop table x'", ""),
    ("psql -d 'host=localhost dbname=app' -c 'drop table x'", ""),
    ("psql -h localhost app <<'END'\nselect 1;\n\\c billing\ndrop table x;\nEND", "production"),
    ("psql 'postgres://db%2Eprod%2Dexample/x?host=db-prod-1'", "production"),
    ("mysql -p -h db-prod-2 app", "production"),
    ("mysql -h localhost -e 'use billing; drop table x'", "production"),
    ("env PGHOST=db-prod-1 psql -c 'drop table x'", "production"),
    ("source .env && psql -c 'drop table x'", UNKNOWN),
    ("psql -h db1\u3002prod\u3002example\u3002com app", "production"),
    ("docker exec db psql -c 'drop table x'", UNKNOWN),
    ("DATABASE_URL=postgres://localhost/app npm run db:push", ""),
    ("DATABASE_URL=postgres://db-prod-1/app npm run db:push", "production"),
    ("ssh -L 5432:localhost:5432 bastion.prod.example.com", "production"),
]
KUBERNETES = [
    ("kubectl delete ns payments", "production"),
    ("kubectl --context kind-dev -n dev delete pod x", ""),
    ("kubectl --context=shop-prod delete deploy web", "production staging?"),
    ("kubectl -n prod delete deploy web", "production"),
    ("kubectl -nprod delete deploy web", "production"),
    ("kubectl --namespace=prod-eu apply -f x.yaml", "production"),
    ("kubectl apply -f k8s/web.yaml", UNKNOWN),
    ("kubectl -n stage apply -f x.yaml", "staging production?"),
    ("kubectl delete pods --all -A", "production staging"),
    ("kubectl apply -k envs/prod --context kind-dev -n dev", "production"),
    ("kubectl config use-context shop-prod && kubectl delete ns x", "production"),
    ("helm upgrade web ./chart --kube-context shop-prod -n web", "production"),
    ("helm uninstall web -n prod", "production"),
    ("KUBECONFIG=/srv/live/kube kubectl delete ns x", "production"),
    ("kubectl exec -n dev --context kind-dev x -- psql -h db-prod-1 -c 'drop table x'", "production"),
    ("kubectl --context arn:aws:eks:eu-west-1:123456789012:cluster/live delete ns x", "production"),
]
GIT = [
    ("git push origin main", "production"),
    ("git push origin feature/x", ""),
    ("git push origin HEAD:main", "production"),
    ("git push origin HEAD:refs/heads/main --force", "production"),
    ("git push origin +main", "production"),
    ("git push origin :main", "production"),
    ("git push origin --delete release/1.0", "production"),
    ("git push --all origin", "production staging"),
    ("git push --mirror", "production staging"),
    ("git push", UNKNOWN),
    ("git push -u origin HEAD", UNKNOWN),
    ("git push --force", UNKNOWN),
    ("git push origin develop", "staging"),
    ("git checkout main && git merge x && git push", "production"),
    ("git switch -c feature/x && git push -u origin HEAD", ""),
    ("git push origin 'refs/heads/*:refs/heads/*'", "production staging"),
    ("git -c push.default=matching push origin feature/x", UNKNOWN),
    ("git push origin $BRANCH", UNKNOWN),
    ("git push origin v1.0 --tags", ""),
    ("git push --tags", ""),
    ("git commit -m 'see https://api.example.com/v1/x'", ""),
    ("git checkout main", ""),
    ("git -C ../other push", UNKNOWN),
    ("gh pr merge 12 --squash", UNKNOWN),
    ("gh workflow run deploy.yml --ref main", "production"),
]
CLOUDS = [
    ("terraform workspace select prod && terraform destroy -auto-approve", "production"),
    ("terraform destroy -auto-approve", UNKNOWN),
    ("TF_WORKSPACE=prod terraform apply", "production"),
    ("terraform -chdir=envs/prod destroy", "production"),
    ("terraform -chdir=envs/dev workspace select dev", ""),
    ("terraform apply -var-file=prod.tfvars", "production"),
    ("terraform apply -var env=prod", "production"),
    ("cd envs/prod && terraform destroy", "production"),
    ("pulumi destroy --stack prod --yes", "production"),
    ("aws --profile prod-admin rds delete-db-instance --db-instance-identifier x", "production"),
    ("aws rds delete-db-instance --db-instance-identifier x", UNKNOWN),
    ("AWS_PROFILE=prod-admin aws s3 rb s3://x --force", "production"),
    ("aws --profile dev s3 ls", ""),
    ("aws sns delete-topic --profile dev --topic-arn arn:aws:sns:eu-west-1:123456789012:x", "production"),
    ("gcloud --project shop-live compute instances delete x", "production"),
    ("gcloud config set project shop-live && gcloud compute instances delete x", "production"),
    ("az account set --subscription shop-live && az group delete -n x", "production"),
    ("docker -H tcp://db-prod-1:2375 volume rm x", "production"),
    ("docker --context shop-prod rm -f web", "production"),
    ("docker volume rm x", ""),
    ("fly deploy -a shop-live", "production"),
    ("railway environment production", "production staging?"),
    ("vercel --prod", "production"),
    ("heroku pg:reset -a shop-live", "production"),
    ("ansible-playbook -i inventories/prod site.yml", "production"),
    ("ansible-playbook -i inventories/dev site.yml --limit web", ""),
    ("ansible-playbook site.yml", UNKNOWN),
]
NETWORK = [
    ("ssh deploy@web1.prod.example.com 'sudo systemctl restart web'", "production"),
    ("ssh web1 uptime", ""),
    ("ssh -o HostName=web1.prod.example.com web1 uptime", "production"),
    ("curl --resolve web1.prod.example.com:443:10.0.0.1 https://x.example/", "production"),
    ("timeout 5 curl -X POST https://api.example.com/v1/x", "production"),
    ("xargs -n1 curl -X DELETE https://api.example.com/v1/x", "production"),
    ("ssh -J bastion.prod.example.com web1 uptime", "production"),
    ("scp dump.sql db1.prod.example.com:/tmp/", "production"),
    ("rsync -a --delete ./ deploy@web1.prod.example.com:/var/www/", "production"),
    ("curl -X DELETE https://api.example.com/v1/users/7", "production"),
    ("curl -X DELETE https://api.example.com/v2/../v1/users/7", "production"),
    ("curl -X DELETE https://api.example.com/v2/users/7", ""),
    ("curl -X DELETE https://u:p@API.example.com:443/v1/users/7", "production"),
    ("curl -X POST web1.prod.example.com/admin", "production"),
    ("curl -H 'Host: web1.prod.example.com' http://10.0.0.1/", "production"),
    ("curl https://docs.example.org/", ""),
    ("wget https://web1.prod.example.com/x", "production"),
    ("echo https://web1.prod.example.com/x", ""),
    ("grep -r db1.prod.example.com .", ""),
    ("python -c \"import psycopg; psycopg.connect('postgresql://db1.prod.example.com/app')\"", "production"),
    ("python - <<'END'\nconnect(host='db1.prod.example.com')\nEND", "production"),
]
REST = [
    ("./ship.sh now", "production"),
    ("./deploy.sh production", "production"),
    ("make deploy ENV=prod", "production"),
    ("make deploy-production", "production staging?"),
    ("npm run deploy:prod", "production staging?"),
    ("npm run db:push", UNKNOWN),
    ("make deploy", UNKNOWN),
    ("npm run build", ""),
    ("SITE=live ./x", "production"),
    ("rm -rf /srv/live/data", "production"),
    ("cat ../envs/prod/main.tf", "production"),
    ("ls -la", ""),
    ("pytest -q tests", ""),
    ("npm test", ""),
    ("NODE_ENV=production npm run build", ""),
    ("echo 'unclosed", UNKNOWN),
    ('psql -h "$(cat host)" app', UNKNOWN),
]


@pytest.mark.parametrize(("command", "expected"), DATABASES + KUBERNETES + GIT + CLOUDS + NETWORK + REST)
def test_command_lines(command: str, expected: str) -> None:
    assert at(command) == expected, reach(KNOWN, SHELL, {"command": command}, hooked=True)


def test_what_a_hook_says_of_where_a_command_starts() -> None:
    assert at("git push", branch="main") == "production"
    assert at("git push", branch="feature/x") == ""
    assert at("git checkout main && git push", branch="feature/x") == "production"
    assert at("git add -A && git commit -m x && git push", branch="feature/x") == ""
    for moved in (
        "cd ../other",
        "git co main",
        "gh pr checkout 7",
        "git -C ../other status",
        "export GIT_DIR=../x",
    ):
        assert at(f"{moved} && git push", branch="feature/x") == UNKNOWN, moved
    dev = {"context": "kind-dev", "namespace": "dev"}
    for moved in (
        "export KUBECONFIG=x",
        "aws --profile dev eks update-kubeconfig --name live",
        "kubens prod",
    ):
        assert at(f"{moved} && kubectl apply -f x.yaml", **dev) not in ("",), moved
    assert at("kubectl --kubeconfig other apply -f x.yaml", **dev) == UNKNOWN
    here = {"cwd": "/projects/me/infra/dev", "workspace": "dev"}
    assert at("terraform destroy", **here) == ""
    assert at("terraform -chdir=../other destroy", **here) == "production?"
    assert at("kubectl apply -f x.yaml", context="kind-dev", namespace="dev") == ""
    assert at("kubectl apply -f x.yaml", context="shop-prod", namespace="dev") == "production"
    assert at("terraform destroy", cwd="/projects/me/infra/envs/prod", workspace="default") == "production"
    assert at("terraform destroy", cwd="/projects/me/infra/dev", workspace="default") == ""


def test_an_agent_does_not_say_where_it_stands() -> None:
    """Only a hook's word is taken for what is around; elsewhere such an argument is one like any other."""
    found = reach(KNOWN, SHELL, {"command": "git push", "around": {"branch": "feature/x"}})
    assert sorted(found.unknown) == ["production", "staging"]


def test_arguments_of_other_tools() -> None:
    assert of("k8s.delete", namespace="prod") == "production"
    assert of("k8s.delete", namespace="dev") == ""
    assert of("k8s.delete", target={"namespaceName": "x", "kubeContext": "shop-prod"}) == "production"
    assert of("github.push_files", branch="main", files=[{"path": "a.txt", "content": "x"}]) == "production"
    assert of("pg.query", sql="drop table x", dsn="postgresql://db-prod-1/app") == "production"
    assert of("pg.query", sql="drop table x", anything="postgresql://db-prod-1/app") == "production"
    assert of("pg.query", sql="drop table x", database="billing") == "production"
    assert of("http.request", url="https://api.example.com/v1/x") == "production"
    assert of("ledger.post") == "production"
    assert of("files.write", path="/projects/me/envs/prod/main.tf") == "production"
    assert of("files.write", path="notes.md", content="see https://api.example.com/v1/x") == ""
    assert of("deploy.start", environment="Production") == "production"
    assert of("box.exec", command=["psql", "-h", "db-prod-1", "-c", "drop table x"]) == "production"


def test_a_finding_says_which_word_told_it() -> None:
    found = reach(KNOWN, SHELL, {"command": "psql -h db-prod-1 -c 'drop table x'"})
    assert found.environments == {"production": "hosts: -h db-prod-1"}
    found = reach(KNOWN, SHELL, {"command": "kubectl apply -f x.yaml"})
    assert found.unknown["production"] == "kubectl goes where its own settings say"


@pytest.mark.parametrize(
    "command",
    [
        "curl -X DELETE api.example.com/v1/x",  # curl needs no scheme
        "curl -X DELETE https://api.example.com//v1/x",
        "curl -X DELETE --connect-to x:443:db1.prod.example.com:443 https://x/",
        "echo 'psql -h db1.prod.example.com -c drop' | sh",
        "env -S 'psql -h db1.prod.example.com'",
        "cat <<X\n\\\nX\npsql -h db1.prod.example.com\nX\n",
        "git subtree push --prefix x origin main",
        "git config branch.dev.merge refs/heads/main; git push",
        "B=xmain; git push origin ${B#x}",
        "for b in dev main; do git push origin $b; done",
    ],
)
def test_no_other_spelling_hides_production(command: str) -> None:
    assert "production" in at(command, branch="dev")
