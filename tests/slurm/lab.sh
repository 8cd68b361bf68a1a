#!/usr/bin/env bash
# A real SLURM on one host, without systemd: munge, slurmctld and a slurmd for each virtual node, each with its own hostname.
#   lab.sh up [PID]   start it (again); when process PID is given, the lab goes down soon after that process has gone
#   lab.sh node K     start node K again
#   lab.sh fail K     let node K lose its power: slurmd and everything that it has started are killed at once
#   lab.sh down       stop everything, by recorded process numbers only, and remove the lab
#   lab.sh install    install SLURM and munge by apt
# Needs root.  $SLURM_LAB: its folder.  $SLURM_LAB_NODES (4), $SLURM_LAB_CPUS of a node (4), $SLURM_LAB_PORT (27100).
set -euo pipefail
LAB=${SLURM_LAB:?set SLURM_LAB to a folder for the lab}
NODES=${SLURM_LAB_NODES:-4} CPUS=${SLURM_LAB_CPUS:-4} PORT=${SLURM_LAB_PORT:-27100}
HOST=$(hostname -s)
export SLURM_CONF=$LAB/slurm.conf

# a recorded number counts only while that process still is the daemon it was recorded for: numbers are given out again
is() { [ -s "$1" ] && case "$(cat "/proc/$(cat "$1")/comm" 2>/dev/null)" in "$2"*) ;; *) false ;; esac; }

# processes that belong to this lab, told by their environment; with K, those of node K alone
ours() {
    local file pid
    for file in /proc/[0-9]*/environ; do
        pid=${file#/proc/} pid=${pid%/environ}
        tr '\0' '\n' 2>/dev/null <"$file" | grep -qx "SLURM_CONF=$LAB/slurm.conf" || continue
        case "$(readlink "/proc/$pid/exe" 2>/dev/null)" in *slurmstepd*) ;; *) continue ;; esac
        [ -z "${1:-}" ] || [ "$(nsenter -t "$pid" -u hostname 2>/dev/null)" = "n$1" ] && echo "$pid"
    done
    return 0
}

descendants() { # of process $1, itself last
    local child
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do descendants "$child"; done
    echo "$1"
}

stop() { # stop FILE NAME: the daemon of a recorded number, politely, then not
    is "$1" "$2" || return 0
    local pid
    pid=$(cat "$1")
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.05; done
    kill -9 "$pid" 2>/dev/null || true
}

configure() {
    cat /etc/hosts >"$LAB/hosts"
    for k in $(seq "$NODES"); do echo "127.0.0.1 n$k"; done >>"$LAB/hosts"
    cat >"$LAB/slurm.conf" <<CONF
ClusterName=lab
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=$PORT
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$LAB/run/munge.socket
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$LAB/state
SlurmdSpoolDir=$LAB/spool/%n
TmpFS=$LAB/tmp/%n
SlurmctldPidFile=$LAB/run/slurmctld.pid
SlurmdPidFile=$LAB/run/slurmd.%n.pid
SlurmctldLogFile=$LAB/log/slurmctld.log
SlurmdLogFile=$LAB/log/slurmd.%n.log
MpiDefault=pmi2
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=256
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=60
SlurmdTimeout=15
InactiveLimit=0
KillWait=5
MinJobAge=600
Waittime=0
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobSubmitPlugins=lua
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=2,bf_interval=2,nohold_on_prolog_fail
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
CONF
    for k in $(seq "$NODES"); do
        echo "NodeName=n$k NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((PORT + k)) CPUs=$CPUS RealMemory=4096 State=UNKNOWN"
    done >>"$LAB/slurm.conf"
    cat >>"$LAB/slurm.conf" <<CONF
PartitionName=main Nodes=n[1-$NODES] Default=YES MaxTime=1-00:00:00 PriorityTier=2 PreemptMode=OFF State=UP
PartitionName=short Nodes=n[1-2] MaxTime=5 MaxNodes=1 PriorityTier=2 PreemptMode=OFF State=UP
PartitionName=closed Nodes=n1 PriorityTier=2 PreemptMode=OFF State=DOWN
PartitionName=theirs Nodes=n1 AllowAccounts=theirs PriorityTier=2 PreemptMode=OFF State=UP
PartitionName=charged Nodes=n1 PriorityTier=2 PreemptMode=OFF State=UP
# whose jobs have to make way for those of all others: at once, after a while, for good
PartitionName=scavenge Nodes=n[1-$NODES] PriorityTier=1 PreemptMode=REQUEUE State=UP
PartitionName=polite Nodes=n[1-$NODES] PriorityTier=1 PreemptMode=REQUEUE GraceTime=60 State=UP
PartitionName=evict Nodes=n[1-$NODES] PriorityTier=1 PreemptMode=CANCEL State=UP
CONF
    # a site's own rule, as many have one: SLURM itself cannot tell it beforehand
    cat >"$LAB/job_submit.lua" <<'LUA'
function slurm_job_submit(job, partitions, user)
    if job.partition == "charged" and job.account == nil then
        slurm.log_user("jobs in partition charged must name an account")
        return 2045 -- ESLURM_INVALID_ACCOUNT
    end
    return slurm.SUCCESS
end
function slurm_job_modify(job, record, partitions, user)
    return slurm.SUCCESS
end
LUA
}

