# Cases of a service under a service manager: of the whole system, or of a plain user. The words are in ../world.sh.
# The line above a case may say: (short) for the sampled run of every kind, (not KIND) or (not SCOPE) where it has no meaning.
# shellcheck shell=bash disable=SC2154,SC2016 # set by tests/vm/lane; some text is for the machine's shell

# (short) the rig itself: what all the other cases rely on
case_the_machine_boots_reboots_and_starts_what_it_is_told_to() {
    given_fresh
    local unit=$units/rig.service
    spoil
    if has_systemd; then
        owner mkdir -p "$units"
        owner sh -c 'printf "[Service]\nExecStart=sleep infinity\n[Install]\nWantedBy=default.target\n" >"$1"' sh "$unit"
        if [[ $scope == user ]]; then
            as_ship systemctl --user enable --now rig.service
        else
            inside systemctl enable --now rig.service
        fi
    else
        inside sh -c 'printf "#!/sbin/openrc-run\nsupervisor=supervise-daemon\ncommand=/bin/sleep\ncommand_args=infinity\n" >/etc/init.d/rig; chmod 755 /etc/init.d/rig'
        inside rc-update add rig default
        inside rc-service rig start
    fi
    eventually 'it runs' inside pgrep -x sleep
    reboot_machine
    eventually 'it runs after a reboot' inside pgrep -x sleep
    [[ $(inside systemctl --failed --plain --no-legend 2>/dev/null | wc -l) -eq 0 ]] || fail "$(inside systemctl --failed)"
}

# (short) the rig itself: how an uninstall is judged
case_a_reboot_alone_changes_nothing_but_what_is_written_down() {
    spoil
    given_fresh
    tree >"$work/tree-before"
    reboot_machine
    assert_tree_as_before
}

# (short)
case_an_install_brings_a_service_that_answers_from_the_real_engine() {
    if as_before state installed; then spoil; fi
    given_installed
    is_up
    starts_by_itself
    same 'the version' 0.1.0 "$(version)"
    same 'the state of the service' running "$(status_of service.state)"
    same 'who is live' 0.1.0 "$(status_of version)"
    has_only_what_it_needs
}

# The app runs as whom it should, and nobody from outside reaches it.
has_only_what_it_needs() {
    local pid uid expected=offgrid listening
    pid=$(app_processes | head -n 1)
    [[ -n $pid ]] || fail 'no process of a slot runs'
    if [[ $scope == user ]]; then expected=$user; fi
    uid=$(inside stat -c %U "/proc/$pid")
    same "the user of the app (process $pid)" "$expected" "$uid"
    listening=$(inside ss -Hltn "sport = :$port" | awk '{print $4}' | sort | tr '\n' ' ')
    tell "listens on $listening"
    if inside curl -sS --max-time 10 -o /dev/null "http://192.0.2.10:$port/livez" 2>/dev/null; then
        fail "the app can be reached at an address that is not loopback; it listens on $listening"
    fi
    same 'what status says of exposure' false "$(status_of service.exposed)"
}

# (short)
case_it_answers_again_after_a_reboot() {
    given_installed
    local before
    before=$(version)
    reboot_machine
    if [[ $scope == user ]]; then inside loginctl show-user "$user" --property=Linger; fi
    eventually 'the service answers after a reboot' chat
    same 'the version' "$before" "$(version)"
    same 'the state of the service' running "$(status_of service.state)"
}

case_stop_start_restart_and_logs_do_what_they_say() {
    given_installed
    spoil
    local pid
    expect 0 '' offgrid self service stop
    same 'the state of the service' stopped "$(status_of service.state)"
    same 'processes of the app' '' "$(app_processes)"
    expect 0 '' offgrid self service start
    eventually 'it answers again' chat
    pid=$(app_processes | head -n 1)
    expect 0 '' offgrid self service restart
    eventually 'another app runs' another_app_than "$pid"
    eventually 'it answers' chat
    # What the app itself said.
    expect 0 'listening on' offgrid self service logs
    echo installed >"$work/state"
}

