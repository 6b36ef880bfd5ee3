package messaged

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseAddress(t *testing.T) {
	const path = DefaultPath
	for _, tt := range []struct{ in, url, key, shown string }{
		{"enswitch", "ws://enswitch:4875" + path, "", "ws://enswitch:4875"},
		{"localhost:4875", "ws://localhost:4875" + path, "", "ws://localhost:4875"},
		{"10.0.0.5", "ws://10.0.0.5:4875" + path, "", "ws://10.0.0.5:4875"},
		{"10.0.0.5:80", "ws://10.0.0.5:80" + path, "", "ws://10.0.0.5:80"},
		{"10.0.0.5:04875", "ws://10.0.0.5:4875" + path, "", "ws://10.0.0.5:4875"},
		{"Host.Example.COM", "ws://host.example.com:4875" + path, "", "ws://host.example.com:4875"},
		{"host.example.com.", "ws://host.example.com.:4875" + path, "", "ws://host.example.com.:4875"},
		{"my_host-1", "ws://my_host-1:4875" + path, "", "ws://my_host-1:4875"},
		{"ws://host", "ws://host:4875" + path, "", "ws://host:4875"},
		{"ws://host/", "ws://host:4875" + path, "", "ws://host:4875"},
		{"WS://host/", "ws://host:4875" + path, "", "ws://host:4875"},
		{"wss://host", "wss://host:4875" + path, "", "wss://host:4875"},
		{"wss://host:443/x", "wss://host:443/x", "", "wss://host:443/x"},
		{"http://host:4875", "ws://host:4875" + path, "", "ws://host:4875"},
		{"https://host", "wss://host:4875" + path, "", "wss://host:4875"},
		{"http://h:4875/events/websocket/?authkey=KEY", "ws://h:4875" + path, "KEY", "ws://h:4875"},
		{"http://h:4875/events/websocket?authkey=KEY", "ws://h:4875" + path, "KEY", "ws://h:4875"},
		{"h:4875/events/websocket/?authkey=KEY", "ws://h:4875" + path, "KEY", "ws://h:4875"},
		{"h?authkey=KEY", "ws://h:4875" + path, "KEY", "ws://h:4875"},
		{"h?AuthKey=KEY", "ws://h:4875" + path, "KEY", "ws://h:4875"},
		{"h?%61uthkey=KEY", "ws://h:4875" + path, "KEY", "ws://h:4875"},
		{"h?authkey=", "ws://h:4875" + path, "", "ws://h:4875"},
		{"h?authkey", "ws://h:4875" + path, "", "ws://h:4875"},
		{"h?authkey=a%26b%3Dc", "ws://h:4875" + path, "a&b=c", "ws://h:4875"},
		{"h?authkey=a=b", "ws://h:4875" + path, "a=b", "ws://h:4875"},
		{"h?authkey=a+b", "ws://h:4875" + path, "a b", "ws://h:4875"},
		{"h?authkey=a;b://c?d/e@f", "ws://h:4875" + path, "a;b://c?d/e@f", "ws://h:4875"},
		{"h?authkey=ONE&authkey=TWO", "ws://h:4875" + path, "ONE", "ws://h:4875"},
		{"h?a=1&authkey=KEY&b=%20", "ws://h:4875" + path + "?a=1&b=%20", "KEY", "ws://h:4875"},
		{"h?a=1&b=2", "ws://h:4875" + path + "?a=1&b=2", "", "ws://h:4875"},
		{"h?", "ws://h:4875" + path, "", "ws://h:4875"},
		{"[::1]", "ws://[::1]:4875" + path, "", "ws://[::1]:4875"},
		{"[::1]:99", "ws://[::1]:99" + path, "", "ws://[::1]:99"},
		{"::1", "ws://[::1]:4875" + path, "", "ws://[::1]:4875"},
		{"2001:db8::5", "ws://[2001:db8::5]:4875" + path, "", "ws://[2001:db8::5]:4875"},
		{"fe80::1%eth0", "ws://[fe80::1%25eth0]:4875" + path, "", "ws://[fe80::1%25eth0]:4875"},
		{"[::1%lo]:21360", "ws://[::1%25lo]:21360" + path, "", "ws://[::1%25lo]:21360"},
		{"[fe80::1%25eth0]:1", "ws://[fe80::1%25eth0]:1" + path, "", "ws://[fe80::1%25eth0]:1"},
		{"[fe80::1%25]:1", "ws://[fe80::1%2525]:1" + path, "", "ws://[fe80::1%2525]:1"}, // the interface of that number
		{"wss://[fe80::1%2]", "wss://[fe80::1%252]:4875" + path, "", "wss://[fe80::1%252]:4875"},
		{"wss://[2001:db8::5]:1/p?authkey=K", "wss://[2001:db8::5]:1/p", "K", "wss://[2001:db8::5]:1/p"},
		{"h/proxy/events/", "ws://h:4875/proxy/events/", "", "ws://h:4875/proxy/events/"},
		{"h/a%2Fb", "ws://h:4875/a%2Fb", "", "ws://h:4875/a%2Fb"},
		{"ws://h:1/x?authkey=%25", "ws://h:1/x", "%", "ws://h:1/x"},
	} {
		a, err := ParseAddress(tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if got := a.URL.String(); got != tt.url || a.Authkey != tt.key || a.String() != tt.shown {
			t.Errorf("%s: got %s, key %q, shown %s; want %s, key %q, shown %s", tt.in, got, a.Authkey, a, tt.url, tt.key, tt.shown)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for _, tt := range []struct{ in, say string }{
		{"", "want HOST"},
		{" host", "space"},
		{"host name", "space"},
		{"host\n", "space or a control"},
		{"h\x00", "control"},
		{"h?authkey=a b", "space"},
		{"http://h/?authkey=SECRET#x", "%23"},
		{"nats://h/stream", "a stream on NATS"},
		{"ftp://h", "unknown scheme"},
		{"://h", "unknown scheme"},
		{"http:/h", "no port after"},
		{"h:", "no port after"},
		{"h:0", "from 1 to 65535"},
		{"h:65536", "from 1 to 65535"},
		{"h:99999999999999999999", "from 1 to 65535"},
		{"h:-1", "the port must be"},
		{"h:http", "the port must be"},
		{"h:4875authkey=SECRET", "authkey=***"},
		{"h/authkey=SECRET", "question mark"},
		{"ws://", "has no host"},
		{":4875", "has no host"},
		{"4875", "neither a name nor"},
		{"10.0.0.256", "neither a name nor"},
		{"127.1", "neither a name nor"},
		{"a..b", "empty or overlong"},
		{strings.Repeat("a", 64), "empty or overlong"},
		{strings.Repeat("a.", 130) + "b", "longer than 253"},
		{"höst", "no host name has"},
		{"h*st", "no host name has"},
		{"[10.0.0.1]", "want HOST"},
		{"[::1", "bracket"},
		{"http://[::1", "is not closed"},
		{"[::1]:x", "the port must be"},
		{"[::1]x", "want HOST"},
		{"2001:db8::zz", "brackets"},
		{"user:SECRET@h", "Authorization"},
		{"ws://SECRET@h/", "Authorization"},
		{"h?authkey=%zzSECRET", "%25"},
		{"h/%zz?authkey=SECRET", "want HOST"},
		{"fe80::1%authkey=SECRET", "question mark"},
		{"h/%4authkey=SECRET", "question mark"},
		{"[fe80::1%25eth%20]", "letters, digits and"},
		{"fe80::1%\xbf", "letters, digits and"},
	} {
		_, err := ParseAddress(tt.in)
		if err == nil {
			t.Errorf("%q: accepted", tt.in)
			continue
		}
		if !strings.Contains(err.Error(), tt.say) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v; want %q in it and no key", tt.in, err, tt.say)
		}
	}
}

func TestAddressShowsNoKey(t *testing.T) {
	a, err := ParseAddress("http://h/?authkey=SECRET&token=SECRET")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"address": a})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %v %s", a, a, a, a, a, &a, text)
	if strings.Contains(all, "SECRET") {
		t.Error(all)
	}
}

