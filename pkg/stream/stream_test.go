package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSubject(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ class, event, callid, want string }{
		{"call", "start", "1234567890.100000", "e.call.start.p07"},
		{"call", "start", "", "e.call.start.p00"},
		{"", "", "", "e.=.=.p00"},
		{"a.b", "x*>", "", "e.a=2Eb.x=2A=3E.p00"},
		{"=", " \x00\n", "", "e.=3D.=20=00=0A.p00"},
		{"é", "\xff", "", "e.=C3=A9.=FF.p00"},
		{"A-z_09", "$JS", "", "e.A-z_09.=24JS.p00"},
		{strings.Repeat("a", 128), "b", "", "e." + strings.Repeat("a", 128) + ".b.p00"},
		{strings.Repeat("a", 129), "b", "", "e." + strings.Repeat("a", 80) + "=c12cb024a2e5551c.b.p00"},
		{strings.Repeat(".", 43), "b", "", "e." + strings.Repeat("=2E", 26) + "=2=ccdd8b01ec84d763.b.p00"},
	} {
		if got := Subject("e", row.class, row.event, row.callid); got != row.want {
			t.Errorf("%q %q %q: %s, want %s", row.class, row.event, row.callid, got, row.want)
		}
	}
}

// TestPartition has the values of FNV-1a as others compute it.
func TestPartition(t *testing.T) {
	t.Parallel()
	for callid, want := range map[string]int{"": 0, "a": 0xe40c292c % 16, "foobar": 0xbf9cf968 % 16} {
		if got := Partition(callid); got != want {
			t.Errorf("%q: %d, want %d", callid, got, want)
		}
	}
}

// FuzzSubject: every subject is one that a server takes as that of a message, of four tokens,
// and no two events of short names share one.
func FuzzSubject(f *testing.F) {
	for _, s := range []string{"", "call", "a.b", "*", ">", "=", "=2E", "\x00", "é", strings.Repeat("x", 200)} {
		f.Add(s, "start", "start", s)
	}
	f.Fuzz(func(t *testing.T, class, event, event2, callid string) {
		s := Subject("p", class, event, callid)
		tokens := strings.Split(s, ".")
		if len(tokens) != 4 || len(s) > 2+2*(maxToken+1)+3 {
			t.Fatalf("%q", s)
		}
		for _, token := range tokens {
			if token == "" || strings.ContainsAny(token, "*> \t\r\n") || strings.Trim(token, "=") == "" && token != "=" {
				t.Fatalf("token %q of %q", token, s)
			}
			for i := range len(token) {
				if token[i] <= ' ' || token[i] >= 0x7f {
					t.Fatalf("token %q of %q", token, s)
				}
			}
		}
		if other := Subject("p", class, event2, callid); (s == other) != (event == event2) {
			t.Fatalf("%q and %q have the subjects %q and %q", event, event2, s, other)
		}
		if n := Partition(callid); n < 0 || n >= Partitions || tokens[3] != string(appendPartition(nil, n)) {
			t.Fatalf("partition %d in %q", n, s)
		}
	})
}

func TestAppendHeader(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        "",
		"call":                    "call",
		"a b":                     "a b",
		" a ":                     `\u0020a\u0020`,
		"a\r\nNats-Msg-Id: x\x7f": `a\u000D\u000ANats-Msg-Id: x\u007F`,
		`a\u000A`:                 `a\\u000A`,
		"é\u0085":                 `é\u0085`,
		"\xffa":                   "\uFFFDa",
		strings.Repeat("é", 600):  strings.Repeat("é", 512) + "…",
	} {
		if got := string(AppendHeader(nil, text)); got != want || !utf8.ValidString(got) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	if got := Name("telco.events-1"); got != "TELCO_EVENTS-1" {
		t.Error(got)
	}
}

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, want, user, password, fault string }{
		{text: "nats://h/enswitch", want: "nats://h:4222/enswitch"},
		{text: "NATS://h/enswitch", want: "nats://h:4222/enswitch"},
		{text: "tls://a:1,b,[::1]:3/x.y-z_1", want: "tls://a:1,b:4222,[::1]:3/x.y-z_1"},
		{text: "nats://u:p%40%2F@h:1/x", want: "nats://h:1/x", user: "u", password: "p@/"},
		{text: "nats://u:p@q@h/x", want: "nats://h:4222/x", user: "u", password: "p@q"},
		{text: "nats://token@h/x", want: "nats://h:4222/x", user: "token"},
		{text: "http://h/x", fault: "begins with nats://"},
		{text: "nats:h/x", fault: "begins with nats://"},
		{text: "nats://h", fault: "no name"},
		{text: "nats://h/", fault: "no name"},
		{text: "nats:///x", fault: "no server"},
		{text: "nats://a,,b/x", fault: "no server"},
		{text: "nats://a b/x", fault: "no server"},
		{text: "nats://a:0/x", fault: "no port"},
		{text: "nats://a:70000/x", fault: "no port"},
		{text: "nats://:p@h/x", fault: "the user or the password"},
		{text: "nats://u:%zz@h/x", fault: "the user or the password"},
		{text: "nats://u:secret/secret@h/x", fault: "the user or the password"},
		{text: "nats://h/a..b", fault: "no name"},
		{text: "nats://h/a.>", fault: "no name"},
		{text: "nats://h/a/b", fault: "no name"},
		{text: "nats://h/" + strings.Repeat("a", 256), fault: "no name"},
	} {
		a, err := ParseAddress(row.text)
		switch {
		case row.fault != "":
			if err == nil || !strings.Contains(err.Error(), row.fault) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v, want an error with %q", row.text, err, row.fault)
			}
		case err != nil:
			t.Errorf("%s: %v", row.text, err)
		case a.String() != row.want || a.User != row.user || a.Password != row.password:
			t.Errorf("%s: %s %q %q, want %s %q %q", row.text, a, a.User, a.Password, row.want, row.user, row.password)
		}
	}
}

func TestAddressShowsNoPassword(t *testing.T) {
	t.Parallel()
	a, err := ParseAddress("nats://user:SECRET@h/x")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"address": a, "copy": *a})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %v %+v %#v %s", a, a, a, *a, *a, *a, text)
	if strings.Contains(all, "SECRET") || strings.Count(all, "nats://h:4222/x") != 8 {
		t.Error(all)
	}
}

// A share that does not exist would be all events.
func TestNoSuchShare(t *testing.T) {
	t.Parallel()
	a, err := ParseAddress("nats://127.0.0.1:1/x")
	if err != nil {
		t.Fatal(err)
	}
	for _, share := range [][2]int{{1, 0}, {2, 2}, {5, 2}, {-1, 2}, {0, 17}, {0, -1}} {
		o := ReaderOptions{RetryFirst: true}
		o.Share.Number, o.Share.Of = share[0], share[1]
		for _, err := range NewReader(a, &o).Events(t.Context()) {
			if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(e.Detail, "there is no share") {
				t.Errorf("%v: %v", share, err)
			}
		}
	}
}

// TestDialAborted: a connection that is there only after the attempt was given up is closed.
func TestDialAborted(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	d := &dialer{ctx: t.Context()}
	d.abort()
	if conn, err := d.Dial("tcp", l.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("connected")
	}
}