# (short)
case_a_killed_service_comes_back() {
    given_installed
    local pid
    pid=$(app_processes | head -n 1)
    inside kill -KILL "$pid"
    eventually 'another app runs' another_app_than "$pid"
    eventually 'it answers' chat
    pid=$(main_pid)
    inside kill -KILL "$pid"
    eventually 'another supervisor runs' another_main_than "$pid"
    eventually 'it answers' chat
}

# systemd 254 and newer tidies up after a service in processes that begin with all that it has open, our port among it. Here
# they keep it for so long that no restart can miss it.
# (short) (not user) (not openrc)
case_a_restart_finds_its_port_free_while_systemd_tidies_up() {
    given_installed
    local tracer pid code=0
    strace -f -qq -o "$work/strace" -e trace=close_range -e inject=close_range:delay_enter=500ms -p "$(cat "$VM_RUN/$name.leader")" &
    tracer=$!
    eventually 'process 1 is traced' traced_by "$tracer"
    pid=$(app_processes | head -n 1)
    (expect 0 '' offgrid self service restart) || code=$?
    kill "$tracer"
    wait "$tracer" || true
    [[ $code -eq 0 ]] || exit "$code"
    eventually 'another app runs' another_app_than "$pid"
    eventually 'it answers' chat
    tell "$(grep -c 'close_range.*DELAYED' "$work/strace" || true) processes of systemd were slow"
}

traced_by() { grep -qx "TracerPid:.$1" "/proc/$(cat "$VM_RUN/$name.leader")/status"; }

main_pid() { inside pgrep -o -f '^/[^ ]*/offgrid self service run'; }
another_main_than() { local now; now=$(main_pid) && [[ $now != "$1" ]]; }
another_app_than() { local now; now=$(app_processes | head -n 1) && [[ -n $now && $now != "$1" ]]; }

