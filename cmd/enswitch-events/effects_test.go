package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// result is what became of a run of the program.
type result struct {
	code        int
	stdout, err string
}

// runProgram runs the program to its end, with nothing in its environment but env.
func runProgram(t *testing.T, dir string, env []string, args ...string) (r result) {
	t.Helper()
	o, err := runInWorker(job{Dir: dir, Args: args, Env: append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "TZ=UTC"}, env...)})
	if err != nil {
		t.Fatal(err)
	}
	return result{o.Code, string(o.Stdout), string(o.Err)}
}

// TestEffects runs the program for each rule of effects: a flag that can have no
// effect is refused if it is typed, and left out if it is from the environment;
// beside what it needs it is taken.
func TestEffects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const event = `{"class":"call","event":"start","timestamp":"1234567890.123456","n":1}` + "\n"
	for _, name := range []string{"one", "two"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(event), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "creds"), seed, 0o600); err != nil {
		t.Fatal(err)
	}
	const cat, nobody = "cat one", "tail 127.0.0.1:1"
	const readCalls, nobodyCalls = "calls --read one", "calls 127.0.0.1:1"
	const toFile, toHTTP = "forward --read one --to file:f --queue q -Q --drain-timeout 0s", "--to http://127.0.0.1:1/"
	const toStream = "forward --read one --to nats://127.0.0.1:1/x --queue qn -Q --drain-timeout 0s"
	const drain = "forward drain --queue q --drain-timeout 0s"
	const alone = "tail --listen 0 --for 1ms"
	const doctor = "doctor 127.0.0.1:1"
	const stream = "nats://127.0.0.1:1/x"
	const demo, simulate = "tail --demo -n 1", "simulate --port 0 -n 1 --rate max"
	rows := []struct {
		command, flag, value string
		needs                string // what to add for it to be taken
	}{
		{cat, "raw-output", "", "-q .class"},
		{"cat one -q .class -o csv -F n", "raw-output", "", ""},
		{"cat one -q .class -o tsv -F n", "raw-output", "", ""},
		{"cat one -q .class --meta", "raw-output", "", ""},
		{"cat one -q .class -W", "raw-output", "", ""},
		{cat, "whole-calls", "", "-e start"},
		{"wait --read one --sequence start", "whole-calls", "", "--same call"},
		{"wait --read one --sequence start", "linger", "1s", "--same call"},
		{"wait --read one", "timeout", "1s", ""},
		{cat, "map", "from=n", "--pseudonyms"},
		{cat, "pseudonym-fields", "n", "--pseudonyms"},
		{readCalls, "pseudonym-key-file", "secret", "--pseudonyms"},
		{demo, "exec-every", "1s", "--exec true"},
		{demo + " --exec true", "exec-by", "machine", "--exec-every 1s"},
		{cat, "whole-calls", "", "-G x"},
		{nobody, "whole-calls", "", "-q true"},
		{cat, "map", "end=x", "-W -e start"},
		{nobody, "linger", "1s", "-W -e start"},
		{cat, "call-timeout", "1h", "-W -e start"},
		{cat, "ignore-case", "", "-g CALL"},
		{cat, "ignore-case", "", "-G x"},
		{cat, "arg", "a=b", "-q $a"},
		{cat, "arg", "a=b", "--until $a==1"},
		{cat, "argjson", "a=1", "--fail-if $a==2"},
		{cat, "jq-engine", "gojq", "-q true"},
		{cat, "jq-engine", "gojq", "-q false"},
		{cat, "time", "utc", "-o line"},
		{cat, "time", "utc", "--template {{.time}}"},

		{"cat one --template x", "time", "utc", ""},
		{"cat one -o json", "time", "utc", ""},
		{"cat one -o pretty", "time", "utc", ""},
		{"cat one -o csv -F n", "time", "utc", ""},
		{"cat one -o csv -F n", "time", "utc", "-F timestamp"},
		{cat, "timezone", "Europe/London", "-o line"},
		{"cat one -o csv -F n", "timezone", "UTC", ""},
		{"cat one -o line -t utc", "timezone", "Europe/London", ""},
		{"cat one -o line -t delta", "timezone", "Europe/London", ""},
		{cat, "no-header", "", "-o csv -F n"},
		{cat, "highlight", "x", "-o line --color always"},
		{cat, "highlight", "x", "-o pretty --color always"},
		{"cat one -o line", "highlight", "x", "--color always"},
		{"cat one -o csv -F n", "highlight", "x", ""},
		{cat, "ids", "full", "-o line"},
		{cat, "color", "always", "-o line"},
		{cat, "color", "always", "-o pretty"},
		{"cat one --template {{.class}}", "color", "always", "-H x"},
		{cat, "color", "always", "--template {{/*color*/}}{{.class}}"},
		{"cat one -o json", "color", "always", ""},
		{"cat one -o csv -F n", "color", "always", ""},
		{"cat one -o tsv -F n", "color", "always", ""},
		{cat, "csv-safe", "", "-o csv -F n"},
		{cat, "csv-safe", "", "-o tsv -F n"},
		{"cat one -o json", "fields", "n", ""},
		{"cat one --template x", "fields", "n", ""},
		{"cat one -o line", "template", "x", ""},
		{"cat one -o line", "meta", "", ""},
		{"cat one -o csv -F n", "meta", "", ""},
		{"cat one --template x", "meta", "", ""},
		{"cat one -o tsv -F n", "meta", "", ""},
		{nobody, "record-max-size", "1MiB", "--record r"},
		{nobody, "record-max-age", "1h", "--record r"},
		{nobody, "record-keep", "1", "--record r --record-max-size 1MiB"},
		{nobody, "record-keep", "1", "--record r --record-max-age 1h"},
		{nobody + " --record r", "record-keep", "1", "--record %Y.ndjson"},
		{nobody, "exec-shell", "", "--exec true"},
		{nobody, "exec-parallel", "4", "--exec true"},
		{nobody, "exec-timeout", "30s", "--exec true"},
		{"wait 127.0.0.1:1", "same", "callid", "--sequence a>b"},
		{demo, "authkey", "k", ""},
		{demo, "authkey-file", "one", ""},
		{demo, "insecure", "", ""},
		{demo, "ca", "nosuch", ""},
		{demo, "cert", "nosuch", ""},
		{demo, "key", "nosuch", ""},
		{demo, "proxy", "http://127.0.0.1:1", ""},
		{demo, "header", "A:b", ""},
		{demo, "connect-timeout", "5s", ""},
		{demo, "no-reconnect", "", ""},
		{demo, "retries", "1", ""},
		{demo, "retry", "", ""},
		{"wait --demo", "retry", "", ""},
		{nobody, "insecure", "", "wss://127.0.0.1:1"},
		{"wait 127.0.0.1:1", "insecure", "", "https://127.0.0.1:2"},
		{nobody, "insecure", "", "--proxy https://127.0.0.1:1"},
		{nobody, "ca", "nosuch", ""},
		{nobody, "cert", "nosuch", ""},
		{nobody, "key", "nosuch", ""},
		{alone, "insecure", "", "wss://127.0.0.1:1"},
		{alone, "proxy", "http://127.0.0.1:1", "127.0.0.1:1"},
		{alone, "ping-interval", "5s", "127.0.0.1:1"},
		{alone, "max-silence", "5s", "127.0.0.1:1"},
		{alone, "max-message", "1MiB", "--demo"},
		{"wait --listen 0 --timeout 1ms", "retry", "", "127.0.0.1:1"},
		{nobody, "from", "start", ""},
		{nobody, "group", "g", stream},
		{"calls", "partition", "0/2", stream},
		{nobody, "nats-creds", "creds", stream},
		{"stats --read one", "from", "start", ""},
		{demo, "from", "start", ""},
		{"tail " + stream, "ack-wait", "1m", "--group g"},
		{"tail " + stream, "authkey", "k", nobody[5:]},
		{"tail " + stream, "authkey-file", "two", "--listen 0"},
		{"tail " + stream, "header", "A:b", nobody[5:]},
		{"tail " + stream, "proxy", "none", nobody[5:]},
		{"doctor " + stream, "from", "start", ""},
		{nobody, "path", "/x", "--listen 0"},
		{nobody, "no-auth", "", "--listen 0"},
		{nobody, "allow", "10.0.0.0/8", "--listen 0.0.0.0:0"},
		{nobody, "tls-self-signed", "", "--listen 0"},
		{nobody, "tls-cert", "nosuch", ""},
		{nobody, "tls-key", "nosuch", ""},
		{nobody, "max-body", "1KiB", "--listen 0"},
		{nobody, "forwarded-header", "X-Forwarded-For", "--listen 0 --trust-proxy 127.0.0.1"},
		{nobody, "trust-proxy", "127.0.0.1", "--listen 0 --forwarded-header X-Forwarded-For"},
		{"wait 127.0.0.1:1", "number-field", "n", "--listen 0"},
		{cat, "for", "1ms", "--follow"},
		{cat, "idle-timeout", "1ms", "--follow"},
		{"cat one --follow -n 1", "merge", "", ""},
		{drain, "batch", "3", "--to file:f"},
		{drain, "batch-wait", "1ms", "--to file:f --batch 3"},
		{drain, "concurrency", "2", "--to exec:true"},
		{nobodyCalls, "read", "one", ""},
		{nobodyCalls, "since", "10m", ""},
		{nobodyCalls, "until-time", "10m", ""},
		{readCalls, "time", "utc", "-o csv"},
		{readCalls, "time", "utc", "-o tsv -F end"},
		{"calls --read one -o csv -F callid", "time", "utc", ""},
		{readCalls, "authkey", "k", ""},
		{readCalls, "authkey-file", "two", ""},
		{readCalls, "insecure", "", ""},
		{readCalls, "ca", "nosuch", ""},
		{readCalls, "header", "A:b", ""},
		{readCalls, "ping-interval", "5s", ""},
		{readCalls, "max-silence", "5s", ""},
		{readCalls, "no-reconnect", "", ""},
		{readCalls, "listen", "0", ""},
		{readCalls, "demo", "", ""},
		{readCalls, "buffer", "1MiB", ""},
		{readCalls, "spill", "1MiB", ""},
		{readCalls, "report-gaps", "", ""},
		{readCalls, "fail-on-loss", "", ""},
		{readCalls, "record", "r", ""},
		{readCalls, "metrics", "0", ""},
		{toFile, "exec-timeout", "1s", "--to exec:true"},
		{toFile, "format", "ndjson", toHTTP},
		{toFile, "http-timeout", "1s", toHTTP},
		{toFile, "http-header", "A:b", toHTTP},
		{toFile, "sign-key-file", "one", toHTTP},
		{toFile, "target-ca", "nosuch", ""},
		{toFile, "target-cert", "nosuch", ""},
		{toFile, "target-key", "nosuch", ""},
		{toFile, "target-insecure", "", toHTTP},
		{toFile, "nats-creds", "creds", "--to nats://127.0.0.1:1/x"},
		{toFile, "max-age", "1h", "--to tls://127.0.0.1:1/x"},
		{toStream, "batch", "2", toHTTP},
		{toStream, "batch-wait", "1s", "--to file:f"},
		{toStream, "concurrency", "2", "--to exec:true"},
		{toStream, "format", "ndjson", toHTTP},
		{readCalls, "for", "1s", ""},
		{readCalls, "idle-timeout", "1s", ""},
		{doctor, "max-silence", "1m", ""},
		{doctor, "no-reconnect", "", ""},
		{doctor, "retries", "1", ""},
		{doctor, "retry", "", ""},
		{doctor + " --wait 1ms", "path", "/x", "--listen 0"},
		{"stats --read one --by class,event", "map", "end=bye", ""},
		{"stats --read one --by class", "linger", "1s", "--by machine"},
		{"stats --read one", "arg", "a=b", "--fail-if .events>5"},
		{"stats --read one", "csv-safe", "", "-o csv"},
		{"stats --read one -o table", "csv-safe", "", ""},
		{"trace 1 --read one -o html", "retry", "", ""},
		{"stats 127.0.0.1:1", "report-gaps", "", ""},
		{"stats 127.0.0.1:1", "since", "10m", ""},
		{simulate, "shape-period", "1m", "--shape ramp --rate 1000"},
		{simulate, "shape-peak", "10", "--shape burst --rate 1000"},
		{simulate, "slow-post", "1ms", "--post http://127.0.0.1:1/"},
	}
	covered := map[string]bool{}
	set := map[string]bool{}
	unused := map[string][]string{} // the environment by command
	for _, row := range rows {
		covered[row.flag] = true
		flag := "--" + row.flag
		if row.value != "" {
			flag += "=" + row.value
		}
		typed := append(strings.Fields(row.command), flag)
		r := runProgram(t, dir, nil, typed...)
		if r.code != cli.ExitUsage || !strings.Contains(r.err, row.flag) || r.stdout != "" {
			t.Errorf("%v: %+v, want it refused", typed, r)
		}
		if row.needs != "" {
			args := append(typed, strings.Fields(row.needs)...)
			if r := runProgram(t, dir, nil, args...); r.code == cli.ExitUsage {
				t.Errorf("%v: %+v, want it taken", args, r)
			}
		}
		if strings.HasPrefix(row.flag, "authkey") {
			continue
		}
		value := row.value
		if value == "" {
			value = "true"
		}
		if setting := settings.Env(row.flag) + "="; !set[row.command+setting] {
			set[row.command+setting] = true
			unused[row.command] = append(unused[row.command], setting+value)
		}
	}
	for command, env := range unused {
		if r := runProgram(t, dir, env, strings.Fields(command)...); r.code == cli.ExitUsage {
			t.Errorf("%v %v: %+v, want it left out", env, command, r)
		}
	}
	for _, e := range flags.EffectRules {
		for name := range strings.FieldsSeq(e.Flags) {
			if !covered[name] {
				t.Errorf("no row is about --%s", name)
			}
		}
	}
}

