package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// namedScript is a script of the topic scripts: its name is the first line.
var namedScript = regexp.MustCompile(`(?m)^    # ([a-z-]+)\n((?:    .*\n)+)`)

// topicScripts returns the scripts of the topic of that name.
func topicScripts() map[string]string {
	scripts := map[string]string{}
	for _, topic := range cli.Topics() {
		if topic.Name == "scripts" {
			for _, m := range namedScript.FindAllStringSubmatch(topic.Text, -1) {
				scripts[m[1]] = strings.ReplaceAll(m[2], "\n    ", "\n")
			}
		}
	}
	return scripts
}

// scriptCmd writes the script NAME of the topic scripts to NAME.sh, as help prints it:
//
//	script NAME
func scriptCmd(ts *testscript.TestScript, _ bool, args []string) {
	text, ok := topicScripts()[args[0]]
	if !ok {
		ts.Fatalf("the topic has no script %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".sh"), []byte(text), 0o600))
}

// TestTopicScripts: each of them is run.
func TestTopicScripts(t *testing.T) {
	tests, err := os.ReadFile(filepath.Join("..", "..", "testdata", "scripts", "scripts.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	scripts := topicScripts()
	if len(scripts) < 5 {
		t.Errorf("%d scripts in the topic", len(scripts))
	}
	for name := range scripts {
		if !strings.Contains(string(tests), "\nscript "+name+"\n") || !strings.Contains(string(tests), "sh "+name+".sh") {
			t.Errorf("%s is not run", name)
		}
	}
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestReadmeCommands runs the commands of the README's shell blocks as they are printed. A proxy
// stands in for the network: behind 10.0.0.5 is a message daemon, behind any other name a target
// of forward. The environment lets them end: it has what is for every command.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh: they are for a Unix shell")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile(filepath.Join("..", "..", "testdata", "events", "calls.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "2026-11-23.ndjson.zst"), sample, 0o600); err != nil {
		t.Fatal(err)
	}
	target := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer target.Close()
	exports, commands := "", 0
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			switch {
			case strings.HasPrefix(line, "export "):
				exports += line
			case strings.HasPrefix(line, "enswitch-events "), strings.HasPrefix(line, "(umask "):
				commands++
				t.Run(strings.TrimSpace(line), func(t *testing.T) {
					runReadmeCommand(t, dir, exports, line, sample, target.Listener.Addr().String())
				})
			}
		}
	}
	if commands < 11 {
		t.Errorf("%d commands in the README", commands)
	}
}

// readmeCodes are the exit codes, other than 0, with which a command of the README may end here.
var readmeCodes = map[string]string{
	"enswitch-events listen --port ": "0 3", // another program may have the port
	"enswitch-events replay ":        "0 3",
}

func runReadmeCommand(t *testing.T, dir, exports, line string, sample []byte, target string) {
	server := enswitchtest.NewServer(nil)
	defer server.Close()
	go func() {
		if server.WaitClients(t.Context(), 1) == nil {
			for ev := range strings.Lines(string(sample)) {
				server.Send([]byte(strings.TrimSpace(ev)))
			}
		}
	}()
	proxy := newProxy(t, func(host string) string {
		if strings.HasPrefix(host, "10.0.0.5:") {
			return strings.TrimSuffix(strings.TrimPrefix(server.URL(), "ws://"), "/events/websocket/")
		}
		return target
	})
	cmd := exec.CommandContext(t.Context(), "sh", "-c", exports+line)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader("secret\n")
	cmd.Env = append(exampleEnv(t, dir), "HTTP_PROXY="+proxy, "HTTPS_PROXY="+proxy, "http_proxy=", "https_proxy=", "NO_PROXY=", "no_proxy=",
		"ENSWITCH_WAIT_CLIENTS=0", "ENSWITCH_TARGET_INSECURE=true", "ENSWITCH_QUEUE="+filepath.Join(dir, "queue"))
	if strings.Contains(line, " listen ") {
		cmd.Env = append(cmd.Env, "ENSWITCH_FOR=10ms")
	} else {
		cmd.Env = append(cmd.Env, "ENSWITCH_COUNT=2")
	}
	out, err := cmd.CombinedOutput()
	want := "0"
	for part, codes := range readmeCodes {
		if strings.Contains(line, part) {
			want = codes
		}
	}
	if code := fmt.Sprint(cmd.ProcessState.ExitCode()); !strings.Contains(" "+want+" ", " "+code+" ") {
		t.Errorf("code %s, want %s (%v):\n%s", code, want, err, out)
	}
}

// newProxy starts a proxy that answers CONNECT by joining the client to the address that route
// returns for a host. It returns its URL.
func newProxy(t *testing.T, route func(host string) string) string {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, err := net.Dial("tcp", route(r.Host))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer to.Close()
		client, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		fmt.Fprint(client, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			defer to.Close()
			_, _ = io.Copy(to, client)
		}()
		_, _ = io.Copy(client, to)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}