# What the app's user writes is not believed by root: an app that was taken over can neither have other processes ended,
# nor keep root from the update that ends it.
# (short) (not user)
case_an_app_that_was_taken_over_ends_nobody_else_and_cannot_prevent_an_update() {
    given_installed
    spoil
    local other pid run=/run/offgrid-llm
    as_ship sleep 8640002 &
    eventually 'somebody else has a process' inside pgrep -x -f 'sleep 8640002' -u "$user"
    other=$(inside pgrep -x -f 'sleep 8640002' -u "$user")
    pid=$(app_processes | head -n 1)
    # A note that names a process of somebody else.
    as_the_app 'cd $1 && sed "s/\"pid\": *[0-9]*/\"pid\":$2/" service.json >forged && cp forged service.json && rm forged' "$run" "$other"
    inside grep -q "\"pid\":$other\b" "$run/service.json"
    expect 0 'is restarted' offgrid update --yes --channel second
    inside kill -0 "$other" || fail "root has ended a process of $user, which the app's user named"
    eventually 'the new release answers' runs_version 0.2.0
    if [[ $(app_processes) == "$pid" ]]; then fail 'the old app still runs'; fi
    # Pipes, which nobody writes to, and folders in the place of the files.
    as_the_app 'cd $1 && rm -f service.json service.lock && mkfifo service.json service.lock && mkdir service.trial service.drain &&
        rm -f $2/starts.json && mkfifo $2/starts.json' "$run" /var/lib/offgrid
    expect 0 '0.2.0' offgrid self status
    expect 0 'is restarted' offgrid update --yes --channel third
    eventually 'the newer release answers' runs_version 0.3.0
    eventually 'with tokens' chat
    # A drain that never ends, a ring of links for the models.
    as_the_app 'cd $1 && rm -rf service.drain service.trial && echo 18446744073709551615 >service.drain' "$run"
    as_the_app 'cd $1 && mv models m && ln -s models models' /var/lib/offgrid
    # The app cannot look into the supervisor, though it is the same user; into itself it can.
    as_the_app 'cat /proc/$1/environ' "$(app_processes | head -n 1)" >/dev/null
    if as_the_app 'cat /proc/$1/environ' "$(main_pid)" >/dev/null; then fail 'the app can look into the supervisor'; fi
    # A process that the app left behind, in the service and on its own.
    if has_systemd; then
        inside sh -c 'echo $$ >/sys/fs/cgroup/system.slice/offgrid-llm.service/cgroup.procs &&
            exec setpriv --reuid offgrid --regid offgrid --clear-groups setsid sleep 8640004' &
        eventually 'a process of the app is left in the service' inside pgrep -x -f 'sleep 8640004'
    fi
    expect 0 '' offgrid update --yes --channel fourth
    eventually 'the newest release answers' runs_version 0.4.0
    if inside pgrep -x -f 'sleep 8640004'; then fail 'a process of the app has outlived an update'; fi
    # A supervisor that was halted, and hears nothing.
    inside setpriv --reuid offgrid --regid offgrid --clear-groups kill -STOP "$(main_pid)"
    expect 0 'is restarted' offgrid rollback --yes
    eventually 'the release before answers' runs_version 0.3.0
    # A note that says of the right process that the next release does not work.
    if has_systemd; then
        inside sh -c 'echo $$ >/sys/fs/cgroup/system.slice/offgrid-llm.service/cgroup.procs &&
            exec setpriv --reuid offgrid --regid offgrid --clear-groups sh -c "$1" forger "$2" "$3"' sh \
            'cd /run/offgrid-llm && while sleep 0.01; do
                printf "{\"pid\":$1,\"child\":1,\"slot\":\"0.4.0+linux-$2-cpu\",\"port\":11611,\"since\":1,\"failures\":9}" >forged && mv forged service.json
            done' "$(main_pid)" "$(uname -m)" &
        eventually 'the note is forged' inside grep -q '"failures":9' /run/offgrid-llm/service.json
        expect 0 'is live' offgrid update --yes --channel fourth --version 0.4.0
        eventually 'the newest release answers again' runs_version 0.4.0
    fi
    as_the_app 'cd $1 && rm models && mv m models && rm models/tiny.gguf && mkfifo models/tiny.gguf' /var/lib/offgrid
    expect 1 'tiny.gguf' offgrid self verify
    # One that does not want to go: processes that outlive the service, folders in folders, a second name, a folder for a file.
    inside setpriv --reuid offgrid --regid offgrid --clear-groups setsid sleep 8640003 >/dev/null 2>&1 &
    as_the_app 'cd $1 && rm -f starts.json && mkdir -p starts.json/x open && chmod 777 open && ln -s /etc open/etc' /var/lib/offgrid
    as_the_app 'cd $1/open && i=0 && while [ $i -lt 300 ]; do mkdir a && cd a && i=$((i + 1)); done' /var/lib/offgrid
    eventually 'a process of the app is left' inside pgrep -x -f 'sleep 8640003'
    expect 0 'removed' offgrid uninstall --yes --purge
    same 'the owner of what is not ours' root:root "$(inside stat -c %U:%G /etc/shadow | sed s/shadow/root/)"
    if inside pgrep -x -f 'sleep 8640003'; then fail 'a process of the user that was removed is left'; fi
    same 'our user' '' "$(inside grep -h ^offgrid /etc/passwd || true)"
    inside kill "$other"
}

as_the_app() { inside setpriv --reuid offgrid --regid offgrid --clear-groups sh -c "$1" sh "${@:2}"; }

# The app ends every llama-server that it can see when it starts (reference/app.md 1).
case_engines_of_others_are_let_alone() {
    given_installed
    local owner_of_it=$user other pid
    # In user scope the confinement has to do it: it is the same user's.
    as_ship cp /bin/sleep "/tmp/llama-server"
    as_ship /tmp/llama-server 1000 &
    eventually 'the other engine runs' inside pgrep -x llama-server -u "$owner_of_it"
    pid=$(inside pgrep -x llama-server -u "$owner_of_it" | head -n 1)
    manager restart
    eventually 'the service answers after a restart' chat
    other=$(inside readlink "/proc/$pid/exe" || true)
    inside kill "$pid" || true
    inside rm -f /tmp/llama-server
    same 'the engine of somebody else' /tmp/llama-server "$other"
}

