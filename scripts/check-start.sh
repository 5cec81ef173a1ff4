#!/usr/bin/env bash
# A stranger's first ten minutes: clone into a path with a space, an empty npm cache, `npm start -- --exit --json` twice, from two folders.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone -q "$here" "$work/a clone"
export npm_config_cache="$work/npm cache"

summary() {
  node -e '
    const last = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n").at(-1);
    const s = JSON.parse(last);
    const wanted = ["rows", "features", "aucHoldout", "aucLive", "vectorsCompared", "mismatches", "latencyMs", "alerts", "retrainings", "promotions", "seconds"];
    const missing = wanted.filter((key) => s[key] === undefined);
    if (s.event !== "summary" || missing.length > 0) throw new Error("not a summary, or lacks " + missing + ": " + last);
    if (s.mismatches !== 0 || !(s.vectorsCompared > 0)) throw new Error(`${s.mismatches} mismatches in ${s.vectorsCompared} vectors`);
    if (!(s.aucLive > 0.65) || !(s.retrainings >= 1) || !(s.promotions >= 1)) throw new Error("the loop did not close: " + last);
    console.log(last);' "$1"
}

(cd "$work/a clone" && npm start -- --exit --json --port 0 --serving-port 0 >"$work/first.jsonl")
summary "$work/first.jsonl"
(cd / && npm --prefix "$work/a clone" start -- --exit --json --port 0 --serving-port 0 >"$work/second.jsonl")
summary "$work/second.jsonl"