start_node() {
    is "$LAB/run/slurmd.n$1.pid" slurmd && return 0
    mkdir -p "$LAB/spool/n$1" "$LAB/tmp/n$1"
    # own hostname and own /etc/hosts for everything that this slurmd starts
    unshare --uts --mount bash -c "hostname n$1; mount --bind '$LAB/hosts' /etc/hosts; exec slurmd -f '$SLURM_CONF' -N n$1"
}

up() {
    mkdir -p "$LAB"/{run,log,state,spool,tmp}
    chmod 755 "$LAB" "$LAB/run"
    if [ ! -s "$LAB/munge.key" ]; then
        (umask 077 && dd if=/dev/urandom of="$LAB/munge.key" bs=1024 count=1 status=none)
    fi
    is "$LAB/run/munged.pid" munged || munged --force --key-file="$LAB/munge.key" --socket="$LAB/run/munge.socket" \
        --pid-file="$LAB/run/munged.pid" --log-file="$LAB/log/munged.log" --seed-file="$LAB/state/munge.seed" --num-threads=2
    [ -s "$LAB/slurm.conf" ] || configure
    is "$LAB/run/slurmctld.pid" slurmctld || slurmctld -f "$SLURM_CONF"
    for k in $(seq "$NODES"); do start_node "$k"; done
    if [ -n "${1:-}" ]; then
        setsid bash -c "while kill -0 $1 2>/dev/null; do sleep 2; done; exec '$(realpath "$0")' down" \
            </dev/null >/dev/null 2>&1 &
        echo $! >"$LAB/run/watcher.pid"
    fi
    for _ in $(seq 300); do
        [ "$(sinfo -h -p main -N -o '%t' 2>/dev/null | grep -cE '^(idle|mix|alloc)$')" = "$NODES" ] && return 0
        sleep 0.1
    done
    echo "slurm did not come up:" >&2
    sinfo -N -l >&2 || true
    tail -n 5 "$LAB"/log/*.log >&2
    exit 1
}

fail() { # the whole family of the node at once
    local pid pids=""
    for pid in $(cat "$LAB/run/slurmd.n$1.pid") $(ours "$1"); do pids+=" $(descendants "$pid")"; done
    # shellcheck disable=SC2086
    kill -9 $pids 2>/dev/null || true
    rm -f "$LAB/run/slurmd.n$1.pid"
}

leftovers() { # daemons whose command line names this lab: should its folder have been removed under them
    local file
    for file in /proc/[0-9]*/cmdline; do
        case "$(tr '\0' ' ' 2>/dev/null <"$file")" in
        "slurmctld -f $LAB/slurm.conf"* | "slurmd -f $LAB/slurm.conf"* | "munged "*"--key-file=$LAB/munge.key"*)
            file=${file#/proc/} && echo "${file%/cmdline}"
            ;;
        esac
    done
    return 0
}

down() {
    local file pid
    is "$LAB/run/watcher.pid" bash && [ "$(cat "$LAB/run/watcher.pid")" != $$ ] && kill "$(cat "$LAB/run/watcher.pid")"
    if is "$LAB/run/slurmctld.pid" slurmctld; then
        timeout 10 scancel --user="$(id -un)" 2>/dev/null || true
        for _ in $(seq 60); do [ -z "$(timeout 5 squeue -h 2>/dev/null)" ] && break; sleep 0.1; done
    fi
    for file in "$LAB"/run/slurmd.*.pid "$LAB/run/slurmctld.pid"; do # all at once: each takes a while to leave
        ! is "$file" slurm || kill "$(cat "$file")" 2>/dev/null || true
    done
    for file in "$LAB"/run/slurmd.*.pid; do stop "$file" slurmd; done
    for pid in $(ours); do
        # shellcheck disable=SC2046
        kill -9 $(descendants "$pid") 2>/dev/null || true
    done
    stop "$LAB/run/slurmctld.pid" slurmctld
    stop "$LAB/run/munged.pid" munged
    for pid in $(leftovers); do kill -9 "$pid" 2>/dev/null || true; done
    rm -rf "$LAB"
}

case "${1:-}" in
install)
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge
    # Open MPI and what SLURM's pmix plugin loads (libpmix.so, which Debian has in its -dev package)
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libopenmpi3 libpmix2 libpmix-dev ||
        echo "no Open MPI: its test is skipped" >&2
    ;;
up) up "${2:-}" ;;
node) start_node "$2" ;;
fail) fail "$2" ;;
down) down ;;
*) echo "usage: lab.sh install | up [PID] | node K | fail K | down" >&2 && exit 2 ;;
esac