# (short)
case_an_update_under_load_answers_everybody() {
    given_installed
    local code=0
    load_begin 4 64
    (expect 0 'is live' offgrid update --yes --channel second) || code=$?
    load_end
    tell_load
    [[ $code -eq 0 ]]
    same 'the version' 0.2.0 "$(version)"
    [[ $(counted answered) -gt 0 ]] || fail 'nobody was answered'
    same 'requests that were cut off' 0 "$(counted cut)"
    same 'requests with a wrong answer' 0 "$(counted wrong)"
}

# A release that does not work never stays: the one before answers again.
falls_back() { # CHANNEL
    given_installed
    local before code=0
    before=$(version)
    load_begin 1 4
    (expect 1 E_HEALTH offgrid update --yes --json --channel "$1") || code=$?
    eventually 'the old release answers again' chat
    load_end
    tell_load
    [[ $code -eq 0 ]] || exit "$code"
    same 'the version' "$before" "$(version)"
    same 'the release that status names' "$before" "$(status_of version)"
    is_up
    expect 0 '' offgrid self verify
}

# (short)
case_a_release_whose_engine_crashes_falls_back() { falls_back engine-crashes; same 'requests not answered' '0 0 0' "$(counted refused) $(counted cut) $(counted wrong)"; }
case_a_release_whose_engine_crashes_in_service_falls_back() { falls_back engine-crashes-in-service; }
case_a_release_whose_engine_hangs_falls_back() { falls_back engine-hangs; same 'requests not answered' '0 0 0' "$(counted refused) $(counted cut) $(counted wrong)"; }
case_a_release_whose_engine_hangs_in_service_falls_back() { falls_back engine-hangs-in-service; }
# (short)
case_a_release_whose_app_exits_falls_back() { falls_back app-exits; }
case_a_release_whose_app_never_answers_falls_back() { falls_back app-never-answers; }
# (short)
case_a_release_whose_gpu_variant_shows_no_device_falls_back() { falls_back gpu-shows-no-device; same 'requests not answered' '0 0 0' "$(counted refused) $(counted cut) $(counted wrong)"; }

# The proof says nothing unless it has what the service will have, and no more: above all not root's rights.
# (short)
case_a_release_is_proved_as_the_user_of_the_service() {
    given_installed
    local live proof service code=0
    live=$(version)
    (expect 1 E_HEALTH offgrid update --yes --json --channel engine-hangs) &
    eventually 'the engine of the new release is tried' engine_on_trial
    proof=$(engine_on_trial)
    service=$(main_pid)
    rights_of_process "$proof" | tee "$work/proof"
    same 'the user of the proof' "$(inside stat -c %U "/proc/$(app_processes | head -n 1)")" "$(inside stat -c %U "/proc/$proof")"
    # A user's own is proved by the program that installs, without a manager between.
    if [[ $scope == system ]]; then
        same 'what the proof may do' "$(rights_of_process "$service")" "$(cat "$work/proof")"
        grep -q 'NoNewPrivs:.1' "$work/proof" || fail 'the proof may gain rights'
    fi
    if [[ $scope == system ]] && has_systemd; then
        if inside nsenter -t "$proof" -m touch /usr/proof 2>/dev/null; then fail 'the proof sees a system that can be written to'; fi
        inside grep -q offgrid-gate "/proc/$proof/cgroup" || fail "the proof runs in $(inside cat "/proc/$proof/cgroup")"
    fi
    inside kill -KILL "$proof"
    wait $! || code=$?
    [[ $code -eq 0 ]] || exit "$code"
    same 'the version' "$live" "$(version)"
    # Somebody does not want to wait for it.
    (expect 130 E_INTERRUPTED offgrid update --yes --json --channel engine-hangs) &
    eventually 'the engine of the new release is tried again' engine_on_trial
    inside pkill -TERM -x -f '[^ ]*offgrid update --yes .*'
    wait $! || code=$?
    [[ $code -eq 0 ]] || exit "$code"
    if engine_on_trial; then fail 'the engine is left behind'; fi
    expect 0 '' offgrid self verify
}

