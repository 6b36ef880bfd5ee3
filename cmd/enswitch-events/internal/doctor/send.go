package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// tokenField is the field that marks an event of the doctor itself.
const tokenField = "token"

// SendFlag is the hidden flag with which the program runs itself to POST one event from
// another process. A key in the URL is not for the list of processes, so the URL comes
// over standard input.
const SendFlag = "send-one"

// order is what the other process must do, and answer its result.
type (
	order  struct{ URL, Token string }
	answer struct {
		Status int // of HTTP, 0 without an answer
		Reason string
		Took   time.Duration
	}
)

// send has another process POST an event that is marked with token.
func send(ctx context.Context, target, token string) (a answer, err error) {
	self, err := os.Executable()
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*enswitchtest.PostTimeout)
	defer cancel()
	text, err := json.Marshal(order{target, token})
	if err != nil {
		return a, err
	}
	cmd := exec.CommandContext(ctx, self, "doctor", "--"+SendFlag)
	cmd.Args[0] = "enswitch-events"
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		return a, fmt.Errorf("%s: %w", self, err)
	}
	return a, json.Unmarshal(out, &a)
}

// Send is the other process: it POSTs the event that in asks for, and writes what came of
// it to out. Certificates are not checked: the one of the port is this program's own.
func Send(ctx context.Context, in io.Reader, out io.Writer) error {
	var o order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return err
	}
	now := time.Now()
	raw, err := json.Marshal(map[string]string{
		"class": "enswitch-events", "event": "doctor", tokenField: o.Token,
		"timestamp": fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000),
	})
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}} //nolint:gosec // see above
	defer transport.CloseIdleConnections()
	poster := enswitchtest.Poster{URL: o.URL, Client: &http.Client{Transport: transport}}
	begun := time.Now()
	a := answer{Status: http.StatusOK}
	if err := poster.Post(ctx, raw); err != nil {
		a.Status, a.Reason = 0, err.Error()
		if e, ok := errors.AsType[*enswitchtest.PostError](err); ok {
			a.Status, a.Reason = e.Status, e.Reason
		}
	}
	a.Took = time.Since(begun)
	return json.NewEncoder(out).Encode(a)
}
