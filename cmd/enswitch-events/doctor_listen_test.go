//go:build unix

package main

import (
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// TestDoctorListen: the port is tried from another process, machines that POST are named
// with those that do not, and what is refused is said.
func TestDoctorListen(t *testing.T) {
	t.Parallel()
	busy := serveEach(t, nil, func(net.Conn) {})
	both := serveEach(t, nil, joined(t, framesOf(`{"class":"call","event":"start","machine":1}`, `{"class":"call","event":"start","machine":2}`), false))
	for _, row := range []struct {
		name  string
		args  []string
		query string
		post  string // the machine that POSTs, or { for what is no event, until doctor has ended
		code  int
		said  []string // of name, status, detail and fix
	}{
		{"busy", []string{"--listen", busy}, "", "", cli.ExitConnect, []string{"port fail .*in use.*--listen 0"}},
		{"none", nil, "", "", cli.ExitTime, []string{
			"port ok", "URL ok .*'Send events to URL': http://127.0.0.1:\\d+/", "POST ok .*another process",
			"machines fail no machine.*'Send events to URL'.*3.14 and 3.15.*4.1 on.*make a call.*0.0.0.0",
		}},
		{"one", nil, "", "3", 0, []string{"machines ok heard from machine 3 \\(127.0.0.1\\)", "answers (ok|warn) \\d+ POSTs? answered", "clock offset ok"}},
		{"no-events", nil, "", "{", cli.ExitTime, []string{"machines fail \\d+ POSTs? came.*no event"}},
		{"wrong-key", []string{"--authkey", secret}, "?authkey=no", "1", cli.ExitTime, []string{"URL ok .*authkey=\\*\\*\\*", "POST ok", "machines fail POSTs came and were refused: 127.0.0.1.*401: wrong key.*compare the URL"}},
		{"not-allowed", []string{"--allow", "192.0.2.1"}, "", "1", cli.ExitTime, []string{"POST warn .*refuses this machine.*--allow", "machines fail .*403"}},
		{"https", []string{"--tls-self-signed"}, "", "1", cli.ExitTime, []string{"URL ok .*https://", "POST ok", "machines fail .*speaks HTTP, and this port takes HTTPS"}},
		{"beside", []string{both, "--ping-interval", "0"}, "", "2", 0, []string{"first event ok", "machines warn heard from machine 2 .*; not from 1, whose events came over the websocket.*can these reach"}},
		{"websocket-only", []string{both, "--ping-interval", "0"}, "", "", 0, []string{"machines warn no machine has POSTed"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			at := closedPort(t)
			args := append([]string{"--wait", "2s"}, row.args...)
			if row.name != "busy" {
				args = append(args, "--listen", at)
			}
			ended := make(chan struct{})
			var posting sync.WaitGroup
			posting.Go(func() {
				for row.post != "" {
					body := row.post
					if body != "{" {
						body = fmt.Sprintf("class=call&event=start&machine=%s&timestamp=%d.%06d", row.post, time.Now().Unix(), time.Now().Nanosecond()/1000)
					}
					resp, err := http.Post("http://"+at+"/"+row.query, "application/x-www-form-urlencoded", strings.NewReader(body))
					if err == nil {
						resp.Body.Close()
					}
					select {
					case <-ended:
						return
					case <-time.After(50 * time.Millisecond):
					}
				}
			})
			c, r := diagnose(t, nil, args...)
			close(ended)
			posting.Wait()
			var all strings.Builder
			for _, check := range c.Checks {
				fmt.Fprintln(&all, check.Name, check.Status, check.Detail, check.Fix)
			}
			for _, said := range row.said {
				if !regexp.MustCompile("(?m)^" + said).MatchString(all.String()) {
					t.Errorf("not said: %s", said)
				}
			}
			if r.code != row.code || strings.Contains(r.stdout+r.err, secret) {
				t.Errorf("code %d", r.code)
			}
			if t.Failed() {
				t.Log(all.String(), r.err)
			}
		})
	}
}