# (short) (not user)
case_a_user_of_this_computer_is_told_what_only_root_may() {
    given_installed
    local facts
    facts=$(as_ship offgrid self version)
    grep -q '0.1.0' <<<"$facts" || fail "version says: $facts"
    expect 8 'as root' as_ship offgrid self status
    expect 8 'as root' as_ship offgrid self service stop
    expect 8 'as root' as_ship offgrid update --yes
    # What is ours is not in our way, whoever asks.
    as_ship offgrid self doctor --json >"$work/said"
    inside offgrid self doctor --json >>"$work/said"
    cat "$work/said"
    if grep -E 'W_PORT|W_UPSTREAM|W_SECOND' "$work/said"; then fail 'the doctor takes ours for others'; fi
    eventually 'it answers' chat
}

# It is a script that sleeps.
engine_on_trial() { inside pgrep -o -x -f 'sleep 100000'; }

# Where there is no sandbox, filters of system calls are the container's.
rights_of_process() {
    local filters='|Seccomp'
    if ! has_systemd; then filters=''; fi
    inside sed -nE "/^(Uid|Gid|Groups|NoNewPrivs$filters):/s/[[:space:]]+/\\t/gp" "/proc/$1/status"
}

case_a_gpu_variant_without_a_device_gives_way_to_the_one_without_a_gpu() {
    given_installed
    expect 0 'is live' offgrid update --yes --channel gpu-falls-back
    same 'the version' 0.8.1 "$(version)"
    same 'the variant' "linux-$(uname -m)-cpu" "$(status_of variant)"
    eventually 'it answers' chat
    spoil
}

case_a_users_own_settings_survive_three_updates() {
    spoil
    given_installed
    spoil
    local channel folder=$units/offgrid-llm.service.d
    owner mkdir -p "$config"
    owner sh -c 'printf "# mine\nOFFGRID_MAX_CONTEXT=2048\n" >>"$1/offgrid.env"' sh "$config"
    if has_systemd; then
        owner mkdir -p "$folder"
        owner sh -c 'printf "[Service]\nNice=7\nTasksMax=500\n" >"$1/own.conf"' sh "$folder"
        if [[ $scope == user ]]; then as_ship systemctl --user daemon-reload; else inside systemctl daemon-reload; fi
    fi
    manager restart
    eventually 'it answers with them' chat
    settings >"$work/settings"
    grep -q 2048 "$work/settings"
    for channel in second third fourth; do
        expect 0 'is live' offgrid update --yes --channel "$channel"
        eventually "it answers after the update to the $channel" chat
        settings | diff "$work/settings" - || fail "the user's own settings are not what they were after the update to the $channel"
    done
    if has_systemd; then
        # As if the defaults had been others when it was installed.
        owner sed -i 's/^TasksMax=.*/TasksMax=100/; s/^RestartSec=.*/RestartSec=9/' "$units/offgrid-llm.service"
        expect 0 'TasksMax: 100 -> 4096; your own setting of it stays' offgrid update --yes --channel third --version 0.3.0 --allow-downgrade
        tell 'a changed default and an own setting of it are told of'
        settings | diff "$work/settings" - || fail "the user's own settings are not what they were"
        expect 0 'RestartSec=3' owner cat "$units/offgrid-llm.service"
        expect 0 'is live' offgrid update --yes --channel fourth
        eventually 'it answers' chat
    fi
    same 'the version' 0.4.0 "$(version)"
}

# The files, and what the app really runs with.
settings() {
    local pid
    pid=$(app_processes | head -n 1)
    inside cat "$config/offgrid.env"
    inside sh -c 'tr "\0" "\n" <"/proc/$1/environ" | grep MAX_CONTEXT' sh "$pid"
    if has_systemd; then
        inside cat "$units/offgrid-llm.service.d/own.conf"
        inside ps -o ni= -p "$(main_pid)"
    fi
}

