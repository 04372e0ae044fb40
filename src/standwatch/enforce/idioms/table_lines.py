"""The table of programs, as `table.py` reads it: one line for programs that do the same, grouped by what matters."""

# ruff: noqa: E501 - a line is one row
from typing import Final

LINES: Final[str] = """
# Programs by what they do. How lines are read: table.py. Grouped by what matters about them.

# --- look at names, sizes and states -----------------------------------------------------------------------------
ls dir vdir stat test [ [[ basename dirname realpath readlink pwd cd pushd popd which whereis type hash tree exa eza lsd colorls broot : read names
df lsblk findmnt free uptime uname arch nproc lscpu hostname whoami id groups users who w tty locale cal ncal tput stty getconf lsusb lspci sw_vers : read names
ps pgrep pidof jobs top htop vmstat iostat mpstat sar lsof ss netstat printenv compgen command+-v help times ulimit umask : read names
sleep wait true false seq yes : read text
history fc : read
apropos whatis tldr cheat : read text
man info : read text pages

file : read names reads=-f,-m,--files-from,--magic-file
du : read names reads=--files0-from,-X,--exclude-from
date : read names reads=-f,--file,-r

# --- text ---------------------------------------------------------------------------------------------------------
echo printf print say figlet expr : read text
export declare local typeset readonly unset set shopt alias unalias read let return exit break continue shift getopts bindkey complete disown dirs : read text

# --- read files and print them -----------------------------------------------------------------------------------
cat tac head tail wc uniq cut paste tr nl od xxd hexdump hd strings rev fold fmt pr column expand unexpand cksum md5sum sha1sum sha256sum sha512sum b2sum b3sum shasum md5 sum cmp diff comm join look base64 base32 basenc : read
sort : read runs=--compress-program
bat batcat : read looks=--paging,--pager
zcat bzcat xzcat zstdcat glow jq yq xq tomlq mlr csvcut csvlook xsv xmllint pup htmlq delta difft icdiff colordiff tokei cloc scc exiftool ffprobe identify mediainfo pdfinfo pdftotext : read
grep egrep fgrep ag ack zgrep bzgrep xzgrep ugrep : read pattern
rg : read pattern runs=--pre,--hostname-bin
git+grep : read pattern runs=-O,--open-files-in-pager
awk gawk mawk nawk bwk : read code values=-F,-v,--field-separator,--assign loads=-f,--file,-l,--load,-i,--include
sed gsed : read code values=-e,-f,--expression,--file
nm objdump readelf ldd size c++filt addr2line : read
less more most pg ul xmore : read bare
find fd fdfind bfs locate mdfind : read
dmesg : read looks=-H,--human
whois finger : read net looks=-h,--host
curl : read net values=-o,--output,-H,--header,-X,--request,-u,--user,-A,--user-agent,-e,--referer,-b,--cookie,-w,--write-out,-m,--max-time,--retry,--connect-timeout,-x,--proxy,--resolve sends=-d,--data,--data-raw,--data-binary,--data-urlencode,--data-ascii,-F,--form,--form-string,-T,--upload-file,--json,--variable,--expand-url,--expand-data,--expand-header,--url-query looks=-K,--config,--connect-to,--doh-url,--preproxy,--unix-socket,--abstract-unix-socket
wget : write net sends=--post-file,--post-data,--body-file,--body-data looks=--use-askpass
http https xh httpie : write net
dig nslookup host ping traceroute tracepath mtr : read net
aria2c axel lwp-download lwp-request fetch yt-dlp youtube-dl gallery-dl : write net looks=--on-download-complete,--on-download-error,--on-download-start,--on-bt-download-complete,--exec,--hook
lynx w3m links elinks : read net

# --- write files -------------------------------------------------------------------------------------------------
cp mv mkdir touch ln install tee csplit patch dos2unix unix2dos iconv rename mktemp mkfifo : write
split : write runs=--filter
rm rmdir unlink trash shred srm wipe truncate : irreversible
tar gtar bsdtar : write runs=--checkpoint-action,--to-command,--use-compress-program,--rsh-command,--rmt-command,--info-script,--new-volume-script,-I,-F
gzip gunzip bzip2 bunzip2 xz unxz zstd lz4 7z 7za 7zr unrar rar zipinfo ar jar : write
zip : write runs=-TT,--unzip-command
cpio : write input runs=--rsh-command
pax : write input
make gmake : write runs=-E,--eval
mk ninja cmake meson bazel buck task ant mvn gradle gradlew : write
just : write runs=--shell,--command
task+execute task+edit : write asks=it_runs_what_it_is_given
rake : write code=-p,-e,-E,--execute,--execute-print,--execute-continue
chmod chown chgrp : write
setfacl chattr setcap : write asks=it_changes_who_may_do_what
unzip : write looks=-K

# --- run others ---------------------------------------------------------------------------------------------------
env : read wrap values=-u,--unset,-C,--chdir,-S,--split-string,-a,--argv0 runs=-S,--split-string
nohup setsid command exec builtin unbuffer fakeroot eatmydata dbus-launch catchsegv caffeinate coproc : read wrap
time /usr/bin/time : read wrap values=-f,--format,-o,--output
timeout gtimeout : read wrap=1 values=-k,--kill-after,-s,--signal
nice ionice chrt : read wrap values=-n,--adjustment,-c,-p,--class,--classdata
stdbuf : read wrap values=-i,-o,-e,--input,--output,--error
taskset : read wrap=1
choom : read wrap values=-n,--adjust
flock : read wrap=1 runs=-c,--command values=-w,-E,--timeout,--wait
watch : read wrap values=-n,--interval
xargs : read wrap input values=-n,-P,-I,-L,-d,-a,-s,-E,-i,--max-args,--max-procs,--delimiter,--arg-file,--replace,--max-lines,--max-chars
parallel sem : write wrap input values=-j,--jobs,-N,-n,-a,--arg-file,-S,--sshlogin,--colsep,-C,--delay,--joblog,--results,--tmpdir,--timeout,--retries
entr : read wrap
strace ltrace : read wrap values=-e,-o,-p,-s,-P,-u,-E,--trace,--output
perf+record perf+stat perf+trace hyperfine : read wrap values=-e,-o,-p,-r,-w,--warmup,--runs,-m,-M,--prepare,--cleanup,--setup runs=--prepare,--cleanup,--setup,-p,-c,-s
valgrind memcheck : read wrap
rlwrap : read wrap values=-f,-H,-C
dbus-run-session systemd-inhibit systemd-cat proxychains proxychains4 torsocks torify faketime xvfb-run : read wrap values=--who,--what,--why,--mode,-t,-p,-s,-n
setarch linux32 linux64 i386 x86_64 : read wrap
numactl prlimit cgexec : read wrap
script scriptreplay : write runs=-c,--command opens
ssh-agent : read wrap
softlimit multitime cpulimit : read wrap values=-l,-P,-p,-e,-a,-m
start-stop-daemon daemonize : write wrap runs=--exec,-x,--startas,-a asks=it_starts_what_goes_on_running
setlock tsp batch at+now : write asks=it_runs_something_later
run-parts : write asks=it_runs_what_stands_in_a_folder
expect : write code=-c bare loads=-f
unshare nsenter chroot capsh setpriv sg newgrp runuser su-exec gosu pkexec doas sudo su dzdo run0 sudoedit runas : write asks=it_acts_with_other_rights
firejail bwrap proot distrobox toolbox : write wrap
ld.so ld-linux.so.2 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 : write wrap asks=it_runs_a_program_by_the_loader
openvt dtach abduco tmate zellij byobu screen tmux : write opens
xdotool ydotool wtype osascript : write asks=it_acts_in_other_windows
nodemon watchexec watchman-make reflex chokidar onchange concurrently npm-run-all run-p run-s gow air : write runs=--exec,-x,-c,--command
doppler+run railway+run chamber+exec aws-vault+exec dotenv dotenvx+run direnv+exec op+run infisical+run envchain with-env : write wrap values=-f,-e,--env,--env-file,--project,--config,--name,-p,-c runs=--command

# --- shells and interpreters -----------------------------------------------------------------------------------------
sh bash zsh dash ksh ksh93 mksh ash fish csh tcsh rbash yash posh elvish nu nushell xonsh oil osh rc es : write shell runs=-c,--command,--init-command,-C bare values=-O,+O,--rcfile,--init-file,-o
pwsh powershell cmd : write shell runs=-c,-Command,-command,--command looks=-EncodedCommand,-encodedcommand,-enc,-e,-ec,-ep,-ExecutionPolicy bare
python python2 pypy pypy3 bpython ipython ptpython : write code=-c values=-W,-X looks=-i bare
node nodejs deno bun tsx ts-node : write code=-e,--eval,-p,--print,-pe loads=-r,--require,--import,--loader bare
perl raku : write code=-e,-E,-ne,-pe,-le,-lne,-nle,-lane,-ane,-pi,-i bare loads=-M,-m
ruby jruby : write code=-e,-ne,-pe,-lne bare loads=-r looks=-run,-rhttpd,-rwebrick
php : write code=-r,-B,-R,-E bare looks=-S
lua luajit tarantool : write code=-e bare loads=-l
R Rscript julia jrunscript groovy scala kotlin swift elixir iex erl clj clojure jshell ghci racket guile gosh sbcl clisp csi gforth octave matlab maxima gp sage tclsh wish expectk irb pry jjs rhino nashorn jython dart ocaml utop dotnet-script fsi csharp : write code=-e,-r,--eval,--execute,--execute-string,-E,-c,-x,-eval,-s,-b,--exec bare
emacs emacsclient xemacs : write code=--eval,-e,-eval,--execute,-execute loads=-l,--load,-f,--funcall bare
m4 : write
duckdb psql mysql mariadb mysqlsh sqlcmd sqlplus clickhouse-client cockroach pgcli mycli litecli usql : write code=-c,-e,--command,--execute,-cmd,--init-command loads=--default-auth,--plugin-dir,--load-extension,-init net bare
sqlite3 : write code=-cmd,-init loads=-init bare
redis-cli mongo mongosh influx cqlsh etcdctl : write net
gdb lldb cgdb radare2 r2 rizin scanmem gameconqueror jdb pdb ipdb : write opens
crash : write opens pages
gcore : write

# --- editors and screens from which a shell can be had ---------------------------------------------------------------------
vi vim nvim view rvim rview vimdiff gvim ex ed red micro joe jed ne mg helix hx kak mcedit : write bare code=-c,--cmd,-s,-S
visudo vipw vigr crontab+-e : write opens
nnn lf tig mutt neomutt alpine pine mail mailx elm irssi weechat : write bare
ncdu ranger vifm mc minicom picocom cu tip kermit msfconsole metasploit jtag tdbtool wireshark ettercap slsh : write opens
lftp ftp ncftp sftp psftp tftp smbclient telnet rlogin rsh slogin : write net asks=it_talks_to_another_machine runs=-c,-e
dosbox : write opens
gimp : write code=-b,--batch,--batch-interpreter
ansible-test+shell cdist+shell docker-machine+ssh : write opens
cpan gem+console rails+console rails+c rails+dbconsole bundle+console : write opens
apport-cli apport-collect ubuntu-bug : write opens
ab wrk hey siege vegeta : write net asks=it_loads_another_machine
nc ncat netcat socat socket : write net asks=it_opens_a_connection_of_its_own
openssl+s_client openssl+s_server cryptcat websocat : write net asks=it_opens_a_connection_of_its_own
openssl : read loads=-engine,-provider
mosquitto dnsmasq nginx httpd apache2 apachectl apache2ctl lighttpd caddy haproxy dhclient named ntpd ntpdate : write loads=-g looks=--conf-script,--dhcp-script,--up,--down,--route-up,-sf,--ipchange,--tls-verify,--auth-user-pass-verify,--client-connect,--plugin,--dhcp-luascript,--script-security
python+-m+http.server python+-m+SimpleHTTPServer python+-m+pyftpdlib python+-m+smtpd python+-m+uploadserver http-server updog : read net asks=it_serves_files_to_whoever_asks
python+-m+pdb python+-m+code python+-m+idlelib python+-m+IPython : write opens
busybox toybox : write wrap
busybox+httpd busybox+ftpd busybox+tftpd busybox+telnetd toybox+httpd : write net asks=it_serves_files_to_whoever_asks
openvpn wg-quick pppd openconnect vpnc : write net asks=it_changes_the_machine's_network

# --- pagers behind other programs ------------------------------------------------------------------------------------------
git+help git+--help cargo+help bundle+help apt+changelog apt-get+changelog aptitude+changelog : read pages
systemctl journalctl loginctl busctl timedatectl hostnamectl localectl networkctl resolvectl systemd-resolve systemd-analyze machinectl coredumpctl bootctl homectl userdbctl portablectl : write pages
eb : write
eb+logs : read pages
yelp perldoc pydoc ri pinfo tkman : read pages

# --- other machines, containers, clouds --------------------------------------------------------------------------------------
ssh autossh mosh dbclient plink : write net away asks=it_reaches_another_machine
scp rcp pscp : write net away asks=it_copies_to_or_from_another_machine
rsync : write remote values=-e,--rsh,--exclude,--include,--exclude-from,--filter,-f,--rsync-path runs=-e,--rsh,--rsync-path
sshfs sshpass : write net away asks=it_reaches_another_machine
docker+exec podman+exec nerdctl+exec docker+container+exec podman+container+exec : write wrap=1 away values=-e,--env,-w,--workdir,-u,--user,--env-file,--detach-keys
docker-compose+exec docker+compose+exec docker+compose+run docker-compose+run podman-compose+exec : write wrap=1 away values=-e,--env,-w,--workdir,-u,--user,--index,-v,--volume,-p,--publish,--name,--entrypoint
docker+run podman+run nerdctl+run docker+container+run docker+create podman+create docker+container+create : write wrap=1 away values=-e,--env,-w,--workdir,-u,--user,--env-file,-v,--volume,--mount,-p,--publish,--name,--network,--net,--entrypoint,-h,--hostname,--label,-l,--restart,--platform,--memory,-m,--cpus,--add-host,--tmpfs,--device,--gpus,--ipc,--pid,--cap-add,--cap-drop,--security-opt,--shm-size,--pull,--link,--dns,--log-driver,--log-opt,--ulimit,--cidfile,--volumes-from,--volume-driver,--detach-keys,--health-cmd,--userns,--cgroup-parent,--runtime,--stop-signal,--stop-timeout,--sysctl,--mac-address,--ip,--expose,-c,--cpu-shares,--cpuset-cpus,--group-add,--isolation,--annotation,--blkio-weight
docker podman nerdctl docker-compose podman-compose buildah skopeo crictl ctr lxc lxd incus lima limactl multipass colima vagrant : write away
lxc+exec incus+exec ctr+exec crictl+exec : write wrap=1 away
multipass+exec limactl+shell vagrant+ssh : write wrap=1 away asks=it_reaches_another_machine
kubectl+exec oc+exec k3s+kubectl+exec : write wrap=1 away asks=it_reaches_into_what_runs values=-n,--namespace,-c,--container,--context,--kubeconfig,-f,--filename
kubectl oc k9s kubie helm : write net values=-n,--namespace,--context,--kube-context,--kubeconfig,--cluster,-s,--server,-l,--selector,-o,--output,-f,--filename,-c,--container,--tail,--since
kubectl+proxy oc+proxy : write net asks=it_lets_others_in
cowsay cowthink : read loads=-f
bundle+open : write opens
lxc+init lxc+launch lxc+config incus+init : write away
heroku+run fly+ssh flyctl+ssh : write away asks=it_reaches_another_machine
aws gcloud az gsutil bq doctl linode-cli ibmcloud oci hcloud exo scw cf heroku fly flyctl railway vercel netlify wrangler supabase firebase : write net away values=--profile,--region,--output,--query,--endpoint-url,--project,--zone,--subscription,-g,--resource-group,-a,--app,-r,--remote
aws+ssm+start-session aws+ssm+send-command aws+ecs+execute-command gcloud+compute+ssh gcloud+compute+scp az+ssh : write net away asks=it_reaches_another_machine
terraform tofu terragrunt pulumi : write net
terraform+console : read opens
ansible ansible-playbook ansible-console ansible-pull salt salt-ssh fab pssh pdsh clush : write net asks=it_acts_on_other_machines
mysqldump pg_dump pg_dumpall mongodump : write net
restic borg duplicity rclone kopia s3cmd s4cmd duplicati : write net remote looks=--password-command

# --- the machine ------------------------------------------------------------------------------------------------------------
dpkg dpkg-reconfigure : write looks=-l,--list,-i,--install,-r,-P,--purge,--remove,--unpack,--configure
pacman yay paru : write looks=-U,-S,-R,-Syu,-Sy,-Rs,-Rns,-Syyu
rpm rpmdb rpmquery rpmverify : write code=--eval,-E runs=--pipe looks=-i,-ivh,-Uvh,-U,-F,-e,--install,--upgrade,--erase,--pipe
apt apt-get aptitude : write looks=-o,--option,-c,--config-file
yum dnf dnf5 microdnf zypper apk pkg pkg_add emerge xbps-install snap flatpak installer softwareupdate alien : write looks=-c,--config,-o,--setopt
apt+install apt-get+install apt+remove apt-get+remove apt+purge apt-get+purge apt+upgrade apt-get+upgrade apt-get+dist-upgrade apt+full-upgrade apt+autoremove apt-get+autoremove yum+install yum+localinstall yum+remove yum+erase yum+update dnf+install dnf+localinstall dnf+remove dnf+upgrade zypper+install zypper+in zypper+remove apk+add apk+del pkg+install pkg+delete snap+install snap+remove snap+try flatpak+install aptitude+install : write net fetches asks=it_changes_the_machine's_programs
update-alternatives alternatives ldconfig depmod grub-install update-grub update-initramfs dracut mkinitcpio : write asks=it_changes_the_machine_itself
plymouth kmod scapy cdrecord cdrdao wodim growisofs : write runs=--command
sysctl : write
logrotate logsave wall mesg : write

# --- packages, builds, tests ------------------------------------------------------------------------------------------------
pip+install pip3+install pipx+install pipx+run uv+add uv+pip+install uv+tool+install uvx poetry+add pdm+add conda+install mamba+install : write net fetches values=-i,--index-url,--extra-index-url,-r,--requirement,-c,--constraint,-t,--target,-f,--find-links
npm+install npm+i npm+add pnpm+add pnpm+install yarn+add yarn+install bun+add bun+install npx bunx pnpm+dlx yarn+dlx npm+exec : write net fetches
gem+install cargo+install cargo+add go+get go+install brew+install dotnet+add composer+require luarocks+install cabal+install stack+install nimble+install opam+install : write net fetches
docker+pull podman+pull docker+image+pull helm+pull : write net away fetches
npm+publish yarn+publish pnpm+publish cargo+publish gem+push twine+upload poetry+publish uv+publish docker+push podman+push docker+image+push : irreversible net asks=it_publishes
uv+run poetry+run pipenv+run pdm+run rye+run hatch+run conda+run bundle+exec mise+exec mise+x asdf+exec rbenv+exec pyenv+exec volta+run nix+run nix+shell nix-shell pixi+run : write wrap values=-p,--python,--with,--extra,--group,--package,--project,--directory,-n,--name,--env-file runs=--command,--run
rustup+run nvm+exec : write wrap=1
npm pnpm yarn : write
npm+ci npm+update npm+outdated npm+audit pnpm+update yarn+up uv+sync uv+lock poetry+install poetry+update pdm+install bundle+install bundle+update composer+install composer+update go+mod cargo+update cargo+fetch gem+update : write net
git : write values=-C,--git-dir,--work-tree,--namespace,--exec-path,-c,--config-env
git+status git+log git+diff git+show git+branch git+blame git+shortlog git+describe git+rev-parse git+rev-list git+ls-files git+ls-tree git+cat-file git+reflog git+remote git+tag git+config git+name-rev git+for-each-ref git+count-objects git+whatchanged git+cherry git+merge-base git+check-ignore git+var git+show-ref git+verify-commit git+diff-tree git+range-diff : read
git+push git+fetch git+pull git+submodule : write net
git+clone git+ls-remote : write net runs=-u,--upload-pack
git+difftool : write runs=-x,--extcmd
git+rebase : write runs=-x,--exec
hg : write values=--config,-R,--repository,--cwd
gcc g++ cc c++ clang clang++ tcc icc : write loads=-wrapper,-fplugin,-B
latex pdflatex xelatex lualatex luatex luahbtex xetex pdftex tex tectonic context : write runs=-pdflatex,-latex,-e,-r looks=-shell-escape,--shell-escape,-enable-write18,--enable-write18
latexmk : write code=-e runs=-pdflatex,-latex,-xelatex,-lualatex loads=-r looks=-shell-escape,--shell-escape
pandoc : write loads=--lua-filter,-L,--filter,-F
ffmpeg : write
nmap masscan zmap rustscan nikto hydra gobuster ffuf wfuzz dirb nuclei medusa wpscan : write net loads=--script,--datadir looks=--interactive asks=it_probes_other_machines
ngrok cloudflared localtunnel lt bore frpc frps chisel zrok pagekite : write net asks=it_lets_others_in
sendmail msmtp ssmtp swaks s-nail mpack : irreversible net asks=it_sends_mail
terraform+apply tofu+apply terragrunt+apply pulumi+up pulumi+import cdk+deploy serverless+deploy sam+deploy terraform+import terraform+taint : irreversible net asks=it_changes_what_runs_elsewhere
tcpdump tshark dumpcap : write asks=it_listens_to_the_network
msgfilter xgettext : write
enable : write loads=-f
source . : write
eval : write
trap : write
bundle composer poetry : write
gh glab hub : write net
gh+alias+set gh+extension+install : write net asks=it_decides_what_gh_runs
standwatch python+-m+standwatch : write asks=it_decides_what_is_watched
standwatch+status standwatch+tail standwatch+check standwatch+explain standwatch+verify standwatch+versions standwatch+coverage : read
claude codex gemini cursor-agent opencode aider goose : write net asks=it_starts_an_agent_of_its_own
gh+api glab+api : write net away
gh+repo+create glab+repo+create gh+gist+create glab+snippet+create : irreversible net asks=it_shows_something_to_others
R+CMD : write
nano pico rnano : write bare looks=-s,--speller

# --- and more from which a shell can be had, or that run what they are given ------------------------------------------------
asterisk bconsole byebug ginsh ksshell sash tasksh volshell virsh rtorrent iftop zathura ispell aspell runscript : write opens
genie knife puppet facter cobc scrot pidstat perlbug varnishncsa sqlmap agetty xmodmap ksu dstat : write code=-c,-E,-e,--eval,--execute runs=-e,--exec
knife+exec : write code=-E
distcc aoss aa-exec pexec grc : write wrap
ip+netns+exec : write wrap=1 asks=it_acts_with_other_rights
gcloud+help aws+help dpkg+-l : read pages
gem+open : write opens runs=-e
certbot : write net looks=--pre-hook,--post-hook,--deploy-hook,--renew-hook,--manual-auth-hook,--manual-cleanup-hook
yarn+exec npm+explore pnpm+exec : write wrap
opkg+install easy_install : write net fetches asks=it_changes_the_machine's_programs
service invoke-rc.d rc-service : write
run-mailcap see edit compose xdg-open open : write
mount umount losetup swapon swapoff : write asks=it_changes_the_machine_itself
ssh-keygen : write loads=-D
ssh-keyscan : read net
docker+cp podman+cp nerdctl+cp docker+container+cp docker+compose+cp lxc+file+push incus+file+push multipass+transfer : write
dotnet+fsi swift+repl : write bare
"""
