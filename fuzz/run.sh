#!/usr/bin/env bash
# Fuzzes each target for so many minutes, all of them or those that are named: fuzz/run.sh MINUTES [TARGET…]
#
# What is new goes to fuzz/found/TARGET, findings to fuzz/artifacts/TARGET; at the end the inputs that reach something which no other
# reaches are kept in fuzz/corpus/TARGET, as few as cover it. A finding ends its target, not the others.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export RUSTC_BOOTSTRAP=1 # `cargo fuzz` needs flags that a stable compiler keeps to itself
minutes=${1:?fuzz/run.sh MINUTES [TARGET…]}
shift
if [ $# -gt 0 ]; then targets=("$@"); else mapfile -t targets < <(cargo fuzz list); fi
limits=(-rss_limit_mb=2048 -timeout=10 -max_len=8192)
findings=0
for target in "${targets[@]}"; do
    mkdir -p "fuzz/found/$target" "fuzz/corpus/$target"
    echo "== $target"
    cargo fuzz run --sanitizer none "$target" "fuzz/found/$target" "fuzz/corpus/$target" -- \
        "${limits[@]}" -max_total_time=$((minutes * 60)) -print_final_stats=1 -use_value_profile=1 2>"fuzz/found/$target.log" >&2 ||
        findings=$((findings + 1))
    grep -E "cov: |stat::|SUMMARY|panicked|ALARM" "fuzz/found/$target.log" | tail -n 9
    # The smallest set with the same coverage: whether a branch is reached, not how often.
    merged=$(mktemp -d)
    cargo fuzz run --sanitizer none "$target" "$merged" "fuzz/corpus/$target" "fuzz/found/$target" -- \
        "${limits[@]}" -max_len=2048 -set_cover_merge=1 -use_counters=0 2>>"fuzz/found/$target.log" >&2
    # Seeds and findings have names of their own and stay.
    find "fuzz/corpus/$target" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -delete
    find "$merged" -type f -size -3 -printf '%s %p\n' | sort -n | head -n 32 | while read -r _ file; do
        cmp -s "$file" /dev/null || cp "$file" "fuzz/corpus/$target/"
    done
    rm -r "$merged"
    echo "$(find "fuzz/corpus/$target" -type f | wc -l) inputs kept"
done
echo "$findings of ${#targets[@]} targets have findings"
exit $((findings > 0))
