package enswitchtest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestForm(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{`{}`, ``},
		{`{"class":"call","machine":1}`, `class=call&machine=1`},
		{`{"b":"1","a":"2","b":"3"}`, `b=1&a=2&b=3`},
		{`{"t":"a b&c=d;e%+\n\u00e9"}`, `t=a+b%26c%3Dd%3Be%25%2B%0A%C3%A9`},
		{`{"n":1.10,"t":true,"z":null,"o":{"x": [1]}}`, `n=1.10&t=true&z=null&o=%7B%22x%22%3A+%5B1%5D%7D`},
	} {
		if got, err := Form([]byte(c.raw)); string(got) != c.want || err != nil {
			t.Errorf("Form(%s) = %s, %v, want %s", c.raw, got, err, c.want)
		}
	}
	_, err := Form([]byte(`[1]`))
	if _, ok := errors.AsType[*event.Error](err); !ok {
		t.Errorf("Form of an array: %v", err)
	}
}

func TestFormOfGenerated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := NewGenerator(&GeneratorOptions{Seed: rapid.Uint64().Draw(t, "seed")})
		var x event.Index
		for range 200 {
			raw := g.Next().Raw
			body, err := Form(raw)
			if err != nil {
				t.Fatal(err)
			}
			checkForm(t, &x, raw, body)
		}
	})
}

// checkForm compares the body with the result of url.ParseQuery.
func checkForm(t interface{ Fatalf(string, ...any) }, x *event.Index, raw, body []byte) {
	if err := x.Scan(raw); err != nil {
		t.Fatalf("%v: %q", err, raw)
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	n := 0
	for _, v := range values {
		n += len(v)
	}
	if n != x.Len() {
		t.Fatalf("%d values of %d fields: %s", n, x.Len(), body)
	}
	for i := range x.Len() {
		key, want := string(x.Key(i).Text()), string(x.Value(i).Text())
		if got := values[key]; len(got) == 0 || got[0] != want {
			t.Fatalf("field %q is %q, want %q", key, got, want)
		} else {
			values[key] = got[1:]
		}
	}
}

func FuzzForm(f *testing.F) {
	g := NewGenerator(nil)
	for range 50 {
		f.Add(g.Next().Raw)
	}
	f.Add([]byte("{\"a\\u0062\":\"\xff\x01\",\"\":[{}],\"\":-0e1}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		body, err := Form(raw)
		if err != nil {
			return
		}
		var x event.Index
		checkForm(t, &x, raw, body)
	})
}

func TestPost(t *testing.T) {
	raw := []byte(`{"class":"call","event":"start","machine":1,"timestamp":"1234567890.123456"}`)
	got := make(chan string, 1)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("key") != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/"+"?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
			return
		}
		body, _ := io.ReadAll(r.Body)
		got <- r.Method + " " + r.Header.Get("Content-Type") + " " + string(body)
	}))
	defer target.Close()

	post := func(url string) error {
		return (&Poster{URL: url, Client: target.Client()}).Post(t.Context(), raw)
	}
	if err := post(target.URL + "/?key=secret"); err != nil {
		t.Fatal(err)
	}
	want := "POST application/x-www-form-urlencoded class=call&event=start&machine=1&timestamp=1234567890.123456"
	if g := <-got; g != want {
		t.Errorf("posted %q, want %q", g, want)
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer secure.Close()
	says := func(answer string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			if c, err := l.Accept(); err == nil {
				_, _ = http.ReadRequest(bufio.NewReader(c))
				_, _ = io.WriteString(c, answer)
				c.Close()
			}
		}()
		return "http://" + l.Addr().String()
	}
	for name, c := range map[string]struct {
		url    string
		status int
		reason string
	}{
		"refused key":   {target.URL + "/?key=secretest", 401, "it answered HTTP 401 unauthorized"},
		"redirect":      {target.URL + "/moved?key=secret", 307, "it answered HTTP 307 temporary redirect"},
		"closed port":   {"http://127.0.0.1:1/?key=secret", 0, "connection refused"}, // no server gets so low a port
		"no such host":  {"http://nowhere.invalid/?key=secret", 0, "nowhere.invalid"},
		"hangs up":      {says("") + "/?key=secret", 0, "the server hung up without an answer"},
		"no http":       {says("220 mail.example ESMTP\r\n") + "/?key=secret", 0, "what answered does not speak HTTP"},
		"unknown root":  {secure.URL + "/?key=secret", 0, "the certificate is not accepted: certificate signed by unknown authority"},
		"TLS to plain":  {strings.Replace(target.URL, "http", "https", 1) + "/?key=secret", 0, "the server speaks plain HTTP on this port: use http://"},
		"TLS to mail":   {strings.Replace(says("220 mail.example ESMTP\r\n"), "http", "https", 1) + "/?key=secret", 0, "the server does not speak TLS on this port: use http://"},
		"bad url":       {"http://a b/?key=secret", 0, "the URL is not valid"},
		"another wrong": {"http://[::1/?key=secret", 0, "the URL is not valid"},
		"scheme":        {"secretly://host/?key=secret", 0, "unsupported protocol scheme"},
	} {
		err := post(c.url)
		if e, ok := errors.AsType[*PostError](err); !ok || e.Status != c.status || !strings.Contains(e.Reason, c.reason) || strings.Contains(err.Error(), "key=") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&Poster{URL: target.URL}).Post(t.Context(), []byte("{")); err == nil {
		t.Error("half an event was posted")
	}
}

func TestPostWaits(t *testing.T) {
	asked, release := make(chan bool), make(chan bool)
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- true
		<-release
	}))
	defer target.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- (&Poster{URL: target.URL + "/?key=secret", Client: target.Client()}).Post(ctx, []byte(`{"class":"call"}`))
	}()
	<-asked
	select {
	case err := <-done:
		t.Errorf("returned before the reply: %v", err)
	default:
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	close(release)
}
