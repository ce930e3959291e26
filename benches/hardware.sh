#!/usr/bin/env bash
# Measures a machine that has a GPU and neither a toolchain nor a network, from programs that are carried there.
#
#   benches/hardware.sh --pack DIR     where Swath is built: build everything, and gather in DIR what is needed
#   DIR/hardware.sh [OPTIONS]          where the GPU is: measure, most telling first
#
#   --minutes N    stop after so long (default: 10)
#   --out NAME     write NAME.json and NAME.md (default: hardware, in the current folder)
#   --device D     measure only this device beside the CPU engine, such as gpu:1 (default: all)
#
# Measuring needs bash and the coreutils. Each step has a time limit; one that fails or takes longer is recorded, and the
# rest goes on. Both files are written anew after each step, so they are whole whenever it ends.
set -u
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() { printf 'hardware.sh: %s\n' "$1" >&2; exit 2; }

usage() {
  local line
  while IFS= read -r line; do
    case $line in '#!'*) ;; '#'*) line=${line#'#'}; printf '%s\n' "${line# }" ;; *) break ;; esac
  done <"${BASH_SOURCE[0]}"
}

# ---- Where Swath is built

# Builds with cargo and copies the executables that it names to $pack/bin.
gather() {
  local line build
  build=$(cargo "$@" --message-format=json-render-diagnostics) || fail "\`cargo $*\` failed"
  while IFS= read -r line; do
    [[ $line =~ \"name\":\"([a-z-]+)\",.*\"executable\":\"([^\"]+)\" ]] || continue
    cp "${BASH_REMATCH[2]}" "$pack/bin/${BASH_REMATCH[1]}" || fail "\`$pack/bin\` cannot be written"
  done <<<"$build"
}

pack() {
  local root=$here/.. target program
  mkdir -p "$1/bin" "$1/tests" || fail "\`$1\` cannot be made"
  pack=$(cd "$1" && pwd)
  cd "$root" || fail "\`$root\` is not there"
  target=${CARGO_TARGET_DIR:-target}
  gather build --release --locked --bin swath
  gather test --release --locked --no-run --test cases
  gather bench --locked --no-run --bench overhead --bench streaming --bench chain --bench engines
  # Where the benchmark itself would build it.
  CARGO_TARGET_DIR=$target/native/native gather build --release --locked --manifest-path benches/native/Cargo.toml
  mv "$pack/bin/swath-bench-native" "$pack/bin/native"
  for program in swath cases overhead streaming chain engines native; do
    [ -x "$pack/bin/$program" ] || fail "cargo built no \`$program\`"
    # Smaller to carry; it runs as well without.
    strip --strip-debug "$pack/bin/$program" 2>/dev/null
  done
  rm -rf "$pack/tests/cases" "$pack/shaders"
  cp -R tests/cases "$pack/tests/cases"
  cp -R shaders "$pack/shaders"
  cp benches/hardware.sh "$pack/hardware.sh"
  {
    printf 'commit=%s\n' "$(git describe --always --dirty --abbrev=12 2>/dev/null || printf unknown)"
    printf 'rustc=%s\n' "$(rustc --version)"
    printf 'packed=%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf 'glibc=%s\n' "$(cat "$pack"/bin/* | tr -c 'A-Za-z0-9._' '\n' | grep -x 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1)"
  } >"$pack/pack.txt"
  printf 'packed in %s; there, run %s/hardware.sh\n' "$pack" "$pack"
  cat "$pack/pack.txt"
}

# ---- Where the GPU is: time, and text as JSON

now() { date +%s%3N; }

seconds() { printf '%d.%01d' $(($1 / 1000)) $(($1 % 1000 / 100)); }

# The argument as a JSON string.
quoted() {
  local text
  text=$(tr -d '\000-\010\013-\037\177' <<<"$1")
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\n'/\\n}
  printf '"%s"' "${text//$'\t'/\\t}"
}

# The contents of a file if they are a whole JSON object, as the carried programs write them; else nothing.
document() {
  local text
  [ -s "$1" ] || return 0
  text=$(cat "$1")
  [[ $text == '{'* && $text == *'}' ]] && printf '%s' "$text"
}

# The value of $2 in /proc or /sys file $1, made of lines `name : value`.
entry() {
  local name value
  [ -r "$1" ] || return 0
  while IFS=: read -r name value; do
    name=${name%%[[:space:]]}
    if [ "${name%"${name##*[![:space:]]}"}" = "$2" ]; then
      printf '%s' "${value#"${value%%[![:space:]]*}"}"
      return 0
    fi
  done <"$1"
}

# A table in Markdown from JSON text with one member a line: a row for each $2, with the columns $2 $3 ...
rows() {
  local text=$1 line key value column first=$2
  shift
  local -A row=()
  emit() {
    local column
    [ -n "${row[$first]+set}" ] || return 0
    printf '|'
    for column in "$@"; do printf ' %s |' "${row[$column]:--}"; done
    printf '\n'
    row=()
  }
  printf '|'
  printf ' %s |' "$@"
  printf '\n|'
  for column in "$@"; do printf '%s' '---|'; done
  printf '\n'
  while IFS= read -r line; do
    [[ $line =~ \"([a-z_]+)\":\ (.*[^,]),?$ ]] || continue
    key=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
    [ "$key" = "$first" ] && emit "$@"
    [ -n "${row[$key]+set}" ] || row[$key]=${value//\"/}
  done <<<"$text"
  emit "$@"
}

# ---- The two files

steps_json=() steps_table=() steps_text=()

write_files() {
  local finished=$1 i separator=
  {
    printf '{\n"version": 1,\n"what": "Swath on hardware",\n"finished": %s,\n' "$finished"
    printf '"started": %s,\n"minutes": %d,\n"used_s": %s,\n' "$(quoted "$started")" "$minutes" "$(seconds $(($(now) - begin)))"
    printf '"pack": {%s},\n"machine": {%s},\n"steps": [' "$pack_json" "$machine_json"
    for ((i = 0; i < ${#steps_json[@]}; i++)); do
      printf '%s\n%s' "$separator" "${steps_json[i]}"
      separator=,
    done
    printf '\n]\n}\n'
  } >"$out.json.part" && mv -f "$out.json.part" "$out.json"
  {
    printf '# Swath on %s\n\n' "$title"
    printf '%s; Swath %s. ' "$started" "$commit"
    if [ "$finished" = true ]; then
      printf 'All steps had their turn in %s s.\n\n' "$(seconds $(($(now) - begin)))"
    else
      printf 'Not finished: what follows is what there is so far.\n\n'
    fi
    printf '%s\n' "$machine_text"
    printf '| step | outcome | s | |\n|---|---|---:|---|\n'
    for ((i = 0; i < ${#steps_table[@]}; i++)); do printf '%s\n' "${steps_table[i]}"; done
    for ((i = 0; i < ${#steps_text[@]}; i++)); do printf '\n%s\n' "${steps_text[i]}"; done
  } >"$out.md.part" && mv -f "$out.md.part" "$out.md"
}

# Notes a step: name, outcome, exit status, milliseconds, limit, command, text, document, what to say in the table, and
# the text in Markdown.
note() {
  local name=$1 outcome=$2 status=$3 took=$4 limit=$5 command=$6 text=$7 document=$8 said=$9 markdown=${10}
  steps_json+=("{\"step\": $(quoted "$name"), \"outcome\": $(quoted "$outcome"), \"exit\": $status,
\"seconds\": $(seconds "$took"), \"limit_s\": $limit, \"command\": $(quoted "$command"), \"said\": $(quoted "$said"),
\"output\": $(quoted "$text"),
\"document\": ${document:-null}}")
  steps_table+=("| $name | $outcome | $(seconds "$took") | ${said//|/ } |")
  steps_text+=("## $name

$markdown")
  printf '%-28s %-10s %8s s  %s\n' "$name" "$outcome" "$(seconds "$took")" "$said"
  write_files false
}

# ---- Steps

# The most telling first.
all_samples=(saxpy matmul nbody mandelbrot shallow_water reduce scan histogram black_scholes
  fft conv2d smith_waterman merkle monte_carlo quantum knn path_tracer radix_sort)

# Runs a command for at most $1 seconds, its output in $work/out and $work/err. The answer is in `status`: the command's,
# 124 where it took too long, 137 where it had to be killed, 125 where not even that ended it.
limited() {
  local limit=$1 child end
  shift
  timeout -k 3 "$limit" "$@" >"$work/out" 2>"$work/err" </dev/null &
  child=$!
  end=$(($(now) + limit * 1000 + 5000))
  # A process that hangs in a driver cannot be killed, and waiting for it would take for ever.
  while kill -0 "$child"; do
    if [ "$(now)" -gt "$end" ]; then
      disown "$child"
      status=125
      return
    fi
    sleep 0.1
  done
  wait "$child"
  status=$?
} 2>/dev/null

# Seconds that are left for a step, with some for ending it.
left() { printf '%d' $(((deadline - $(now)) / 1000 - 6)); }

# The limit of a step that takes at most $1 seconds of ten minutes, in `limit`; false if no time is left.
limit_of() {
  local left
  left=$(left)
  limit=$(($1 * minutes / 10))
  [ "$limit" -gt 2 ] || limit=2
  [ "$limit" -le "$left" ] || limit=$left
  [ "$left" -ge 2 ]
}

skip() { note "$1" skipped null 0 0 "" "" "" "no time was left" "No time was left for it."; }

# The outcome that an exit status stands for.
outcome_of() {
  case $1 in
    0) printf ok ;;
    124 | 137) printf 'timed out' ;;
    125) printf hung ;;
    *) printf failed ;;
  esac
}

fenced() { printf '```text\n%s\n```' "${1:-nothing was printed}"; }

# step NAME LIMIT SUMMARY COMMAND...: runs a command and notes what came of it. $work/document.json is its document, or
# what it printed if that is one. SUMMARY is called with the document and the text: it sets `said` and may set `markdown`.
step() {
  local name=$1 limit=$2 summary=$3 from text document outcome said= markdown=
  shift 3
  limit_of "$limit" || { skip "$name"; return; }
  rm -f "$work/document.json"
  from=$(now)
  limited "$limit" "$@"
  document=$(document "$work/document.json")
  text=$(tail -n 80 "$work/out"; tail -n 20 "$work/err")
  if [ -z "$document" ] && [ "$status" -le 1 ]; then
    document=$(document "$work/out")
    [ -z "$document" ] || text=$(tail -n 20 "$work/err")
  fi
  outcome=$(outcome_of "$status")
  "$summary" "$document" "$text"
  [ "$outcome" != failed ] || said="status $status${said:+; $said}: $(tail -n 1 "$work/err")"
  [ -n "$said" ] || [ "$outcome" = ok ] || said="nothing to tell when it ended"
  [ -n "$markdown" ] || markdown=$(fenced "$text")
  note "$name" "$outcome" "$status" $(($(now) - from)) "$limit" "${*//$here\//}" "$text" "$document" "$said" "$markdown"
}

# Verifies each sample on device $1, in one step of at most $2 seconds, of which one sample has a third: so one that hangs
# leaves the others.
samples() {
  local name="samples on $1" limit from end remaining sample document text= documents= outcome=ok worst=0 verified=0 said bad=
  limit_of "$2" || { skip "$name"; return; }
  from=$(now)
  end=$((from + limit * 1000))
  for sample in "${all_samples[@]}"; do
    remaining=$(((end - $(now)) / 1000)) document=
    [ "$remaining" -le $((limit / 3 + 1)) ] || remaining=$((limit / 3 + 1))
    if [ "$remaining" -lt 1 ]; then
      status=124
    else
      limited "$remaining" "$here/bin/swath" run "$sample" --device "$1" --json
    fi
    if [ "$status" -eq 0 ]; then
      verified=$((verified + 1))
    else
      bad+="${bad:+, }$sample $(outcome_of "$status")"
      text+="$sample: $(tail -n 5 "$work/err")"$'\n'
      [ "$worst" -ge "$status" ] || worst=$status
    fi
    # A sample that failed before it had numbers has no document.
    [ "$status" -gt 1 ] || document=$(document "$work/out")
    documents+="${document:+${documents:+,}$'\n'$document}"
    [ "$remaining" -ge 1 ] || break
  done
  outcome=$(outcome_of "$worst")
  said="$verified of ${#all_samples[@]} verified${bad:+; $bad}"
  note "$name" "$outcome" "$worst" $(($(now) - from)) "$limit" "bin/swath run SAMPLE --device $1 --json" "$text" \
    "{\"samples\": [$documents]}" "$said" \
    "$(rows "$documents" sample verified size kernel_ms total_ms compile_ms native_ms)${text:+$'\n\n'$(fenced "$text")}"
}

summary_devices() {
  [ -z "$1" ] || markdown=$(rows "$1" device name kind backend driver memory_bytes)
  said="${#devices[@]} devices: ${devices[*]}"
}

summary_cases() {
  local line passed=0
  while IFS= read -r line; do
    case $line in
      "test result: "*) said=${line#test result: } ;;
      *"... ok") passed=$((passed + 1)) ;;
    esac
  done <"$work/out"
  said=${said%%; finished*}
  said=${said:-$passed passed before it ended}
  # The names of those that passed tell nothing.
  markdown=$(fenced "$(tail -n 12 <<<"$2")")
}

# The last number of each line of a table of ratios.
summary_ratios() {
  local line
  while IFS= read -r line; do
    [[ $line =~ \ ([0-9]+\.[0-9]+)$ ]] && said+="${said:+, }${BASH_REMATCH[1]}"
  done <<<"$2"
  [ -z "$said" ] || said="ratios $said"
}

summary_engines() {
  local line
  while IFS= read -r line; do
    [[ $line == "geometric mean"* ]] && said=$(tr -s ' ' <<<"$line")
  done <<<"$2"
}

# Where it ran, and the median of the kernel times.
summary_bench() {
  local line on=
  while IFS= read -r line; do
    if [[ $line =~ \"on\":\ \"(.*)\" ]]; then
      on=${BASH_REMATCH[1]}
    elif [[ $line =~ \"median\":\ ([0-9.]+) ]] && [ -n "$on" ]; then
      said+="${said:+, }$on $(printf '%.3g' "${BASH_REMATCH[1]}") ms"
      on=
    fi
  done <<<"$1"
  [ -z "$1" ] || markdown=$(rows "$1" sample on size median gigabytes_per_second gigaoperations_per_second speedup verified error)
}

# ---- Energy

# Microjoules that the processors' packages have used, or nothing: not every system has the counters, or lets them be read.
package_energy() {
  local counter sum= value
  for counter in /sys/class/powercap/intel-rapl:[0-9]*; do
    [[ $counter =~ intel-rapl:[0-9]+$ ]] || continue
    value=$(cat "$counter/energy_uj" 2>/dev/null) || continue
    sum=$((${sum:-0} + value))
  done
  printf '%s' "$sum"
}

# Milliwatts that the GPUs draw, or nothing.
gpu_power() {
  local sum= line file
  if command -v nvidia-smi >/dev/null; then
    while IFS= read -r line; do
      [[ $line =~ ^([0-9]+)\.?([0-9]*) ]] || continue
      sum=$((${sum:-0} + BASH_REMATCH[1] * 1000 + 10#$(printf '%s000' "${BASH_REMATCH[2]}" | head -c 3)))
    done < <(timeout 5 nvidia-smi --query-gpu=power.draw --format=csv,noheader,nounits 2>/dev/null)
  fi
  for file in /sys/class/drm/card[0-9]*/device/hwmon/hwmon*/power1_average; do
    [ -r "$file" ] && line=$(cat "$file" 2>/dev/null) && sum=$((${sum:-0} + line / 1000))
  done
  printf '%s' "$sum"
}

# What is drawn until process $1 ends, or for $2 milliseconds: sets `watched` ms, `packages` mJ and `gpus` mJ (or
# `unknown`).
watch_energy() {
  local child=$1 most=$2 from before last power at
  from=$(now) last=$from gpus=0
  before=$(package_energy)
  while [ $(($(now) - from)) -lt "$most" ]; do
    [ -z "$child" ] || kill -0 "$child" 2>/dev/null || break
    sleep 0.2
    power=$(gpu_power)
    at=$(now)
    if [ -z "$power" ]; then gpus=unknown; else gpus=$((gpus + power * (at - last) / 1000)); fi
    last=$at
  done
  watched=$(($(now) - from))
  packages=$(package_energy)
  # The counter starts again from zero every few minutes.
  if [ -z "$before" ] || [ -z "$packages" ] || [ "$packages" -lt "$before" ]; then
    packages=unknown
  else
    packages=$(((packages - before) / 1000))
  fi
}

watts() { if [ "$1" = unknown ]; then printf null; else printf '%d.%02d' $(($1 / watched)) $(($1 % watched * 100 / watched)); fi; }
joules() { if [ "$1" = unknown ]; then printf null; else printf '%d.%03d' $(($1 / $2 / 1000)) $(($1 / $2 % 1000)); fi; }

# The load: $2 pictures of a part of the Mandelbrot set on device $1, which move little memory, for at most $3 seconds.
load() {
  exec timeout -k 5 "$3" "$here/bin/swath" exec "$here/shaders/mandelbrot.wgsl" --device "$1" --grid 1024,1024 \
    --set params.centre=-0.745,0.113 --set params.pitch=1e-5 --set params.limit=2000 \
    --set params.width=1024 --set params.height=1024 --out "counts=$work/counts.npy:u32" \
    --out "pixels=$work/pixels.npy:u32" --repeat "$2" >"$work/out" 2>"$work/err" </dev/null
}

# How many pictures device $1 makes in about eight seconds; nothing if it makes none.
eight_seconds() {
  local begun few many each most=$(($(left) / 4))
  most=$((most < 20 ? most : 20))
  begun=$(now)
  (load "$1" 1 "$most") || return 1
  few=$(($(now) - begun))
  begun=$(now)
  (load "$1" 5 "$most") || return 1
  many=$(($(now) - begun))
  each=$(((many - few) / 4))
  [ "$each" -ge 1 ] || each=1
  printf '%d' $((8000 / each + 1))
}

# What the machine draws at rest and while each device works, and what a picture costs.
energy() {
  local from left device child runs entries= table= said packages gpus watched
  from=$(now)
  if [ "$(left)" -lt 10 ]; then
    skip energy
    return
  fi
  watch_energy "" 3000
  entries="\"idle\": {\"package_watts\": $(watts "$packages"), \"gpu_watts\": $(watts "$gpus")}"
  table="| | packages, W | GPUs, W | packages, J a picture | GPUs, J a picture |
|---|---:|---:|---:|---:|
| idle | $(watts "$packages") | $(watts "$gpus") | | |"
  said="idle: packages $(watts "$packages") W, GPUs $(watts "$gpus") W"
  for device in "${devices[@]}"; do
    if [ "$(left)" -lt 12 ]; then
      said+="; $device: no time was left"
      break
    fi
    runs=$(eight_seconds "$device")
    left=$(left)
    if [ -n "$runs" ] && [ "$left" -gt 2 ]; then
      load "$device" "$runs" $((left < 30 ? left : 30)) &
      child=$!
      watch_energy "$child" 40000
      wait "$child" || runs=
    fi
    if [ -z "$runs" ]; then
      said+="; $device: the load failed or took too long"
      table+=$'\n'"| $device | the load failed or took too long: $(tail -n 1 "$work/err") | | | |"
      continue
    fi
    entries+=", $(quoted "$device"): {\"seconds\": $(seconds "$watched"), \"pictures\": $runs, \"package_watts\": $(watts "$packages"), \"gpu_watts\": $(watts "$gpus"), \"package_joules_each\": $(joules "$packages" "$runs"), \"gpu_joules_each\": $(joules "$gpus" "$runs")}"
    table+=$'\n'"| $device | $(watts "$packages") | $(watts "$gpus") | $(joules "$packages" "$runs") | $(joules "$gpus" "$runs") |"
    said+="; $device: $(joules "$packages" "$runs") and $(joules "$gpus" "$runs") J a picture"
  done
  said=${said//null/unknown}
  note energy ok 0 $(($(now) - from)) $(((deadline - from) / 1000)) "mandelbrot, 1024 x 1024 pictures" "" "{$entries}" \
    "$said" "${table//null/unknown}"
}

# ---- The run

# What is known of the machine, as members of a JSON object and as a list.
describe_machine() {
  local cpu memory system= line gpus=() name value
  cpu=$(entry /proc/cpuinfo "model name")
  memory=$(entry /proc/meminfo MemTotal)
  [ ! -r /etc/os-release ] || while IFS='=' read -r name value; do
    [ "$name" != PRETTY_NAME ] || system=${value//\"/}
  done </etc/os-release
  if command -v nvidia-smi >/dev/null; then
    while IFS= read -r line; do gpus+=("$line"); done < <(timeout 10 nvidia-smi \
      --query-gpu=name,driver_version,memory.total,pcie.link.gen.max,pcie.link.width.max,power.limit --format=csv,noheader 2>/dev/null)
  fi
  title="${gpus[0]:-${cpu:-an unknown machine}}"
  title=${title%%,*}
  machine_json="\"cpu\": $(quoted "${cpu:-unknown}"), \"threads\": $(nproc), \"memory\": $(quoted "${memory:-unknown}"),
\"system\": $(quoted "${system:-unknown}"), \"kernel\": $(quoted "$(uname -srm)"), \"nvidia_smi\": $(quoted "${gpus[*]:-unknown}")"
  machine_text="- processor: ${cpu:-unknown}, $(nproc) threads, memory ${memory:-unknown}
- system: ${system:-unknown}, $(uname -srm)
- nvidia-smi (name, driver, memory, PCIe generation and lanes, limit of power): ${gpus[*]:-unknown}
"
}

# The aliases of the devices: lines such as `gpu:0: Some name` in what `swath devices` prints.
find_devices() {
  local line
  devices=()
  limited 20 "$here/bin/swath" devices
  while IFS= read -r line; do
    [[ $line =~ ^([a-z]+(:[0-9]+)?):\  ]] || continue
    [ -n "$only" ] && [ "${BASH_REMATCH[1]}" != cpu ] && [ "${BASH_REMATCH[1]}" != "$only" ] && continue
    devices+=("${BASH_REMATCH[1]}")
  done <"$work/out"
}

run() {
  local device sample swath=$here/bin/swath gpu= ordered=()
  find_devices
  step devices 20 summary_devices "$swath" devices --json
  for device in "${devices[@]}"; do [ "$device" = cpu ] || gpu=${gpu:-$device}; done
  # GPUs first: the CPU engine can be measured anywhere.
  for device in "${devices[@]}"; do [ "$device" = cpu ] || ordered+=("$device"); done
  devices=("${ordered[@]}" cpu)

  for device in "${devices[@]}"; do
    samples "$device" 60
  done
  for device in "${devices[@]}"; do
    SWATH_CASES=$here/tests/cases step "cases on $device" 60 summary_cases "$here/bin/cases" "$device/"
  done
  step overhead 30 summary_ratios "$here/bin/overhead" --bench
  step streaming 80 summary_ratios "$here/bin/streaming" --bench
  step chain 50 summary_ratios "$here/bin/chain" --bench
  SWATH_NATIVE=$here/bin step engines 100 summary_engines "$here/bin/engines" --bench --without native-cpu \
    --device "${gpu:-gpu}" --runs 7 --budget 1 --json "$work/document.json"
  for sample in "${all_samples[@]}"; do
    step "large $sample" 30 summary_bench "$swath" bench "$sample" --size large ${gpu:+--device "$gpu,cpu"} \
      --json "$work/document.json"
  done
  energy
}

minutes=10 out=hardware only=
while [ $# -gt 0 ]; do
  case $1 in
    --pack) [ $# -eq 2 ] || fail "--pack wants a folder"; pack "$2"; exit 0 ;;
    --minutes) minutes=${2:-}; [[ $minutes =~ ^[1-9][0-9]*$ ]] || fail "--minutes wants a number"; shift ;;
    --out) out=${2:-}; [ -n "$out" ] || fail "--out wants a name"; shift ;;
    --device) only=${2:-}; [ -n "$only" ] || fail "--device wants a device"; shift ;;
    -h | --help) usage; exit 0 ;;
    *) fail "\`$1\` is no option; --help lists them" ;;
  esac
  shift
done
[ -x "$here/bin/swath" ] || fail "\`$here/bin/swath\` is not there: make a folder with --pack first, and run the script in it"

begin=$(now)
deadline=$((begin + minutes * 60000))
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
work=$(mktemp -d) || fail "there is no place for temporary files"
commit=unknown pack_json= devices=()
# Some drivers complain where they have no place of their own.
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$work}
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
while IFS='=' read -r name value; do
  pack_json+="${pack_json:+, }$(quoted "$name"): $(quoted "$value")"
  [ "$name" != commit ] || commit=$value
done <"$here/pack.txt"
describe_machine
write_files false
[ -s "$out.json" ] || fail "\`$out.json\` cannot be written"
run
write_files true
printf 'written: %s.json and %s.md\n' "$out" "$out"
