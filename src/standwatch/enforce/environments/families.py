"""Programs that reach somewhere: which of their options, variables and words say where."""

from __future__ import annotations

from typing import Final

import msgspec

from standwatch.enforce.idioms.listed import listed
from standwatch.facts.environments import Kind


class Family(msgspec.Struct, frozen=True):
    """Programs that say in the same words where they go."""

    names: frozenset[str]
    options: dict[str, Kind] = {}
    """Option → what its value is."""
    variables: dict[str, Kind] = {}
    kinds: tuple[Kind, ...] = ()
    """What decides where it goes: where that is not said, it cannot be told. Empty: this machine, unless it says more."""
    words: Kind | None = None
    """What its words are that are no options."""
    valued: frozenset[str] = frozenset()
    """Other options that take a value."""


def _options(text: str) -> dict[str, Kind]:
    """`kind: option option; kind: …`."""
    found: dict[str, Kind] = {}
    for part in text.split(";"):
        kind, _, options = part.strip().partition(":")
        for option in options.split():
            found[option] = kind  # pyright: ignore[reportArgumentType]
    return found


KUBERNETES: Final = Family(
    names=listed("kubectl oc helm helmfile k9s stern kustomize skaffold velero istioctl argocd flux kubectx kubens k"),
    options=_options(
        "contexts: --context --kube-context --cluster --kubecontext; namespaces: -n --namespace; "
        "hosts: -s --server; paths: --kubeconfig -f --filename -k --kustomize --values; names: -e --environment"
    ),
    variables={"KUBECONFIG": "paths", "KUBE_CONTEXT": "contexts", "HELM_KUBECONTEXT": "contexts",
               "HELM_NAMESPACE": "namespaces"},
    kinds=("contexts", "namespaces"),
)  # fmt: skip
TERRAFORM: Final = Family(
    names=listed("terraform tofu terragrunt pulumi cdk cdktf"),
    options=_options(
        "paths: -chdir -var-file -state -backend-config --terragrunt-working-dir --working-dir --cwd -C --var-file; "
        "workspaces: --stack -s -workspace; accounts: --profile; names: --env --environment"
    ),
    variables={"TF_WORKSPACE": "workspaces", "PULUMI_STACK": "workspaces", "TF_VAR_environment": "names",
               "TF_VAR_env": "names", "AWS_PROFILE": "accounts"},
    kinds=("workspaces", "paths"),
)  # fmt: skip
FAMILIES: Final[tuple[Family, ...]] = (
    KUBERNETES,
    TERRAFORM,
    Family(
        names=listed(
            "psql pg_dump pg_restore pg_dumpall dropdb createdb dropuser createuser vacuumdb reindexdb clusterdb "
            "pgcli pgbench pg_basebackup pg_isready cockroach"
        ),
        options=_options("hosts: -h --host --url; databases: -d --dbname --database"),
        variables={"PGHOST": "hosts", "PGHOSTADDR": "hosts", "PGSERVICE": "names", "PGDATABASE": "databases",
                   "DATABASE_URL": "urls", "COCKROACH_URL": "urls"},
        kinds=("hosts", "databases"),
        words="databases",
        valued=listed("-c --command -f --file -U --username -p --port -o --output -v --set --variable -F -R -P -T -L"
                      " -t --table -n --schema -N -S -E -j --jobs -Z --maintenance-db --role -I -k --single-host"),
    ),
    Family(
        names=listed("mysql mariadb mysqladmin mysqldump mysqlimport mariadb-dump mariadb-admin mycli mysqlsh mysqlslap"),
        options=_options("hosts: -h --host; databases: -D --database --databases; urls: --uri; paths: --defaults-file"),
        variables={"MYSQL_HOST": "hosts", "DATABASE_URL": "urls"},
        kinds=("hosts", "databases"),
        words="databases",
        valued=listed("-e --execute -u --user -P --port -S --socket -p --password --protocol --ssl-ca -w --where"),
    ),
    Family(
        names=listed("mongosh mongo mongodump mongorestore mongoimport mongoexport"),
        options=_options("hosts: --host -h; databases: --db -d; urls: --uri"),
        words="databases",
        valued=listed("--eval -u --username -p --password --port --collection -c --file -o --out --authenticationDatabase"),
    ),
    Family(
        names=listed("redis-cli valkey-cli keydb-cli memcached-tool"),
        options=_options("hosts: -h; urls: -u; databases: -n"),
        variables={"REDIS_URL": "urls"},
    ),
    Family(
        names=listed("sqlcmd clickhouse-client clickhouse cqlsh usql influx etcdctl rabbitmqadmin sqlplus snowsql impala-shell"
                     " beeline kafka-topics kafka-topics.sh kcat esql trino presto"),
        options=_options("hosts: -S -h --host -H --endpoints --server --bootstrap-server -b -a --accountname; "
                         "databases: -d --database --dbname; urls: -u --url"),
        variables={"ETCDCTL_ENDPOINTS": "hosts", "CQLSH_HOST": "hosts", "INFLUX_HOST": "urls", "SNOWSQL_ACCOUNT": "hosts"},
    ),
    Family(
        names=listed("aws s5cmd eksctl sam copilot eb ecs-cli aws2"),
        options=_options("accounts: --profile; urls: --endpoint-url; names: --env --environment-name -e --environment;"
                         " contexts: --cluster --cluster-name; databases: --db-instance-identifier --db-cluster-identifier"),
        variables={"AWS_PROFILE": "accounts", "AWS_DEFAULT_PROFILE": "accounts", "AWS_ACCOUNT_ID": "accounts"},
        kinds=("accounts",),
    ),
    Family(
        names=listed("gcloud gsutil bq firebase"),
        options=_options("accounts: --project --project_id --account --configuration -P; contexts: --cluster; databases: --instance"),
        variables={"CLOUDSDK_CORE_PROJECT": "accounts", "GOOGLE_CLOUD_PROJECT": "accounts", "GCLOUD_PROJECT": "accounts",
                   "CLOUDSDK_ACTIVE_CONFIG_NAME": "accounts"},
        kinds=("accounts",),
    ),
    Family(
        names=listed("az azd"),
        options=_options("accounts: --subscription -s -g --resource-group; names: -e --environment"),
        variables={"AZURE_SUBSCRIPTION_ID": "accounts"},
        kinds=("accounts",),
    ),
    Family(
        names=listed("doctl hcloud scw linode-cli oci ibmcloud aliyun exo upctl civo vultr-cli nomad consul vault"),
        options=_options("accounts: --context --profile --config-profile -p --project --compartment-id; hosts: -address "
                         "--address -http-addr --http-addr; namespaces: -namespace --namespace"),
        variables={"HCLOUD_CONTEXT": "accounts", "SCW_PROFILE": "accounts", "NOMAD_ADDR": "urls", "VAULT_ADDR": "urls",
                   "CONSUL_HTTP_ADDR": "urls", "NOMAD_NAMESPACE": "namespaces", "VAULT_NAMESPACE": "namespaces"},
        kinds=("accounts", "hosts"),
    ),
    Family(
        names=listed("heroku fly flyctl railway render vercel netlify wrangler supabase neonctl planetscale pscale turso "
                     "amplify sls serverless kamal cap dokku koyeb northflank porter encore sst doppler infisical"),
        options=_options("accounts: -a --app -r --remote --project --project-ref --project-name --service -s --site --scope; "
                         "names: -e --env --environment --stage -d --destination --target -c --config --branch"),
        variables={"FLY_APP": "accounts", "HEROKU_APP": "accounts", "RAILWAY_ENVIRONMENT": "names",
                   "CLOUDFLARE_ENV": "names", "SUPABASE_DB_URL": "urls"},
        kinds=("accounts", "names"),
        words="names",
    ),
    Family(
        names=listed("docker podman nerdctl docker-compose podman-compose"),
        options=_options("hosts: -H --host --url --connection; contexts: --context; paths: -f --file --env-file; names: --profile"),
        variables={"DOCKER_HOST": "urls", "DOCKER_CONTEXT": "contexts", "CONTAINER_HOST": "urls",
                   "COMPOSE_FILE": "paths", "CONTAINER_CONNECTION": "contexts"},
    ),
    Family(
        names=listed("ansible ansible-playbook ansible-pull salt salt-ssh fab pyinfra capistrano chef-client knife bolt puppet"),
        options=_options("paths: -i --inventory --inventory-file; names: -l --limit -e --extra-vars --environment -E; hosts: -H --hosts"),
        variables={"ANSIBLE_INVENTORY": "paths"},
        kinds=("paths", "names"),
        words="names",
    ),
    Family(
        names=listed("rails rake manage.py alembic flyway liquibase prisma drizzle-kit knex sequelize sequelize-cli typeorm "
                     "artisan goose dbmate migrate sqitch mix ecto diesel sqlx atlas db-migrate mikro-orm"),
        options=_options("urls: --url -url -u --database-url --db-url; names: --env -e --environment --settings -E; "
                         "hosts: --host; databases: --database; paths: --schema -c --config --datasource"),
        variables={"RAILS_ENV": "names", "RACK_ENV": "names", "DATABASE_URL": "urls", "DJANGO_SETTINGS_MODULE": "names",
                   "APP_ENV": "names", "FLYWAY_URL": "urls", "MIX_ENV": "names", "DATABASE_HOST": "hosts",
                   "DB_HOST": "hosts", "NODE_ENV": "names"},
        kinds=("hosts", "databases", "names"),
    ),
    Family(
        names=listed("ssh mosh autossh sshpass slogin telnet rlogin ssh-copy-id winrs evil-winrm tsh"),
        options=_options("hosts: -J -W --proxy -H"),
        words="hosts",
        valued=listed("-b -c -D -E -e -F -I -i -L -l -m -O -o -p -Q -R -S -w -B"),
    ),
    Family(
        names=listed("curl wget http https xh httpie aria2c lynx w3m ab hey wrk k6 grpcurl websocat nc ncat socat"),
        options=_options("urls: --url; hosts: --connect-to --resolve"),
        words="hosts",
        valued=listed("-X --request -d --data --data-raw --data-binary --data-urlencode -H --header -o --output -u --user "
                      "-F --form -A --user-agent -b --cookie -c --cookie-jar -e --referer -m --max-time --retry -T "
                      "--upload-file -w --write-out -x --proxy -K --config -E --cert --key --cacert -O -P --post-data "
                      "--post-file --json -p -s --interface"),
    ),
)  # fmt: skip

BY_NAME: Final[dict[str, Family]] = {name: one for one in FAMILIES for name in one.names}

MODES: Final = listed("NODE_ENV MIX_ENV")
"""Variables that say how something is built as often as where it runs."""
STAGES: Final = listed(
    "RAILS_ENV RACK_ENV APP_ENV DJANGO_ENV FLASK_ENV ASPNETCORE_ENVIRONMENT DOTNET_ENVIRONMENT SPRING_PROFILES_ACTIVE "
    "ENV ENVIRONMENT STAGE DEPLOY_ENV DEPLOYMENT_ENVIRONMENT ENVIRONMENT_NAME TARGET_ENV VERCEL_ENV SERVERLESS_STAGE"
)
"""Variables that say in which environment something runs."""
RUNS_TASKS: Final = listed(
    "make gmake just task npm pnpm yarn bun npx rake invoke nox tox gradle mvn bazel ant dagger earthly mage"
)
"""Programs whose words name tasks, and what those are given."""