func TestZeroAddress(t *testing.T) {
	if s := (Address{}).String(); s != "://" {
		t.Errorf("%q", s)
	}
}

// What String shows is an address again, the same one.
func TestAddressRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SampledFrom([]string{"", "ws://", "wss://", "http://", "https://"}).Draw(t, "scheme") +
			rapid.StringMatching(`[a-z][a-z0-9-]{0,9}(\.[a-z]{1,5})?|\[[0-9a-f]{1,4}::[0-9a-f]{1,4}\]`).Draw(t, "host") +
			rapid.StringMatching(`(:[1-9][0-9]{0,3})?`).Draw(t, "port") +
			rapid.StringMatching(`(/[a-z%2F]{0,2}){0,3}`).Draw(t, "path")
		a, err := ParseAddress(in)
		if err != nil {
			return
		}
		b, err := ParseAddress(a.String())
		if err != nil || a != b {
			t.Fatalf("%s: %#v, then %#v, %v", in, a, b, err)
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	const key = "S3cr3tK3y"
	f.Add("http://h:4875/events/websocket/?", "")
	f.Add("[::1]:4875?x=1&", "&y")
	f.Add("user:pw@h:", "#x")
	f.Add("h/%zz", "%zz")
	f.Add("::%", ";1y")
	f.Add("s/%4", "%99E")
	f.Add("::%\xbf\xbd\xaf]?", "")
	f.Fuzz(func(t *testing.T, before, after string) {
		a, err := ParseAddress(before + "authkey=" + key + after)
		text := fmt.Sprint(err)
		if err == nil {
			text = a.String() + New(a, nil).String()
		}
		if strings.Contains(text, key) && !strings.Contains(before+after, key) {
			t.Errorf("the key shows: %s", text)
		}
		if err != nil {
			return
		}
		if a.URL.Scheme != "ws" && a.URL.Scheme != "wss" || a.URL.Port() == "" || a.URL.Path == "" || a.URL.User != nil {
			t.Errorf("half an address: %s", a)
		}
		if b, err := ParseAddress(a.String()); err != nil || b.String() != a.String() {
			t.Errorf("%s, read again: %s, %v", a, b, err)
		}
	})
}

func TestParseProxy(t *testing.T) {
	for _, in := range []string{"http://h", "http://u:p@h:3128", "https://h:1", "socks5://h", "socks5h://h:1080"} {
		if proxy, err := ParseProxy(in); err != nil || proxy == nil {
			t.Errorf("%s: %v", in, err)
		}
	}
	if proxy, err := ParseProxy("none"); err != nil || proxy != nil {
		t.Errorf("none: %v", err)
	}
	for _, in := range []string{"", "h:3128", "ftp://u:SECRET@h", "http://", "http://:80", "http://u:SECRET@h:x/"} {
		if _, err := ParseProxy(in); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v", in, err)
		}
	}
}