# Five failed starts after an update: back to the one before, once.
# (short)
case_a_release_that_keeps_failing_steps_back_by_itself() {
    spoil
    given_installed
    spoil
    expect 0 'is live' offgrid update --yes --channel app-dies-when-told
    same 'the version' 0.7.2 "$(version)"
    local begin=$SECONDS
    inside touch "$models/die"
    eventually 'the release before answers again' runs_version 0.1.0
    eventually 'with tokens' chat
    tell "stepped back within $((SECONDS - begin)) s"
    inside rm -f "$models/die"
    same 'who is live' 0.1.0 "$(status_of version)"
    is_up
    expect 0 '' offgrid self verify
}

# Where nothing before is safe, stepping back would be an attacker's way down: the service stops and says so.
case_a_release_that_keeps_failing_stops_where_nothing_before_is_safe() {
    spoil
    given_installed
    spoil
    expect 0 'is live' offgrid update --yes --channel nothing-before-is-safe
    same 'the version' 0.7.3 "$(version)"
    inside touch "$models/die"
    eventually 'the service gives up' is_given_up
    same 'who is live' 0.7.3 "$(status_of version)"
    if fetch /livez >/dev/null 2>&1; then fail 'something still answers'; fi
    offgrid self status >"$work/said" 2>&1
    cat "$work/said"
    grep -qi 'safe' "$work/said" || fail 'status does not say that nothing before is safe'
}

is_given_up() { ! is_up && [[ -z $(app_processes) ]] && ! main_pid; }

# Everybody in the network may ask, where somebody has chosen so; and it is said.
case_what_is_opened_to_the_network_is_open_and_said_to_be() {
    spoil
    given_fresh
    install_product --listen lan
    eventually 'the service answers' chat
    same 'what answers at the address of the network' ok "$(inside curl -sS --max-time 10 "http://192.0.2.10:$port/livez")"
    same 'what status says of exposure' true "$(status_of service.exposed)"
    expect 0 W_EXPOSED offgrid self doctor --json
}

# The app as its makers' dev/install.sh leaves it: two services, of which the first needs the second; both run and start
# by themselves.
given_the_makers_own() {
    spoil
    given_fresh
    spoil
    local bin=/usr/local/bin target=multi-user.target
    if [[ $scope == user ]]; then bin=$home/.local/bin target=default.target; fi
    owner sh -c '
        bin=$1 units=$2 models=$3 target=$4
        mkdir -p "$bin" "$units" "$models"
        printf "#!/bin/sh\nexec sleep 8640001\n" >"$bin/offgrid"
        printf "#!/bin/sh\nexec sleep 8640002\n" >"$bin/llama-server"
        chmod 755 "$bin/offgrid" "$bin/llama-server"
        echo "a model of before" >"$models/old.gguf"
        printf "[Unit]\nDescription=OffGrid LLM\nRequires=llama-server.service\nAfter=llama-server.service\n[Service]\nEnvironment=OFFGRID_MAX_MODELS=2\nExecStart=%s/offgrid serve\n[Install]\nWantedBy=%s\n" \
            "$bin" "$target" >"$units/offgrid-llm.service"
        printf "[Unit]\nDescription=The engine of OffGrid LLM\n[Service]\nExecStart=%s/llama-server -m x\n[Install]\nWantedBy=%s\n" \
            "$bin" "$target" >"$units/llama-server.service"
        chmod 640 "$units/llama-server.service"' sh "$bin" "$units" "$models" "$target"
    their daemon-reload
    their enable --now offgrid-llm.service llama-server.service
    eventually 'theirs runs' theirs_runs
    tree >"$work/tree-before"
}

their() { if [[ $scope == user ]]; then as_ship systemctl --user "$@"; else inside systemctl "$@"; fi; }
theirs_runs() { inside pgrep -f '[s]leep 8640001' && inside pgrep -f '[s]leep 8640002'; }
assert_theirs_is_gone() { if inside pgrep -f '[s]leep 864000'; then fail 'something of theirs runs'; fi; }
words_of_install() {
    words=(install --yes "$@")
    if [[ $scope == user ]]; then words+=(--user --linger); else words+=(--system); fi
}

