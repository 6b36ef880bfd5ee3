package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/stream/streamtest"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

// exitAtOnce has a program that is built with -race end at once; it would wait a
// second.
const exitAtOnce = "GORACE=atexit_sleep_ms=0"

// sideBySide is how many tests run at once, if -parallel does not say: most of
// them wait most of the time, so there are more than processors. With the race
// detector they work most of the time.
func sideBySide() string {
	if raceEnabled {
		return "10"
	}
	return "24"
}

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", sideBySide()); err != nil {
		panic(err)
	}
	testscript.Main(withWorkers{m}, map[string]func(){"enswitch-events": main, workerName: work})
}

// TestScripts runs the program as its users do. Beside testscript's own, the
// scripts have the commands below and those of script_runs_test.go.
func TestScripts(t *testing.T) {
	t.Parallel()
	calls, err := filepath.Abs("../../testdata/calls")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/scripts",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/config")
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("TZ", "UTC")
			env.Setenv("CALLS", calls)
			env.Vars = append(env.Vars, exitAtOnce)
			env.Values[triedKey{}] = &bytes.Buffer{}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"messaged": messagedCmd,
			"answer":   answerCmd,
			"freeport": freeportCmd,
			"post":     postCmd,
			"script":   scriptCmd,
			"run":      runCmd,
			"code":     codeCmd,
			"try":      tryCmd,
			"tried":    triedCmd,
			"brief":    briefCmd,
		},
	})
}

// messagedCmd serves messaged's websocket:
//
//	messaged [-key KEY] [-status N] [-rounds N] [-end close=CODE|drop|gone|hold] FILE…
//
// To the first client it sends a frame for each line of the first FILE, and
// does what -end says; to the second the second FILE, and so on, the last one
// again if there are no more. A line beginning with "hex:" is a frame of those
// bytes, one with "repeat:N:" its rest N times in one frame. $ADDR is
// HOST:PORT, $URL the vendor's URL with the key.
func messagedCmd(ts *testscript.TestScript, neg bool, args []string) {
	fs := flag.NewFlagSet("messaged", flag.ContinueOnError)
	key := fs.String("key", "", "")
	status := fs.Int("status", 0, "")
	end := fs.String("end", "close=1000", "")
	ts.Check(fs.Parse(args))
	var rounds [][][]byte
	for _, file := range fs.Args() {
		rounds = append(rounds, frames(ts, ts.ReadFile(file)))
	}
	arrived := make(chan struct{}, 100)
	// Nobody else gets the port when this server is gone.
	addr, release, err := streamtest.HoldPort()
	ts.Check(err)
	ts.Defer(release)
	l, err := net.Listen("tcp", addr)
	ts.Check(err)
	server := enswitchtest.NewServer(&enswitchtest.ServerOptions{
		Authkey: *key, RejectStatus: *status, Listener: l,
		OnClient: func(_ string, connected bool, _ error) {
			if connected {
				arrived <- struct{}{}
			}
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; len(rounds) > 0; n++ {
			select {
			case <-ctx.Done():
				return
			case <-arrived:
			}
			server.Send(rounds[min(n, len(rounds)-1)]...)
			switch {
			case *end == "drop":
				server.Drop()
			case *end == "gone":
				server.CloseClients(1001, "")
				server.Close()
				return
			case strings.HasPrefix(*end, "close="):
				code, _ := strconv.Atoi((*end)[len("close="):])
				server.CloseClients(code, "")
			}
		}
	}()
	ts.Defer(func() { cancel(); <-done; server.Close() })
	ts.Setenv("ADDR", server.Addr())
	ts.Setenv("URL", server.HTTPURL())
}

func frames(ts *testscript.TestScript, text string) (all [][]byte) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		frame := []byte(line)
		if digits, ok := strings.CutPrefix(line, "hex:"); ok {
			_, err := fmt.Sscanf(digits, "%x", &frame)
			ts.Check(err)
		} else if rest, ok := strings.CutPrefix(line, "repeat:"); ok {
			times, unit, _ := strings.Cut(rest, ":")
			n, err := strconv.Atoi(times)
			ts.Check(err)
			frame = bytes.Repeat([]byte(unit), n)
		}
		all = append(all, frame)
	}
	return all
}

// answerCmd serves HTTP and answers every request alike, or not at all:
//
//	answer STATUS [BODY]    $ADDR is HOST:PORT
//	answer silence
func answerCmd(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("ADDR", l.Addr().String())
	if args[0] == "silence" {
		ts.Defer(func() { l.Close() })
		return
	}
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://example.com/?authkey=elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.Join(args[1:], " "))
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	ts.Defer(func() { server.Close(); <-done })
}

// freeportCmd sets the variable it is given to a port at which nothing listens,
// until the script has something listen there.
func freeportCmd(ts *testscript.TestScript, neg bool, args []string) {
	addr, release, err := streamtest.HoldPort()
	ts.Check(err)
	ts.Defer(release)
	_, port, _ := net.SplitHostPort(addr)
	ts.Setenv(args[0], port)
}

// postCmd POSTs a body and checks the status of the answer:
//
//	post [-type TYPE] [-encoding E] [-status N] [-method M] URL BODY
//
// Nothing listening yet, it tries again for a minute.
func postCmd(ts *testscript.TestScript, neg bool, args []string) {
	fs := flag.NewFlagSet("post", flag.ContinueOnError)
	kind := fs.String("type", "application/x-www-form-urlencoded", "")
	encoding := fs.String("encoding", "", "")
	status := fs.Int("status", 200, "")
	method := fs.String("method", http.MethodPost, "")
	ts.Check(fs.Parse(args))
	body := fs.Arg(1)
	if name, ok := strings.CutPrefix(body, "@"); ok {
		body = ts.ReadFile(name)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		req, err := http.NewRequest(*method, fs.Arg(0), strings.NewReader(body))
		ts.Check(err)
		req.Header.Set("Content-Type", *kind)
		if *encoding != "" {
			req.Header.Set("Content-Encoding", *encoding)
		}
		resp, err := http.DefaultClient.Do(req)
		if errors.Is(err, syscall.ECONNREFUSED) && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond) // it has just been started
			continue
		}
		ts.Check(err)
		text, err := bufio.NewReader(resp.Body).ReadString(0)
		resp.Body.Close()
		if err != nil && !errors.Is(err, io.EOF) {
			ts.Check(err)
		}
		if resp.StatusCode != *status {
			ts.Fatalf("status %d, want %d: %s", resp.StatusCode, *status, text)
		}
		if *status == 200 && (text != "" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain")) {
			ts.Fatalf("the answer is not an empty text/plain: %q, %s", text, resp.Header.Get("Content-Type"))
		}
		return
	}
}
