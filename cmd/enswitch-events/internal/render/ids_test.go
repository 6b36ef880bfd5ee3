package render

import (
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
)

func TestIDs(t *testing.T) {
	const all = `{"asteriskid":"1795711951.1","callid":"1795711951.100004","class":"call","event":"ring","machine":6,"phone":"lobby","uniqueid":"1795711951.100005"}`
	tests := []struct {
		ids    string
		fields string
		event  string
		want   string // behind the columns
	}{
		{"", "", all, "phone=lobby asteriskid=1795711951.1 callid=1795711951.100004 uniqueid=1795711951.100005"},
		{"full", "", all, "phone=lobby asteriskid=1795711951.1 callid=1795711951.100004 uniqueid=1795711951.100005"},
		{"none", "", all, "phone=lobby"},
		{"short", "", all, "phone=lobby …100004"},
		{"short", "", `{"callid":"1795711951.100004"}`, "…100004"},
		{"short", "", `{"callid":1795711951.100004,"a":1}`, "a=1 …100004"},
		{"short", "", `{"callid":"1.2.3.100004"}`, "…100004"},
		// What is behind the last dot is not enough to tell it from others.
		{"short", "", `{"callid":"no-dot-at-all"}`, "no-dot-at-all"},
		{"short", "", `{"callid":"1795711951.17"}`, "1795711951.17"},
		{"short", "", `{"callid":"1795711951.100."}`, "1795711951.100."},
		{"short", "", `{"callid":".100004"}`, ".100004"},
		// No call, or none that is an id.
		{"short", "", `{"uniqueid":"1795711951.100005","asteriskid":"1795711951.1"}`, "uniqueid=…100005"},
		{"short", "", `{"asteriskid":"1795711951.1","a":1}`, "a=1 asteriskid=1795711951.1"},
		{"short", "", `{"callid":"","uniqueid":"1795711951.100005"}`, "uniqueid=…100005"},
		{"short", "", `{"callid":null,"a":1}`, "a=1"},
		{"short", "", `{"callid":"1","callid":"1795711951.100004"}`, "…100004"},
		{"short", "", `{"call\u0069d":"1795711951.10000\u0034"}`, "…100004"},
		// What is picked is shown whole.
		{"short", "callid,phone", all, "callid=1795711951.100004 phone=lobby"},
		{"none", "uniqueid", all, "uniqueid=1795711951.100005"},
		{"short", "phone", all, "phone=lobby"},
		{"short", "*id", all, "asteriskid=1795711951.1 callid=1795711951.100004 uniqueid=1795711951.100005"},
		// What is left out is left out, the rest is as ever.
		{"short", "!asteriskid", all, "phone=lobby …100004"},
		{"short", "!callid", all, "phone=lobby uniqueid=…100005"},
		{"short", "!*id", all, "phone=lobby"},
		{"full", "!asteriskid", all, "phone=lobby callid=1795711951.100004 uniqueid=1795711951.100005"},
		// Nothing in an id reaches the terminal.
		{"short", "", `{"callid":"1.\u001b[2Jcall\r\n"}`, `…"\x1b[2Jcall\r\n"`},
		{"short", "", `{"callid":"1.two words"}`, `…"two words"`},
	}
	for _, test := range tests {
		for _, width := range []int{0, 80} {
			o := Options{Format: "line", IDs: test.ids, Time: "none", Width: columnsOf(width)}
			if test.fields != "" {
				o.Fields = strings.Split(test.fields, ",")
			}
			ev, x := mustScan(t, test.event)
			got := string(mustNew(t, o).Event(nil, ev, x))
			got = strings.Join(strings.Fields(got)[2:], " ")
			if got != test.want {
				t.Errorf("--ids %q -F %q at %d columns, %s:\n got %q\nwant %q", test.ids, test.fields, width, test.event, got, test.want)
			}
		}
	}
}

// TestIDsOfResults holds that what a jq expression made shows what the user asked for.
func TestIDsOfResults(t *testing.T) {
	for _, ids := range []string{"short", "full", "none"} {
		ev, _ := mustScan(t, samples[0])
		got := string(mustNew(t, Options{Format: "line", IDs: ids}).Value(nil, ev, []byte(`{"callid":"1795711951.100004","n":1}`)))
		if want := "callid=1795711951.100004 n=1\n"; got != want {
			t.Errorf("%s: got %q, want %q", ids, got, want)
		}
	}
}

func TestUnknownIDs(t *testing.T) {
	if _, err := New(&Options{Format: "line", IDs: "long"}); err == nil || !strings.Contains(err.Error(), "short, full, none") {
		t.Error(err)
	}
}

// TestShortIDHasTheColorOfTheCall holds that a call is known by its colour.
func TestShortIDHasTheColorOfTheCall(t *testing.T) {
	for _, p := range []colorprofile.Profile{colorprofile.ANSI, colorprofile.ANSI256} {
		ev, x := mustScan(t, samples[1])
		got := string(mustNew(t, Options{Format: "line", IDs: "short", Profile: p}).Event(nil, ev, x))
		th := newTheme(p)
		if want := th.call([]byte("1795359845.100001")).id + "…100001" + reset + "\n"; !strings.HasSuffix(got, want) {
			t.Errorf("got %q, want %q at its end", got, want)
		}
	}
}

// TestMeaning holds that a machine that is down looks like no call and no other event.
func TestMeaning(t *testing.T) {
	for _, p := range []colorprofile.Profile{colorprofile.ANSI, colorprofile.ANSI256} {
		th := newTheme(p)
		look := map[string]string{}
		for _, s := range []string{
			`{"class":"asterisk","event":"down"}`, `{"class":"asterisk","event":"up"}`, `{"class":"asterisk","event":"check"}`,
			`{"class":"asterisk","event":"ring"}`, `{"class":"asterisk","event":"start"}`, `{"class":"asterisk","event":"end"}`,
		} {
			ev, x := mustScan(t, s)
			line := string(mustNew(t, Options{Format: "line", Profile: p, Time: "none"}).Event(nil, ev, x))
			color, _, _ := strings.Cut(line, "asterisk.")
			if other := look[color]; other != "" {
				t.Errorf("%s looks like %s: %q", s, other, color)
			}
			look[color] = s
		}
		for _, c := range th.calls {
			if c.name == th.bad {
				t.Errorf("a call has the colour of what is down: %q", c.name)
			}
		}
	}
}
