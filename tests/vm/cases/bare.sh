# Cases without any service manager: our own supervisor as the first process of a container, as in an image.
# The words are in ../world.sh.
# shellcheck shell=bash disable=SC2154 # what it wants is set by tests/vm/lane

# The words of a container of its own over the same root.
container_words() {
    "$here/boot" network "$name"
    words=(--quiet -D "$root" -M "$name" --register=no --keep-unit "--network-namespace-path=$VM_RUN/$name.net" --capability=CAP_NET_ADMIN
        --resolv-conf=off --timezone=off --pipe "--bind-ro=$depot:/mnt/vm"
        --setenv=OFFGRID_SETUP_SOURCE=/mnt/vm/depot --setenv=LANG=C.UTF-8)
}

# A command in one; it is over with the command.
in_container() {
    local words
    container_words
    timeout --foreground 400 systemd-nspawn "${words[@]}" "$@" </dev/null
}

given_container() {
    if as_before state installed; then return; fi
    container_root
    expect 0 '0.1.0' in_container /mnt/vm/offgrid-setup install --yes --model tiny --service supervise
    echo installed >"$work/state"
}

machine_end() {
    local pid
    if pid=$(cat "$VM_RUN/$name.pid" 2>/dev/null) && kill -KILL "$pid" 2>/dev/null; then
        # Another shell's child it may be, so its end is looked for.
        while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    fi
    "$here/boot" forget "$name"
    if mountpoint -q "$root"; then umount "$root"; fi
    rm -rf "$work/upper" "$work/tmp"
}

# Our supervisor becomes process 1.
container_start() {
    local words
    container_words
    systemd-nspawn "${words[@]}" /usr/local/bin/offgrid self service run </dev/null >"$work/container.log" 2>&1 &
    "$here/boot" know "$name" $!
    eventually 'the supervisor answers' chat
}

# Ends as a container runtime ends it; says its exit status.
container_signal() { # NAME
    local code=0
    # The container may end before what was said in it does, and ends that with it.
    inside kill "-$1" 1 || true
    wait "$(cat "$VM_RUN/$name.pid")" || code=$?
    "$here/boot" forget "$name"
    echo "exit $code" >>"$work/container.log"
    return "$code"
}

service_log() { cat "$work/container.log"; }

container_log_says() { grep -qF -e "$1" "$work/container.log" || { cat "$work/container.log"; fail "the log does not say '$1'"; }; }

case_the_supervisor_is_the_first_process_of_a_container_and_answers() {
    given_container
    container_start
    same 'the first process' '/opt/offgrid/bin/offgrid' "$(inside readlink /proc/1/exe)"
    same 'the version' 0.1.0 "$(version)"
    container_log_says 'started 0.1.0'
    container_signal TERM
    expect 0 stopped in_container /usr/local/bin/offgrid self service status
}

case_an_app_that_dies_is_started_again_and_leaves_no_zombie() {
    given_container
    container_start
    local pid
    pid=$(app_processes | head -n 1)
    inside kill -KILL "$pid"
    eventually 'another app runs' another_app_than "$pid"
    eventually 'it answers' chat
    container_log_says 'ended by itself'
    # Whoever is the first process inherits the orphans of all others.
    inside sh -c 'sleep 1000 >/dev/null 2>&1 & exit'
    eventually 'the orphan runs' inside pgrep -x sleep
    inside pkill -x sleep
    eventually 'the orphan that ended is gone' orphan_is_gone
    no_zombies
    container_signal INT
}

another_app_than() { local now; now=$(app_processes | head -n 1) && [[ -n $now && $now != "$1" ]]; }
orphan_is_gone() { ! inside pgrep -x sleep; }
no_zombies() { local all; all=$(inside ps -eo stat=,args=) && ! grep ^Z <<<"$all"; }

case_an_update_in_a_container_reaches_the_running_app() {
    given_container
    container_start
    local code=0
    load_begin 2 16
    (expect 0 'is live' offgrid update --yes --channel second) || code=$?
    load_end
    tell_load
    [[ $code -eq 0 ]]
    same 'the version' 0.2.0 "$(version)"
    eventually 'it answers' chat
    same 'requests that were cut off' 0 "$(counted cut)"
    container_signal TERM
}

case_a_broken_update_in_a_container_falls_back() {
    given_container
    container_start
    local before code=0
    before=$(version)
    load_begin 1 4
    (expect 1 E_HEALTH offgrid update --yes --json --channel app-exits) || code=$?
    eventually 'the old release answers again' chat
    load_end
    tell_load
    [[ $code -eq 0 ]]
    same 'the version' "$before" "$(version)"
    container_signal TERM
}

case_an_uninstall_in_a_container_leaves_nothing() {
    given_container
    spoil
    expect 0 '' in_container /usr/local/bin/offgrid uninstall --yes --purge
    assert_tree_as_before
}
