#!/bin/sh
{ # One block to the last line: a shell reads to the closing brace before it runs anything, so a copy
  # that was cut off anywhere is a syntax error and does nothing. Runs in dash, busybox ash and bash.
#
# Installs OffGrid LLM:   curl -fsSL https://offgrid-llm.io/install | sh
# With words of its own:  curl -fsSL https://offgrid-llm.io/install | sh -s -- plan --explain
#
# It downloads one small program, OffGrid Setup, checks its size, SHA-256 and signature against what is
# pinned below, starts it with your words (`install` when the first is not a command) and removes it.
#   OFFGRID_SETUP_SOURCE=URL|DIR   (or --source) is asked first: a mirror in your network, a stick
#   OFFGRID_SETUP_ALLOW_HTTP=1     lets sources without https be used; the checks stay the same
# Exit codes are those of OffGrid Setup: 2 usage, 3 not for this machine, 4 unreachable, 5 untrusted,
# 8 no permission, 9 no space, 130 interrupted.

# `offgrid-depot publish` replaces what is between the two marker lines.
# --- pins: begin ---
PRODUCT_VERSION=''
SOURCES=''
RELEASE_KEYS=''
RELEASE_THRESHOLD=''
PINS=''
# --- pins: end ---

STALL_SECONDS=30      # a transfer below 100 bytes/s for this long has stalled
ATTEMPTS=3            # per source
SIGNATURE_MAX=16384   # 8 blocks of about 300 bytes; more is not a signature

# Lists are split into words on purpose all over this file; `*` in one must never become file names.
set -fu
user_umask=$(umask)
umask 077

say() { [ -n "$quiet" ] || printf '%s\n' "$*" >&2; }

# fail EXIT CODE WHAT [WHAT TO DO]...
fail() {
    fail_exit=$1 fail_code=$2
    shift 2
    printf 'error [%s]: %s\n' "$fail_code" "$1" >&2
    shift
    for fail_line in "$@"; do printf '  %s\n' "$fail_line" >&2; done
    exit "$fail_exit"
}

have() { command -v "$1" >/dev/null 2>&1; }

# Files are removed however the script ends; without the INT, TERM and HUP lines dash would skip that.
work='' child='' watchdog=''
# shellcheck disable=SC2317 # called by the trap in main
cleanup() {
    trap '' INT TERM HUP
    [ -z "$child" ] || kill "$child" 2>/dev/null
    [ -z "$watchdog" ] || kill "$watchdog" 2>/dev/null
    [ -z "$work" ] || rm -rf "$work"
}

find_target() {
    os=$(uname -s 2>/dev/null) machine=$(uname -m 2>/dev/null)
    case $os in
        Linux) t_os=linux ;;
        Darwin) t_os=macos ;;
        MINGW* | MSYS* | CYGWIN* | Windows*)
            fail 3 E_UNSUPPORTED "this script is for Linux and macOS; this is Windows." \
                'Open PowerShell and type:  irm https://offgrid-llm.io/install.ps1 | iex' ;;
        *) t_os='' ;;
    esac
    case $machine in
        x86_64 | amd64) t_arch=x86_64 ;;
        aarch64 | arm64) t_arch=aarch64 ;;
        *) t_arch='' ;;
    esac
    # A shell under Rosetta says x86_64 on an Apple processor; the native program is the right one.
    if [ "$t_os-$t_arch" = macos-x86_64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then
        t_arch=aarch64
    fi
    target=$t_os-$t_arch

    hex='' size='' targets=''
    # shellcheck disable=SC2086 # three words a line
    set -- $PINS
    while [ $# -ge 3 ]; do
        targets="$targets $1"
        if [ "$1" = "$target" ]; then hex=$2 size=$3; fi
        shift 3
    done
    [ -n "$hex" ] || fail 3 E_UNSUPPORTED "there is no OffGrid Setup for this machine (${os:-unknown system}, ${machine:-unknown processor})." \
        "There is one for:$targets."
    case $hex in *[!0-9a-f]*) hex='' ;; esac
    case $size in *[!0-9]*) hex='' ;; esac
    [ ${#hex} -eq 64 ] || fail 5 E_PARSE "this copy of the install script is damaged (the entry for $target)." \
        'Download it again from where you got it.'
}

# --- sources -----------------------------------------------------------------------------------------

is_loopback() { # HOST, of a URL
    case $1 in
        localhost | '[::1]') return 0 ;;
        127.*) case $1 in *[!0-9.]*) return 1 ;; esac; return 0 ;; # not 127.example.com
    esac
    return 1
}