# (not openrc)
case_the_makers_own_installation_is_left_running_where_nobody_said_so() {
    given_the_makers_own
    local words
    words_of_install --model none
    expect 2 '--adopt yes' setup "${words[@]}"
    grep -q E_NEEDS_CONSENT "$work/said"
    theirs_runs
    assert_tree_as_before
    # Beside it is room for ours, and none for a service of ours.
    expect 0 '0.1.0' setup "${words[@]}" --service none
    expect 2 'is not ours' with_depot "$prefix/bin/offgrid" self service install --yes
    theirs_runs
    expect 0 'removed' with_depot "$prefix/bin/offgrid" uninstall --yes --purge
    theirs_runs
    assert_tree_as_before
}

# (not openrc)
case_the_makers_own_installation_is_taken_over_and_comes_back_running() {
    given_the_makers_own
    local words
    words_of_install --model tiny --adopt yes
    expect 0 '0.1.0' setup "${words[@]}"
    assert_theirs_is_gone
    eventually 'ours answers' chat
    is_up
    starts_by_itself
    has_only_what_it_needs
    if their is-enabled llama-server.service; then fail 'their engine still starts by itself'; fi
    inside grep -qx OFFGRID_MAX_MODELS=2 "$config/offgrid.env"
    inside test -f "$models/old.gguf"
    expect 0 '' offgrid self verify
    # Nothing of theirs begins with the machine.
    reboot_machine
    eventually 'ours answers after a reboot' chat
    assert_theirs_is_gone
    # Ours goes alone, and theirs waits; and ours comes back.
    expect 0 '' offgrid self service uninstall --yes
    if their cat offgrid-llm.service; then fail 'a unit is still there'; fi
    expect 0 '' offgrid self service install --yes
    eventually 'ours answers again' chat
    expect 0 'removed' offgrid uninstall --yes --purge
    eventually 'theirs runs again' theirs_runs
    their is-enabled offgrid-llm.service llama-server.service
    assert_tree_as_before
}

# A release that does not work: theirs has never stopped for it, or runs again.
# (not openrc)
case_the_makers_own_installation_survives_a_release_that_does_not_work() {
    given_the_makers_own
    local words before
    before=$(inside pgrep -f '[s]leep 8640001')
    words_of_install --model none --adopt yes
    expect 1 E_HEALTH setup "${words[@]}" --json --channel engine-crashes
    same 'the process of theirs' "$before" "$(inside pgrep -f '[s]leep 8640001')"
    expect 1 E_HEALTH setup "${words[@]}" --json --channel app-exits
    eventually 'theirs runs again' theirs_runs
    their is-enabled offgrid-llm.service llama-server.service
    expect 0 '' setup uninstall --yes
    assert_tree_as_before
}

# (short) last: what it leaves is the tree from before the install
case_an_uninstall_leaves_nothing() {
    given_installed
    spoil
    expect 0 '' offgrid uninstall --yes --purge
    if fetch /livez >/dev/null 2>&1; then fail 'something still answers'; fi
    same 'processes of ours' '' "$(app_processes)$(inside pgrep -f 'self service' || true)"
    same 'our user and group' '' "$(inside grep -h ^offgrid /etc/passwd /etc/group /etc/shadow /etc/gshadow || true)"
    same 'files while it ran' '' "$(inside find /run /tmp -name '*offgrid*' 2>/dev/null || true)"
    if has_systemd; then
        same 'units that systemd knows' '' "$(inside systemctl list-unit-files --plain --no-legend 'offgrid*')"
        same 'units that failed' '' "$(inside systemctl --failed --plain --no-legend)"
    fi
    if [[ $scope == user ]] && has_systemd; then same 'lingering, which was allowed before us' yes "$(inside loginctl show-user "$user" --property=Linger --value)"; fi
    assert_tree_as_before
}
