package cli

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionLine(t *testing.T) {
	commit := []debug.BuildSetting{
		{Key: "vcs.revision", Value: "159db26a0123456789abcdef0123456789abcdef"},
		{Key: "vcs.time", Value: "2026-11-27T02:34:11Z"},
	}
	for _, tt := range []struct {
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"v0.1.0", commit, "enswitch-events v0.1.0 (commit 159db26a0123, 2026-11-27T02:34:11Z) "},
		{"v0.1.0", nil, "enswitch-events v0.1.0 "},
		{"v0.0.0-20261127023411-159db26abcde", nil, "enswitch-events v0.0.0-20261127023411-159db26abcde (commit 159db26abcde, 2026-11-27T02:34:11Z) "},
		{"v0.1.1-0.20261127023411-159db26abcde+dirty", nil, "enswitch-events v0.1.1-0.20261127023411-159db26abcde+dirty (commit 159db26abcde, 2026-11-27T02:34:11Z) "},
		{"(devel)", nil, "enswitch-events (devel) "},
		{"(devel)", commit[:1], "enswitch-events (devel) (commit 159db26a0123) "},
		{"", nil, "enswitch-events unknown "},
	} {
		got := versionLine(&debug.BuildInfo{Main: debug.Module{Version: tt.version}, Settings: tt.settings})
		if rest, ok := strings.CutPrefix(got, tt.want); !ok || rest != runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH+"\n" {
			t.Errorf("%s: %q, want %q…", tt.version, got, tt.want)
		}
	}
}
