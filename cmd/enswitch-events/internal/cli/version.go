package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// VersionLine returns the line that the command version prints: the version, the commit and
// its time as far as the go command has recorded them, the version of Go, and the platform.
func VersionLine() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionLine(info)
}

// Version returns the version of the module, which the go command has recorded in the
// binary; with the revision if it was built from a checkout.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return cmp.Or(info.Main.Version, "unknown")
}

func versionLine(info *debug.BuildInfo) string {
	setting := map[string]string{}
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	commit, when := setting["vcs.revision"], setting["vcs.time"]
	if commit == "" {
		commit, when = pseudoVersion(info.Main.Version)
	}
	built := ""
	if commit != "" {
		built = " (" + strings.TrimSuffix("commit "+commit[:min(len(commit), 12)]+", "+when, ", ") + ")"
	}
	return fmt.Sprintf("enswitch-events %s%s %s %s/%s\n", cmp.Or(info.Main.Version, "unknown"), built, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// pseudoVersion returns the beginning of the commit's hash and its time from the version that
// 'go install' gives to a commit without a tag: …-20261127023411-159db26abcde. It returns
// nothing of any other version.
func pseudoVersion(version string) (commit, when string) {
	version, _, _ = strings.Cut(version, "+")
	parts := strings.Split(version, "-")
	if len(parts) < 3 || len(parts[len(parts)-1]) != 12 {
		return "", ""
	}
	digits := parts[len(parts)-2]
	t, err := time.Parse("20060102150405", digits[strings.LastIndexByte(digits, '.')+1:])
	if err != nil {
		return "", ""
	}
	return parts[len(parts)-1], t.Format(time.RFC3339)
}