// TestEffectsByName: a rule about a flag of one command leaves a flag of another command
// alone of which that is another name, as --format of forward is of --output.
func TestEffectsByName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "one"), []byte(`{"class":"call"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"cat one -F class -o csv", "cat one -F class --format csv"} {
		if r := runProgram(t, dir, nil, strings.Fields(args)...); r.stdout != "class\ncall\n" {
			t.Errorf("%s: %+v, want csv", args, r)
		}
	}
}

// TestRivals: a flag that is typed counts more than one from the environment
// that excludes it.
func TestRivals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "one"), []byte(`{"class":"call"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ env, args, want string }{
		{"VERBOSE=1", "cat -Q one", `{"class":"call"}`},
		{"QUIET=1", "cat -v one", `{"class":"call"}`},
		{"JQ_FILE=nosuch", "cat one -q .class", `"call"`},
		{"OUTPUT=json", "cat one --template {{.class}}", "call"},
		{"TEMPLATE=x", "cat one -o ndjson", `{"class":"call"}`},
		{"RETRIES=3", "tail --no-reconnect 127.0.0.1:1", ""},
		{"NO_RECONNECT=1", "tail --retries 3 127.0.0.1:1", ""},
	} {
		args := strings.Fields(row.args)
		r := runProgram(t, dir, []string{settings.EnvPrefix + row.env}, args...)
		if r.code == cli.ExitUsage || strings.TrimSpace(r.stdout) != row.want {
			t.Errorf("%s %s: %+v, want %s", row.env, row.args, r, row.want)
		}
		if slices.Contains(args, "-Q") != (row.want != "" && r.err == "") {
			t.Errorf("%s %s: %s", row.env, row.args, r.err)
		}
	}
}
