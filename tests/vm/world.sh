# The world of a case in a booted root: one machine, one scope, and the words to act in it and to look at it.
# Read by tests/vm/lane. Wants: here, depot, work (a folder of its own), kind, scope.
# Each case runs in a shell of its own with `set -e`; what has to outlive it lies in $work.
# shellcheck shell=bash disable=SC2154 # what it wants is set by tests/vm/lane

name=vm-$$
root=$work/root
port=11611
export VM_RUN=$work/boot
user=ship

# How long anything may take that another process does: far more than it needs.
limit=${VM_WAIT:-150}

inside() { "$here/boot" run "$name" "$@"; }
as_ship() { "$here/boot" as "$name" "$user" "$@"; }
# Whoever installs: root for the whole system, else a plain user.
owner() { if [[ $scope == user ]]; then as_ship "$@"; else inside "$@"; fi; }
with_depot() { owner env OFFGRID_SETUP_SOURCE=/mnt/vm/depot "$@"; }
setup() { with_depot /mnt/vm/offgrid-setup "$@"; }
offgrid() { with_depot offgrid "$@"; }
as_before() { [[ $(cat "$work/$1" 2>/dev/null) == "$2" ]]; }

if [[ $scope == user ]]; then
    home=/home/$user
    prefix=$home/.local/share/offgrid config=$home/.config/offgrid models=$home/.offgrid-llm/models
    units=$home/.config/systemd/user
else
    prefix=/opt/offgrid config=/etc/offgrid models=/var/lib/offgrid/models
    units=/etc/systemd/system
fi
export prefix config models units port

# What a case has to tell about; stands behind its name in the report.
tell() { printf '%s\n' "$*" >>"$work/told"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
same() { # WHAT EXPECTED FOUND
    [[ $2 == "$3" ]] || fail "$1 is '$3' and should be '$2'"
}

expect() { # EXIT WORD COMMAND...: what it says is shown, and kept in $work/said
    local code=0 wanted=$1 word=$2
    shift 2
    printf '$ %s\n' "$*"
    "$@" >"$work/said" 2>&1 || code=$?
    cat "$work/said"
    [[ $code -eq $wanted ]] || fail "exit $code instead of $wanted: $*"
    grep -qF -e "$word" "$work/said" || fail "it does not say '$word': $*"
}

eventually() { # WHAT COMMAND...
    local what=$1 until=$((SECONDS + limit))
    shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= until)); then
            "$@" || true
            fail "$what: not within $limit s"
        fi
        sleep 0.2
    done
}

# --- the machine ---

machine_root() {
    local tar lower=$work/../lower-$kind
    tar=$("$here/root" "$kind")
    # One root for all machines of a kind; what each of them changes lies over it.
    (
        flock 9
        if [[ ! -e $lower.ready ]]; then mkdir -p "$lower"; tar -xf "$tar" -C "$lower"; mkdir "$lower/mnt/vm"; : >"$lower.ready"; fi
    ) 9>"$lower.lock"
    mkdir -p "$work/upper" "$work/tmp" "$root"
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/tmp" "$root"
}

# The root alone, for containers.
container_root() {
    machine_end
    machine_root
    mkdir -p "$VM_RUN"
    spoil
    tree >"$work/tree-before"
}

machine_new() {
    machine_end
    machine_root
    "$here/boot" start "$name" "$root" "--bind-ro=$depot:/mnt/vm"
    inside useradd --create-home --shell /bin/sh "$user"
    if [[ $scope == user ]]; then user_session; fi
    echo fresh >"$work/state"
}

# The user's own systemd runs, and goes on without a login. That is the administrator's to allow: where nobody can be
# asked for a password, a user may not ask for it.
user_session() {
    local uid
    uid=$(inside id -u "$user")
    if has_systemd; then
        if ! inside loginctl enable-linger "$user"; then
            # What it does; in some containers logind cannot be asked.
            inside mkdir -p /var/lib/systemd/linger
            inside touch "/var/lib/systemd/linger/$user"
            inside systemctl start "user@$uid.service"
        fi
        eventually 'the session of the user is there' inside test -S "/run/user/$uid/bus"
    else
        inside install -d -m 700 -o "$user" -g "$user" "/run/user/$uid"
    fi
}

machine_end() {
    "$here/boot" stop "$name" >/dev/null 2>&1 || true
    if mountpoint -q "$root"; then umount "$root"; fi
    rm -rf "$work/upper" "$work/tmp"
}

reboot_machine() { "$here/boot" reboot "$name"; }

has_systemd() { [[ $kind != openrc ]]; }

# --- states that cases begin with ---