# May we ask this URL? Without https anybody on the way could watch and answer in its place.
url_allowed() {
    case $1 in *[!A-Za-z0-9._~:/?#@!\$\&\'\(\)*+,\;=%\[\]-]*) return 1 ;; esac
    case $1 in
        https://?*) return 0 ;;
        http://?*) [ "${OFFGRID_SETUP_ALLOW_HTTP:-}" = 1 ] && return 0 ;;
        *) return 1 ;;
    esac
    u_host=${1#http://} u_host=${u_host%%[/?#]*} u_host=${u_host##*@}
    case $u_host in
        \[*) u_host=${u_host%%\]*}']' ;;
        *) u_host=${u_host%%:*} ;;
    esac
    is_loopback "$u_host"
}

# Puts what the user asked for (flag, then variable) before the pinned sources.
list_sources() {
    asked=${OFFGRID_SETUP_SOURCE:-}
    while [ $# -gt 0 ]; do
        case $1 in
            --) break ;;
            --source) asked=${2:-} ;;
            --source=*) asked=${1#--source=} ;;
            --yes | -y) yes=1 ;;
            --quiet | -q) quiet=1 ;;
        esac
        shift
    done
    [ -n "$asked" ] || return 0
    case $asked in
        *://*) url_allowed "$asked" || fail 2 E_USAGE "the source $(printable "$asked") cannot be used: it must begin with https://." \
            'Without https others on the network can watch. If that is fine here (the program is checked all the' \
            'same), type first:  export OFFGRID_SETUP_ALLOW_HTTP=1' ;;
        *) [ -d "$asked" ] || fail 2 E_USAGE "the source $(printable "$asked") is neither a folder here nor an https:// address." ;;
    esac
    asked=${asked%/}/
}

# What came from outside may hold terminal commands; only plain characters are shown.
printable() { printf '%s' "$1" | LC_ALL=C tr -cd '[:print:]' | cut -c 1-200; }

# --- downloading -------------------------------------------------------------------------------------

