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
    """What decides where it goes: what is not said cannot be told. Empty: this machine, unless it says more."""
    words: Kind | None = None
    """What its words are that are no options."""
    valued: frozenset[str] = frozenset()
    """Other options that take a value."""


def table(text: str) -> dict[str, Kind]:
    """`kind: name name; kind: …` → name → kind."""
    found: dict[str, Kind] = {}
    for part in text.split(";"):
        kind, _, names = part.strip().partition(":")
        for name in names.split():
            found[name] = kind  # pyright: ignore[reportArgumentType]
    return found


KUBERNETES: Final = Family(
    names=listed(
        "kubectl oc helm helmfile k9s stern kustomize skaffold velero istioctl argocd flux kubectx kubens k"
    ),
    options=table(
        "contexts: --context --kube-context --cluster --kubecontext; namespaces: -n --namespace; hosts: "
        "-s --server; paths: --kubeconfig -f --filename -k --kustomize --values; names: -e --environment"
    ),
    variables=table("paths: KUBECONFIG; contexts: KUBE_CONTEXT HELM_KUBECONTEXT; namespaces: HELM_NAMESPACE"),
    kinds=("contexts", "namespaces"),
)
TERRAFORM: Final = Family(
    names=listed("terraform tofu terragrunt pulumi cdk cdktf"),
    options=table(
        "paths: -chdir -var-file -state -backend-config --terragrunt-working-dir --working-dir --cwd -C "
        "--var-file; workspaces: --stack -s -workspace; accounts: --profile; names: --env --environment"
    ),
    variables=table(
        "workspaces: TF_WORKSPACE PULUMI_STACK; names: TF_VAR_environment TF_VAR_env; accounts: AWS_PROFILE"
    ),
    kinds=("workspaces", "paths"),
)
FAMILIES: Final[tuple[Family, ...]] = (
    KUBERNETES,
    TERRAFORM,
    Family(
        names=listed(
            "psql pg_dump pg_restore pg_dumpall dropdb createdb dropuser createuser vacuumdb reindexdb "
            "clusterdb pgcli pgbench pg_basebackup pg_isready cockroach"
        ),
        options=table("hosts: -h --host --url; databases: -d --dbname --database"),
        variables=table(
            "hosts: PGHOST PGHOSTADDR; names: PGSERVICE; databases: PGDATABASE; urls: DATABASE_URL "
            "COCKROACH_URL"
        ),
        kinds=("hosts", "databases"),
        words="databases",
        valued=listed(
            "-n -f -k -c --command --file -U --username -p --port -o --output -v --set --variable -F -R -P -T "
            "-L -t --table --schema -N -S -E -j --jobs -Z --maintenance-db --role -I --single-host"
        ),
    ),
    Family(
        names=listed(
            "mysql mariadb mysqladmin mysqldump mysqlimport mariadb-dump mariadb-admin mycli mysqlsh "
            "mysqlslap"
        ),
        options=table(
            "hosts: -h --host; databases: -D --database --databases; urls: --uri; paths: --defaults-file"
        ),
        variables=table("hosts: MYSQL_HOST; urls: DATABASE_URL"),
        kinds=("hosts", "databases"),
        words="databases",
        valued=listed("-e --port -P -S --execute -u --user --socket --protocol --ssl-ca -w --where"),
    ),
    Family(
        names=listed("mongosh mongo mongodump mongorestore mongoimport mongoexport"),
        options=table("hosts: --host -h; databases: --db -d; urls: --uri"),
        words="databases",
        valued=listed(
            "-c --file --username -p --port -o -u --password --eval --collection --out "
            "--authenticationDatabase"
        ),
    ),
    Family(
        names=listed("redis-cli valkey-cli keydb-cli memcached-tool"),
        options=table("hosts: -h; urls: -u; databases: -n"),
        variables=table("urls: REDIS_URL"),
    ),
    Family(
        names=listed(
            "sqlcmd clickhouse-client clickhouse cqlsh usql influx etcdctl rabbitmqadmin sqlplus snowsql "
            "impala-shell beeline kafka-topics kafka-topics.sh kcat esql trino presto"
        ),
        options=table(
            "hosts: -S -h --host -H --endpoints --server --bootstrap-server -b -a --accountname; databases: "
            "-d --database --dbname; urls: -u --url"
        ),
        variables=table("hosts: ETCDCTL_ENDPOINTS CQLSH_HOST SNOWSQL_ACCOUNT; urls: INFLUX_HOST"),
    ),
    Family(
        names=listed("aws s5cmd eksctl sam copilot eb ecs-cli aws2"),
        options=table(
            "accounts: --profile; urls: --endpoint-url; names: --env --environment-name -e --environment; "
            "contexts: --cluster --cluster-name; databases: --db-instance-identifier --db-cluster-identifier"
        ),
        variables=table("accounts: AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ACCOUNT_ID"),
        kinds=("accounts",),
    ),
    Family(
        names=listed("gcloud gsutil bq firebase"),
        options=table(
            "accounts: --project --project_id --account --configuration -P; contexts: --cluster; databases: "
            "--instance"
        ),
        variables=table(
            "accounts: CLOUDSDK_CORE_PROJECT GOOGLE_CLOUD_PROJECT GCLOUD_PROJECT CLOUDSDK_ACTIVE_CONFIG_NAME"
        ),
        kinds=("accounts",),
    ),
    Family(
        names=listed("az azd"),
        options=table("accounts: --subscription -s -g --resource-group; names: -e --environment"),
        variables=table("accounts: AZURE_SUBSCRIPTION_ID"),
        kinds=("accounts",),
    ),
    Family(
        names=listed(
            "doctl hcloud scw linode-cli oci ibmcloud aliyun exo upctl civo vultr-cli nomad consul vault"
        ),
        options=table(
            "accounts: --context --profile --config-profile -p --project --compartment-id; hosts: -address "
            "--address -http-addr --http-addr; namespaces: -namespace --namespace"
        ),
        variables=table(
            "accounts: HCLOUD_CONTEXT SCW_PROFILE; urls: NOMAD_ADDR VAULT_ADDR CONSUL_HTTP_ADDR; namespaces: "
            "NOMAD_NAMESPACE VAULT_NAMESPACE"
        ),
        kinds=("accounts", "hosts"),
    ),
    Family(
        names=listed(
            "heroku fly flyctl railway render vercel netlify wrangler supabase neonctl planetscale pscale "
            "turso amplify sls serverless kamal cap dokku koyeb northflank porter encore sst doppler "
            "infisical"
        ),
        options=table(
            "accounts: -a --app -r --remote --project --project-ref --project-name --service -s --site "
            "--scope; names: -e --env --environment --stage -d --destination --target -c --config --branch"
        ),
        variables=table(
            "accounts: FLY_APP HEROKU_APP; names: RAILWAY_ENVIRONMENT CLOUDFLARE_ENV; urls: SUPABASE_DB_URL"
        ),
        kinds=("accounts", "names"),
        words="names",
    ),
    Family(
        names=listed("docker podman nerdctl docker-compose podman-compose"),
        options=table(
            "hosts: -H --host --url --connection; contexts: --context; paths: -f --file --env-file; names: "
            "--profile"
        ),
        variables=table(
            "urls: DOCKER_HOST CONTAINER_HOST; contexts: DOCKER_CONTEXT CONTAINER_CONNECTION; paths: "
            "COMPOSE_FILE"
        ),
    ),
    Family(
        names=listed(
            "ansible ansible-playbook ansible-pull salt salt-ssh fab pyinfra capistrano chef-client knife "
            "bolt puppet"
        ),
        options=table(
            "paths: -i --inventory --inventory-file; names: -l --limit -e --extra-vars --environment -E; "
            "hosts: -H --hosts"
        ),
        variables=table("paths: ANSIBLE_INVENTORY"),
        kinds=("paths", "names"),
        words="names",
    ),
    Family(
        names=listed(
            "rails rake manage.py alembic flyway liquibase prisma drizzle-kit knex sequelize sequelize-cli "
            "typeorm artisan goose dbmate migrate sqitch mix ecto diesel sqlx atlas db-migrate mikro-orm"
        ),
        options=table(
            "urls: --url -url -u --database-url --db-url; names: --env -e --environment --settings -E; hosts: "
            "--host; databases: --database; paths: --schema -c --config --datasource"
        ),
        variables=table(
            "names: RAILS_ENV RACK_ENV DJANGO_SETTINGS_MODULE APP_ENV MIX_ENV NODE_ENV; urls: DATABASE_URL "
            "FLYWAY_URL; hosts: DATABASE_HOST DB_HOST"
        ),
        kinds=("hosts", "databases", "names"),
    ),
    Family(
        names=listed("ssh mosh autossh sshpass slogin telnet rlogin ssh-copy-id winrs evil-winrm tsh"),
        options=table("hosts: -J -W --proxy -H"),
        words="hosts",
        valued=listed("-e -c -p -o -F -R -L -S -E -I -D -w -b -i -l -m -O -Q -B"),
    ),
    Family(
        names=listed(
            "curl wget http https xh httpie aria2c lynx w3m ab hey wrk k6 grpcurl websocat nc ncat socat"
        ),
        options=table("urls: --url; hosts: --connect-to --resolve"),
        words="hosts",
        valued=listed(
            "-s -e -d -c -p -o --output -F -P -T -E -u --user -w -H -b --config --proxy -m -O -X --request "
            "--data --data-raw --data-binary --data-urlencode --header --form -A --user-agent --cookie "
            "--cookie-jar --referer --max-time --retry --upload-file --write-out -x -K --cert --key --cacert "
            "--post-data --post-file --json --interface"
        ),
    ),
)

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