given_fresh() { if ! as_before state fresh; then machine_new; fi; }
# What a case did to a machine that is no other case's business.
spoil() { echo dirty >"$work/state"; }

# Some good release is live and answers.
given_installed() {
    if ! as_before state installed; then
        given_fresh
        # shellcheck disable=SC2119
        install_product
        echo installed >"$work/state"
    fi
    eventually 'the service answers before anything is done' chat
}

# shellcheck disable=SC2120 # a case gives words
install_product() { # WORDS
    spoil
    tree >"$work/tree-before"
    local words=(install --yes --model tiny "$@")
    if [[ $scope == user ]]; then words+=(--user --linger); else words+=(--system); fi
    expect 0 '0.1.0' setup "${words[@]}"
}

# --- looking ---

fetch() { inside curl -sS --max-time 60 "http://localhost:$port$1" "${@:2}"; }

# Four tokens out of the real model by the real engine, through the app.
chat() {
    fetch /v1/chat/completions -f -H 'Content-Type: application/json' -d \
        '{"model":"tiny","max_tokens":4,"ignore_eos":true,"messages":[{"role":"user","content":"hi"}]}' \
        | grep -oE '"completion_tokens": ?4\b'
}

version() { fetch /health | sed -n 's/.*"version": *"\([^"]*\)".*/\1/p'; }
runs_version() { [[ $(version) == "$1" ]]; }

# A value of `status --json`, by its path: `service.state`.
status_of() {
    local path=$1
    offgrid self status --json | python3 -c 'import functools, json, sys
value = functools.reduce(lambda at, name: at[name], sys.argv[1].split("."), json.load(sys.stdin))
print(value if isinstance(value, str) else json.dumps(value))' "$path"
}

# The processes of the app: its executable lies in a slot.
app_processes() {
    # shellcheck disable=SC2016 # for the machine's shell
    inside sh -c 'for p in /proc/[0-9]*; do case $(readlink "$p/exe") in */versions/*/app/*) echo "${p#/proc/}" ;; esac; done'
}

# Every file of the machine with its kind, rights, owner and content. Times are left out, and folders have no size.
tree() {
    (cd "$root" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp -o -path ./mnt/vm \) -prune \
        -o -type f -printf 'f %m %U:%G %p\0' -o -type l -printf 'l %m %U:%G %p -> %l\0' -o -printf '%y %m %U:%G %p\0' \
        | tr '\0\n' '\n ' | LC_ALL=C sort -k4)
    (cd "$root" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp -o -path ./mnt/vm \) -prune \
        -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
}

# What the system touches by itself; a reason for each line stands in the file.
untouched() { grep -vEf <(grep -vE '^(#|$)' "$here/touched"); }

assert_tree_as_before() {
    local left
    left=$(diff <(untouched <"$work/tree-before") <(tree | untouched) || true)
    [[ -z $left ]] || fail "this is not as it was before:
$left"
}

# --- people who ask meanwhile ---

load_begin() { # PEOPLE TOKENS
    inside rm -f /tmp/load-stop
    inside /mnt/vm/load-standin "$port" "$1" "$2" /tmp/load-stop >"$work/load" &
    echo $! >"$work/load-pid"
    sleep 0.5
}

load_end() {
    sleep 0.5
    inside touch /tmp/load-stop
    wait "$(cat "$work/load-pid")"
    cat "$work/load"
}

counted() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$work/load"; }

tell_load() {
    tell "$(counted answered) answered, $(counted waited) waited, $(counted refused) refused, $(counted cut) cut," \
        "$(counted wrong) wrong; without an answer for at most $(counted gap_ms) ms"
}

# --- the manager ---

manager() { # WORD: systemctl or rc-service, for our service
    if ! has_systemd; then inside rc-service offgrid-llm "$1"
    elif [[ $scope == user ]]; then as_ship systemctl --user "$1" offgrid-llm.service
    else inside systemctl "$1" offgrid-llm.service; fi
}

is_up() { if has_systemd; then manager is-active; else manager status; fi; }

starts_by_itself() {
    if has_systemd; then manager is-enabled; else inside sh -c 'rc-update show default | grep -w offgrid-llm'; fi
}

service_log() {
    if ! has_systemd; then inside sh -c 'tail -n 60 /var/log/offgrid* 2>/dev/null; tail -n 20 /var/log/rc.log 2>/dev/null' || true
    elif [[ $scope == user ]]; then as_ship journalctl --user --no-pager -n 300 -u 'offgrid*' || true
    else inside journalctl --no-pager -n 300 -u 'offgrid*' || true; fi
}