find_fetcher() {
    fetcher=''
    if have curl; then
        # The snap package of curl cannot write to temporary folders.
        case $(command -v curl) in */snap/*) ;; *) fetcher=curl; return 0 ;; esac
    fi
    if have wget; then
        # --version fails in busybox, which has neither --max-redirect nor certificates.
        case $(wget --version 2>/dev/null) in *'GNU Wget'*) fetcher=gnu-wget ;; *) fetcher=small-wget ;; esac
        return 0
    fi
    case $asked in *://* | '') ;; *) return 0 ;; esac # a folder needs neither
    fail 3 E_UNSUPPORTED 'neither curl nor wget is here (curl as a snap does not count), and one is needed to download.' \
        'Install one, for example with  sudo apt install curl  or  sudo dnf install curl  or  sudo apk add curl' \
        'and start this again.'
}

file_size() { if [ -f "$1" ]; then echo $(($(wc -c <"$1"))); else echo 0; fi; }

# Runs one download in the background so that a signal ends it at once. MAX bytes is enforced by the
# system (ulimit -f), because no tool does it for a server that does not say how much it will send.
# Nothing is piped: bytes go into a file, and are checked, before anything reads them.
run_limited() { # MAX COMMAND...
    r_blocks=$(($1 / 512 + 2))
    shift
    (
        # shellcheck disable=SC3045 # where -c is unknown a core file is all that is lost
        ulimit -c 0 2>/dev/null
        ulimit -f "$r_blocks"
        exec "$@"
    ) >"$work/out" 2>"$work/err" </dev/null &
    child=$!
    if [ "$fetcher" != curl ]; then
        # wget has no lower speed limit, and busybox's often no time limit at all.
        (
            w_last=0 w_idle=0
            while [ "$w_idle" -lt "$STALL_SECONDS" ]; do
                sleep 1
                kill -0 "$child" || exit 0
                w_now=$(file_size "$part")
                if [ "$w_now" -ge $((w_last + 100 * (w_idle + 1))) ]; then w_last=$w_now w_idle=0; else w_idle=$((w_idle + 1)); fi
            done
            : >"$work/stalled"
            kill "$child"
        ) >/dev/null 2>&1 </dev/null &
        watchdog=$!
    fi
    wait "$child" 2>/dev/null
    r_rc=$?
    # bash --posix was seen to come back from this before the child had begun.
    while kill -0 "$child" 2>/dev/null; do
        sleep 1
        wait "$child" 2>/dev/null
        r_rc=$?
    done
    child=''
    if [ -n "$watchdog" ]; then
        kill "$watchdog" 2>/dev/null
        wait "$watchdog" 2>/dev/null
        watchdog=''
    fi
    return "$r_rc"
}

# fetch URL FILE MAX: 0 have it, 1 unreachable, 2 the server has no such file, 3 more than MAX bytes,
# 4 refused by us, 9 the disk is full. $why is for people.
fetch() {
    part=$2 why=''
    rm -f "$part"
    case $1 in
        *://*) ;;
        *)
            [ -f "$1" ] || { why='there is no such file'; return 2; }
            [ "$(file_size "$1")" -le "$3" ] || { why='the file is too large'; return 3; }
            cp "$1" "$part" 2>/dev/null && return 0
            why='it could not be read or copied'
            return 1 ;;
    esac
    url_allowed "$1" || { why='it is not https; see OFFGRID_SETUP_ALLOW_HTTP at the top of this script'; return 4; }
    f_try=1
    while :; do
        rm -f "$work/stalled"
        case $fetcher in
            curl) fetch_curl "$@" ;;
            *) fetch_wget "$@" ;;
        esac
        f_rc=$?
        [ "$f_rc" -ne 1 ] && return "$f_rc"
        [ "$f_try" -ge "$ATTEMPTS" ] && return 1
        say "  $why; trying again ($f_try of $((ATTEMPTS - 1)))"
        sleep "$f_try"
        f_try=$((f_try + 1))
    done
}

fetch_curl() { # URL FILE MAX
    # From https nothing leads back to http. From a loopback http source only to https, because curl
    # cannot be told "loopback only".
    c_redirect='=https'
    case $1 in
        https://*) c_proto='=https' ;;
        *)
            c_proto='=http,https'
            [ "${OFFGRID_SETUP_ALLOW_HTTP:-}" != 1 ] || c_redirect=$c_proto ;;
    esac
    run_limited "$3" curl --fail --location --silent --show-error --globoff --max-redirs 5 --tlsv1.2 \
        --proto "$c_proto" --proto-redir "$c_redirect" --max-filesize "$3" --connect-timeout 20 \
        --speed-limit 100 --speed-time "$STALL_SECONDS" --write-out '%{http_code}' --output "$2" "$1"
    c_rc=$?
    c_http=$(LC_ALL=C tr -cd '0-9' <"$work/out" | cut -c 1-3)
    case $c_rc in
        0) return 0 ;;
        1) why='it leads to an address without https'; return 4 ;;
        5) why='the proxy was not found; look at the variables HTTPS_PROXY and ALL_PROXY' ;;
        6) why='the name was not found (no network, or no DNS)' ;;
        7) why='nobody answers there' ;;
        22)
            why="the server says HTTP $c_http"
            case $c_http in 408 | 425 | 429 | 5??) ;; 407) why="$why: the proxy wants a password"; return 1 ;; *) return 2 ;; esac ;;
        23) why='it could not be written; the disk is probably full'; return 9 ;;
        28) why="stalled: nothing came for $STALL_SECONDS seconds" ;;
        35 | 51 | 58 | 59 | 60 | 77 | 83)
            why='no safe connection: the certificate or TLS is not right (is the clock of this machine right?)' ;;
        47) why='it leads in circles'; return 2 ;;
        63 | 153) why='it sends more than the file should be'; return 3 ;;
        *) why="the transfer broke off (curl $c_rc)" ;;
    esac
    return 1
}

fetch_wget() { # URL FILE MAX
    w_url=$1 w_hops=0
    while :; do
        set -- "$w_url" "$2" "$3"
        if [ "$fetcher" = gnu-wget ]; then
            # wget follows a redirect from https to http without a word, so each one is followed by hand.
            w_tls=''
            case $w_url in https://*) w_tls=--secure-protocol=TLSv1_2 ;; esac
            # Its own limit is for names and connections; the watchdog above is the first to see a stall.
            # shellcheck disable=SC2086 # one word or none
            run_limited "$3" wget --no-verbose --server-response --max-redirect=0 --tries=1 \
                --timeout="$((STALL_SECONDS * 2))" $w_tls -O "$2" "$w_url"
        else
            run_limited "$3" wget -q -S -O "$2" "$w_url"
        fi
        w_rc=$?
        [ ! -f "$work/stalled" ] || { why="stalled: nothing came for $STALL_SECONDS seconds"; return 1; }
        # The shell's number for "stopped by SIGXFSZ": the limit of run_limited.
        [ "$w_rc" -ne 153 ] || { why='it sends more than the file should be'; return 3; }
        w_to=$(LC_ALL=C sed -n 's/^ *[Ll][Oo][Cc][Aa][Tt][Ii][Oo][Nn]: *\([^ ]*\).*/\1/p' "$work/err" | tr -d '\r' | tail -n 1)
        w_http=$(LC_ALL=C sed -n 's/.*HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' "$work/err" | tail -n 1)
        if [ -n "$w_to" ] && [ "$fetcher" = small-wget ]; then
            # busybox has already followed it; the bytes are dropped if the way there was not allowed.
            case $w_url$w_to in https://*http://*) rm -f "$2"; why='it leads to an address without https'; return 4 ;; esac
            case $w_to in
                http://*) url_allowed "$w_to" || { rm -f "$2"; why='it leads to an address without https'; return 4; } ;;
            esac
            w_http='' # of the redirect, not of what came after it
        fi
        [ "$w_rc" -ne 0 ] || return 0
        case $w_http in
            30[12378])
                w_hops=$((w_hops + 1))
                [ "$w_hops" -le 5 ] || { why='it leads in circles'; return 2; }
                case $w_to in
                    //*) w_to=${w_url%%://*}:$w_to ;;
                    /*)
                        w_rest=${w_url#*://}
                        w_to=${w_url%%://*}://${w_rest%%/*}$w_to ;;
                esac
                case $w_url$w_to in https://*http://*) why='it leads to an address without https'; return 4 ;; esac
                url_allowed "$w_to" || { why='it leads to an address without https'; return 4; }
                w_url=$w_to
                continue ;;
            408 | 425 | 429 | 5??) why="the server says HTTP $w_http"; return 1 ;;
            407) why='the proxy wants a password'; return 1 ;;
            [45]??) why="the server says HTTP $w_http"; return 2 ;;
        esac
        case $w_rc in
            3) why='it could not be written; the disk is probably full'; return 9 ;;
            5) why='no safe connection: the certificate or TLS is not right (is the clock of this machine right?)' ;;
            *) why="nobody answers there, or the transfer broke off (wget $w_rc)" ;;
        esac
        return 1
    done
}

# --- checks ------------------------------------------------------------------------------------------

sha256_by() { # TOOL, of standard input
    case $1 in
        sha256sum) sha256sum ;;
        shasum) shasum -a 256 ;;
        openssl) openssl dgst -sha256 -r ;;
        sha256) sha256 -q ;;
        busybox) busybox sha256sum ;;
    esac 2>/dev/null | cut -c 1-64
}

# The first tool that gets the digest of nothing right; without one we stop: unchecked is not installed.
find_sha256() {
    for sha_tool in sha256sum shasum openssl sha256 busybox; do
        have "$sha_tool" || continue
        [ "$(sha256_by "$sha_tool" </dev/null)" != e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 ] || return 0
    done
    fail 3 E_UNSUPPORTED 'no program here can compute a SHA-256, so the download could not be checked. Nothing was downloaded.' \
        'Install coreutils, perl (shasum), openssl or busybox, and start this again.'
}

raw_openssl_verify() { # DER-KEY MESSAGE SIGNATURE
    openssl pkeyutl -verify -pubin -inkey "$1" -keyform DER -rawin -in "$2" -sigfile "$3" >/dev/null 2>&1
}

unbase64() { printf '%s' "$1" | openssl base64 -d -A 2>/dev/null; }

ed25519_der() { # 32 raw bytes on standard input become what OpenSSL reads as an Ed25519 public key
    printf '\060\052\060\005\006\003\053\145\160\003\041\000'
    cat
}

# LibreSSL and OpenSSL before 3.0 lack something here. They are told apart by trying: test vector 2 of
# RFC 8032 must be accepted, and refused with another message.
openssl_can_verify() {
    have openssl || return 1
    [ "$(openssl dgst -blake2b512 -r </dev/null 2>/dev/null | cut -c 1-16)" = 786a02f742015903 ] || return 1
    unbase64 'PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=' | ed25519_der >"$work/t.der"
    unbase64 'kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA==' >"$work/t.sig"
    printf r >"$work/t.good"
    printf s >"$work/t.bad"
    raw_openssl_verify "$work/t.der" "$work/t.good" "$work/t.sig" && ! raw_openssl_verify "$work/t.der" "$work/t.bad" "$work/t.sig"
}

find_verifier() {
    verifier=''
    if have minisign; then verifier=minisign; elif openssl_can_verify; then verifier=openssl; fi
}

# Is this block a signature of $bin by this key, with exactly this trusted comment?
verify_block() { # KEY BLOCK-FILE
    # "RU" is the base64 of ED, the prehashed kind. The legacy kind, Ed ("RW"), is refused whatever the tool thinks.
    v_line=$(sed -n 2p "$2")
    case $v_line in RU[QRST]*) [ ${#v_line} -eq 100 ] || return 1 ;; *) return 1 ;; esac
    if [ "$verifier" = minisign ]; then
        v_said=$(minisign -V -H -Q -P "$1" -m "$bin" -x "$2" 2>/dev/null) || return 1
        [ "$v_said" = "$comment" ]
        return
    fi
    unbase64 "$1" | tail -c 32 | ed25519_der >"$work/v.der"
    unbase64 "$v_line" | tail -c 64 >"$work/v.sig"
    openssl dgst -blake2b512 -binary "$bin" >"$work/v.digest" 2>/dev/null || return 1
    raw_openssl_verify "$work/v.der" "$work/v.digest" "$work/v.sig" || return 1
    # The second signature covers the first and the trusted comment. The comment that we expect is put in
    # here, not the one in the file, so checking it and comparing it are one step.
    {
        cat "$work/v.sig"
        printf '%s' "$comment"
    } >"$work/v.global"
    unbase64 "$(sed -n 4p "$2")" >"$work/v.globalsig"
    raw_openssl_verify "$work/v.der" "$work/v.global" "$work/v.globalsig" || return 1
    [ "$(sed -n 3p "$2")" = "trusted comment: $comment" ]
}

# Do blocks by RELEASE_THRESHOLD different keys hold? Keys are told apart by their bytes, never by
# their key id: in base64 the last 42 characters, because 10 bytes of algorithm and id come first.
signatures_hold() { # FILE
    s_lines=$(sed -n '$=' "$1")
    s_lines=${s_lines:-0}
    if [ "$s_lines" -lt 4 ] || [ "$s_lines" -gt 32 ] || [ $((s_lines % 4)) -ne 0 ]; then return 1; fi
    s_good=0 s_used=' ' s_at=1
    while [ "$s_at" -le "$s_lines" ]; do
        sed -n "${s_at},$((s_at + 3))p" "$1" >"$work/block"
        s_at=$((s_at + 4))
        for s_key in $RELEASE_KEYS; do
            [ ${#s_key} -eq 56 ] || continue
            s_id=${s_key#??????????????}
            case $s_used in *" $s_id "*) continue ;; esac
            if verify_block "$s_key" "$work/block"; then
                s_good=$((s_good + 1)) s_used="$s_used$s_id "
                break
            fi
        done
        [ "$s_good" -lt "$RELEASE_THRESHOLD" ] || return 0
    done
    return 1
}

# --- the steps ---------------------------------------------------------------------------------------

# A fresh folder nobody else can have prepared, on a disk from which programs may be started.
make_work() {
    m_seen=''
    for m_kind in tmpdir tmp cache home vartmp here; do
        case $m_kind in
            tmpdir) m_dir=${TMPDIR:-/tmp} ;;
            tmp) m_dir=/tmp ;;
            cache) m_dir=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache} ;;
            home) m_dir=${HOME:-/nonexistent} ;;
            vartmp) m_dir=/var/tmp ;;
            here) m_dir=$(pwd) ;;
        esac
        case $m_dir in /*) ;; *) m_dir=$(pwd)/$m_dir ;; esac # `cd` and -x need no relative names
        if [ ! -d "$m_dir" ] || [ ! -w "$m_dir" ]; then continue; fi
        fresh_folder "$m_dir" || continue
        printf '#!/bin/sh\nexit 0\n' >"$work/try" && chmod 700 "$work/try" && "$work/try" >/dev/null 2>&1 && return 0
        case "$m_seen " in *" $m_dir "*) ;; *) m_seen="$m_seen $m_dir" ;; esac
        rm -rf "$work"
        work=''
    done
    if [ -n "$m_seen" ]; then
        fail 8 E_PERM "no program may be started from these folders (mounted \"noexec\", or full):$m_seen" \
            'Name a folder where programs may run, for example:  export TMPDIR=/opt/tmp' 'and start this again.'
    fi
    fail 8 E_PERM 'there is no folder to write to: not TMPDIR, /tmp, your home, /var/tmp or this folder.' \
        'Name one that you may write to:  export TMPDIR=/path/to/folder' 'and start this again.'
}

fresh_folder() { # PARENT; sets $work
    if have mktemp; then
        work=$(mktemp -d "$1/offgrid-setup.XXXXXXXXXX" 2>/dev/null) && [ -n "$work" ] && return 0
        work=''
        return 1
    fi
    # mkdir fails when the name exists, link or not; so a name somebody else put there is never used.
    n_try=0
    while [ "$n_try" -lt 5 ]; do
        n_try=$((n_try + 1))
        n_name=$(od -An -N8 -tx1 /dev/urandom 2>/dev/null | tr -d ' \n')
        work=$1/offgrid-setup.$$.$n_try.$n_name
        mkdir -m 700 "$work" 2>/dev/null && return 0
    done
    work=''
    return 1
}

source_name() { # for people: no path, no password
    case $1 in *://*) s_name=${1#*://} s_name=${s_name%%/*} s_name=${s_name##*@} ;; *) s_name=$1 ;; esac
    printable "$s_name"
}

get_program() {
    bin=$work/offgrid-setup tried='' bad='' reason=''
    # $asked may hold spaces (a folder), so it is kept apart from the list.
    for g_source in ${asked:+asked} $SOURCES; do
        g_base=$g_source
        [ "$g_source" != asked ] || g_base=$asked
        g_name=$(source_name "$g_base")
        say "Getting OffGrid Setup $PRODUCT_VERSION for $target ($(((size + 1023) / 1024)) KiB) from $g_name"
        fetch "${g_base}blob/sha256/$hex" "$bin" "$size"
        g_rc=$?
        if [ "$g_rc" -eq 0 ]; then
            g_size=$(file_size "$bin")
            if [ "$g_size" -ne "$size" ]; then
                bad=${bad:-E_SIZE} reason="it sent $g_size bytes instead of $size"
            elif [ "$(sha256_by "$sha_tool" <"$bin")" != "$hex" ]; then
                bad=E_HASH
                reason='what it sent is not the file that was published (wrong SHA-256)'
            else
                return 0
            fi
            why=$reason
        elif [ "$g_rc" -eq 3 ]; then
            bad=${bad:-E_SIZE}
        elif [ "$g_rc" -eq 9 ]; then
            fail 9 E_NOSPACE "the download could not be written to $work." 'Make some space, or name another folder:  export TMPDIR=/path/to/folder'
        fi
        rm -f "$bin"
        say "  $g_name: $why"
        tried="$tried
  $g_name: $why"
    done
    if [ -n "$bad" ]; then
        fail 5 "$bad" "OffGrid Setup could not be downloaded unchanged. Nothing was started.$tried" \
            'Often a login page of the network or a filter answers instead. Open a web page to see, then start' \
            'this again; if it stays, try another network and tell whoever runs the source.'
    fi
    fail 4 E_UNREACHABLE "OffGrid Setup could not be downloaded.$tried" \
        'Check the network (behind a proxy: export HTTPS_PROXY=http://proxy:port) and start this again.' \
        'A mirror or a stick works too:  export OFFGRID_SETUP_SOURCE=URL-or-folder'
}

check_signature() {
    find_verifier
    if [ -z "$verifier" ]; then
        say 'Checked: size and SHA-256 alone. To have the signature checked too, install minisign or OpenSSL 3.'
        return 0
    fi
    comment="offgrid/setup $target v$PRODUCT_VERSION sha256:$hex"
    k_seen='' k_tried=''
    for k_source in ${asked:+asked} $SOURCES; do
        k_base=$k_source
        [ "$k_source" != asked ] || k_base=$asked
        fetch "${k_base}blob/sha256/$hex.minisig" "$work/minisig" "$SIGNATURE_MAX"
        k_rc=$?
        if [ "$k_rc" -eq 0 ]; then
            why='the signature does not hold'
            if signatures_hold "$work/minisig"; then
                say "Checked: size, SHA-256 and signature (by $verifier)."
                return 0
            fi
        fi
        # A source that answers without a signature is as bad as one with a wrong one; silence is not.
        [ "$k_rc" -eq 1 ] || [ "$k_rc" -eq 4 ] || k_seen=1
        k_tried="$k_tried
  $(source_name "$k_base"): $why"
    done
    [ -n "$k_seen" ] || fail 4 E_UNREACHABLE "the signature of OffGrid Setup could not be downloaded. Nothing was started.$k_tried" \
        'Check the network and start this again.'
    fail 5 E_SIG_THRESHOLD "OffGrid Setup is not signed by $RELEASE_THRESHOLD of the release keys in this script. Nothing was started.$k_tried" \
        'Do not use this download. Get the install script again from where you got it, and if that does not' \
        'help, tell the people who run the source.'
}

start_program() {
    chmod 700 "$bin"
    # Words that begin with `-` are options of `install`; a command is passed on as it is.
    case ${1:-} in '' | -*) set -- install "$@" ;; esac
    # From here an interrupt is the program's to handle: it takes back what it did and says how it ended.
    # With an empty handler this shell survives, and the program starts with the ordinary one.
    trap : INT TERM HUP
    # 077 is for our folder; what the program installs for everybody must not inherit it.
    umask "$user_umask"
    # Under `curl | sh` standard input is the script; questions need the terminal.
    if [ ! -t 0 ] && [ -z "$yes" ] && (: </dev/tty) 2>/dev/null; then
        "$bin" "$@" </dev/tty
    else
        "$bin" "$@"
    fi
    b_rc=$?
    case $b_rc in
        126 | 127) printf 'error [E_PERM]: the system refused to start OffGrid Setup from %s.\n  %s\n' "$work" \
            'Name a folder where programs may run (export TMPDIR=/path/to/folder), and start this again.' >&2 ;;
    esac
    return "$b_rc"
}

main() {
    quiet='' yes='' asked=''
    if [ -z "$PRODUCT_VERSION" ] || [ -z "$SOURCES" ] || [ -z "$RELEASE_KEYS" ] || [ -z "$PINS" ] || [ -z "$RELEASE_THRESHOLD" ]; then
        fail 3 E_UNSUPPORTED 'this is the template of the install script, not a published one: it names no program to install.' \
            'Use the one of a release:  curl -fsSL https://offgrid-llm.io/install | sh' \
            'or make one:  offgrid-depot publish'
    fi
    case $RELEASE_THRESHOLD in
        0 | *[!0-9]*) fail 5 E_PARSE 'this copy of the install script is damaged (the threshold).' 'Download it again from where you got it.' ;;
    esac
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    list_sources "$@"
    find_target
    find_sha256
    find_fetcher
    make_work
    get_program
    check_signature
    start_program "$@"
}

main "$@"
exit
}
